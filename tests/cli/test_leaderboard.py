"""`vaebench leaderboard` chooses what it prints; its files always hold everything."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from records_made import field, record

from vaebench.cli import main
from vaebench.records import store
from vaebench.records.record import Record
from vaebench.records.store import REFERENCE

COMMAND = ["leaderboard", "--suite", str(Path(__file__).with_name("demo.toml"))]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    made = [r for name in ("chest", "knee") for r in field({"vae": 0.9, "pca": 0.7}, dataset=name)]
    made += [record("ae", {"psnr": 20.0, "svc": 0.5})]
    made += [record(f"gan-{n}", error=("nan", f"reason {n}"), dataset="knee") for n in range(20)]
    keep(tmp_path, made)
    return tmp_path


def keep(folder: Path, made: list[Record]) -> None:
    """Write them, made of no component, so that installed versions do not matter."""
    for one in made:
        bare = replace(one, inputs=replace(one.inputs, components={}))
        store.write(store.path_of(folder, one.trial, one.device.kind), bare)


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def models(said: Result) -> set[str]:
    assert said.exit_code == 0, said.output
    return {row["model"] for row in csv.DictReader(said.stdout.splitlines())} - {""}


def leaderboard(results: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*COMMAND, "--results", str(results), *words], env={"COLUMNS": "200"})


def test_metrics_and_a_dataset_may_be_chosen(results: Path) -> None:
    said = leaderboard(results, "--metric", "psnr", "--metric", "svc", "--dataset", "chest", "--format", "csv").stdout
    rows = list(csv.DictReader(said.splitlines()))
    assert {(row["metric"], row["dataset"]) for row in rows} == {("psnr", "chest"), ("svc", "chest")}
    with (results / "demo@1" / "quick" / "phantom" / "leaderboard.csv").open() as file:
        assert {row["dataset"] for row in csv.DictReader(file)} == {"chest", "knee"}


def test_output_holds_what_was_chosen(results: Path, tmp_path: Path) -> None:
    leaderboard(results, "--dataset", "knee", "--format", "csv", "--output", str(tmp_path / "knee.csv"))
    with (tmp_path / "knee.csv").open() as file:
        assert {row["dataset"] for row in csv.DictReader(file)} == {"knee"}


def test_all_prints_every_table_and_note(results: Path) -> None:
    usual, everything = leaderboard(results).stdout, leaderboard(results, "--all").stdout
    assert "Reconstruction on chest" not in usual and "reason 9" not in usual and "8 more: use --all" in usual
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


def test_without_own_records_the_reference_is_shown_and_nothing_written(tmp_path: Path) -> None:
    keep(tmp_path / REFERENCE, field({"theirs": 0.9, "pca": 0.7}))
    before = files(tmp_path)
    said = leaderboard(tmp_path)
    assert "theirs" in said.stdout and "Wrote" not in said.output
    told = f"There are no records of demo@1 in {tmp_path}; showing those in {tmp_path / REFERENCE}.\n"
    assert said.stderr == told
    assert models(leaderboard(tmp_path, "--format", "csv")) == {"theirs", "pca"}
    assert files(tmp_path) == before
    leaderboard(tmp_path, "--output", str(tmp_path / "board.md"), "--format", "md")
    assert set(files(tmp_path)) - set(before) == {tmp_path / "board.md"}


def test_own_records_are_shown_without_the_reference(results: Path) -> None:
    keep(results / REFERENCE, field({"theirs": 0.9}))
    said = leaderboard(results, "--format", "csv")
    assert {"vae", "pca"} < models(said) and "theirs" not in said.stdout and not said.stderr


def test_own_records_beside_those_of_others(results: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    others = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    for number, folder in enumerate(others):
        keep(folder, field({f"theirs-{number}": 0.8, "vae": 0.1}))
    keep(others[0], [record("theirs-0", preset="full")])
    leaderboard(results)
    before = [files(folder) for folder in (results, *others)]
    asked = [word for folder in others for word in ("--with", str(folder))]
    assert {"vae", "pca", "theirs-0", "theirs-1"} < models(leaderboard(results, *asked, "--format", "csv"))
    shown = leaderboard(results, *asked)
    assert shown.exit_code == 0 and "theirs-1" in shown.stdout and "full" not in shown.stdout
    page = leaderboard(results, *asked, "--format", "html").stdout
    assert page.count('"command":"vaebench run results/') > len(list(results.rglob("vae-*.json")))
    assert [files(folder) for folder in (results, *others)] == before
    written = leaderboard(results, *asked, "--format", "csv", "--output", str(results / "both.csv"))
    assert written.exit_code == 0 and "theirs-0" in (results / "both.csv").read_text()


@pytest.mark.parametrize("order", [1, -1])
def test_of_one_trial_in_several_folders_the_own_record_counts(tmp_path: Path, order: int) -> None:
    first, then = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"][::order]
    keep(tmp_path / "mine", [record("vae", {"svc": 0.9}, started=first)])
    keep(tmp_path / "yours", [record("vae", {"svc": 0.1}, started=then)])
    said = leaderboard(tmp_path / "mine", "--with", str(tmp_path / "yours"), "--format", "csv").stdout
    (row,) = (row for row in csv.DictReader(said.splitlines()) if row["metric"] == "svc")
    assert (float(row["value"]), row["seeds"]) == (0.9, "1")


def test_own_record_that_cannot_be_read_leaves_room_for_the_other(tmp_path: Path) -> None:
    made = [record("vae", {"svc": 0.1})]
    keep(tmp_path / "mine", [*made, record("pca", {"svc": 0.2})])
    keep(tmp_path / "yours", made)
    next((tmp_path / "mine").rglob("vae-*.json")).write_text("{")
    said = leaderboard(tmp_path / "mine", "--with", str(tmp_path / "yours"), "--format", "csv")
    assert models(said) == {"vae", "pca"} and "is not a valid record" in said.stderr


def test_a_folder_without_records_of_the_track_is_told(results: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    said = leaderboard(results, "--with", str(other))
    assert said.exit_code == 2
    assert f"There are no records of demo@1 / quick / phantom in {other}, given by --with." in said.stderr
    keep(other, [record("vae", preset="full")])
    said = leaderboard(results, "--with", str(other))
    assert said.exit_code == 2 and "For demo@1, it contains --preset full --source phantom." in said.stderr
    assert not list(results.rglob("leaderboard.*")), "it is told before anything is written"


def test_without_own_records_the_tracks_are_those_of_the_others(tmp_path: Path) -> None:
    keep(tmp_path / "yours", [record("vae", {"svc": 0.1}, preset="full")])
    said = leaderboard(tmp_path / "mine", "--with", str(tmp_path / "yours"), "--format", "csv")
    assert models(said) == {"vae"} and "There are no records of demo@1 in" in said.stderr


@pytest.mark.parametrize("words", ["", "--metric svc", "--metric svc --format html", "--dataset knee"])
def test_every_record_is_read_once(results: Path, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is made of them: boards, their files, a board of one metric, the page."""
    read, plain = Counter[Path](), store.read

    def counted(path: Path) -> Record:
        read[path] += 1
        return plain(path)

    monkeypatch.setattr(store, "read", counted)
    done = CliRunner().invoke(main, [*COMMAND, "--results", str(results), *words.split()])
    assert done.exit_code == 0, done.output
    assert len(read) > 20 and set(read.values()) == {1}
