"""Measuring again: what records lack is answered from stored weights, to the same bytes, and nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from laboratory import Lab, Work, job, run_job
from msgspec import structs

from vaebench.cli import main
from vaebench.records import store
from vaebench.records.record import Record
from vaebench.running.worker import Attempt
from vaebench.training import weights as stored_weights

pytestmark = pytest.mark.usefixtures("lab")
FEW, ALL = ("lab-residual",), ("lab-residual", "lab-samples", "lab-health")


def again(asked: Work) -> Work:
    """The same trial with more metrics, as a sweep hands it out when its record is good but for those."""
    return replace(asked, settings=structs.replace(asked.settings, metrics=ALL), measure_only=True)


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(Attempt, "learn", train)


def weights(folder: Path) -> Path:
    return next(folder.glob("results/**/weights.safetensors"))


def test_metrics_from_stored_weights_are_those_of_the_first_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_job(job(tmp_path / "whole", regime="healthy", metrics=ALL))
    asked = job(tmp_path / "parts", regime="healthy", metrics=FEW)
    first = run_job(asked)
    forbid(monkeypatch)
    second = run_job(again(asked))
    assert set(first.metrics) == set(FEW)
    assert second.metrics == whole.metrics
    assert second.settings.metrics == ALL
    for key in ("curve", "cost", "weights", "started", "software"):
        assert getattr(second, key) == getattr(first, key), key


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?")])
def test_weights_that_are_lost_or_changed_are_trained_again(tmp_path: Path, spoil: Callable[[Path], Any]) -> None:
    asked = job(tmp_path, metrics=FEW)
    first = run_job(asked)
    spoil(weights(tmp_path))
    second = run_job(again(asked))
    assert second.status == "ok"
    assert second.weights == first.weights, "the same trial has the same weights"
    assert weights(tmp_path).exists()
    assert set(second.metrics) == set(ALL)


def test_a_second_look_that_fails_takes_nothing_from_a_good_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(tmp_path, metrics=FEW)
    first = run_job(asked)
    path = next(tmp_path.glob("results/**/steady-*.json"))

    def fail(*_: Any) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(stored_weights, "restore", fail)
    assert run_job(again(asked)).status == "failed"
    assert store.read(path) == first


def test_score_adds_a_metric_to_every_record_and_trains_nothing(tmp_path: Path, lab: Lab) -> None:
    where = ["--suite", "lab", "--source", "phantom", "--results", str(tmp_path / "results"), "-j", "2"]
    ran = CliRunner().invoke(main, ["run", *where])
    assert ran.exit_code == 0, ran.output
    trainings = len(lab.trained())
    scored = CliRunner().invoke(main, ["score", *where, "--metric", "psnr"])
    assert scored.exit_code == 0, scored.output
    assert "4 checkpoints to measure, 0 have every metric" in scored.output
    assert len(lab.trained()) == trainings
    for path, record in store.scan(tmp_path / "results" / "lab@1" / "tiny" / "phantom"):
        assert isinstance(record, Record) and record.metrics["psnr"].value > 0, path
    once_more = CliRunner().invoke(main, ["score", *where, "--metric", "psnr"])
    assert "0 checkpoints to measure, 4 have every metric" in once_more.output
    assert "Nothing to train" in CliRunner().invoke(main, ["run", *where]).output


def test_score_without_records_says_what_makes_them(tmp_path: Path) -> None:
    none = CliRunner().invoke(main, ["score", "--suite", "lab", "--source", "phantom", "--results", str(tmp_path)])
    assert none.exit_code == 2
    assert "vaebench run --suite lab" in none.output
