"""A sink keeps the better of two answers, and knows by content which record a job may replace."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hostile_files import put
from laboratory import Work, job, run_job, site
from msgspec import structs

from vaebench.components.registry import registry
from vaebench.records import store
from vaebench.records.record import Failure
from vaebench.running.executors.local import Local
from vaebench.running.sink import ResultsSink
from vaebench.running.worker import blank
from vaebench.training import weights
from vaebench.training.build import build

pytestmark = pytest.mark.usefixtures("lab")


def naming(work: Work) -> Work:
    """The work that may replace the record that lies there now."""
    return replace(work, replaces=store.digest_of(work.sink.path(work.trial)))


def test_an_answer_is_any_record_but_the_one_that_the_job_names(tmp_path: Path) -> None:
    work = job(tmp_path)
    assert work.sink.answer(work.job) is None, "there is none"
    record = run_job(work)
    path = work.sink.path(work.trial)
    assert work.sink.answer(work.job) == store.read(path)
    known = naming(work)
    assert known.sink.answer(known.job) is None
    os.utime(path, (0, 0))
    assert known.sink.answer(known.job) is None, "a copied folder has other times and the same records"
    store.write(path, structs.replace(record, started="2001-01-01T00:00:00Z"))
    assert known.sink.answer(known.job) is not None
    path.write_bytes(b"spoilt")
    assert known.sink.answer(known.job) is None, "it is still to do"


@pytest.mark.parametrize("named", [False, True])
def test_a_failure_replaces_no_good_record_that_its_job_does_not_name(tmp_path: Path, named: bool) -> None:
    work = job(tmp_path)
    good = run_job(work)
    late = naming(work) if named else work
    failure = blank(late.job, "cpu", "failed", Failure("signal", "the node was lost"))
    work.sink.deliver(late.job, failure)
    kept = store.read(work.sink.path(work.trial))
    assert kept.status == ("failed" if named else "ok")
    work.sink.deliver(late.job, good)
    assert store.read(work.sink.path(work.trial)).status == "ok", "and a good record replaces a failure"


def test_a_failed_second_look_is_told_with_its_own_reason(tmp_path: Path) -> None:
    work = job(tmp_path)
    good = run_job(work)
    lost = next(tmp_path.glob("results/**/weights.safetensors"))
    lost.unlink()  # so it is trained again, with settings that cannot
    again = replace(naming(work), settings=structs.replace(work.settings, batch=-1), measure_only=True)
    (*_, end) = Local().run([again.job], site(again))
    assert end.data["record"].error.message != "the process ended with exit code 0"
    assert end.data["record"].status == "failed"
    assert store.read(work.sink.path(work.trial)).metrics == good.metrics


def test_weights_and_files_are_those_beside_the_record(tmp_path: Path) -> None:
    work = job(tmp_path)
    sink = ResultsSink(work.results, "cpu")
    assert (sink.record(work.trial), sink.weights(work.trial, 2**20)) == (None, None)
    record = run_job(work)
    stored = sink.record(work.trial)
    assert stored is not None and stored.weights == record.weights
    assert sink.weights(work.trial, 2**20) == (sink.files(work.trial) / store.WEIGHTS).read_bytes()
    assert ResultsSink(work.results, "cuda-other").record(work.trial) is None


@pytest.mark.parametrize("how", ["a pipe", "20 GB", "a device"])
def test_what_is_no_record_and_no_weights_is_done_again(tmp_path: Path, how: str) -> None:
    work = job(tmp_path)
    sink, good = ResultsSink(work.results, "cpu"), run_job(work)
    put(how, sink.files(work.trial) / store.WEIGHTS)
    assert sink.weights(work.trial, 2**20) is None
    assert run_job(replace(naming(work), measure_only=True)).weights == good.weights
    put(how, sink.path(work.trial))
    assert store.digest_of(sink.path(work.trial)) == ""
    assert sink.answer(work.job) is None
    (*_, end) = Local().run([work.job], site(work))
    assert sink.record(work.trial) == end.data["record"]


def test_weights_may_be_as_large_as_the_model_says(tmp_path: Path) -> None:
    model = build(job(tmp_path).trial, job(tmp_path).settings, (1, 8, 8), registry())
    content, digest = weights.packed(model)
    assert len(content) <= weights.most_bytes(model) < len(content) + 2**17
    path = tmp_path / "vae-0.json"
    store.write_atomically(store.weights_of(path), content)
    assert weights.restore(model, weights.beside(path, weights.most_bytes(model)), digest)
    assert weights.beside(path, len(content) - 1) is None
