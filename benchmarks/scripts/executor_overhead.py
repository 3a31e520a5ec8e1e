"""Compare executors with `local`: the time of a short trial, and the records, which must be equal bit by bit.

    python benchmarks/scripts/executor_overhead.py [--seeds 8] [--slots 2] 'slurm[pilots=2]' 'ray[address=HOST:6379]'

`vaebench run` runs the trials of the suite `smoke` on a phantom with each executor, each in a separate results folder.
The data are prepared beforehand, and a run with another seed comes first, so that estimates and files are cached. The
result is in slot-seconds per trial: the time from the start of the command to the board, times the number of slots,
divided by the number of trials; a ratio to `local` of 2 (Ray) or 5 (Slurm) is allowed. Without `sbatch`, a substitute
starts the pilots as processes of this machine, which needs the tests of the repository. A Ray cluster must be running
already, with as many cores as slots: `ray start --head --num-cpus=2`.
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
import laboratory
import slurm_made

ALLOWED = {"ray": 2.0, "slurm": 5.0}
"""The largest allowed ratio of an executor's time to that of `local`."""
PROGRAM = "from vaebench.cli import main; main(prog_name='vaebench')"


def seconds(executor: str, seeds: range, slots: int, results: Path) -> float:
    """Return the seconds that a run takes."""
    words = ["run", "--suite", "smoke", "--source", "phantom", "--device", "cpu", "--results", str(results)]
    words += ["-j", str(slots), "--seeds", ",".join(map(str, seeds)), "--executor", executor]
    before = time.monotonic()
    done = subprocess.run([sys.executable, "-P", "-c", PROGRAM, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{executor}: {done.stdout}{done.stderr}")
    return time.monotonic() - before


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("executors", nargs="*", default=["slurm[pilots=2]"])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--slots", type=int, default=2)
    asked = parser.parse_args()
    spent, answers, kept = dict[str, float](), dict[str, dict[str, tuple[object, ...]]](), True
    with TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        os.environ["VAEBENCH_CACHE"] = str(folder / "cache")
        if any(one.startswith("slurm") for one in asked.executors) and not shutil.which("sbatch"):
            stack.enter_context(slurm_made.cluster(folder, forks=False))
            os.environ["PATH"] = os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))
        for number, executor in enumerate(("local", *asked.executors)):
            results = folder / str(number)
            seconds("local", range(1), asked.slots, results)
            took = seconds(executor, range(1, 1 + asked.seeds), asked.slots, results)
            trials = len(list(results.glob("*/*/*/*/*/*.json"))) * asked.seeds // (1 + asked.seeds)
            spent[executor] = took * asked.slots / trials
            answers[executor] = laboratory.answers(results)
            print(
                f"{executor}: {trials} trials in {took:.1f} s, {spent[executor]:.2f} slot-seconds per trial", flush=True
            )
    for executor in asked.executors:
        ratio, allowed = spent[executor] / spent["local"], ALLOWED[executor.partition("[")[0]]
        here = answers["local"]
        equal = [answers[executor].get(trial) == here.get(trial) for trial in here.keys() | answers[executor].keys()]
        print(
            f"{executor}: ratio {ratio:.2f}, at most {allowed:.0f} allowed; {sum(equal)} of {len(equal)} records equal"
        )
        kept = kept and ratio <= allowed and bool(equal) and all(equal)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
