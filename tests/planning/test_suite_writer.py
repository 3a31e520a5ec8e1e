"""What is written as a suite file reads back as the same values."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from vaebench.planning.suite_writer import written

SUITES = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.toml"))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_reads_back(path: Path) -> None:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    text = written(data)
    assert tomllib.loads(text) == data
    assert max(map(len, text.splitlines())) <= 120


def test_odd_values_read_back() -> None:
    data = {
        "models": ['vae[loss="mix[a=1,b=2]"]', "x\\y", "naïve\x7f\n"],
        "on": True,
        "small": 1e-7,
        "presets": {"a.b": {"limit": {"train": 3}, "model": {}, "none": []}, "c": {"size": 8}},
        "margins": {"ms-ssim": 0.01},
    }
    assert tomllib.loads(written(data)) == data


def test_notes_stand_above_their_entry_and_the_head_on_top() -> None:
    text = written({"models": ["vae", "ae"]}, {"ae": "better\nby far"}, "made by hand")
    assert text == '# made by hand\nmodels = [\n    "vae",\n    # better\n    # by far\n    "ae",\n]\n'


def test_what_toml_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be written to a suite"):
        written({"models": None})
