"""Disturb pilots and their driver at random, and count lost, changed and wrongly failed records, and leftover files.

    python benchmarks/scripts/pilot_chaos.py [--rounds 20] [--pilots 3] [--seed 0]

The pilots are processes of this machine, started by the tests' substitute for Slurm. In each round of ten trials with
checkpoints, drivers are started and killed, while one pilot at a time is preempted, cancelled, notified that its time
is up, or killed as if its node had died. Then the same command finishes the round, whose records and weights are
compared with those of the executor `local`. Trials must not fail: a trial is given up only after three machines died
during it, and at most two die in a round. A second record of a trial stops the program at once. The script needs the
tests of the repository and Linux.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import killing
import laboratory
import slurm_made

from vaebench.records import store

STRIKES = {"preempt": 3, "kill": 2, "limit": 2, "cancel": 1}
"""Relative probability of each kind of disturbance."""
DEATHS = 2
"""The largest number of nodes that die in a round."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
PROGRAM = "from vaebench.running.executors import slurm; slurm.PAUSE = 0.2\n" + killing.PROGRAM


class Round:
    """A sweep whose pilots are disturbed."""

    def __init__(self, results: Path, there: slurm_made.Cluster, pilots: int, chance: random.Random) -> None:
        self.results, self.there, self.pilots, self.chance = results, there, pilots, chance
        self.strikes: Counter[str] = Counter()
        self.lost, self.failed = set[str](), set[str]()
        self.words = ("--executor", f"slurm[pilots={pilots},minutes=60]")

    def rage(self) -> None:
        """Start drivers one after the other; each experiences some disturbances and is killed."""
        done: set[str] = set()
        for _ in range(self.chance.randint(1, 3)):
            driver, moment = killing.start(self.results, *self.words, program=PROGRAM), time.time()
            while driver.poll() is None and not any(killing.newer(self.results, moment)):
                time.sleep(0.05)
            for _ in range(self.chance.randint(2, 6)):
                time.sleep(self.chance.uniform(0.05, 1.0))
                self._strike()
            if driver.poll() is None:
                sent = self.chance.choice(SIGNALS)
                os.kill(driver.pid, sent)
                self.strikes[f"{sent.name} to the driver"] += 1
            driver.communicate()
            done = self._look(done)
        killing.finish(killing.start(self.results, *self.words, program=PROGRAM))
        self._look(done)
        slurm_made.wait_for(lambda: not self.there.ask("squeue", "--me", "--noheader", "--array", "--format=%F %T"))

    def _strike(self) -> None:
        (drawn,) = self.chance.choices([*STRIKES], [*STRIKES.values()])
        if drawn != "kill" or self.strikes["kill"] < DEATHS:
            self.there.ask(drawn, str(self.chance.randrange(self.pilots)))
            self.strikes[drawn] += 1

    def _look(self, done: set[str]) -> set[str]:
        """Return the trials that are successful now. Trials in `done` that no longer are count as lost; failed trials
        are noted."""
        now = set(killing.good(self.results))
        self.lost |= done - now
        for _, record in store.scan(self.results / "lab@1" / "long" / "phantom"):
            if not isinstance(record, store.BadRecord) and record.error:
                self.failed.add(f"{record.trial}: {record.error.kind}, {record.error.message}")
        return now


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--pilots", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance, strikes, resumed = random.Random(asked.seed), Counter[str](), 0
    told = dict.fromkeys(("lost", "falsely failed", "changed", "files left over"), 0)
    with TemporaryDirectory(prefix="c") as place, killing.folder() as temporary:
        folder = Path(place)
        os.environ.update(VAEBENCH_CACHE=str(folder / "cache"), TMPDIR=temporary)
        (folder / "lab").mkdir()
        with laboratory.opened(folder / "lab"), slurm_made.cluster(folder) as there:
            os.environ["PATH"] = os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))
            untouched = folder / "untouched"
            killing.finish(killing.start(untouched))
            for number in range(1, asked.rounds + 1):
                one = Round(folder / f"results-{number}", there, asked.pilots, chance)
                one.rage()
                strikes += one.strikes
                resumed += sum(bool(record.cost.times_resumed) for record in killing.good(one.results).values())
                told["lost"] += len(one.lost)
                told["falsely failed"] += len(one.failed)
                told["changed"] += len(killing.changed(one.results, untouched))
                told["files left over"] += len(left := killing.leftovers(one.results))
                wrong = [*one.lost, *one.failed, *left]
                print(f"round {number}: {strikes.total()} strikes so far {wrong or ''}", file=sys.stderr, flush=True)
    print("\n".join(f"{count} x {name}" for name, count in strikes.most_common()))
    print(f"\n{strikes.total()} strikes, {asked.rounds * killing.TRIALS} trials, {resumed} of them resumed:")
    print(", ".join(f"{count} {what}" for what, count in told.items()))
    return 1 if any(told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
