"""Thirty kills at random moments cost nothing: one good record a trial, with the weights it would have had anyway."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from laboratory import Lab

from vaebench.records import store
from vaebench.records.record import Record

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes to kill in /proc")

KILLS = 32
SIGNALS = {signal.SIGKILL: 5, signal.SIGTERM: 2, signal.SIGHUP: 2, signal.SIGINT: 1}
"""How often each is sent, in relation."""
TRIALS = 10
DRIVER = [sys.executable, "-P", "-c", "from vaebench.cli import main; main(prog_name='vaebench')"]


def start(results: Path) -> subprocess.Popen[str]:
    words = ["run", "--suite", "lab", "--preset", "long", "--checkpoint", "0", "-j", "2", "--results", str(results)]
    return subprocess.Popen([*DRIVER, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def below(process: int) -> list[int]:
    """All processes that a process started, directly or not."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # gone meanwhile
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def newer(results: Path, moment: float) -> Iterator[Path]:
    """Checkpoints that were written after a moment: a training is under way."""
    for path in results.glob("**/checkpoint"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime > moment:
                yield path


def kill(process: int, chance: random.Random) -> bool:
    try:
        os.kill(process, chance.choices([*SIGNALS], [*SIGNALS.values()])[0])
    except ProcessLookupError:
        return False
    return True


def good(results: Path) -> dict[str, Record]:
    """Trial -> its record, where it is good; every record there is valid at any time, and there is one of a trial."""
    found: dict[str, Record] = {}
    for _, record in store.scan(results / "lab@1" / "long" / "phantom"):
        assert not isinstance(record, store.BadRecord), record
        assert record.id not in found
        if record.status == "ok":
            found[record.id] = record
    return found


def weights(results: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in results.glob("**/weights.safetensors")}


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Stands in for /tmp; its name is short because sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="t") as name:
        yield Path(name)


def test_kills_at_random_moments_cost_nothing(
    tmp_path: Path, temporary: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(temporary))
    untouched, results = tmp_path / "untouched", tmp_path / "results"
    whole = start(untouched)
    chance, kills, started = random.Random(0), 0, set[int]()
    done: set[str] = set()
    while kills < KILLS and len(done) < TRIALS:
        driver = start(results)
        if chance.random() < 0.8:  # else the driver is killed while it starts
            moment = time.time()
            while driver.poll() is None and not any(newer(results, moment)):
                time.sleep(0.02)
        for _ in range(chance.randint(4, 12)):
            time.sleep(chance.uniform(0.02, 0.5))
            workers = below(driver.pid)
            started |= set(workers)
            if driver.poll() is not None:
                break
            kills += bool(workers) and kill(chance.choice(workers), chance)
        if driver.poll() is None:
            kills += kill(driver.pid, chance)
            if chance.random() < 0.5:  # not every user waits until a signal is answered
                driver.kill()
        driver.communicate()
        now = set(good(results))
        assert done <= now, "what was good is still there"
        done = now
    last = start(results)
    told, _ = last.communicate()
    assert last.returncode == 0, told
    assert kills >= 30
    expected = whole.communicate()[0]
    assert whole.returncode == 0, expected

    assert len(good(results)) == TRIALS
    assert weights(results) == weights(untouched)
    for id_, record in good(untouched).items():
        again = good(results)[id_]
        assert (again.curve, again.metrics) == (record.curve, record.metrics)
    assert any(record.cost.times_resumed for record in good(results).values())
    assert not list(results.glob("**/checkpoint"))
    assert not list((results / "lab@1" / "long" / "phantom" / "cpu").glob("**/.*.tmp"))
    left = [path.name for path in temporary.iterdir() if not path.name.startswith("torchinductor_")]
    assert not left, "nothing is left in the temporary folder but what torch keeps for its next start"
    assert all(lab.ends(process) for process in started), "no process is left"
