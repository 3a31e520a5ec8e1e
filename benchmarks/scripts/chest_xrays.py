"""Revisit two published questions on real chest X-rays, with tables from the board and the records of a run.

    vaebench run --preset compact --source real -d kermany-cxr --data FOLDER
    python benchmarks/scripts/chest_xrays.py results/medical@1/compact/real > chest-xrays.md

What can an SVC infer from real, encoded and decoded images (the question of the project R0 in the suite `references`)?
And does a model trained on healthy images alone detect pneumonia (R3's question), compared with shortcuts that do not
use anatomy?
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

import pandas as pd

NUMBERS = {"accuracy": "accuracy", "balanced-accuracy": "balanced accuracy", "macro-f1": "macro-F1", "auroc": "AUROC"}
SPLITS = {"": "official test", "-grouped": "within train, by patient"}
SEEN = {"-pixels": "real", "": "encoded", "-decoded": "decoded"}
ANOMALY = {
    "anomaly-auroc": "AUROC",
    "anomaly-ap": "average precision",
    "anomaly-sensitivity": "sensitivity at 95 %",
    "anomaly-specificity": "specificity realised",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    track = parser.parse_args().track
    rows = pd.read_csv(track / "leaderboard.csv")
    board = rows[rows["floor"].isna()].set_index(["model", "metric"])
    models = board.xs("anomaly-auroc", level="metric")["value"].sort_values(ascending=False).index
    seeds = int(board["seeds"].max())
    print("# Two questions about real chest X-rays\n")
    print(f"Kermany's 5,840 images at 64 px, {seeds} seed{'s' * (seeds > 1)}, ± half of a 95 % interval. Made by\n")
    print("\n".join(f"    {line.strip()}" for line in __doc__.split("\n\n")[1].splitlines()))
    print("\n## What an SVC can tell from real, encoded and decoded images\n")
    header = [f"{what}, {where}" for end, where in SPLITS.items() for what in list(NUMBERS.values())[: 2 if end else 4]]
    blank = [""] * (len(header) - 1)
    rows = [["always the commonest label", "", cell(board, models[0], "majority-accuracy"), *blank]]
    for seen, name in SEEN.items():
        for model in sorted(models) if seen != "-pixels" else models[:1]:  # real images are the same for every model
            asked = [f"svc{seen}{end}-{what}" for end in SPLITS for what in list(NUMBERS)[: 2 if end else 4]]
            rows.append([name, model if seen != "-pixels" else "", *(cell(board, model, metric) for metric in asked)])
    table(["images", "model", *header], rows)
    print(
        "\nThe two splits tell different stories: the test set that was published is of another kind than the rest.\n"
    )
    print("## Does a model of healthy images alone see pneumonia?\n")
    table(["model", *ANOMALY.values()], [[m, *(cell(board, m, name) for name in ANOMALY)] for m in models])
    print("\nThe same test images, told apart by what knows no anatomy:\n")
    table(["shortcut", "AUROC"], [[name, f"{value:.3f}"] for name, value in shortcuts(track)])


def cell(board: pd.DataFrame, model: str, metric: str) -> str:
    if (model, metric) not in board.index:
        return "–"
    row = board.loc[(model, metric)]
    if pd.isna(row["value"]):
        return "–"
    spread = f" ±{(row['high'] - row['low']) / 2:.3f}" if row["high"] > row["low"] else ""
    return f"{row['value']:.3f}{spread}"


def shortcuts(track: Path) -> list[tuple[str, float]]:
    """Return the shortcuts with their median over the seeds, best first."""
    found: dict[str, list[float]] = {}
    for path in sorted(track.glob("*/*/*-*.json")):
        for name, value in (json.loads(path.read_text())["inputs"].get("shortcuts") or {}).items():
            found.setdefault(name, []).append(value)
    return sorted(((name, median(values)) for name, values in found.items()), key=lambda one: -one[1])


def table(header: list[str], rows: list[list[str]]) -> None:
    print(pd.DataFrame(rows, columns=header).to_markdown(index=False))


if __name__ == "__main__":
    main()
