"""Estimate the resources that very many trials on very many GPUs need, from the sizes of real records.

    python benchmarks/scripts/on_paper.py RESULTS... [--trials 100000] [--gpus 1000] [--seconds 120]

RESULTS are results folders; the sizes of their records and of the files next to them are measured (`results/reference`
has records only). The time of a trial on a GPU (--seconds, with --share trials at once) and the price of a GPU
(--price) are assumptions.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from vaebench.records import store
from vaebench.running.claims import BEAT, LENGTH
from vaebench.training.checkpoint import EVERY

CHECKPOINT = 3
"""Size of a checkpoint relative to the weights: the weights and Adam's two moments."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--gpus", type=int, default=1000)
    parser.add_argument("--share", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--price", type=float, default=2.5)
    parser.add_argument("--datasets", type=int, default=10)
    given = parser.parse_args()
    trials, slots = given.trials, given.gpus * given.share
    found = measured(given.results)
    sizes = {name: sum(own) / len(found["record"]) for name, own in found.items()}
    print(f"{len(found['record']):,} trials measured\n\n| file | bytes for each trial | of all, GB |\n|---|---|---|")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"| {name} | {size:,.0f} | {size * trials / 1e9:,.1f} |")
    weights = sizes.get(store.WEIGHTS, 0)
    hours = trials * given.seconds / slots / 3600
    rate = trials / hours / 3600
    looks = given.gpus * trials
    print("\n| | |\n|---|---|")
    for what, value in {
        "wall time": f"{hours:.1f} h",
        "GPU time": f"{hours * given.gpus:,.0f} h, {hours * given.gpus * given.price:,.0f} dollars",
        "finished trials": f"{rate:.1f} a second",
        "written by finished trials": f"{rate * sum(sizes.values()) / 1e6:,.1f} MB/s",
        "leases": f"{slots:,} files of {LENGTH} bytes in a folder, {slots / BEAT:,.0f} writes a second",
        "checkpoints": f"{CHECKPOINT * weights * slots / EVERY / 1e6:,.1f} MB/s, one in {EVERY:.0f} s for each trial",
        "checks of trials by the pilots of one run": f"{looks:,.0e} in all, {looks / hours / 3600:,.0f} a second",
        f"the same in {trials // 1000} runs": f"{looks / (trials // 1000) ** 2 * (trials // 1000):,.0e} in all",
        "records in a folder": f"{trials / given.datasets:,.0f}",
    }.items():
        print(f"| {what} | {value} |")


def measured(folders: list[Path]) -> dict[str, list[int]]:
    """Return the sizes of records (as `record`) and of the files next to them (by file name)."""
    found = defaultdict[str, list[int]](list)
    for folder in folders:
        for path in folder.rglob("*.json"):
            if store.FILE_NAME.fullmatch(path.name):
                found["record"].append(path.stat().st_size)
                for file in store.artifacts_of(path).glob("*"):
                    found[file.name].append(file.stat().st_size)
    return found


if __name__ == "__main__":
    main()
