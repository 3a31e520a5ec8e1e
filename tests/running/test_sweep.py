"""A sweep: which trials there are, which of them are done and current, and what is wrong with the others."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from laboratory import Lab, job, run_job, suite
from msgspec import structs

from vaebench.checks.pretended_cuda import pretended_cuda
from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.planning.plan import Plan, Request, make_plan, repeat_plan
from vaebench.planning.suite import Suite
from vaebench.records import store
from vaebench.records.record import Failure, Record, from_json, to_json
from vaebench.running import estimate as estimation
from vaebench.running import sweep
from vaebench.running.estimate import estimate
from vaebench.running.worker import blank
from vaebench.training.devices import choose_devices
from vaebench.trial import Settings, Spec, Trial

pytestmark = pytest.mark.usefixtures("lab")


def plan(folder: Path, models: Sequence[str] = (), of: Suite | None = None, **options: Any) -> Plan:
    request = Request(folder / "results", folder, models=models, **{"source": "phantom", **options})
    return sweep.make_ready(make_plan(of or suite(), request))


def done(made: Plan) -> set[str]:
    """The trials whose record is good and current, in words."""
    return {str(trial) for trial in made.trials if trial.id in sweep.find_done(made).done}


def with_settings(**changes: Any) -> Suite:
    lab = suite()
    preset = lab.presets["tiny"]
    return replace(lab, presets={"tiny": replace(preset, settings=structs.replace(preset.settings, **changes))})


def test_every_combination_is_a_trial_and_seeds_come_last(tmp_path: Path) -> None:
    made = plan(tmp_path, seeds=[3, 1])
    assert [str(trial) for trial in made.trials] == [
        f"{model} on lab-xray, {regime}, seed {seed}"
        for seed in (3, 1)
        for regime in ("all", "healthy")
        for model in ("steady", "steady[gain=2.0]")
    ]
    assert {trial.track for trial in made.trials} == {"lab@1/tiny/phantom"}
    assert made.folder == store.folder_of(tmp_path / "results", made.trials[0])


def test_a_local_path_is_in_no_trial(tmp_path: Path) -> None:
    made = plan(tmp_path, datasets=[f'lab-xray[path="{tmp_path}"]'])
    assert made.trials[0].dataset == Spec("lab-xray")
    assert str(tmp_path) not in json.dumps([trial.to_json() for trial in made.trials])


def test_without_diseased_images_there_is_no_healthy_regime(tmp_path: Path) -> None:
    made = plan(tmp_path, datasets=["lab-xray[diseased=no]"])
    assert {trial.regime for trial in made.trials} == {"all"}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"models": ["stedy"]}, "no model 'stedy'. Did you mean 'steady'"),
        ({"models": ["steady[gain=much]"]}, "gain=much is not a number. steady accepts gain: a number = 1.0"),
        ({"models": ["steady[gian=1]"]}, "no parameter 'gian'. Did you mean 'gain'"),
        ({"models": ["steady[width=-1]"]}, "steady[width=-1] for lab-xray images of (1, 8, 8)"),
        ({"models": ["steady[loss=bce]"]}, "steady takes no reconstruction loss"),
        ({"models": ["vae[loss=bec]"]}, "no loss 'bec'. Did you mean 'bce'"),
        ({"models": ["steady", "steady"]}, "requested twice: steady on lab-xray"),
        ({"models": ["vaebench:steady"]}, "no model 'vaebench:steady'. Did you mean 'vaebench-lab:steady'"),
        ({"datasets": ["lab-xrays"]}, "no dataset 'lab-xrays'. Did you mean 'lab-xray'"),
        ({"executor": "lokal"}, "no executor 'lokal'. Did you mean 'local'"),
        ({"preset": "tyni"}, "no preset 'tyni'. Available: long, tiny"),
        ({"of": with_settings}, "no metric 'lab-residuals'. Did you mean 'lab-residual'"),
    ],
)
def test_a_mistake_is_answered_before_anything_trains(tmp_path: Path, options: dict[str, Any], complaint: str) -> None:
    if "of" in options:
        options = {"of": with_settings(metrics=("lab-residuals",))}
    with pytest.raises(UserError) as caught:
        plan(tmp_path, **options)
    assert complaint in str(caught.value)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"model": {"widht": 8}}, "Suite lab@1, preset tiny: model.widht is unknown. Did you mean 'width'"),
        ({"model": {"gain": "much"}}, "preset tiny: model.gain cannot be 'much' (gain: a number = 1.0)"),
        ({"stage_steps": {"mian": 8}}, "preset tiny: stage_steps.mian is unknown. Did you mean 'main'"),
    ],
)
def test_what_a_preset_sets_for_models_must_mean_something(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UserError) as caught:
        plan(tmp_path, of=with_settings(**changes))
    assert complaint in str(caught.value)


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert choose_devices("auto") == ["cpu"]
    for asked, complaint in (
        ("cuda", "PyTorch sees 0 CUDA devices"),
        ("cuda:1", "PyTorch sees 0 CUDA devices"),
        ("cuda:x", "use auto, cpu, cuda or cuda:NUMBER"),
        ("cuda:²", "use auto, cpu, cuda or cuda:NUMBER"),
        ("tpu", "use auto, cpu, cuda or cuda:NUMBER"),
    ):
        with pytest.raises(UserError, match=complaint):
            choose_devices(asked)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "B 7" if device == "cuda:1" else "A 1")
    assert choose_devices("auto") == choose_devices("cuda") == ["cuda:0", "cuda:2"], "those of one kind"
    assert choose_devices("cuda:1") == ["cuda:1"]


def test_source_auto_takes_what_is_there_and_names_the_rest(tmp_path: Path) -> None:
    both = ["lab-xray", "kermany-cxr"]
    assert plan(tmp_path, ["steady"], datasets=both[:1], source="auto").source == "phantom"
    with pytest.raises(UserError, match=r"lab-xray: ask \[bold\]the lab"):
        plan(tmp_path, ["steady"], datasets=both[:1], source="real")
    (tmp_path / "lab").touch()
    made = plan(tmp_path, ["steady"], datasets=both, source="auto")
    assert made.source == "real"
    assert [one.spec.name for one in made.datasets] == ["lab-xray"]
    assert list(made.left_out) == ["kermany-cxr"]


def test_done_are_the_trials_with_a_good_record(tmp_path: Path) -> None:
    made = plan(tmp_path)
    assert done(made) == set()
    run_job(job(tmp_path))
    assert done(plan(tmp_path)) == {"steady on lab-xray, all, seed 0"}
    assert len(plan(tmp_path).todo) == 4, "until find_done looks"


def spoil(record: Record, field: str) -> Record:
    """The record with another value in that field."""
    data = to_json(record)
    part: Any = data
    *way, last = field.split(".")
    for name in way:
        part = part[name]
    part[last] = 99 if isinstance(part[last], int) else "other"
    return from_json(data)


@pytest.mark.parametrize(
    "field", ["settings.steps", "settings.size", "inputs.data", "inputs.components.model steady", "status"]
)
def test_a_record_of_something_else_is_stale(tmp_path: Path, field: str) -> None:
    record = run_job(job(tmp_path))
    path = next(tmp_path.glob("results/*/*/*/*/*/*.json"))
    if field == "status":
        record = structs.replace(record, status="failed", error=Failure("oom", ""))
    else:
        record = spoil(record, field)
    store.write(path, record)
    made = plan(tmp_path)
    said: list[str] = []
    assert not sweep.find_done(made, said.append).done and not said
    assert [str(trial) for trial in sweep.failed_before(made).trials] == (
        ["steady on lab-xray, all, seed 0"] if field == "status" else []
    )


def test_settings_and_versions_that_changed_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_job(job(tmp_path))
    assert len(done(plan(tmp_path))) == 1
    assert len(done(plan(tmp_path, of=with_settings(steps=7)))) == 0
    assert len(done(plan(tmp_path, of=with_settings(metrics=("lab-samples",))))) == 1, "it answers more than is asked"
    for kind, name in (("models", "steady"), ("datasets", "lab-xray"), ("metrics", "lab-residual")):
        with monkeypatch.context() as patch:
            patch.setattr(registry().get(kind, name).component, "version", 2)
            assert len(done(plan(tmp_path))) == 0, name
    assert len(done(plan(tmp_path))) == 1


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        *((fault, f"({fault}: ") for fault in ("TypeError", "MemoryError", "TokenError", "AssertionError")),
        ("die", ": the process was killed by SIGSEGV"),
        ("fork", ": the process ended with exit code 3"),
        ("hang", ": no output for 2 s"),
    ],
)
def test_a_dataset_that_cannot_be_prepared_is_left_out_with_the_reason_and_the_rest_trains(
    tmp_path: Path, lab: Lab, does: str, reason: str
) -> None:
    before = len(lab.trained())
    request = Request(
        tmp_path / "results", tmp_path, source="phantom", datasets=[f"lab-trouble[does={does}]", "lab-xray"]
    )
    made = sweep.make_ready(make_plan(suite(), request), patience=2.0)
    told = made.left_out[f"lab-trouble[does={does}]"]
    assert told.startswith("the dataset could not be prepared") and reason in told
    assert [one.spec.name for one in made.datasets] == ["lab-xray"]
    assert {trial.dataset.name for trial in made.trials} == {"lab-xray"}
    assert all(lab.ends(process) for _, process in lab.trained()[before:])


@pytest.mark.parametrize("does", ["print", "warn", "log"])
def test_a_dataset_may_take_its_time_if_it_says_that_it_lives(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], does: str
) -> None:
    told: list[str] = []
    request = Request(tmp_path / "results", tmp_path, source="phantom", datasets=[f"lab-trouble[does={does}]"])
    made = sweep.make_ready(make_plan(suite(), request), told.append, patience=2.5)
    assert not made.left_out
    assert any(line.startswith("lab-trouble: still at it: ") for line in told)
    assert (does == "warn") == ("still at it: 0" in made.ready[str(made.datasets[0].spec)].notes)
    assert not any(capfd.readouterr()), "only what is asked for reaches the terminal"


def test_what_is_wrong_with_ready_data_is_told(tmp_path: Path) -> None:
    made = plan(tmp_path, datasets=["lab-trouble"])
    (ready,) = made.ready.values()
    next(ready.folder.glob("train.images.npy")).unlink()
    (again,) = plan(tmp_path, datasets=["lab-trouble"]).ready.values()
    assert (again.folder, again.digest) == (ready.folder, ready.digest)
    assert again.notes == ("the prepared data of lab-trouble are damaged and will be prepared again",)


def test_metrics_alone_are_no_reason_to_train_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_job(job(tmp_path))
    more = sweep.find_done(
        plan(tmp_path, of=with_settings(metrics=("lab-residual", "lab-samples", "lab-health", "psnr")))
    )
    assert not more.done
    assert [more.trained[trial.id].id for trial in more.todo if trial.id in more.trained] == [more.todo[0].id]
    with monkeypatch.context() as patch:
        patch.setattr(registry().get("metrics", "lab-residual").component, "version", 2)
        newer = sweep.find_done(plan(tmp_path))
        assert (len(newer.done), len(newer.trained)) == (0, 1)
    next(tmp_path.glob("results/**/weights.safetensors")).unlink()
    lost = sweep.find_done(plan(tmp_path, of=with_settings(metrics=("lab-residual", "psnr"))))
    assert (lost.done, lost.trained) == ({}, {})


def test_a_spoilt_or_misplaced_record_is_reported_and_done_again(tmp_path: Path) -> None:
    run_job(job(tmp_path))
    path = next(tmp_path.glob("results/*/*/*/*/*/*.json"))
    content = path.read_bytes()
    path.write_bytes(content[:100])
    told: list[str] = []
    made = sweep.find_done(plan(tmp_path), told.append)
    assert path.name in told[0]
    assert "is not a valid record" in told[0]
    assert len(made.todo) == 4
    path.unlink()
    other = made.path_of(made.trials[1])
    other.write_bytes(content)
    made = sweep.find_done(made, told.append)
    assert f"{other} contains the record of trial" in told[1]
    assert len(made.todo) == 4


def test_a_repeat_takes_everything_from_the_record(tmp_path: Path) -> None:
    record = run_job(job(tmp_path, "steady[gain=2]", seed=5, regime="healthy", steps=9))

    def again(**options: Any) -> Plan:
        return repeat_plan(record, suite(), Request(tmp_path / "results", tmp_path, **options))

    made = again()
    assert [trial.id for trial in made.trials] == [record.id]
    assert made.settings == record.settings
    assert again(datasets=[f'lab-xray[path="{tmp_path}"]']).trials == made.trials
    with pytest.raises(UserError, match=r"The record's dataset is lab-xray, not lab-xray\[diseased=false\]"):
        again(datasets=["lab-xray[diseased=no]"])


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("model.name", "steadi", "no model 'steadi'"),
        ("model.params", {"gian": 1}, "no parameter 'gian'"),
        ("loss", {"name": "bec", "params": {}}, "no loss 'bec'"),
        ("dataset.name", "lab-xrays", "no dataset 'lab-xrays'"),
    ],
)
def test_a_repeat_of_what_is_not_installed_is_a_mistake_in_words(
    tmp_path: Path, field: str, value: Any, complaint: str
) -> None:
    record = blank(job(tmp_path).job, "cpu")
    trial: Any = record.trial.to_json()
    *way, last = field.split(".")
    part = trial[way[0]] if way else trial
    part[last] = value
    record.trial = Trial.from_json(trial)
    with pytest.raises(UserError, match=complaint):
        repeat_plan(record, suite(), Request(tmp_path, tmp_path))


def test_a_repeat_stays_in_the_records_version_of_the_suite(tmp_path: Path) -> None:
    record = blank(job(tmp_path).job, "cpu")
    record.trial = structs.replace(record.trial, suite="lab@7")
    made = repeat_plan(record, suite(), Request(tmp_path, tmp_path))
    assert str(made.suite) == "lab@7"
    assert made.folder == tmp_path / "lab@7" / "tiny" / "phantom"


def test_time_is_estimated_from_records_of_the_same_kind(tmp_path: Path) -> None:
    record = run_job(job(tmp_path))
    path = next(tmp_path.glob("results/*/*/*/*/*/*.json"))
    record.cost.seconds = 12345.0
    store.write(path, record)
    made = plan(tmp_path)
    found = estimate(made, 2)
    seconds = {str(trial): found[trial.id] for trial in made.trials}
    assert seconds["steady on lab-xray, healthy, seed 0"] == 12345.0
    assert 0 < seconds["steady[gain=2.0] on lab-xray, all, seed 0"] < 60


@pytest.mark.parametrize("graphs", [True, False])
def test_steps_are_timed_as_they_will_be_done(graphs: bool) -> None:
    settings = Settings(size=28, steps=4, batch=2, metrics=(), model={"width": 2})
    trial = Trial("s@1", "quick", "phantom", Spec("lab-xray"), Spec("ae"), Spec("bce"), "all", 0)
    with pretended_cuda(replays=True) as cards:
        assert estimation.time_steps(trial, settings, (1, 28, 28), "cuda:0", None, graphs) > 0
    assert len(cards.graphs) == graphs


def test_a_model_that_crashes_or_hangs_costs_its_estimate_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimation, "PROBE_LIMIT", 3.0)
    made = plan(tmp_path, ["quitting", "faulting", "hanging", "raising", "patricide"])
    assert set(estimate(made, 2).values()) == {estimation.OVERHEAD_SECONDS}


def test_only_old_debris_is_cleared(tmp_path: Path) -> None:
    old, new, record = (
        tmp_path / "cpu" / ".a.json.1.tmp",
        tmp_path / "cpu" / ".a.json.2.tmp",
        tmp_path / "cpu" / "a.json",
    )
    old.parent.mkdir()
    for path in (old, new, record):
        path.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    os.utime(record, (time.time() - 7200,) * 2)
    sweep.clear_debris(tmp_path)
    assert sorted(path.name for path in old.parent.iterdir()) == [new.name, record.name]
