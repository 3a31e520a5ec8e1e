"""Trials that others do, watched through the results folder."""

from __future__ import annotations

from pathlib import Path

from laboratory import Lab, job, run_job

from vaebench.records import store
from vaebench.running.claims import Claims
from vaebench.running.watched import Watched


def test_a_trial_has_ended_once_its_record_is_there_and_its_claim_is_released(lab: Lab, tmp_path: Path) -> None:
    """In between, the pilot keeps what the trial printed."""
    work = job(tmp_path)
    watched = Watched([work.job], work.sink)
    assert list(watched.look()) == []
    with Claims(work.sink) as claims:
        assert claims.take(work.trial)
        record = run_job(work)
        (start,) = watched.look()
        assert start.kind == "start" and not list(watched.look())
        output = work.sink.files(work.trial) / store.OUTPUT
        output.write_text("printed")
    (end,) = watched.look()
    assert (end.kind, end.data) == ("end", {"record": record, "output": output})
    assert not watched.pending and not list(watched.look())


def test_the_last_look_waits_for_no_release(lab: Lab, tmp_path: Path) -> None:
    work = job(tmp_path)
    watched = Watched([work.job], work.sink)
    list(watched.look())
    with Claims(work.sink) as claims:
        assert claims.take(work.trial)
        run_job(work)
        assert [event.kind for event in watched.look()] == ["start"]
        assert [event.kind for event in watched.look(last=True)] == ["end"]


def test_what_was_done_before_ended_at_the_first_look(lab: Lab, tmp_path: Path) -> None:
    """Nobody may be there any more who would release it."""
    work = job(tmp_path)
    watched = Watched([work.job], work.sink)
    with Claims(work.sink) as claims:
        assert claims.take(work.trial)
        run_job(work)
        assert [event.kind for event in watched.look()] == ["start", "end"]
