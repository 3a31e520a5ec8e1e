"""Who ranks, in which order, and where newcomers stand."""

from __future__ import annotations

import numpy as np
import pytest
from records_made import VAE, field, made, places, record

from vaebench.leaderboard.runs import Entrant


def test_equal_models_tie_and_a_gap_ranks():
    found = made(field({"best": 0.9, "twin-a": 0.8, "twin-b": 0.8, "last": 0.5}))
    assert places(found) == {"best": (1, 1), "twin-a": (2, 3), "twin-b": (2, 3), "last": (4, 4)}
    assert [e.model for e in found.standings[0].order][0::3] == ["best", "last"]
    (gap,) = found.gaps.values()
    assert 0 < gap < 0.1, "the smallest difference that this column would have shown"


def test_rows_stand_by_their_mean_and_only_the_best_mean_is_best():
    found = made(field({"low": 0.5, "steady": 0.8, "noisy": 0.81}))
    column = found.standings[0].main[0]
    means = [found.cell(e, column).estimate.mean for e in found.standings[0].order]
    assert means == sorted(means, reverse=True)
    assert [found.cell(e, column).best for e in found.standings[0].order] == [True, False, False]


@pytest.mark.parametrize("seed", range(8))
def test_disjoint_intervals_never_contradict_the_means(seed):
    rng = np.random.default_rng(seed)
    values = {f"m{number}": float(value) for number, value in enumerate(rng.uniform(0.6, 0.9, 7))}
    found = made([r for m, v in values.items() for r in field({m: v}, noise=float(rng.uniform(0.001, 0.1)), seeds=3)])
    standing = found.standings[0]
    column = standing.main[0]
    own = [(found.cell(e, column).estimate.mean, found.cell(e, column).place) for e in found.entrants]
    assert len(own) == 7 and all(place for _, place in own)
    for mean, place in own:
        assert not any(place.high < other.low and mean < worse for worse, other in own)


def test_newcomers_are_placed_against_the_references_and_have_no_share_in_them():
    references = (VAE, Entrant("ae", "bce"))
    records = field({"vae": 0.9, "ae": 0.6, "new": 0.75})
    found = made(records, references=references)
    assert places(found) == {"vae": (1, 1), "ae": (2, 2), "new": (2, 2)}
    assert {e.model for e in found.standings[0].mean_rank} == {"vae", "ae"}
    assert {e.model for e in found.standings[0].complete} == {"vae", "ae"}


def test_with_fewer_than_three_seeds_nobody_ranks():
    found = made(field({"vae": 0.9, "pca": 0.7}, seeds=2))
    assert places(found) == {"vae": None, "pca": None} and not found.standings[0].mean_rank


def test_lower_is_better_where_the_metric_says_so():
    found = made(field({"good": 0.1, "bad": 0.5}, name="kid"))
    assert places(found) == {"good": (1, 1), "bad": (2, 2)}


def test_only_full_coverage_ranks():
    records = field({"vae": 0.9, "pca": 0.7}) + field({"vae": 0.9, "pca": 0.7}, dataset="knee")
    records += field({"one-set": 0.99}) + field({"few-seeds": 0.99}, seeds=3)
    records += field({"few-seeds": 0.99}, seeds=3, dataset="knee")
    found = made(records)
    standing = found.standings[0]
    ranked = {e.model: rank for e, rank in standing.mean_rank.items()}
    assert ranked == {"vae": 1.5, "pca": 2.5}, "on one dataset, a third model is better than both"
    assert {e.model: why for e, why in standing.lacks.items()} == {
        "one-set": "1 of 2 datasets with every seed",
        "few-seeds": "0 of 2 datasets with every seed",
    }
    assert {e.model for e in standing.order[:2]} == {"vae", "pca"}


def test_a_failed_seed_costs_the_rank():
    records = field({"vae": 0.9, "pca": 0.7})
    records[2] = record("vae", error=("oom", "no memory"), seed=2)
    assert places(made(records)) == {"vae": None, "pca": (1, 1)}


def test_a_dataset_without_the_question_costs_nobody_the_rank():
    """Nobody can be asked for anomalies where no image is known to be healthy."""
    found = made(field({"vae": 0.9, "pca": 0.7}, name="auroc") + field({"vae": 0.9, "pca": 0.7}, dataset="knee"))
    ranked = {one.measure.name: {e.model for e in one.mean_rank} for one in found.standings}
    assert ranked["auroc"] == {"vae", "pca"} and {c.dataset for c in found.standings[1].columns} == {"chest"}


def test_mean_rank_over_datasets():
    found = made(field({"vae": 0.9, "pca": 0.7}) + field({"vae": 0.7, "pca": 0.9}, dataset="knee"))
    standing = found.standings[0]
    assert set(standing.mean_rank.values()) == {1.5}
    assert [standing.interval(e) for e in found.entrants] == [(1.5, 1.5), (1.5, 1.5)], "no place is in doubt"
    assert standing.interval(Entrant("gan", "bce")) == (None, None)
    doubtful = made(field({"vae": 0.9, "pca": 0.9}) + field({"vae": 0.9, "pca": 0.7}, dataset="knee")).standings[0]
    assert {e.model: doubtful.interval(e) for e in doubtful.order} == {"vae": (1, 1.5), "pca": (1.5, 2)}


def test_costs_do_not_rank():
    standing = made(field({"vae": 0.9, "pca": 0.7})).standings[-1]
    assert standing.measure.name == "train_seconds" and not standing.places and not standing.mean_rank
