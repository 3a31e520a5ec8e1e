"""`vaebench leaderboard` chooses what it prints; its files always hold everything."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from records_made import field, record

from vaebench.cli import main
from vaebench.records import store
from vaebench.trial import Trial


@pytest.fixture
def results(tmp_path: Path) -> Path:
    made = [r for name in ("chest", "knee") for r in field({"vae": 0.9, "pca": 0.7}, dataset=name, suite="medical@1")]
    made += [record("vae", {"psnr": 20.0, "svc": 0.5}, seed=9, suite="medical@1")]
    made += [record(f"gan-{n}", error=("nan", f"reason {n}"), dataset="knee", suite="medical@1") for n in range(20)]
    for one in made:
        store.write(store.path_of(tmp_path, Trial.from_json(one["trial"]), "cpu"), one)
    return tmp_path


def leaderboard(results: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["leaderboard", "--results", str(results), *words], env={"COLUMNS": "200"})


def test_metrics_and_a_dataset_may_be_chosen(results: Path) -> None:
    said = leaderboard(results, "--metric", "psnr", "--metric", "svc", "--dataset", "chest", "--format", "csv").stdout
    rows = list(csv.DictReader(said.splitlines()))
    assert {(row["metric"], row["dataset"]) for row in rows} == {("psnr", "chest"), ("svc", "chest")}
    with (results / "medical@1" / "quick" / "phantom" / "leaderboard.csv").open() as file:
        assert {row["dataset"] for row in csv.DictReader(file)} == {"chest", "knee"}


def test_output_holds_what_was_chosen(results: Path, tmp_path: Path) -> None:
    leaderboard(results, "--dataset", "knee", "--format", "csv", "--output", str(tmp_path / "knee.csv"))
    with (tmp_path / "knee.csv").open() as file:
        assert {row["dataset"] for row in csv.DictReader(file)} == {"knee"}


def test_all_prints_every_table_and_note(results: Path) -> None:
    usual, everything = leaderboard(results).stdout, leaderboard(results, "--all").stdout
    assert "on chest" not in usual and "reason 9" not in usual and "8 more, with --all" in usual
    assert (
        "Reconstruction on chest" in everything and "Reconstruction on knee" in everything and "reason 9" in everything
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--metric", "psnt"], "Did you mean 'psnr'"), (["--dataset", "chst"], "Did you mean 'chest'")],
)
def test_what_is_not_there_is_told(results: Path, words: list[str], told: str) -> None:
    said = leaderboard(results, *words)
    assert said.exit_code == 2 and told in said.stderr
