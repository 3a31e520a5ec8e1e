"""Runs in one folder share its trials, whatever locks and clocks are worth there, and nothing is done twice."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hostile_files import put
from laboratory import Lab, Work, job, run_job, site

from vaebench.cli import main
from vaebench.interfaces import Event
from vaebench.records import store
from vaebench.records.record import Failure
from vaebench.running import claims, processes
from vaebench.running.claimed import ClaimedKeeper, ClaimedSink
from vaebench.running.claims import BEAT, Claim, Claims, Lease, folder_of, leases, unpacked
from vaebench.running.executors.local import Local
from vaebench.running.sink import Lost
from vaebench.running.sweep import clear_debris
from vaebench.running.worker import blank, perform

pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return job(tmp_path)


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass for whoever waits for a lease."""
    now = [1000.0]
    monkeypatch.setattr(claims, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])}))

    def pass_(seconds: float) -> None:
        now[0] += seconds

    return pass_


def track(work: Work) -> Path:
    return store.folder_of(work.results, work.trial)


def leave(work: Work, **changes: Any) -> Claim:
    """A lease of another machine."""
    lease = replace(Lease("theirs", "elsewhere", 1, "1", 1, "2026-01-01T00:00:00Z"), **changes)
    claim = Claim(folder_of(track(work)) / f"cpu-{work.trial.id}.lease", lease)
    assert claims._create(claim.path, lease.packed())
    return claim


def looks(mine: Claims, work: Work, wait: Callable[[float], None], seconds: float) -> Iterator[Claim | None]:
    """What comes of asking for the trial every second."""
    for _ in range(int(seconds)):
        yield mine.take(work.trial)
        wait(1.0)


def no_lock(*_: Any) -> None:
    """Locks nothing, as some network mounts do."""


def no_flock(*_: Any) -> None:
    raise OSError(errno.ENOSYS, "Function not implemented")


@pytest.mark.long
@pytest.mark.parametrize("flock", [no_lock, no_flock])
def test_two_runs_do_nothing_twice_where_locks_do_nothing(
    tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch, flock: Callable[..., None]
) -> None:
    works = [job(tmp_path, "slow" if seed % 2 else "steady", seed=seed) for seed in range(6)]
    before = len(lab.trained())
    monkeypatch.setattr(fcntl, "flock", flock)

    def run(_: int) -> list[Event]:
        return list(Local().run([one.job for one in works], site(*works, slots=2)))

    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(run, range(2)))
    assert len(lab.trained()) - before == 6
    for events in runs:
        ends = [event for event in events if event.kind == "end"]
        assert len({event.job.trial.id for event in ends}) == len(ends) == 6
        assert all(event.data["record"].status == "ok" for event in ends)
    assert not list(leases(track(works[0])))


def test_a_trial_is_claimed_once_and_free_again_at_the_end(work: Work) -> None:
    with Claims(work.sink) as mine, Claims(work.sink) as theirs:
        claim = mine.take(work.trial)
        assert claim and claim.holds()
        assert theirs.take(work.trial) is None
        mine.release(work.trial)
        assert theirs.take(work.trial)
    assert not list(folder_of(track(work)).iterdir())


def test_a_lease_of_a_dead_machine_is_taken_over_after_its_expiry(work: Work, wait: Callable[[float], None]) -> None:
    leave(work, attempt=3)
    with Claims(work.sink) as mine:
        answers = list(looks(mine, work, wait, 62))
        assert not any(answers[:60])
        (claim,) = filter(None, answers)
        assert claim.lease.attempt == 4


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_of_machines_may_differ(work: Work, wait: Callable[[float], None], hours: int) -> None:
    theirs = leave(work, since=f"2026-01-01T{12 + hours}:00:00Z")
    shifted = (time.time() + 3600 * hours,) * 2
    with Claims(work.sink) as mine:
        for number in range(100):  # alive: nobody takes it, however old or new its file seems
            theirs.beat(number)
            os.utime(theirs.path, shifted)
            assert not any(looks(mine, work, wait, 5))
        assert any(looks(mine, work, wait, 70)), "dead: its clock does not protect it"


def test_a_suspended_run_does_not_take_over_what_was_suspended_with_it(
    work: Work, wait: Callable[[float], None]
) -> None:
    theirs = leave(work)
    with Claims(work.sink) as mine:
        assert mine.take(work.trial) is None
        wait(7200)
        assert mine.take(work.trial) is None
        theirs.beat(1)
        assert not any(looks(mine, work, wait, 59))


def test_a_trial_of_a_process_that_is_gone_is_free_at_once(work: Work) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    born = processes.born(gone.pid)
    gone.wait()
    leave(work, host=processes.host(), process=gone.pid, born=born)
    with Claims(work.sink) as mine:
        assert mine.take(work.trial)


def test_the_lease_that_a_killed_run_left_of_a_finished_trial_is_removed(work: Work) -> None:
    gone = subprocess.Popen(["true"])
    born = processes.born(gone.pid)
    gone.wait()
    dead = leave(work, host=processes.host(), process=gone.pid, born=born)
    clear_debris(track(work))
    assert not dead.path.exists()
    for owner in ({}, {"host": processes.host(), "process": os.getpid(), "born": processes.born(os.getpid())}):
        theirs = leave(work, **owner)
        clear_debris(track(work))
        assert theirs.path.exists()
        theirs.path.unlink()


def test_a_number_that_another_process_has_by_now_is_no_life_sign(work: Work) -> None:
    if not processes.born(os.getpid()):
        pytest.skip("the system does not tell when processes started")
    leave(work, host=processes.host(), process=os.getpid(), born="1")
    with Claims(work.sink) as mine:
        assert mine.take(work.trial)


def test_of_two_that_take_over_one_succeeds_and_a_waking_owner_keeps_its_lease(work: Work) -> None:
    theirs = leave(work)
    judged = theirs.path.read_bytes()
    theirs.beat(1)
    assert not claims._remove(theirs.path, judged)
    assert theirs.holds() and unpacked(theirs.path.read_bytes()) == replace(theirs.lease, beat=1)
    judged = theirs.path.read_bytes()
    assert claims._remove(theirs.path, judged)
    assert not claims._remove(theirs.path, judged)
    assert not list(theirs.path.parent.iterdir())


def test_a_record_counts_only_while_the_claim_holds(work: Work) -> None:
    record = run_job(work)
    store.path_of(work.results, work.trial, "cpu").unlink()
    mine = leave(work, token="mine")
    sink = ClaimedSink(work.results, "cpu", mine, work.job)
    mine.path.write_bytes(replace(mine.lease, token="theirs").packed())
    with pytest.raises(Lost):
        sink.deliver(work.job, record)
    assert work.sink.record(work.trial) is None
    mine.beat(7)
    mine.release()
    assert unpacked(mine.path.read_bytes()) == replace(mine.lease, token="theirs"), "theirs is left as it is"
    mine.path.unlink()  # released by hand, and nobody took it
    sink.deliver(work.job, record)
    assert work.sink.record(work.trial) == record


@pytest.mark.parametrize("lost", ["taken over", "released", "done by others"])
def test_a_worker_that_outlived_its_run_writes_nothing(work: Work, tmp_path: Path, lost: str) -> None:
    work = replace(work, every=0.0)
    gone = subprocess.Popen(["true"])
    born = processes.born(gone.pid)
    gone.wait()
    claim = leave(work, host=processes.host(), process=gone.pid, born=born)
    sink = ClaimedSink(work.results, "cpu", claim, work.job)
    if lost == "taken over":
        claim.path.write_bytes(replace(claim.lease, token="others").packed())
    elif lost == "released":
        claim.path.unlink()
    else:
        store.write(sink.path(work.trial), blank(work.job, "cpu", "failed", Failure("nan", "theirs")))

    def everything() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in work.results.glob("**/*") if path.is_file()}

    before = everything()
    with pytest.raises(Lost):
        perform(work.job, work.data, "cpu", sink, ClaimedKeeper(work.keeper, sink))
    keeper = ClaimedKeeper(work.keeper, sink)
    with pytest.raises(Lost):
        keeper.save(blank(work.job, "cpu"), {})
    assert everything() == before


def test_a_trial_that_is_lost_in_the_middle_leaves_no_weights(work: Work) -> None:
    work = replace(work, every=0.0)
    claim = leave(work)
    sink = ClaimedSink(work.results, "cpu", claim, work.job)

    def lose(event: Mapping[str, Any]) -> None:
        if event["phase"] == "measure":
            claim.path.write_bytes(replace(claim.lease, token="others").packed())

    with pytest.raises(Lost):
        perform(work.job, work.data, "cpu", sink, ClaimedKeeper(work.keeper, sink), lose)
    assert [path.name for path in sink.path(work.trial).with_suffix("").iterdir()] == ["checkpoint"]


def test_a_lease_that_nobody_finished_writing_expires_as_well(work: Work, wait: Callable[[float], None]) -> None:
    leave(work).path.write_bytes(b"")
    with Claims(work.sink) as mine:
        assert any(looks(mine, work, wait, 62))


@pytest.mark.parametrize("how", ["a pipe", "20 GB", "a device"])
def test_what_is_no_lease_expires_as_well(work: Work, wait: Callable[[float], None], how: str) -> None:
    path = leave(work).path
    put(how, path)
    assert list(leases(track(work))) == []
    with Claims(work.sink) as mine:
        looked = looks(mine, work, wait, 62)
        assert next(looked) is None
        assert any(looked)


def test_a_lease_names_neither_machine_nor_user(work: Work) -> None:
    with Claims(work.sink) as mine:
        claim = mine.take(work.trial)
        assert claim
        text = claim.path.read_text()
        assert os.uname().nodename not in text and str(Path.home()) not in text


def test_the_counter_rises_while_a_run_does_other_things(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    assert BEAT < claims.EXPIRY / 5
    monkeypatch.setattr(claims, "BEAT", 0.01)
    with Claims(work.sink) as mine:
        claim = mine.take(work.trial)
        assert claim
        until = time.monotonic() + 20
        while time.monotonic() < until and not next(leases(track(work)))[1].beat:
            time.sleep(0.01)
        assert next(leases(track(work)))[1].beat > 0


def test_status_names_claims_and_releases_them_by_hand(work: Work) -> None:
    claim = leave(work, attempt=2)

    def status(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, ["status", "--results", str(work.results), *words])
        assert done.exit_code == code, done.output
        return done.output

    told = f"trial {work.trial.id} has been claimed by run theirs since 2026-01-01T00:00:00Z, attempt 2"
    assert told in status()
    assert "No run has claimed the trial 'other'" in status("--release", "other", code=2)
    assert f"Released trial {work.trial.id}" in status("--release", work.trial.id)
    assert not claim.path.exists()
    leave(work)
    assert "been claimed" not in status("--release", "all")
