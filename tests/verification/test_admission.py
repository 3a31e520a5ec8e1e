"""Every way past `verify-results` that somebody found: refused, or no more than *reported*."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from laboratory import Lab

from vaebench.cli import main
from vaebench.records import manifest, store
from vaebench.records.record import dumps, from_json
from vaebench.trial import Trial


def vaebench(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def trained(folder: Path, *words: str) -> Path:
    results = folder / "results"
    ran = vaebench("run", "--suite", "lab", "--source", "phantom", "--results", str(results), *words)
    assert ran.exit_code == 0, ran.output
    return results


@pytest.fixture(scope="module")
def handed_in(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("handed"), "-m", "steady")


@pytest.fixture
def results(handed_in: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(handed_in, tmp_path / "results"))


def records(results: Path) -> Iterator[Path]:
    return (path for path in sorted(results.rglob("*.json")) if store.FILE_NAME.fullmatch(path.name))


def change(results: Path, edit: Callable[[dict[str, Any]], Any], regime: str = "all") -> None:
    """Edit the records of a regime as vaebench itself would have written them, and make the boards again."""
    for path in records(results):
        record = json.loads(path.read_text())
        if record["trial"]["regime"] == regime:
            edit(record)
            path.write_text(dumps(record))
    board(results)


def board(results: Path) -> None:
    assert vaebench("leaderboard", "--suite", "lab", "--results", str(results)).exit_code == 0


def verify(results: Path, *words: str) -> Result:
    said = vaebench("verify-results", str(results), *words)
    assert said.exit_code in (0, 1), said
    return said


def count(said: Result, tier: str) -> int:
    return int(next(line for line in said.output.splitlines() if line.startswith(f"{tier} ")).split()[1])


def better(cell: dict[str, Any], factor: float) -> None:
    cell.update(value=cell["value"] * factor, replicates=[value * factor for value in cell["replicates"]])


IMPOSSIBLE: dict[str, tuple[str, Callable[[dict[str, Any]], Any], str]] = {
    "a value beyond its range": (
        "all", lambda r: r["metrics"]["lab-residual"].update(value=5.8), "is 5.8, outside its range, 0 to 1"
    ),
    "an error beyond its range": (
        "all", lambda r: r["metrics"]["lab-residual"].update(error=7.0), "the error is 7, impossible"
    ),
    "fewer parameters": ("all", lambda r: r["cost"].update(parameters=9, parts={}), "cost.parameters is 9"),
    "a faster training": ("all", lambda r: r["cost"].update(train_seconds=100.0, seconds=200.0), "images_per_second"),
    "a shorter trial": ("all", lambda r: r["cost"].update(seconds=0.0, train_seconds=9.0), "cost.seconds is 0.0"),
    "a shortcut": (
        "healthy", lambda r: r["inputs"]["shortcuts"].update({"contrast": 0.5}), "its shortcut 'contrast' is 0.500"
    ),
    "no shortcuts": ("healthy", lambda r: r["inputs"].pop("shortcuts"), "its shortcuts are none"),
    "a zeroed digest": ("all", lambda r: r["inputs"].update(data="0" * 64), "its data digest is not that of lab-xray"),
}  # fmt: skip


@pytest.mark.parametrize("how", IMPOSSIBLE)
def test_what_cannot_be_is_refused(results: Path, how: str) -> None:
    regime, edit, told = IMPOSSIBLE[how]
    for path in results.rglob(store.WEIGHTS):
        path.unlink()  # nothing but the record speaks against it
    change(results, edit, regime)
    said = verify(results)
    assert said.exit_code == 1 and told in said.output, said.output
    assert (count(said, "refused"), count(said, "reported")) == (1, 1)


def test_an_edited_number_is_reported_without_weights_and_refused_with_them(results: Path, tmp_path: Path) -> None:
    change(results, lambda r: better(r["metrics"]["lab-residual"], 0.9))
    said = verify(results, "--sample", "all")
    assert said.exit_code == 1 and "the weights give" in said.output
    assert (count(said, "refused"), count(said, "re-measured")) == (1, 1)
    for path in results.rglob(store.WEIGHTS):
        path.unlink()
    assert count(verify(results, "--sample", "all"), "reported") == 2


def test_a_headline_number_that_was_left_out_keeps_a_record_from_being_remeasured(results: Path) -> None:
    change(results, lambda r: r["metrics"].pop("lab-residual"))
    assert count(verify(results, "--sample", "all"), "re-measured") == 1


def test_an_invented_model_is_at_most_reported_and_told(results: Path) -> None:
    for path in list(records(results)):
        record = json.loads(path.read_text())
        record["trial"]["model"]["name"] = "marvel"
        record["inputs"]["components"]["model marvel"] = record["inputs"]["components"].pop("model steady")
        trial = Trial.from_json(record["trial"])
        copied = store.path_of(results, trial, "cpu")
        store.write(copied, from_json(record | {"id": trial.id}))
        shutil.copytree(store.artifacts_of(path), store.artifacts_of(copied))
    board(results)
    said = verify(results, "--sample", "all")
    assert "2 records get at most the tier reported: There is no model 'marvel'" in said.output, said.output
    assert (count(said, "re-measured"), count(said, "reported")) == (2, 2)


def test_a_record_that_is_gone_or_changed_is_missed(results: Path) -> None:
    said = verify(results, "--sample", "all", "--write")
    assert said.exit_code == 0, said.output
    (track,) = (path.parent for path in results.rglob(manifest.NAME))
    one, other = records(results)
    assert manifest.tiers(track) == {one: "re-measured", other: "re-measured"}
    board(results)  # which tell the tiers
    assert verify(results, "--sample", "0").exit_code == 0
    one.unlink()
    change(
        results, lambda r: better(r["metrics"]["lab-residual"], 0.9), json.loads(other.read_text())["trial"]["regime"]
    )
    said = verify(results, "--sample", "0", "--write")
    assert said.exit_code == 1 and "which is missing" in said.output and "differs from the record listed" in said.output
    assert manifest.tiers(track) == {}, "a tier is of the record as it was"
    assert "which is missing" in verify(results, "--sample", "0").output, "writing again forgets nobody"


def test_the_manifest_of_a_stranger_is_only_text(results: Path) -> None:
    track = next(records(results)).parents[2]
    for text in ("{", '{"schema": "vaebench/manifest@1", "records": {"../../x.json": {"sha256": "%s"}}}' % ("0" * 64)):
        (track / manifest.NAME).write_text(text)
        assert "the manifest cannot be read" in verify(results, "--sample", "0").output
        assert manifest.tiers(track) == {}


def test_trained_again_to_the_same_bits(results: Path) -> None:
    for path in results.rglob(store.WEIGHTS):
        path.unlink()
    said = verify(results, "--sample", "0", "--reproduce", "all")
    assert said.exit_code == 0 and count(said, "reproduced") == 2, said.output
    change(results, lambda r: r.update(weights="0" * 64))
    said = verify(results, "--sample", "0", "--reproduce", "all")
    assert said.exit_code == 1 and "gives different weights" in said.output and count(said, "reproduced") == 1


def test_memorised_test_images_are_found_on_patients_nobody_has_seen(lab: Lab, tmp_path: Path) -> None:
    results = trained(tmp_path, "-m", "memoriser", "-m", "steady")
    said = verify(results, "--sample", "all")
    assert said.exit_code == 0 and count(said, "re-measured") == 4, "its numbers are those of its weights"
    said = verify(results, "--sample", "all", "--fresh")
    assert said.exit_code == 1 and said.output.count("the model memorised the test images") == 2, said.output
    assert all("memoriser" in line for line in said.output.splitlines() if "memorised the test images" in line)
    assert (count(said, "re-measured"), count(said, "refused")) == (2, 2)
