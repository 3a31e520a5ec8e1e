"""Kill a sweep at random moments and inspect what is left, for test_chaos.py and `benchmarks/scripts/chaos.py`."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from laboratory import Lab

from vaebench.records import store
from vaebench.records.record import Record

SIGNALS = {signal.SIGKILL: 5, signal.SIGTERM: 2, signal.SIGHUP: 2, signal.SIGINT: 1}
"""Signal -> how often it is sent, relative to the others"""
TRIALS = 10
"""The number of trials in the preset `long` of the suite `lab`."""
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # bash makes background processes ignore it; nohup, SIGHUP
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from vaebench.cli import main
main(prog_name="vaebench")
"""


def start(results: Path, *more: str, program: str = PROGRAM) -> subprocess.Popen[str]:
    """Start a run of the trials as a separate process."""
    words = ["run", "--suite", "lab", "--preset", "long", "--checkpoint", "0", "--results", str(results)]
    return subprocess.Popen(
        [sys.executable, "-P", "-c", program, *words, *(more or ("-j", "2"))],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def finish(driver: subprocess.Popen[str]) -> None:
    told = driver.communicate()[0]
    assert driver.returncode == 0, told


@dataclass
class Storm:
    """A sweep that is started and killed repeatedly, until its trials are done or the number of kills is reached."""

    results: Path
    chance: random.Random
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(target, signal) -> number of kills"""
    started: set[int] = field(default_factory=set)
    """the processes of the sweep"""
    lost: set[str] = field(default_factory=set)
    """trials whose good record was lost"""

    def rage(self, most: int, until: float = math.inf) -> None:
        done: set[str] = set()
        while self.kills.total() < most and len(done) < TRIALS and time.monotonic() < until:
            self._run()
            now = set(good(self.results))
            self.lost |= done - now
            done = now

    def _run(self) -> None:
        driver, chance = start(self.results), self.chance
        if chance.random() < 0.8:  # else the driver is killed while it starts
            moment = time.time()
            while driver.poll() is None and not any(newer(self.results, moment)):
                time.sleep(0.02)
        for _ in range(chance.randint(4, 12)):
            time.sleep(chance.uniform(0.02, 0.5))
            below = processes_below(driver.pid)
            self.started |= below.keys()
            if driver.poll() is not None:
                break
            if below:
                process = chance.choice(sorted(below))
                self._kill(process, below[process])
        if driver.poll() is None:
            self._kill(driver.pid, "driver")
            if chance.random() < 0.5:  # not every user waits until a signal is handled
                driver.kill()
        driver.communicate()

    def _kill(self, process: int, target: str) -> None:
        sent = self.chance.choices([*SIGNALS], [*SIGNALS.values()])[0]
        with suppress(ProcessLookupError):
            os.kill(process, sent)
            self.kills[target, sent.name] += 1


def processes_below(process: int) -> dict[int, str]:
    """Return all processes that a driver started, directly or indirectly, and the kind of each process."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # the process has ended
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return {one: _kind(one, parents[one] == process) for one in found[1:]}


def _kind(process: int, child: bool) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        words = b""
    if b"resource_tracker" in words:
        return "resource tracker"
    if b"forkserver" in words:
        return "fork server" if child else "worker"
    return "other"


def newer(results: Path, moment: float) -> Iterator[Path]:
    """Yield the checkpoints that were written after a moment, which show that a training run is in progress."""
    for path in results.glob("**/checkpoint"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime > moment:
                yield path


def good(results: Path) -> dict[str, Record]:
    """Return the good records by trial. Every record must be valid at any time, and no trial may have two records."""
    found: dict[str, Record] = {}
    for _, record in store.scan(results / "lab@1" / "long" / "phantom"):
        assert not isinstance(record, store.BadRecord), record
        assert record.id not in found, "doubled"
        if record.status == "ok":
            found[record.id] = record
    return found


def changed(results: Path, untouched: Path) -> list[str]:
    """Return the trials that are missing, or whose numbers or weights differ from those of an undisturbed run."""
    mine, expected = good(results), good(untouched)
    return [
        id_
        for id_, record in expected.items()
        if id_ not in mine
        or (mine[id_].curve, mine[id_].metrics) != (record.curve, record.metrics)
        or weights(results, id_) != weights(untouched, id_)
    ]


def weights(results: Path, trial: str) -> bytes:
    (path,) = results.glob(f"**/*-{trial}/weights.safetensors")
    return path.read_bytes()


def leftovers(results: Path, temporary: Path | None = None) -> list[str]:
    """Return files that no finished sweep may leave behind, except torch's cache of compiled code."""
    found = [path for pattern in ("checkpoint", ".*.tmp", "*.lease") for path in results.glob(f"**/{pattern}")]
    found += [path for path in (temporary.iterdir() if temporary else ()) if not path.name.startswith("torchinductor_")]
    return [path.name for path in found]


def left_running(started: set[int], lab: Lab) -> list[int]:
    return [process for process in started if not lab.ends(process)]


def folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that replaces /tmp. Its name is short, because the paths of sockets must be short."""
    return tempfile.TemporaryDirectory(prefix="t")
