"""Rank intervals, the mark, labels, the gap and newcomers: invariants of any board, and known truths found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vaebench.leaderboard.contest import Contest, contest, holm, place_newcomer, place_newcomers
from vaebench.leaderboard.statistics import Sample


def world(rng, truths, seeds=5, patients=60, sd=0.02) -> list[Sample]:
    truths, shares = np.asarray(truths, float), rng.multinomial(patients, np.full(patients, 1 / patients), 100)
    shown = truths[:, None, None] + 0.1 * rng.standard_normal((len(truths), seeds, patients))
    shown = shown + 0.3 * rng.standard_normal(patients) + sd * rng.standard_normal((len(truths), seeds, 1))
    k = patients / (patients - 1)
    return [Sample(tuple(range(seeds)), y.mean(1), y @ shares.T / patients, None, patients, 1, k, 59.0) for y in shown]


def mean(sample: Sample) -> float:
    return float(sample.values.mean())


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("number", range(20))
def test_no_two_rows_have_disjoint_intervals_in_the_wrong_order(number: int, better: str) -> None:
    rng = np.random.default_rng(number)
    samples = world(rng, rng.normal(0, 0.1, 14), sd=rng.uniform(0.005, 0.06))
    found = contest(samples[:10], better)
    rows = [*zip(samples[:10], found.places, strict=True)]
    rows += zip(samples[10:], place_newcomers(samples[10:], found), strict=True)
    rows.sort(key=lambda row: mean(row[0]), reverse=better == "higher")
    for ahead, (_, place) in enumerate(rows):
        assert all(place.low <= other.high for _, other in rows[ahead + 1 :])
    assert all(1 <= place.low <= place.high <= 11 for _, place in rows)
    assert max(found.places, key=lambda place: place.marked).marked


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_great_differences_give_single_ranks(better: str) -> None:
    found = contest(world(np.random.default_rng(0), [0, 3, 1, 2]), better)
    order = [4, 1, 3, 2] if better == "higher" else [1, 4, 2, 3]
    assert [(p.low, p.high) for p in found.places] == [(rank, rank) for rank in order]
    assert [p.marked for p in found.places] == [rank == 1 for rank in order]
    assert sorted(map(str, found.labels)) == ["None", "differs", "differs", "differs"]


def test_equal_models_share_all_ranks_and_are_all_marked_on_most_boards() -> None:
    rng = np.random.default_rng(1)
    boards = [contest(world(rng, [0] * 8), "higher").places for _ in range(150)]
    claimed = np.mean([any((p.low, p.high) != (1, 8) for p in places) for places in boards])
    assert claimed <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)


def test_labels_tell_equivalent_from_not_shown_to_differ() -> None:
    samples = world(np.random.default_rng(2), [0, 0, 0, 0, -2], sd=0.005)
    assert set(contest(samples, "higher", margin=1.0).labels[:4]) == {None, "equivalent"}
    assert set(contest(samples, "higher").labels[:4]) == {None, "not shown to differ"}
    assert contest(samples, "higher", margin=1.0).labels[4] == "differs"
    assert contest(samples, "higher", margin=9.0).labels[4] == "differs, by less than the margin"


@pytest.mark.parametrize("change", [{"seeds": (0, 1)}, {"patients": 9}], ids=["two seeds", "nine patients"])
def test_where_too_little_is_known_nobody_has_a_rank(change: dict) -> None:
    seeds = len(change.get("seeds", (0,) * 5))
    samples = [replace(one, **change) for one in world(np.random.default_rng(3), [0, 5, 9], seeds=seeds)]
    found = contest(samples, "higher")
    assert (found.places, found.labels, found.gap) == (None, (None, None, None), None)
    assert place_newcomer(samples[0], found) is None


def test_newcomers_are_placed_by_themselves() -> None:
    rng = np.random.default_rng(4)
    found = contest(world(rng, [0, 0, 0, 0, 0, 0]), "higher")
    best, equal, worst, other = world(rng, [3, 0, -3, 0])
    places = place_newcomers([best, equal, worst], found)
    assert places == [place_newcomer(one, found) for one in (best, equal, worst)]
    assert (places[0].low, places[0].high, places[0].above_all) == (1, 1, True)
    assert (places[2].low, places[2].high, places[2].above_all) == (7, 7, False)
    assert not any(place.marked for place in places)
    wide = replace(other, widening=50.0, freedom=1.0)
    assert place_newcomers([best, wide], found)[0] == places[0], "another newcomer's doubt is its own"
    assert place_newcomer(replace(best, replicates=None), found) is None, "what hides its patients is not placed"
    assert place_newcomer(replace(best, seeds=(5, 6, 7, 8, 9)), found) is None


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_gap_grows_with_the_error(seeds: int) -> None:
    def gap(sd: float) -> float:
        found: Contest = contest(world(np.random.default_rng(5), [0] * 12, seeds=seeds, sd=sd), "higher")
        return found.gap or 0.0

    assert 0 < gap(0.01) < gap(0.05) < gap(0.2)


def test_samples_of_other_seeds_are_refused() -> None:
    one, two, three = world(np.random.default_rng(6), [0, 0, 0])
    with pytest.raises(ValueError, match="same seeds"):
        contest([one, two, replace(three, seeds=(5, 6, 7, 8, 9))], "higher")


def test_of_none_and_of_one() -> None:
    assert contest([], "higher").places is None
    assert contest(world(np.random.default_rng(7), [0]), "higher").places == ((1, 1, True, False),)


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1, 1] and holm([]).tolist() == []
