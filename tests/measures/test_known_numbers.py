"""What metrics say of two fixed trials, as it was before measuring was made faster: a change of more than rounding is
either a mistake, or a reason to raise the metric's version and to make known_numbers.json anew:

    python tests/measures/test_known_numbers.py
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))  # where this file is run as a script
from laboratory import job, run_job

from vaebench.components.discovery import installed
from vaebench.planning.suite import find
from vaebench.records.record import Record

FILE = Path(__file__).with_name("known_numbers.json")
TRIALS = [("pca", "healthy"), ("vae", "all")]
TIPPED = ("svc", "probe", "precision", "recall", "coverage", "density", "copying")
"""Metrics of a trained network that rounding may tip: another processor trains it to other last bits."""


def measured(folder: Path, model: str, regime: str) -> Record:
    metrics = find("medical", installed()).presets["compact"].settings.metrics
    limit = {"train": 240, "val": 60, "test": 160}
    more = {"size": 28, "steps": 3, "batch": 32, "samples": 60, "limit": limit, "preset": {"width": 8}}
    return run_job(job(folder, model, dataset="kermany-cxr", regime=regime, metrics=metrics, **more))


def numbers(record: Record) -> dict[str, list[float | None]]:
    return {name: [cell.value, cell.error] for name, cell in record.metrics.items()}


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(("model", "regime"), TRIALS)
def test_numbers_are_what_they_were(tmp_path: Path, model: str, regime: str) -> None:
    record = measured(tmp_path, model, regime)
    known, found = json.loads(FILE.read_text())[model], numbers(record)
    assert known.keys() == found.keys()
    assert sum(value is not None for value, _ in known.values()) > 35
    for name, told in known.items():
        if model == "pca" or not name.startswith(TIPPED):
            told, now = ([float("nan") if one is None else one for one in both] for both in (told, found[name]))
            assert now == pytest.approx(told, rel=1e-4, abs=1e-5, nan_ok=True), name


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        found = {model: numbers(measured(Path(folder), model, regime)) for model, regime in TRIALS}
    FILE.write_text(json.dumps(found, indent=1) + "\n")
