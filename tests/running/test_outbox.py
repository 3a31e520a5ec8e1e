"""Trials that are done elsewhere: what is sent is all that is needed, and what is lost is tried three times."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from laboratory import Work, job, run_job, site
from msgspec import structs

from vaebench.data.by_digest import fetched, files_of
from vaebench.interfaces import Event
from vaebench.records import store
from vaebench.running.claims import Claims
from vaebench.running.errand import Errand, Returned, fulfil
from vaebench.running.fitness import Unfit, differences
from vaebench.running.outbox import Outbox

pytestmark = pytest.mark.usefixtures("lab")


def taken(outbox: Outbox) -> Errand | None:
    """What `take` returns; its events are left out."""

    def taking() -> Generator[Event, None, None]:
        answers.append((yield from outbox.take()))

    answers: list[Errand | None] = []
    list(taking())
    return answers[0]


def done(errand: Errand, work: Work, keep: Path | None = None) -> Returned:
    """What another machine sends back; on the way, an errand is bytes."""

    def fetch(folder: Path) -> None:
        for file in files_of(work.data):
            shutil.copy(file, folder)

    *_, returned = fulfil(pickle.loads(pickle.dumps(errand)), fetch, keep)
    assert isinstance(returned, Returned)
    return returned


def stored(work: Work) -> Any:
    return store.read(work.sink.path(work.trial))


def test_what_comes_back_is_what_a_trial_here_would_have_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = job(tmp_path / "here", "talkative"), job(tmp_path / "there", "talkative")
    expected = run_job(here)
    monkeypatch.setenv("VAEBENCH_CACHE", str(tmp_path / "cache"))
    with Outbox([there.job], site(there)) as outbox:
        errand = taken(outbox)
        assert errand and taken(outbox) is None
        (end,) = outbox.returned(errand, done(errand, there))
        assert not outbox
    record = stored(there)
    assert end.data["record"] == record
    for field in ("status", "metrics", "curve", "weights", "inputs", "device", "software"):
        assert getattr(record, field) == getattr(expected, field)
    names = [{path.name for path in work.sink.files(work.trial).iterdir()} for work in (here, there)]
    assert names[0] | {store.OUTPUT} == names[1]
    assert end.data["output"].read_text().startswith("from Python in …")
    assert not list(tmp_path.glob("there/results/**/*.lease"))


def test_a_lost_trial_is_tried_three_times_and_then_recorded(tmp_path: Path) -> None:
    work = job(tmp_path)
    with Outbox([work.job], site(work)) as outbox:
        for attempt in (1, 2, 3):
            errand = taken(outbox)
            assert errand and errand.job.attempt == attempt
            (event,) = outbox.lost(errand, "node 7 died")
            assert event.kind == ("end" if attempt == 3 else "progress")
        assert not outbox
    error = stored(work).error
    assert (error.kind, error.message) == ("lost", "lost in each of 3 attempts, most recently because node 7 died")
    assert event.data["record"] == stored(work)


def test_an_attempt_that_was_given_up_too_early_never_costs_a_good_record(tmp_path: Path) -> None:
    work = job(tmp_path)
    with Outbox([work.job], site(work), attempts=1) as outbox:
        errand = taken(outbox)
        assert errand
        good = run_job(work)  # delivered by the machine that was taken for lost
        assert list(outbox.lost(errand, "it seemed so")) == []
        assert outbox and taken(outbox) is None, "its record is told instead"
        assert not outbox
    assert stored(work) == good


def test_another_run_has_the_trial_meanwhile(tmp_path: Path) -> None:
    work = job(tmp_path)
    with Outbox([work.job], site(work)) as outbox:
        errand = taken(outbox)
        assert errand
        returned = done(errand, work)
        for lease in tmp_path.glob("results/**/*.lease"):
            lease.unlink()
        with Claims(work.sink) as claims:
            assert claims.take(work.trial)
            assert list(outbox.returned(errand, returned)) == []
            assert not work.sink.path(work.trial).exists() and not work.sink.files(work.trial).exists()
        assert taken(outbox), "the other run left it undone"


def test_a_refusal_is_no_attempt(tmp_path: Path) -> None:
    work = job(tmp_path)
    with Outbox([work.job], site(work)) as outbox:
        errand = taken(outbox)
        assert errand
        outbox.refused(errand)
        again = taken(outbox)
        assert again and again.job.attempt == 1


def test_a_second_attempt_goes_on_from_the_checkpoint_of_the_first(tmp_path: Path) -> None:
    work = replace(job(tmp_path, "restless", steps=20), every=0.0, fresh=True)
    with Outbox([work.job], site(work)) as outbox:
        first = taken(outbox)
        assert first and first.fresh
        list(outbox.lost(first, "node 7 died"))
        second = taken(outbox)
        assert second and not second.fresh


def test_a_trial_that_is_only_measured_again_takes_its_weights_along(tmp_path: Path) -> None:
    work = job(tmp_path)
    old = run_job(work)
    path = work.sink.path(work.trial)
    again = replace(work, replaces=store.digest_of(path), measure_only=True)
    again = replace(again, settings=structs.replace(work.settings, metrics=(*work.settings.metrics, "psnr")))
    with Outbox([again.job], site(again)) as outbox:
        errand = taken(outbox)
        assert errand and set(errand.stored) == {"record.json", store.WEIGHTS}
        returned = done(errand, work)
        assert store.WEIGHTS not in returned.files, "they are where they came from"
        list(outbox.returned(errand, returned))
    assert stored(work).weights == old.weights and stored(work).started == old.started
    assert set(stored(work).metrics) == {*old.metrics, "psnr"}


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside"])
def test_what_comes_back_stays_beside_its_record(name: str) -> None:
    with pytest.raises(ValueError, match="is not a path below the folder of a record's files"):
        Returned(b"", {name: b""})


def test_data_are_fetched_once_and_only_the_right_ones(tmp_path: Path) -> None:
    one, other = job(tmp_path), job(tmp_path, dataset="lab-xray[diseased=no]")
    asked: list[Path] = []

    def fetch(folder: Path) -> None:
        asked.append(folder)
        for file in files_of(one.data):
            shutil.copy(file, folder)

    folder = fetched(one.job.data, fetch, tmp_path / "cache")
    assert fetched(one.job.data, fetch, tmp_path / "cache") == folder and len(asked) == 1
    with pytest.raises(ValueError, match="do not have the expected digest"):
        fetched(other.job.data, fetch, tmp_path / "cache")
    (damaged,) = folder.glob("test.images.npy")
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    fetched(one.job.data, fetch, tmp_path / "cache")
    assert len(asked) == 3 and not list((tmp_path / "cache" / "ready").glob(".*.tmp*"))


def test_a_machine_with_other_components_says_which(tmp_path: Path) -> None:
    made = job(tmp_path).job
    assert differences(made) == []
    older = replace(made, components={**made.components, "model steady": 7})
    assert differences(older) == ["model steady is version 1 here and version 7 in the plan"]
    edited = replace(made, code={**made.code, "dataset lab-xray": "0"})
    assert differences(edited) == [
        "dataset lab-xray has different code here than in the plan, although both have version 1"
    ]
    unknown = replace(made, trial=structs.replace(made.trial, model=structs.replace(made.trial.model, name="stedy")))
    assert "There is no model 'stedy'" in differences(unknown)[0]
    with pytest.raises(Unfit, match="version 7 in the plan"):
        list(fulfil(Errand(older, "cpu", 900.0, 60.0), lambda folder: pytest.fail("nothing is fetched before that")))
