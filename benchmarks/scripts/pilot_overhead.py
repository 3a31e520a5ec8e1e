"""Compare what a short trial costs through pilots and through `local`. Pilots may need five times as much at most.

    python benchmarks/scripts/pilot_overhead.py [--seeds 8] [--slots 2] [--executor 'slurm[pilots=2]']

The trials of the suite `smoke` on a phantom are run by `vaebench run` through each executor, into a results folder of
its own. Data are ready, and a run with another seed comes first, so that neither is estimated or loaded from disk for
the first time. What counts is slot-seconds per trial: the time from the start of the command to the board, times the
slots, divided by the number of trials. Where there is no `sbatch`, a stand-in starts the pilots as processes of this
machine; it needs the tests of the repository.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import slurm_made

ALLOWED = 5.0
PROGRAM = "from vaebench.cli import main; main(prog_name='vaebench')"


def seconds(executor: str, seeds: range, slots: int, results: Path) -> float:
    """How long a run takes."""
    words = ["run", "--suite", "smoke", "--source", "phantom", "--device", "cpu", "--results", str(results)]
    words += ["-j", str(slots), "--seeds", ",".join(map(str, seeds)), "--executor", executor]
    before = time.monotonic()
    done = subprocess.run([sys.executable, "-P", "-c", PROGRAM, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{executor}: {done.stdout}{done.stderr}")
    return time.monotonic() - before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--executor", default="slurm[pilots=2]")
    asked = parser.parse_args()
    spent = []
    with TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        os.environ["VAEBENCH_CACHE"] = str(folder / "cache")
        if not shutil.which("sbatch"):
            stack.enter_context(slurm_made.cluster(folder, forks=False))
            os.environ["PATH"] = os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))
        for number, executor in enumerate(("local", asked.executor)):
            results = folder / str(number)
            seconds("local", range(1), asked.slots, results)
            took = seconds(executor, range(1, 1 + asked.seeds), asked.slots, results)
            trials = len(list(results.glob("*/*/*/*/*/*.json"))) * asked.seeds // (1 + asked.seeds)
            spent.append(took * asked.slots / trials)
            print(f"{executor}: {trials} trials in {took:.1f} s, {spent[-1]:.2f} slot-seconds per trial", flush=True)
    ratio = spent[1] / spent[0]
    print(f"ratio {ratio:.2f}, at most {ALLOWED:.0f} allowed")
    return 0 if ratio <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
