"""`vaebench verify-results`: what is as it was written passes, and every kind of change is found."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from laboratory import Lab
from records_made import metric, record
from safetensors.torch import load_file, save_file

from vaebench.cli import main
from vaebench.components.discovery import installed
from vaebench.planning.suite import find
from vaebench.records import store
from vaebench.records.record import Record, dumps, from_json
from vaebench.trial import Trial
from vaebench.verification import remeasure
from vaebench.verification.named import named, needed

MODEL = "steady-*.json"


@pytest.fixture(scope="module")
def handed_in(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of the suite `lab` leaves."""
    results = tmp_path_factory.mktemp("handed") / "results"
    ran = CliRunner().invoke(main, ["run", "--suite", "lab", "--source", "phantom", "--results", str(results)])
    assert ran.exit_code == 0, ran.output
    return results


@pytest.fixture
def results(handed_in: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(handed_in, tmp_path / "results"))


def verify(folder: Path, *words: str, sample: int = 0) -> Result:
    return CliRunner().invoke(main, ["verify-results", str(folder), "--sample", str(sample), *words])


def one(results: Path) -> Path:
    return min(results.rglob(MODEL))


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """As vaebench itself would have written it."""
    record = json.loads(path.read_text())
    change(record)
    path.write_text(dumps(record))


def test_what_a_run_leaves_is_good(results: Path) -> None:
    before = {path: path.read_bytes() for path in results.rglob("*.*") if path.is_file()}
    said = verify(results, sample=2)
    assert said.exit_code == 0, said.output
    assert "4 records in 1 track\n4 records with matching weights\n1 track with boards that match" in said.output
    assert said.output.count("numbers are identical") == 2 and said.output.endswith("No problem found.\n")
    assert {path: path.read_bytes() for path in results.rglob("*.*") if path.is_file()} == before, "nothing is changed"


@pytest.mark.parametrize("below", ["lab@1", "lab@1/tiny/phantom", "lab@1/tiny/phantom/cpu/lab-xray"])
def test_a_part_can_be_verified(results: Path, below: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verify(results / below).exit_code == 0
    monkeypatch.chdir(results / below)
    said = verify(Path())
    assert said.exit_code == 0 and "4 records in 1 track" in said.output


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a field of another type": (
        lambda r: r["cost"].update(parameters="many"),
        "field 'cost.parameters': Expected",
    ),
    "no digest": (lambda r: r["inputs"].update(data="abc"), "its data digest is not a SHA-256 digest"),
    "another metric version": (lambda r: r["metrics"]["lab-residual"].update(version=7), "has version 7"),
    "a home": (lambda r: r["software"].update(torch="/home/me/torch"), "it contains a local path: /home/me/torch"),
    "a path": (lambda r: r["metrics"]["lab-residual"].update(variant="C:\\data\\x"), "it contains a local path"),
    "the future": (lambda r: r.update(started="2999-01-01T00:00:00Z"), "is in the future"),
    "no time": (lambda r: r.update(started="yesterday"), "is not a valid start time"),
    "fewer steps": (lambda r: r["settings"].update(steps=1), "its settings differ from those of lab@1 / tiny: steps"),
    "other weights": (lambda r: r.update(weights="0" * 64), "does not match the digest in the record"),
    "a better number": (
        lambda r: r["metrics"]["lab-residual"].update(value=0.0),
        "it differs from the board of these records",
    ),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_changed_record_is_found(results: Path, how: str) -> None:
    change, told = CHANGES[how]
    rewrite(one(results), change)
    said = verify(results)
    assert said.exit_code == 1 and told in said.output, said.output
    assert one(results).name in said.output or "leaderboard" in said.output


def test_a_trial_that_is_not_of_the_suite_is_found(results: Path) -> None:
    changes = [
        ("preset", "huge", "has no preset 'huge'"),
        ("suite", "lab@2", "suite lab@2 is not known here (the suite here is lab@1)"),
        ("source", "../../x", "its source is '../../x'"),
        ("regime", "some", "its regime is 'some'"),
    ]
    for number, (key, value, told) in enumerate(changes):
        record = json.loads(one(results).read_text())
        record["trial"][key] = value
        trial = Trial.from_json(record["trial"])
        folder = results.parent / str(number)
        store.write(store.path_of(folder, trial, "cpu"), from_json(record | {"id": trial.id}))
        said = verify(folder)
        assert said.exit_code == 1 and told in said.output, said.output


EDITS: dict[str, tuple[Callable[[str], str], str]] = {
    "by hand": (lambda text: text.replace('"status": "ok"', '"status":  "ok"'), "edited by hand"),
    "twice": (
        lambda text: text.replace(' "status"', ' "status": "failed",\n "status"', 1),
        "a field occurs twice",
    ),
    "infinite": (lambda text: text.replace('"seconds": ', '"seconds": 1e999, "other": '), "Number out of range"),
    "cut": (lambda text: text[:100], "truncated"),
    "another id": (lambda text: re.sub('"id": "..', '"id": "00', text), "does not belong to its trial"),
    "another trial": (lambda text: text.replace('"seed": 0', '"seed": 5'), "does not belong to its trial"),
    "deep": (lambda text: text.replace('"error": null', f'"error": {"[" * 9000}{"]" * 9000}'), "field 'error'"),
    "huge": (lambda text: text + " " * 2**20, "more than the limit of"),
}


@pytest.mark.parametrize("how", EDITS)
def test_an_edited_file_is_found(results: Path, how: str) -> None:
    edit, told = EDITS[how]
    path = one(results)
    path.write_text(edit(path.read_text()))
    said = verify(results)
    assert said.exit_code == 1 and told in said.output, said.output


def copy(path: Path, name: str) -> None:
    shutil.copy(path, path.with_name(name))


PLACES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "another name": (lambda path: copy(path, f"mine-{path.stem[-12:]}.json"), "it belongs at"),
    "no id": (lambda path: copy(path, "mine.json"), "the name of a record's file must end with the id"),
    "another device": (lambda path: shutil.copytree(path.parents[1], path.parents[2] / "cuda"), "it belongs at"),
    "twice": (lambda path: shutil.copytree(path.parents[5], path.parents[5] / "again"), "records the same trial as"),
    "a link": (lambda path: path.with_name("x").symlink_to("/etc"), "x: it is a link"),
    "a lost record": (Path.unlink, "leaderboard.csv: it differs from the board of these records from line"),
    "no board": (lambda path: (path.parents[2] / "leaderboard.md").unlink(), "leaderboard.md: it is missing"),
    "a foreign board": (lambda path: (path.parents[2] / "boards/x.md").write_text("x"), "no board of these records"),
    "an edited board": (
        lambda path: (path.parents[2] / "boards/cost.md").write_text("# mine\n"),
        "cost.md: it differs from the board of these records from line 1 on",
    ),
}


@pytest.mark.parametrize("how", PLACES)
def test_files_out_of_place_are_found(results: Path, how: str) -> None:
    change, told = PLACES[how]
    change(one(results))
    said = verify(results)
    assert said.exit_code == 1 and told in said.output, said.output


def test_a_number_that_the_weights_do_not_give_is_found(results: Path) -> None:
    for path in results.rglob(MODEL):
        rewrite(path, lambda r: r["metrics"]["lab-residual"].update(value=r["metrics"]["lab-residual"]["value"] * 0.9))
    CliRunner().invoke(main, ["leaderboard", "--suite", "lab", "--results", str(results)])
    assert verify(results).exit_code == 0, "boards and records agree"
    said = verify(results, sample=9)
    assert said.exit_code == 1 and said.output.count("but the weights give") == 4, said.output


def test_weights_of_another_model_are_found(results: Path) -> None:
    weights = store.weights_of(one(results))
    tensors = load_file(weights)
    save_file({**tensors, "up.weight": tensors["up.weight"][:1]}, weights)
    digest = sha256(weights.read_bytes()).hexdigest()
    rewrite(one(results), lambda r: r.update(weights=digest))
    said = verify(results, sample=9)
    assert said.exit_code == 1 and "the weights do not fit the model" in said.output, said.output
    weights.write_bytes(b"no tensors")
    rewrite(one(results), lambda r: r.update(weights=sha256(b"no tensors").hexdigest()))
    assert "the weights cannot be read" in verify(results, sample=9).output


def test_what_cannot_be_measured_here_is_told_and_no_problem(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remeasure, "versions_of", lambda *_: {"model steady": 2})
    said = verify(results, sample=1)
    assert said.exit_code == 0 and "the record was made with other versions: model steady 1 (here 2)" in said.output


PLUGIN = """
import os
from pathlib import Path

from vaebench import hookimpl

with Path(os.environ["IMPORTED"]).open("a") as log:
    log.write("imported\\n")


@hookimpl
def vaebench_metrics():
    return []
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "how", ["not", pytest.param("as installed", marks=pytest.mark.long), "as the owner of a metric"]
)
def test_only_plugins_that_the_records_name_are_imported(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    about = tmp_path / "site" / "acme-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[vaebench]\nmain = acme_of_a_stranger\n")
    (tmp_path / "site" / "acme_of_a_stranger.py").write_text(PLUGIN)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path / "site"), os.environ["PYTHONPATH"])))
    monkeypatch.setenv("IMPORTED", str(tmp_path / "imported"))
    for path in results.rglob(MODEL):
        if how != "not":
            rewrite(path, lambda r: r["software"]["plugins"].update(acme="1.0"))
        if how == "as the owner of a metric":
            rewrite(path, lambda r: r["inputs"]["components"].update({"metric acme:theirs": 1}))
    CliRunner().invoke(main, ["leaderboard", "--suite", "lab", "--results", str(results)])
    code = "from vaebench.cli import main; main(prog_name='vaebench')"
    words = [sys.executable, "-P", "-c", code, "verify-results", str(results), "--sample", "2"]
    said = subprocess.run(words, capture_output=True, text=True)
    assert said.returncode == 0, said
    assert said.stdout.count("numbers are identical") == 2, said
    assert (tmp_path / "imported").exists() == (how != "not"), "any that is named may have the suite"


def test_what_records_are_made_of_tells_the_plugins_that_are_needed(results: Path) -> None:
    for path in results.rglob(MODEL):
        rewrite(path, lambda r: r["software"]["plugins"].update(acme="1.0"))
    made, suite = store.read(one(results)), find("lab", installed())
    assert named([made]) >= {"vaebench", "vaebench-lab", "acme"}
    assert needed([(made, suite)]) == {"vaebench", "vaebench-lab"}
    assert needed([(made, replace(suite, home=None))]) == named([made]), "no name tells the owner"


def test_the_tolerance_is_a_twentieth_of_the_error() -> None:
    def cell(value: float, **more: Any) -> Record:
        return record(metrics={"m": metric("m", value, **{"error": 0.1, "n": 9, **more})})

    def told(one: Record, other: Record) -> tuple[list[str], int, int]:
        found = remeasure.compare(one, other)
        return found.told, len(found.exact), len(found.close)

    assert told(cell(1.0), cell(1.0)) == ([], 1, 0)
    assert told(cell(1.0), cell(1.004)) == ([], 0, 1)
    assert told(cell(1.0), cell(1.006))[0] == ["metric 'm' is 1, but the weights give 1.006"]
    assert told(cell(1.0, error=None), cell(1.00005, error=None)) == ([], 0, 1)
    assert told(cell(1.0, error=None), cell(1.0002, error=None))[0]
    assert told(cell(1.0, error=0.01), cell(1.0))[0], "an error that is smaller than it should be"
    assert told(cell(1.0, replicates=[1.0, 0.9]), cell(1.0, replicates=[1.0, 1.1]))[0]
    assert told(cell(1.0, replicates=[1.0, None]), cell(1.0, replicates=[1.001, None])) == ([], 0, 1)
    assert told(cell(1.0, version=2), cell(5.0)) == ([], 0, 0), "another version is another question"


def test_names_of_strangers_stay_text(results: Path) -> None:
    record = json.loads(one(results).read_text())
    record["trial"]["model"]["name"] = "\x1b[31m[bold]evil[/bold]"
    trial = Trial.from_json(record["trial"])
    path = store.path_of(results, trial, "cpu")
    path.write_text(dumps(record | {"id": trial.id, "started": "[red]\x1b[31m"}))
    said = verify(results)
    assert said.exit_code == 1 and "\x1b" not in said.output and "[red]" in said.output


def test_a_folder_without_records_is_a_mistake(tmp_path: Path) -> None:
    assert verify(tmp_path).exit_code == 2
