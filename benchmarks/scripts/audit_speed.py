"""Time `vaebench data audit`, first with an empty cache and then from the cache, in seconds and CPU seconds.

python benchmarks/scripts/audit_speed.py "kermany-cxr[path=DIR]" "brain-mri[path=DIR]"
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+")
    print("| dataset | first | again |\n| --- | ---: | ---: |")
    for spec in parser.parse_args().datasets:
        with tempfile.TemporaryDirectory() as cache:
            first, again = (measured(spec, cache) for _ in range(2))
        print(f"| {spec.partition('[')[0]} | {first} | {again} |", flush=True)


def measured(spec: str, cache: str) -> str:
    """Time one audit, which decodes and hashes data that are not cached yet."""
    before, start = os.times(), time.perf_counter()
    command = [str(Path(sys.executable).with_name("vaebench")), "data", "audit", spec, "--format", "json"]
    subprocess.run(command, env={**os.environ, "VAEBENCH_CACHE": cache}, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - start, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return f"{wall:.0f} s ({used:.0f} s)"


if __name__ == "__main__":
    main()
