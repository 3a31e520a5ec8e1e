"""Checkpoints at a URL: machines without a shared disk find what another one left, and a fault there costs no trial."""

from __future__ import annotations

from pathlib import Path

import pytest
from laboratory import job

from vaebench.records.record import Record
from vaebench.running.errand import Errand, fulfil
from vaebench.running.fitness import Unfit
from vaebench.running.keeper import UrlKeeper, keeper_at, place_of
from vaebench.running.worker import blank
from vaebench.training import checkpoint

pytestmark = pytest.mark.usefixtures("lab")


def at(url: str, machine: Path, fresh: bool = False) -> UrlKeeper:
    keeper = keeper_at(url, machine, "cpu", 0.0, fresh)
    assert isinstance(keeper, UrlKeeper)
    return keeper


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return blank(job(tmp_path).job, "cpu")


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}://{tmp_path}/kept"


def test_another_machine_finds_the_last_state_until_it_is_dropped(url: str, record: Record, tmp_path: Path) -> None:
    first, second = at(url, tmp_path / "one"), at(url, tmp_path / "two")
    assert second.load(record) is None
    for step in (1, 2):
        first.save(record, {"step": step})
    assert second.load(record) == {"step": 2}
    second.drop(record.trial)
    assert first.load(record) is None, "its own copy is older than what was dropped"
    second.drop(record.trial)  # once more is no fault


def test_a_fresh_run_neither_loads_nor_leaves_an_old_state(url: str, record: Record, tmp_path: Path) -> None:
    at(url, tmp_path / "one").save(record, {"step": 1})
    assert at(url, tmp_path / "two", fresh=True).load(record) is None
    assert at(url, tmp_path / "three").load(record) is None


def test_half_a_checkpoint_is_told(record: Record, tmp_path: Path) -> None:
    keeper = at(f"file://{tmp_path}/kept", tmp_path / "one")
    keeper.save(record, {"step": 1})
    (file,) = (path for path in (tmp_path / "kept").rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(checkpoint.Spoiled, match="checksum"):
        at(f"file://{tmp_path}/kept", tmp_path / "two").load(record)


def test_a_place_that_takes_nothing_is_an_error_that_training_survives(record: Record, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"a file where a folder should be")
    keeper = at(f"file://{tmp_path}/kept", tmp_path / "one")
    with pytest.raises(OSError):
        keeper.save(record, {"step": 1})
    keeper.drop(record.trial)


def test_a_place_is_the_same_for_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place_of("") == ""
    assert place_of("kept") == str(tmp_path / "kept")
    assert place_of("memory://kept") == "memory://kept"
    with pytest.raises(ValueError, match="nosuch"):
        place_of("nosuch://bucket/kept")


def test_a_machine_that_cannot_reach_the_place_is_not_fit(tmp_path: Path) -> None:
    errand = Errand(job(tmp_path).job, "cpu", 900.0, 0.0)
    with pytest.raises(Unfit, match="nosuch://bucket cannot be reached"):
        list(fulfil(errand, lambda folder: pytest.fail("nothing is fetched before that"), "nosuch://bucket"))
