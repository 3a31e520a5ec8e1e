"""What one entrant's records hold changes no other entrant's cells."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
from records_made import TRACK, field, metric, record, rules

from vaebench.leaderboard.board import Board, board
from vaebench.leaderboard.rules import Rules
from vaebench.leaderboard.runs import read
from vaebench.records.record import Record
from vaebench.report import export

MODELS = {"vae": 0.9, "ae": 0.88, "pca": 0.8, "mean-image": 0.6}
OWN = field(MODELS)
RULES = rules(OWN, data={"chest": "d1"}, seeds=(0, 1, 2, 3, 4))
ATTACKS: dict[str, Callable[[], list[Record]]] = {
    "20 copies of the best": lambda: field({f"copy-{n}": 0.9 for n in range(20)}),
    "20 junk entrants": lambda: field({f"junk-{n}": 0.1 for n in range(20)}),
    "another seed": lambda: [record("vae", {"ms-ssim": 0.1}, seed=7)],
    "a later date, another digest": lambda: [
        record("vae", {"ms-ssim": 0.1}, digest="d2", started="2027-01-01T00:00:00Z", device="cuda")
    ],
    "metric version 7": lambda: [
        record("new", {"ms-ssim": metric("ms-ssim", 0.99, version=7)}, seed=s) for s in range(5)
    ],
    "a metric aaa-mine": lambda: [
        record("new", {"aaa-mine": metric("aaa-mine", 1.0, verdict="reconstruction")}, seed=s) for s in range(5)
    ],
}


def rows(found: Board) -> tuple[list[dict], list[dict]]:
    """The rows of what the suite names, in CSV and in JSON."""
    lines = [row for row in csv.DictReader(io.StringIO(export.csv(found))) if row["model"] in MODELS]
    whole = json.loads(export.to_json(found))
    return lines, [row for key in ("rows", "standings") for row in whole[key] if row["model"] in MODELS]


def board_of(records: list[Record], given: Rules = RULES) -> Board:
    return board(read(records, TRACK), given)


@pytest.mark.parametrize("attack", ATTACKS)
def test_others_move_nobody(attack: str) -> None:
    assert rows(board_of([*OWN, *ATTACKS[attack]()])) == rows(board_of(OWN))


def test_the_board_ranks_at_all() -> None:
    lines, _ = rows(board_of(OWN))
    ranked = [line for line in lines if line["metric"] == "ms-ssim"]
    assert len(ranked) == 4 and all(line["rank_low"] for line in ranked)
