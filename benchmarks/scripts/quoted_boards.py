"""Update the numbers in the tables of README.md and docs/models.md that are quoted from the committed boards.

python benchmarks/scripts/quoted_boards.py

Only cells with numbers change; rows, their order and words are kept.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results/reference"
MEDICAL, ZOO = (REFERENCE / f"{suite}@1/compact/real" for suite in ("medical", "medical-zoo"))
TITLES = ("Model", "MS-SSIM", "held-out SVC", "anomaly AUROC, combined", "MMD")
HEADLINES = ("ms-ssim", "svc-grouped-balanced-accuracy", "anomaly-auroc-combined", "mmd")


def quoted() -> dict[Path, str]:
    """Return the text of each file with the current numbers, by path."""
    readme, models = ROOT / "README.md", ROOT / "docs/models.md"
    first = _in_section(models.read_text(encoding="utf-8"), "## What each is for", means(MEDICAL))
    return {
        readme: _in_section(readme.read_text(encoding="utf-8"), "## One board", summary()),
        models: _in_section(first, "## What the methods of `medical-zoo` are for", means(ZOO)),
    }


def summary() -> dict[str, list[str]]:
    """Return the headline cells of each row of the board's summary, without the mark `≈` of possibly best models."""
    text = (MEDICAL / "leaderboard.md").read_text(encoding="utf-8").split("## Summary")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return {row[0].removesuffix(" (floor)"): [cell.replace("≈", "") for cell in row] for row in _headlines(rows)}


def _headlines(rows: list[list[str]]) -> list[list[str]]:
    """Return the name and the four headline columns of every row."""
    places = [next(i for i, title in enumerate(rows[0]) if title.startswith(start)) for start in TITLES]
    return [[row[i] for i in places] for row in rows[1:]]


def means(track: Path) -> dict[str, list[str]]:
    """Return the name, the mean headlines and the seconds of training on all images for each row."""
    with (track / "leaderboard.csv").open(encoding="utf-8") as file:
        cells = {(row["model"], row["metric"]): row["value"] for row in csv.DictReader(file) if row["model"]}
    found = {}
    for model in dict.fromkeys(model for model, _ in cells):
        numbers = [cells.get((model, metric)) for metric in HEADLINES]
        seconds = f"{float(cells[model, 'train_seconds']):.0f}"
        found[model] = [model, *(f"{float(one):.3f}" if one else "–" for one in numbers), seconds]
    return found


def _in_section(text: str, title: str, rows: dict[str, list[str]]) -> str:
    before, after = text.split(title, 1)
    section, *rest = re.split(r"(?=\n## )", after, maxsplit=1)
    lines = [_filled(line, rows) for line in section.split("\n")]
    return before + title + "\n".join(lines) + "".join(rest)


def _filled(line: str, rows: dict[str, list[str]]) -> str:
    """Return a table row with new cells after its name; a column of words at the end is kept."""
    if (
        not line.startswith("| ")
        or (named := re.match(r"\| [`*]*([a-z=\[\] -]+?)( \(floor\))?[`*]*( \(floor\))? \|", line)) is None
    ):
        return line
    if (cells := rows.get(named[1])) is None:
        return line
    old = [cell.strip() for cell in line.strip("|").split("|")]
    words = old[len(cells) :]
    return "| " + " | ".join([old[0], *cells[1:], *words]).rstrip() + " |"


if __name__ == "__main__":
    for path, text in quoted().items():
        path.write_text(text, encoding="utf-8")
        print(f"Wrote {path.relative_to(ROOT)}")
