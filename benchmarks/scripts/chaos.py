"""Kill the processes of a sweep hundreds of times at random, and count the records that are lost, doubled or altered.

    python benchmarks/scripts/chaos.py [--kills 300] [--minutes 10] [--seed 0]

Workers, the server that they fork from, the resource tracker of Python and the driver are killed by SIGKILL, SIGTERM,
SIGHUP and SIGINT, in rounds of ten trials with checkpoints. After each round, the same command finishes the sweep,
whose records and weights are compared with those of an undisturbed run. An unreadable record, or a second record of the
same trial, stops the program at once. The script needs the tests of the repository and Linux.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import killing
import laboratory

A_ROUND = 50
"""Number of kills after which a sweep is left to finish."""
TARGETS = ("worker", "fork server", "resource tracker", "driver")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop killing after this many minutes")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    until, chance = time.monotonic() + 60 * asked.minutes, random.Random(asked.seed)
    kills: Counter[tuple[str, str]] = Counter()
    rounds, resumed, told = 0, 0, dict.fromkeys(("lost", "changed", "files left over", "processes left over"), 0)
    with TemporaryDirectory(prefix="c") as place, killing.folder() as temporary:
        folder = Path(place)
        os.environ.update(VAEBENCH_CACHE=str(folder / "cache"), TMPDIR=temporary)
        (folder / "lab").mkdir()
        with laboratory.opened(folder / "lab") as lab:
            untouched = folder / "untouched"
            killing.finish(killing.start(untouched))
            while kills.total() < asked.kills and time.monotonic() < until:
                results = folder / f"results-{rounds}"
                storm = killing.Storm(results, chance)
                storm.rage(min(A_ROUND, asked.kills - kills.total()), until)
                killing.finish(killing.start(results))
                rounds += 1
                kills += storm.kills
                resumed += sum(bool(record.cost.times_resumed) for record in killing.good(results).values())
                told["lost"] += len(storm.lost)
                told["changed"] += len(killing.changed(results, untouched))
                left = killing.leftovers(results, Path(temporary))
                told["files left over"] += len(left)
                told["processes left over"] += len(killing.left_running(storm.started, lab))
                print(f"round {rounds}: {kills.total()} kills so far {left or ''}", file=sys.stderr, flush=True)
    _show(kills)
    trials = rounds * killing.TRIALS
    print(f"\n{kills.total()} kills, {trials} trials, {resumed} of them resumed from a checkpoint:")
    print(", ".join(f"{count} {what}" for what, count in told.items()))
    return 1 if any(told.values()) else 0


def _show(kills: Counter[tuple[str, str]]) -> None:
    names = [each.name for each in killing.SIGNALS]
    print(f"| target | {' | '.join(names)} | all |")
    print("|---|" + "---|" * (len(names) + 1))
    for target in [*TARGETS, *sorted({target for target, _ in kills} - {*TARGETS})]:
        counts = [kills[target, name] for name in names]
        print(f"| {target} | {' | '.join(map(str, counts))} | {sum(counts)} |")


if __name__ == "__main__":
    sys.exit(main())
