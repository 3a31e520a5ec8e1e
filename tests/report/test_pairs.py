"""Two models beside each other: differences against known values, and claims that agree with the ranks."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import records_made
from records_made import field

from vaebench.errors import UserError
from vaebench.leaderboard.board import Board
from vaebench.leaderboard.pairs import Pair, pairs
from vaebench.leaderboard.runs import Entrant, read
from vaebench.records.record import Record
from vaebench.report.pairs import beside, called

VALUES = {"vae": 0.9, "twin": 0.9, "ae": 0.7, "low": 0.5, "new": 0.95}


def judged(seeds: int = 5, name: str = "ms-ssim") -> tuple[Board, list[Record]]:
    records = field(VALUES, seeds=seeds, name=name)
    references = tuple(Entrant(model, "bce") for model in ("vae", "twin", "ae"))
    return records_made.made(records, references=references, floors=(Entrant("low", "bce"),)), records


def compared(board: Board, records: list[Record], one: Entrant, other: Entrant) -> list[Pair]:
    return list(pairs(board, read(records, board.rules.track), one, other))


@pytest.mark.parametrize("name", ["ms-ssim", "kid"])
def test_the_difference_is_that_of_the_means_and_the_first_is_better_by_it(name: str) -> None:
    board, records = judged(name=name)
    sign = 1 if name == "ms-ssim" else -1
    values = {m: np.mean([r.metrics[name].value for r in records if r.trial.model.name == m]) for m in VALUES}
    for one, other in permutations(VALUES, 2):
        (pair,) = compared(board, records, called(board, one), called(board, other))
        (back,) = compared(board, records, called(board, other), called(board, one))
        assert pair.better_by.mean == pytest.approx(sign * (values[one] - values[other]))
        assert back.better_by.mean == pytest.approx(-pair.better_by.mean) and back.apart == pair.apart
        assert pair.better_by.low < pair.better_by.mean < pair.better_by.high


def test_models_are_told_apart_where_their_ranks_are() -> None:
    board, records = judged()
    (column,) = board.standings[0].main
    for one, other in permutations(("vae", "twin", "ae"), 2):
        first, second = called(board, one), called(board, other)
        (pair,) = compared(board, records, first, second)
        ranks = [board.standings[0].places[e, column] for e in (first, second)]
        apart = ranks[0].high < ranks[1].low or ranks[1].high < ranks[0].low
        assert pair.apart == apart == ("ae" in (one, other)), (one, other)


def test_a_floor_and_a_newcomer_are_told_apart_by_the_interval_of_the_difference() -> None:
    board, records = judged()
    for one, other in (("vae", "low"), ("new", "ae"), ("new + bce (new)", "low (floor)")):
        (pair,) = compared(board, records, called(board, one), called(board, other))
        assert pair.apart is True and pair.better_by.low > 0


@pytest.mark.parametrize(("seeds", "tested"), [(1, None), (2, False)])
def test_with_few_seeds_nothing_is_claimed(seeds: int, tested: bool | None) -> None:
    board, records = judged(seeds)
    (pair,) = compared(board, records, called(board, "vae"), called(board, "twin"))
    assert pair.better_by is not None and pair.apart is tested


def test_a_number_that_is_missing_is_a_dash() -> None:
    records = [*field(VALUES), records_made.record("bare", {"psnr": 20.0})]
    board = records_made.made(records)
    one, other = called(board, "vae"), called(board, "bare")
    (table,) = beside(board, one, other, compared(board, records, one, other))
    assert table.title == "On chest (phantom)" and table.rows == (
        ("Reconstruction", table.rows[0][1], "–", "–", "not tested"),
    )


def test_a_row_says_who_is_better_by_how_much() -> None:
    board, records = judged()
    one, other = called(board, "ae"), called(board, "vae")
    (table,) = beside(board, one, other, compared(board, records, one, other))
    (row,) = table.rows
    assert row[0] == "Reconstruction" and row[4] == "yes"
    assert row[3].startswith("vae by 0.2") or row[3].startswith("vae by 0.19")
    assert " ±" in row[3] and float(row[1]) < float(row[2])


def test_a_name_that_is_none_is_told_with_those_that_are_near() -> None:
    board, _ = judged()
    with pytest.raises(UserError, match=r"'twim' on the board demo@1 / quick / phantom.*'twin'"):
        called(board, "twim")
