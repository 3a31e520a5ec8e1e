"""docs/notebook.ipynb runs from the committed records, and its numbers are those of the committed board."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import pytest

ROOT = Path(__file__).parent.parent
BOARD = ROOT / "results" / "reference" / "medical@1" / "compact" / "real" / "leaderboard.json"


def test_its_cells_run_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib.use("Agg")
    monkeypatch.chdir(ROOT / "docs")
    notebook = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 5 and not any(cell["outputs"] for cell in cells), "no numbers that may grow old"
    known: dict[str, Any] = {"__name__": "notebook"}
    for cell in cells:
        exec("".join(cell["source"]), known)
    placed = [one for one in json.loads(BOARD.read_text())["standings"] if one["metric"] == "ms-ssim"]
    contenders = known["best_first"].loc[[one["model"] for one in placed]]
    assert contenders["mean"].is_monotonic_decreasing and len(contenders) == 10
    assert known["result"].trial.model.name == placed[0]["model"] == "vq-vae"
    assert (known["trials"] == 5).all(axis=None) and len(known["curve"]) > 10
    matplotlib.pyplot.close("all")
