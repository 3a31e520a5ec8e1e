"""Compare the CPU time of a quick trial in two versions of vaebench. Changes to the harness may add at most 3 %.

    git worktree add ../before 0a031df && python -m venv ../before/.venv && ../before/.venv/bin/pip install ../before
    python benchmarks/scripts/trial_overhead.py ../before/.venv/bin/python .venv/bin/python [--pairs 20] [--suite smoke]

In turns, both versions run the trials of `vae` in the suite `medical` or `smoke` on one phantom. A turn is a whole
`vaebench run` with prepared data, from the start of Python to the board. The script counts the user and system time of
all processes, including the fork server and its workers. The result is the median ratio of the pairs. The script needs
Linux.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ALLOWED = 1.03
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: the time of processes that outlive their parents counts, too
PROGRAM = "from vaebench.cli import main; main(prog_name='vaebench')"


def seconds(python: Path, place: Path, suite: str) -> float:
    """Return the user and system time of one run."""
    environment = {**os.environ, "VAEBENCH_CACHE": str(place / "cache")}
    words = ["run", "--suite", suite, "--source", "phantom", "-m", "vae", "-d", "kermany-cxr", "--seeds", "0"]
    words += ["-j", "1", "--device", "cpu", "--force", "--results", str(place / "results")]
    before = _spent()
    done = subprocess.run([str(python), "-P", "-c", PROGRAM, *words], env=environment, capture_output=True, text=True)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    if done.returncode:
        raise SystemExit(f"{python}: {done.stdout}{done.stderr}")
    return _spent() - before


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--suite", default="medical")
    asked = parser.parse_args()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        ways = [
            (asked.before.absolute(), Path(first)),
            (asked.after.absolute(), Path(second)),
        ]
        for python, place in ways:  # prepares the data
            seconds(python, place, asked.suite)
        pairs = []
        for number in range(asked.pairs):
            turn = ways if number % 2 == 0 else ways[::-1]
            spent = {python: seconds(python, place, asked.suite) for python, place in turn}
            pairs.append([spent[python] for python, _ in ways])
            print(f"pair {number + 1}: {pairs[-1][0]:.2f} s and {pairs[-1][1]:.2f} s", file=sys.stderr, flush=True)
    ratio = median(after / before for before, after in pairs)
    before, after = (median(each) for each in zip(*pairs, strict=True))
    print(f"CPU time before {before:.2f} s, after {after:.2f} s (medians of {len(pairs)} pairs)")
    print(f"median ratio {ratio:.3f}, at most {ALLOWED} allowed")
    return 0 if ratio <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
