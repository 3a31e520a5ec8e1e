"""A cell in words: digits by its error, marks that mean one thing each, and no zero that is none."""

from __future__ import annotations

import re

import pytest
from records_made import field, made

from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.contest import Place
from vaebench.leaderboard.statistics import Estimate
from vaebench.report import tables
from vaebench.report.numbers import DASH, Strong, plain, rank_of, short, show

GOOD = Estimate(0.8123, 0.01, 0.7923, 0.8323, 5, False)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Cell(), DASH),
        (Cell(failed=3), "3 failed"),
        (Cell(reasons=("no prior",)), DASH),
        (Cell(GOOD, place=Place(2, 5)), "0.812 ±0.020 (2–5)"),
        (Cell(GOOD, place=Place(2, 2), failed=1), "0.812 ±0.020 (2, 1 failed)"),
        (Cell(GOOD, place=Place(1, 2, marked=True), label="not shown to differ"), "0.812 ±0.020≈ (1–2)"),
        (Cell(GOOD, place=Place(1, 2, marked=True), label="equivalent"), "0.812 ±0.020= (1–2)"),
        (Cell(GOOD, place=Place(1, 2, marked=True), best=True), "0.812 ±0.020 (1–2)"),
        (Cell(GOOD, place=Place(1, 1, above_all=True)), "0.812 ±0.020 (1, above every reference)"),
        (Cell(Estimate(0.8123, None, None, None, 1, True), failed=1), "0.812° (1 failed)"),
        (Cell(Estimate(1234.5, 0.0, 1234.5, 1234.5, 5, False), both=True, optimised=True), "1,234.500†‡"),
        (Cell(Estimate(0.8123, 0.01, 0.8122, 0.8124, 5, False)), "0.812 ±<0.001"),
        (Cell(Estimate(-0.0001, 0.01, -0.02, 0.02, 5, False, few=True)), "0.000 ±0.020§"),
        (Cell(Estimate(0.72, None, None, None, 0, False), detail="sharpness"), "0.720 sharpness"),
    ],
)
def test_a_cell_in_words(cell: Cell, text: str) -> None:
    assert show(cell, 3) == text


def test_only_a_ranked_best_mean_is_bold() -> None:
    assert isinstance(show(Cell(GOOD, best=True, place=Place(1, 1)), 3), Strong)
    assert not isinstance(show(Cell(GOOD, best=True), 3), Strong)
    assert not isinstance(show(Cell(GOOD, place=Place(1, 2, marked=True)), 3), Strong)


@pytest.mark.parametrize(
    ("value", "text"), [(-0.0004, "0.000"), (-0.0, "0.000"), (0.0, "0.000"), (-1234.5, "-1,234.500")]
)
def test_zero_has_no_sign(value: float, text: str) -> None:
    assert plain(value, 3) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0234, "0.023"), (0.1, "0.10"), (23.4, "23"), (9.96, "10"), (1234.0, "1,200")]
)
def test_gaps_have_two_digits_and_no_exponent(value: float, text: str) -> None:
    assert short(value) == text


def test_a_rank_is_an_interval() -> None:
    assert [rank_of(place) for place in (None, Place(2, 5), Place(3, 3))] == ["", "2–5", "3"]


def test_decimals_follow_the_uncertainty() -> None:
    found = made(field({"vae": 0.9, "pca": 0.7}))
    texts = [row[1] for row in tables.by_verdict(found, found.standings[0]).rows]
    assert len(texts) == 2 and all(re.fullmatch(r"0\.\d{3} ±0\.0\d\d \(\d\)", text) for text in texts)


def test_newcomers_change_no_digit() -> None:
    records = field({"vae": 0.9, "pca": 0.7})
    wild = field({"wild": 0.5}, noise=0.3)
    rules = {"references": made(records).entrants, "seeds": (0, 1, 2, 3, 4)}
    found = [made(own, **rules) for own in (records, records + wild)]
    first, second = ({row[0]: row[1] for row in tables.by_verdict(one, one.standings[0]).rows} for one in found)
    assert second.items() > first.items()
