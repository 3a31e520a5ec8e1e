"""A job is JSON and means the same on every machine: nothing of this one stands in it."""

from __future__ import annotations

import getpass
import json
import re
import socket
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from laboratory import Work, job, run_job, suite
from msgspec import structs

from vaebench.components.registry import registry
from vaebench.data.prepare import about
from vaebench.interfaces import Shape
from vaebench.planning import jobs, names
from vaebench.planning.jobs import Job, Versions, jobs_of
from vaebench.planning.plan import Plan, Request, make_plan
from vaebench.records import store
from vaebench.running import sweep
from vaebench.training.build import code_of, versions_of
from vaebench.trial import Trial, canonical

pytestmark = pytest.mark.usefixtures("lab")


def planned(folder: Path, **options: Any) -> Plan:
    """A plan of the lab on a dataset whose folder is on this machine, ready and looked through."""
    where = [f'lab-xray[path="{folder}"]']
    request = Request(folder / "results", folder, source="phantom", datasets=where, devices=("cpu",), **options)
    return sweep.find_done(sweep.make_ready(make_plan(suite(), request)))


def test_a_job_is_the_same_after_a_journey_as_json(tmp_path: Path) -> None:
    work = job(tmp_path, "vae[latent=3]", regime="healthy", preset={"width": 3}, stage_steps={"prior": 2})
    one = replace(work.job, home="vaebench", replaces="ab" * 32, attempt=3, measure_only=True)
    again = Job.from_json(json.loads(json.dumps(one.to_json())))
    assert again == one
    assert (again.trial.id, again.to_json()) == (one.trial.id, one.to_json())
    first, second = (run_job(replace(work, results=tmp_path / name)) for name in "ab")
    assert first.metrics == second.metrics, "and what it says is all that the numbers depend on"


def test_a_job_says_what_it_is_made_of(tmp_path: Path) -> None:
    work = job(tmp_path, "vae[latent=3]", regime="healthy")
    one = work.job
    expected = {
        "model vae", f"loss {work.trial.loss}", "dataset lab-xray", "regime healthy",
        "metric lab-residual", "metric lab-samples", "metric lab-health",
    }  # fmt: skip
    assert set(one.components) == set(one.code) == expected
    assert one.components == run_job(work).inputs.components
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in one.code.values())
    assert one.code["dataset lab-xray"] != one.code["model vae"], "they come from different packages"
    assert one.data == about(work.data).digest


def test_no_path_device_or_time_stands_in_a_job(tmp_path: Path) -> None:
    again = with_records(tmp_path)
    assert (len(again.done), len(again.trained)) == (1, 1)
    for made in (planned(tmp_path / "new"), again):
        for one in jobs_of(made):
            text = json.dumps(one.to_json())
            for private in (str(tmp_path), str(Path.home()), str(Path.cwd()), socket.gethostname(), getpass.getuser()):
                assert not re.search(rf"\b{re.escape(private)}\b", text), private
            for word in strings(one.to_json()):
                assert not Path(word).is_absolute() and not word.startswith(("cpu", "cuda")), word
                assert not re.search(r"\d{4}-\d\d-\d\dT", word), word
            for number in numbers(one.to_json()):
                assert abs(number) < 1e9, f"{number} may be a time"


def with_records(folder: Path) -> Plan:
    """The same plan when one record is good and another one lacks a metric."""
    made = planned(folder)
    for trial, metrics in zip(made.trials, (made.settings.metrics, made.settings.metrics[:1]), strict=False):
        settings = structs.replace(made.settings, metrics=metrics)
        run_job(Work(trial, settings, folder / "results", made.ready["lab-xray"].folder))
    return planned(folder)


def strings(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        inside = [*value, *value.values()] if isinstance(value, dict) else value
        return [text for part in inside for text in strings(part)]
    return [value] if isinstance(value, str) else []


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict | list):
        return [n for part in (value.values() if isinstance(value, dict) else value) for n in numbers(part)]
    return [value] if isinstance(value, int | float) else []


def test_a_job_names_the_record_it_may_replace_by_its_content(tmp_path: Path) -> None:
    assert {one.replaces for one in jobs_of(planned(tmp_path))} == {""}
    made = planned(tmp_path)
    trial = made.trials[0]
    store.write_atomically(made.path_of(trial), b"spoilt")
    named = {one.trial.id: one.replaces for one in jobs_of(planned(tmp_path))}
    assert named.pop(trial.id) == store.digest_of(made.path_of(trial)) != ""
    assert set(named.values()) == {""}
    assert {one.replaces for one in jobs_of(made)} == {""}, "a plan that saw no record names none"
    forced = replace(made, seen={})
    assert [one.replaces != "" for one in jobs_of(forced)] == [one.trial == trial for one in jobs_of(forced)]


def test_only_metrics_are_asked_for_where_only_metrics_are_missing(tmp_path: Path) -> None:
    made = planned(tmp_path)
    folder, (first, *_) = made.ready["lab-xray"].folder, made.trials
    run_job(Work(first, structs.replace(made.settings, metrics=()), tmp_path / "results", folder))
    told = {one.trial.id: one.measure_only for one in jobs_of(planned(tmp_path))}
    assert told.pop(first.id)
    assert not any(told.values()) and len(told) == 3


def test_a_plan_is_frozen_and_every_step_leaves_the_one_before_as_it_was(tmp_path: Path) -> None:
    first = make_plan(suite(), Request(tmp_path / "results", tmp_path, source="phantom"))
    with pytest.raises(FrozenInstanceError):
        first.trials = ()  # type: ignore[misc]
    ready = sweep.make_ready(first)
    found = sweep.find_done(ready)
    assert (dict(first.ready), dict(first.seen), dict(ready.seen)) == ({}, {}, {})
    assert set(ready.ready) == {"lab-xray"} and set(found.seen) == {trial.id for trial in found.trials}


def test_versions_are_looked_up_once_for_all_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name, plain in (("versions_of", versions_of), ("code_of", code_of)):
        monkeypatch.setattr(jobs, name, lambda *of, plain=plain, name=name: calls.append(name) or plain(*of))
    made = sweep.make_ready(make_plan(suite(), Request(tmp_path, tmp_path, source="phantom", seeds=range(50))))
    list(jobs_of(made))
    expected = ["code_of"] * 4 + ["versions_of"] * 4
    assert (len(made.trials), sorted(calls)) == (200, expected), (
        "two models, whose parameters may name networks, in two regimes"
    )


def test_versions_tell_components_apart(tmp_path: Path) -> None:
    works = [job(tmp_path, model, regime=regime) for model in ("steady", "vae") for regime in ("all", "healthy")]
    versions = Versions(works[0].settings, registry())
    for work in works * 2:
        assert versions.of(work.trial) == versions_of(work.trial, work.settings, registry())
        assert versions.code_of(work.trial) == code_of(work.trial, work.settings, registry())


def test_each_trial_is_hashed_once_and_compared_with_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    monkeypatch.setattr("vaebench.trial.canonical", lambda data: hashed.append(data["seed"]) or canonical(data))
    monkeypatch.setattr(Trial, "__eq__", lambda *_: pytest.fail("compared"))
    made = planned(tmp_path, seeds=range(25))
    assert len(list(jobs_of(made))) == len(made.todo) == len(hashed) == 100


def test_a_model_is_tried_out_once_for_each_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, Shape]] = []
    monkeypatch.setattr(names, "_try_out", lambda trial, _, shape, __: tried.append((str(trial.model), shape)))
    datasets = ("lab-xray", "bloodmnist", "breastmnist", "pathmnist")
    request = Request(tmp_path, tmp_path, source="phantom", datasets=datasets, models=("vae", "ae"), seeds=range(9))
    assert len(make_plan(suite(), request).trials) == 2 * 2 * 4 * 9
    assert tried == [(model, (channels, 8, 8)) for model in ("vae", "ae") for channels in (1, 3)]
