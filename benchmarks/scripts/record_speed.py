"""Measure how fast records are parsed and validated, compared with json.loads alone.

    python benchmarks/scripts/record_speed.py [--records 100000]

The script parses the committed records repeatedly, with both methods in turn, and prints CPU seconds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vaebench.records import store
from vaebench.records.record import decode

REFERENCE = Path(__file__).parents[2] / "results" / store.REFERENCE
CHUNK = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    count = parser.parse_args().records
    contents = [path.read_bytes() for path in sorted(REFERENCE.rglob("*.json")) if store.FILE_NAME.fullmatch(path.name)]
    ways: dict[str, Callable[[bytes], Any]] = {"json.loads": json.loads, "typed, validated": decode}
    seconds = dict.fromkeys(ways, 0.0)
    endless = itertools.cycle(contents)
    for _ in range(0, count, CHUNK):
        chunk = list(itertools.islice(endless, CHUNK))
        for name, parse in ways.items():
            started = time.process_time()
            for content in chunk:
                parse(content)
            seconds[name] += time.process_time() - started
    kilobytes = sum(map(len, contents)) / len(contents) / 1000
    print(f"{count:,} records of {kilobytes:.1f} kB on average")
    for name, spent in seconds.items():
        print(f"{name:18} {spent:7.1f} CPU s {1e3 * spent / count:8.3f} ms each")


if __name__ == "__main__":
    main()
