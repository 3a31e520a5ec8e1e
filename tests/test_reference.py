"""The reference results that come with the repository stand in nobody's way, and can be read by their name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from records_made import field

import vaebench
from vaebench.cli import main
from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.planning.plan import Request, make_plan
from vaebench.planning.suite import find
from vaebench.records import store
from vaebench.running.sweep import make_ready

PUBLISHED = Path(__file__).parent.parent / "results" / store.REFERENCE


def said(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, list(words), env={"COLUMNS": "200"})
    assert done.exit_code == code, done.output
    return done.output


def keep(folder: Path, models: dict[str, float]) -> None:
    for one in field(models, suite="medical@1"):
        store.write(store.path_of(folder, one.trial, "cpu"), one)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of a fresh clone."""
    folder = tmp_path_factory.mktemp("clone") / "results"
    shutil.copytree(PUBLISHED, folder / store.REFERENCE)
    return folder


@pytest.mark.parametrize("suite", ["smoke", "medical"])
def test_a_run_in_a_fresh_clone_has_everything_to_do(fresh: Path, suite: str) -> None:
    asked = ("run", "--suite", suite, "--source", "phantom", "--preset", "auto", "--device", "cpu", "--dry-run")
    told = said(*asked, "--results", str(fresh))
    assert "done already" not in told and "Estimated time" in told


def test_the_reference_is_of_the_suites_trials_and_of_the_images_that_are_drawn_today(fresh: Path) -> None:
    """Its methods and metrics may be of earlier versions, as results/README.md says."""
    request = Request(
        fresh / store.REFERENCE, fresh, preset="quick", source="phantom", models=["pca", "mean-image"], seeds=[0]
    )
    made = make_ready(make_plan(find("medical", installed()), request))
    assert len(made.trials) == 24
    for trial in made.trials:
        record = store.read(made.path_of(trial))
        assert record.id == trial.id
        assert record.inputs.data == made.ready[str(trial.dataset)].digest


def test_without_own_records_commands_say_where_the_reference_is(fresh: Path) -> None:
    reference = fresh / store.REFERENCE
    notes = reference / "medical@1" / "compact" / "real" / ".runs"
    notes.mkdir(exist_ok=True)
    (notes / "20260101T000000-0123456789abcdef.json").write_text("{}")  # of a run into the reference itself
    assert f"Reference results are in {reference}" in said("status", "--results", str(fresh), code=2)
    assert f"Reference results are in {reference}" in said("verify-results", str(fresh), code=2)
    with pytest.raises(UserError, match=r"There are no records in .* Reference results are in"):
        vaebench.load(fresh)


def test_no_reference_is_promised_where_there_is_none(tmp_path: Path) -> None:
    assert "Reference results" not in said("status", "--results", str(tmp_path), code=2)


def test_it_is_left_out_unless_it_is_named(tmp_path: Path) -> None:
    keep(tmp_path, {"mine": 0.9})
    keep(tmp_path / store.REFERENCE, {"theirs": 0.8, "pca": 0.7})
    assert set(vaebench.load(tmp_path).model) == {"mine"}
    assert set(vaebench.load(tmp_path / store.REFERENCE).model) == {"theirs", "pca"}
    count = len(list(tmp_path.glob("medical@1/**/*.json")))
    assert f"{count} good" in said("status", "--results", str(tmp_path))
    assert f"{2 * count} good" in said("status", "--results", str(tmp_path / store.REFERENCE))
    assert f"\n{count} records in 1 track" in "\n" + said("verify-results", str(tmp_path), code=1)
    named = said("verify-results", str(tmp_path / store.REFERENCE), code=1)  # they lack boards
    assert f"\n{2 * count} records in 1 track" in "\n" + named


def test_the_published_results_are_sound(fresh: Path) -> None:
    told = said("verify-results", str(fresh / store.REFERENCE), "--sample", "0")
    tracks = len(list(PUBLISHED.glob("*/*/*/leaderboard.json")))
    assert tracks > 4
    assert f"{tracks} tracks with boards that match the records" in told and "No problem found." in told
