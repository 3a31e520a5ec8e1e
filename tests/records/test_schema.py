"""The published schemas accept what vaebench writes, and refuse what it refuses to read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from laboratory import job, run_job
from records_made import field, metric, record
from records_made import made as board_of

from vaebench.leaderboard.runs import Entrant
from vaebench.records import record as definition
from vaebench.records.record import Record, dumps
from vaebench.report import export


def schema(name: str) -> Draft202012Validator:
    document = {"board": export, "record": definition}[name].json_schema()
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def everything() -> list[Record]:
    made = [r for place in ("chest", "knee") for r in field({"vae": 0.9, "pca": 0.7}, dataset=place)]
    made += field({"vae": 0.8, "half": 0.7}, name="auroc", shortcuts={"sharpness": 0.7})
    for number, seed in product(range(3), range(5)):
        fd = metric("fd", 1.0 + number, verdict="generation")
        made.append(record(f"flow-{number}", {"kid": float(number), "fd": fd}, seed=seed))
    made += [record("gan", error=("nan", "diverged")), record("vq", status="timeout", error=("timeout", "an hour"))]
    made += [record("pca", {"kid": metric("kid", None, "no prior"), "ms-ssim": metric("ms-ssim", 0.9, optimised=True)})]
    parts = {"left": {"value": 21.0, "error": None, "n": 7}}
    made += [record("pca", {"psnr": metric("psnr", 20.0, parts=parts)}, seed=1)]
    made += [record("vae", {"psnr": 20.0}, seed=9)]
    watched = metric("auroc", 0.7, follows={"contrast": 0.5}, beside={"PSNR": 20.0})
    made += field({"vae": 0.8, "raw": 0.6}, name="svc")
    made += [record("watched", {"auroc": watched}, regime="healthy")]
    return [*made, record("old", {"svc": 0.5}, digest="d0", started="2025-01-01T00:00:00Z")]


def test_boards_keep_their_schema() -> None:
    raw = (Entrant("raw", "bce"),)
    rules = {"datasets": ("chest",), "data": {"chest": "d1", "knee": "d1"}, "floors": raw, "untrained": raw}
    for made in (everything(), []):
        found = board_of(made, seeds=tuple(range(5)), **rules)
        document = json.loads(export.to_json(found))
        schema("board").validate(document)
        assert not made or all(document[name] for name in document), "every list has an entry to hold to the schema"
    assert list(schema("board").schema["$defs"]["Row"]["properties"]) == list(export.KINDS)
    assert schema("board").schema["$id"] == export.SCHEMA and schema("record").schema["$id"] == definition.SCHEMA


def test_a_board_with_an_unknown_field_is_refused() -> None:
    document = json.loads(export.to_json(board_of(everything())))
    document["rows"][0]["p"] = 0.01
    assert [list(error.path)[:1] for error in schema("board").iter_errors(document)] == [["rows"]]


@pytest.mark.parametrize("model", ["steady", "diverging"])
def test_what_a_worker_writes_keeps_the_schema(tmp_path: Path, lab: Any, model: str) -> None:
    schema("record").validate(json.loads(dumps(definition.to_json(run_job(job(tmp_path, model, regime="healthy"))))))


BREAKS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another schema": lambda r: r.update(schema="vaebench/record@2"),
    "no cost": lambda r: r.pop("cost"),
    "no data digest": lambda r: r["inputs"].pop("data"),
    "no device class": lambda r: r["device"].pop("class"),
    "seed as text": lambda r: r["trial"].update(seed="0"),
    "a loss without a name": lambda r: r["trial"].update(loss={"params": {}}),
    "an unknown field of a trial": lambda r: r["trial"].update(host="me"),
    "another status": lambda r: r.update(status="skipped"),
    "failed, and no error": lambda r: r.update(status="failed"),
    "failed in an unknown way": lambda r: r.update(status="failed", error={"kind": "?", "message": ""}),
    "no title": lambda r: r["metrics"]["svc"].pop("title"),
    "no direction": lambda r: r["metrics"]["svc"].update(better="up"),
    "version as text": lambda r: r["metrics"]["svc"].update(version="1"),
    "value as text": lambda r: r["metrics"]["svc"].update(value="0.5"),
    "value as truth": lambda r: r["metrics"]["svc"].update(value=True),
    "a correlation above one": lambda r: r["metrics"]["svc"].update(follows={"contrast": 1.1}),
    "a part that is no number": lambda r: r["metrics"]["svc"].update(parts={"left": {"value": "0.5"}}),
    "a part without its fields": lambda r: r["metrics"]["svc"].update(parts={"left": 0.5}),
    "parts without names": lambda r: r["metrics"]["svc"].update(parts=[0.5]),
    "no value, no reason": lambda r: r["metrics"]["svc"].update(value=None),
    "no value, an empty reason": lambda r: r["metrics"]["svc"].update(value=None, reason=""),
    "a shortcut beyond one": lambda r: r["inputs"].update(shortcuts={"size": 1.2}),
    "a shape of two sides": lambda r: r["inputs"].update(shape=[8, 8]),
}


def test_the_schema_accepts_good_records() -> None:
    for made in everything():
        schema("record").validate(definition.to_json(made))


@pytest.mark.parametrize("how", BREAKS)
def test_the_schema_refuses_what_is_not_read(how: str) -> None:
    broken = copy.deepcopy(definition.to_json(record(metrics={"svc": 0.5})))
    BREAKS[how](broken)
    with pytest.raises(definition.BadRecord):
        definition.from_json(broken)
    assert list(schema("record").iter_errors(broken))


def test_the_schema_names_every_field_that_a_record_holds(tmp_path: Path, lab: Any) -> None:
    """The first edition's lacked five."""

    def known(about: Any, defs: Any) -> Any:
        return defs[about["$ref"].rpartition("/")[2]] if "$ref" in about else about

    made, whole = definition.to_json(run_job(job(tmp_path, regime="healthy"))), schema("record").schema
    assert set(made) <= set(whole["properties"])
    for name in ("trial", "settings", "cost", "inputs", "device"):
        assert set(made[name]) <= set(known(whole["properties"][name], whole["$defs"])["properties"]), name
    for cell in made["metrics"].values():
        assert set(cell) <= set(whole["$defs"]["Cell"]["properties"])
