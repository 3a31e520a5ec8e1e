"""The suite of one rate names what its check needs, and the check finds a rate that is not matched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from records_made import metric, record

from vaebench.components.discovery import installed
from vaebench.planning.suite import find
from vaebench.records import store

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "scripts" / "matched_rate.py"


def checked(folder: Path, **rates: tuple[float, ...]) -> subprocess.CompletedProcess[str]:
    for model, values in rates.items():
        for seed, value in enumerate(values):
            made = record(model, {"bits-per-image": metric("bits-per-image", value)}, seed=seed)
            store.write(store.path_of(folder, made.trial, "cpu"), made)
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(folder / "demo@1/quick/phantom")], capture_output=True, text=True, check=False
    )


def test_a_rate_beyond_the_tolerance_is_found_by_its_median(tmp_path: Path) -> None:
    good = checked(tmp_path / "good", vae=(60.0, 61.0, 500.0), pca=(66.0,))
    assert good.returncode == 0 and "`vae` | 61.0 | -4%" in good.stdout
    bad = checked(tmp_path / "bad", vae=(60.0,), pca=(66.0,), vq=(110.0,))
    assert bad.returncode != 0 and "`vq` | 110.0 | +45% (too far)" in bad.stdout


def test_every_preset_measures_rates_and_names_sizes() -> None:
    suite = find("medical-rate", installed())
    assert suite.verdicts.prices == {"reconstruction": ("bits-per-image",)}
    for preset in suite.presets.values():
        assert "bits-per-image" in preset.settings.metrics
        assert len(preset.models) == len(set(preset.models)) > 3
        assert all("latent=" in model or "codes=" in model for model in preset.models)


@pytest.mark.parametrize("word", ["untrained", "ae", "mean-image"])
def test_models_without_a_rate_are_not_in_it(word: str) -> None:
    models = [model for preset in find("medical-rate", installed()).presets.values() for model in preset.models]
    assert all(model.partition("[")[0] != word for model in models)
