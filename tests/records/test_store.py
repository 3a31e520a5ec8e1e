"""Records: what is valid, where they lie, and writing them whole or not at all."""

from __future__ import annotations

import copy
import json
import os
import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from vaebench.records import store
from vaebench.records.record import SCHEMA, BadRecord, Failure, Record, dumps, from_json, to_json
from vaebench.trial import Spec, Trial

TRIAL = Trial("smoke@1", "smoke", "phantom", Spec("xray"), Spec("vae", {"latent": 4}), Spec("bce"), "all", 0)
CELL = {"title": "PSNR", "verdict": "reconstruction", "better": "higher", "unit": "dB", "regime": "all", "version": 1}


@pytest.fixture
def data() -> dict[str, Any]:
    """A record as plain JSON values."""
    return {
        "schema": SCHEMA,
        "id": TRIAL.id,
        "trial": TRIAL.to_json(),
        "settings": {"size": 28, "steps": 10},
        "status": "ok",
        "error": None,
        "metrics": {"psnr": {**CELL, "value": 21.5}, "auroc": {**CELL, "value": None, "reason": "no masks"}},
        "cost": {"seconds": 1.25},
        "curve": {"main": {"step": [0, 1], "loss": [2.0, 1.0]}},
        "inputs": {"data": "d", "components": {"model vae": 1}},
        "device": {"class": "cpu"},
        "software": {},
        "started": "2026-01-01T00:00:00Z",
    }


@pytest.fixture
def record(data: dict[str, Any]) -> Record:
    return from_json(data)


def test_what_was_written_is_read_again_and_has_the_same_bytes(tmp_path: Path, record: Record) -> None:
    store.write(tmp_path / "deep" / "a.json", record)
    again = store.read(tmp_path / "deep" / "a.json")
    assert again == record
    store.write(tmp_path / "b.json", again)
    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "deep" / "a.json").read_bytes()


def test_bytes_do_not_depend_on_the_order_in_which_metrics_came(record: Record) -> None:
    turned = replace(record, metrics=dict(reversed(record.metrics.items())))
    assert dumps(to_json(turned)) == dumps(to_json(record))


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a full disk does: a write fails half-way."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_failure_in_the_middle_leaves_the_old_record_and_no_debris(
    tmp_path: Path, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    store.write(path, record)
    before = path.read_bytes()
    newer = replace(record, started="2027-01-01T00:00:00Z")
    with files_of_at_most(100), pytest.raises(OSError, match="File too large"):
        store.write(path, newer)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    for owner, name in ((os, "fsync"), (Path, "replace")):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(owner, name, fail)
            store.write(path, newer)
        assert path.read_bytes() == before
        assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_record_can_be_read_by_whoever_may_read_new_files(tmp_path: Path, record: Record) -> None:
    store.write(tmp_path / "a.json", record)
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "a.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


def put(data: dict[str, Any], field: str, value: Any) -> None:
    *way, last = field.split(".")
    for part in way:
        data = data[part]
    if value is ...:
        del data[last]
    else:
        data[last] = value


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("schema", "vaebench/record@2", "field 'schema'"),
        ("id", "0123456789ab", "id 0123456789ab does not belong to its trial"),
        ("id", 7, "field 'id'"),
        ("status", "fine", "field 'status'"),
        ("status", "failed", "needs `error`"),
        ("trial", [], "field 'trial'"),
        ("trial.seed", "0", "field 'trial.seed'"),
        ("trial.seed", True, "field 'trial.seed'"),
        ("trial.seed", 1, "does not belong"),
        ("trial.suite", None, "field 'trial.suite'"),
        ("trial.dataset", None, "field 'trial.dataset'"),
        ("trial.model", "vae", "field 'trial.model'"),
        ("trial.loss", "bce", "field 'trial.loss'"),
        ("trial.colour", "red", "field 'trial': Object contains unknown field `colour`"),
        ("settings.colour", "red", "field 'settings': Object contains unknown field `colour`"),
        ("metrics", None, "field 'metrics'"),
        ("metrics.psnr", 21.5, "field 'metrics.psnr'"),
        ("metrics.psnr.better", ..., "field 'metrics.psnr': Object missing required field `better`"),
        ("metrics.psnr.better", "up", "field 'metrics.psnr.better'"),
        ("metrics.psnr.value", None, "field 'metrics.psnr': the metric has neither"),
        ("metrics.psnr.value", True, "field 'metrics.psnr.value'"),
        ("metrics.psnr.value", "21", "field 'metrics.psnr.value'"),
        ("metrics.auroc.reason", "", "field 'metrics.auroc': the metric has neither"),
        ("inputs.data", ..., "field 'inputs': Object missing required field `data`"),
        ("inputs.components", None, "field 'inputs.components'"),
        ("device.class", ..., "field 'device': Object missing required field `class`"),
        ("started", 5, "field 'started'"),
    ],
)
def test_validation_names_the_field(data: dict[str, Any], tmp_path: Path, field: str, value: Any, named: str) -> None:
    put(data, field, value)
    with pytest.raises(BadRecord, match=re.escape(named)):
        from_json(data)
    (tmp_path / "b.json").write_text(json.dumps(data))
    with pytest.raises(BadRecord, match=rf"b\.json .*{re.escape(named)}"):
        store.read(tmp_path / "b.json")


def test_a_failure_needs_its_kind(data: dict[str, Any]) -> None:
    data |= {"status": "failed", "error": {"kind": "oom", "message": ""}}
    assert from_json(data).error == Failure("oom", "")
    for wrong in (None, "oom", {"kind": "bad luck", "message": ""}):
        with pytest.raises(BadRecord, match="error"):
            from_json({**data, "error": wrong})


def test_what_a_typed_record_cannot_hold_is_not_written(tmp_path: Path, record: Record) -> None:
    record.trial = Trial.from_json({**TRIAL.to_json(), "seed": 1})
    with pytest.raises(BadRecord, match="does not belong"):
        store.write(tmp_path / "a.json", record)
    assert not list(tmp_path.iterdir())


def half(text: str) -> str:
    return text[: len(text) // 2]


@pytest.mark.parametrize(
    "spoil",
    [
        half,
        lambda text: "",
        lambda text: "[]",
        lambda text: "null",
        lambda text: "[" * 100_000,
        lambda text: text.replace("21.5", "NaN"),
        lambda text: text.replace("21.5", "1e999"),
        lambda text: text.replace("1.25", "Infinity"),
        lambda text: text.replace("21.5", "1" + "0" * 400).replace("value", "worth"),
    ],
)
def test_files_that_are_no_records_say_so_and_what_to_do(
    tmp_path: Path, record: Record, spoil: Callable[[str], str]
) -> None:
    path = tmp_path / "a.json"
    path.write_text(spoil(dumps(to_json(record))))
    with pytest.raises(BadRecord, match=r"a\.json .*delete it to run the trial again"):
        store.read(path)


def test_bytes_that_are_no_text_are_no_record(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadRecord, match="not a valid record"):
        store.read(tmp_path / "a.json")


def test_nan_is_refused_wherever_it_stands(tmp_path: Path, record: Record) -> None:
    def cost(one: Record) -> None:
        one.cost.seconds = float("nan")

    def curve(one: Record) -> None:
        one.curve["main"]["loss"] = [float("nan")]

    def value(one: Record) -> None:
        one.metrics["psnr"].value = float("nan")

    def error(one: Record) -> None:
        one.metrics["psnr"].error = float("inf")

    for spoil in (cost, curve, value, error):
        spoiled = copy.deepcopy(record)
        spoil(spoiled)
        with pytest.raises(ValueError, match="JSON"):
            store.write(tmp_path / "a.json", spoiled)
    assert not list(tmp_path.iterdir())


def test_a_scan_gives_good_records_and_names_the_others(tmp_path: Path, record: Record) -> None:
    path = store.path_of(tmp_path, TRIAL, "cpu")
    track = store.folder_of(tmp_path, TRIAL)
    store.write(path, record)
    (path.parent / "vae-0123456789ab.json").write_bytes(path.read_bytes())  # a copy would count the trial twice
    (path.parent / "zero.json").write_text("")
    (path.parent / f".{path.name}.x.json").write_text("half")
    (track / "leaderboard.json").write_text("{}")
    found = {file.name: outcome for file, outcome in store.scan(track)}
    assert found.pop(path.name) == record
    assert {name: type(outcome) for name, outcome in found.items()} == {
        "vae-0123456789ab.json": BadRecord,
        "zero.json": BadRecord,
    }


@pytest.mark.parametrize("name", ["../../etc/x", "a/b", "..", ".hidden", "a\\b", "con:x", "ü[1]", ""])
def test_no_name_leads_out_of_the_results_folder(tmp_path: Path, name: str) -> None:
    trial = Trial(f"{name}@1", name, name, Spec(name), Spec(name), None, "all", 0)
    path = store.path_of(tmp_path, trial, "cpu")
    assert path.resolve().is_relative_to(tmp_path.resolve())
    assert len(path.relative_to(tmp_path).parts) == 6
    assert not any(part.startswith(".") for part in path.relative_to(tmp_path).parts)


def test_where_a_record_lies() -> None:
    path = store.path_of(Path("results"), TRIAL, "cpu")
    assert path == Path(f"results/smoke@1/smoke/phantom/cpu/xray/vae-{TRIAL.id}.json")
    assert store.artifacts_of(path) == Path(f"results/smoke@1/smoke/phantom/cpu/xray/vae-{TRIAL.id}")
