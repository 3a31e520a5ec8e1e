"""Rank correlations with known answers, and nobody but the suite's models in them."""

from __future__ import annotations

import pytest
from records_made import TRACK, made, metric, record
from records_made import rules as rules_of

from vaebench.leaderboard.board import board
from vaebench.leaderboard.runs import Entrant, read
from vaebench.records.record import Record

BRIGHT = [0.1, 0.3, 0.2, 0.9]


def network(name: str, value: float, psnr: float, seed: int = 0, bright: float = 0.2, **given: float) -> Record:
    cell = metric("auroc", value, follows={"mean intensity": bright}, beside={"PSNR": psnr})
    return record(name, {"auroc": cell}, regime="healthy", seed=seed, **given)


def networks() -> list[Record]:
    """The sharper, the worse; and one step out of order."""
    values = zip("abcd", [0.9, 0.8, 0.6, 0.7], [20, 22, 24, 26], BRIGHT, strict=True)
    return [network(name, value, psnr, bright=bright) for name, value, psnr, bright in values]


def test_over_models_it_is_spearmans_and_over_images_the_median():
    (found,) = made(networks()).follows
    assert found.column.measure.name == "auroc" and found.models == 4
    assert dict(found.over_models) == {"PSNR": pytest.approx(-0.8)}
    assert dict(found.over_images) == {"mean intensity": pytest.approx(0.25)}


def test_means_over_seeds_are_ranked():
    """Seed by seed the order is another one."""
    records = [
        network(n, v + 0.5 * s, p, seed=s)
        for n, v, p in zip("abc", [0.1, 0.2, 0.3], [1, 2, 3], strict=True)
        for s in (0, 1)
    ]
    (found,) = made(records).follows
    assert dict(found.over_models) == {"PSNR": pytest.approx(1)}


def test_newcomers_and_floors_change_nothing():
    asked = rules_of(networks())
    alone = board(read(networks(), TRACK), asked).follows
    for number in range(20):
        stranger = network(f"new-{number}", number / 20, number, bright=-1.0)
        assert board(read([*networks(), stranger], TRACK), asked).follows == alone
    (fewer,) = board(
        read(networks(), TRACK), rules_of(networks(), floors=(Entrant("d", "bce"),), references=asked.references[:3])
    ).follows
    assert fewer.models == 3 and dict(fewer.over_models) == {"PSNR": pytest.approx(-1)}


def test_records_that_say_nothing_and_two_models_have_no_correlation():
    assert made([record("old", {"auroc": 0.7}, regime="healthy")]).follows == ()
    (two,) = made(networks()[:2]).follows
    assert two.over_models == () and two.over_images
    alike = [network(name, 0.5, psnr) for name, psnr in zip("abc", (1, 2, 3), strict=True)]
    assert made(alike).follows[0].over_models == ()
