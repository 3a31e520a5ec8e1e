"""What training adds to the floor that did not train: known differences, and an interval that holds the truth."""

from __future__ import annotations

import numpy as np
import pytest
from records_made import field, made

from vaebench.leaderboard.runs import Entrant
from vaebench.leaderboard.statistics import Sample, estimate
from vaebench.leaderboard.training import difference

RAW = Entrant("raw", "bce")


def of_board(values: dict[str, float], **given):
    records = field(values, name="svc", **given)
    references = tuple(Entrant(name, "bce") for name in values if name not in ("raw", "new"))
    return made(records, references=references, floors=(RAW,), untrained=(RAW,))


def test_it_is_the_mean_of_the_suites_models_minus_the_floor():
    (found,) = of_board({"vae": 0.8, "ae": 0.7, "raw": 0.6}, noise=0.0).added
    assert (found.models, found.floor) == (2, RAW)
    assert found.by.mean == pytest.approx(0.15)
    assert found.by.low < 0.15 < found.by.high
    with_new = of_board({"vae": 0.8, "ae": 0.7, "raw": 0.6, "new": 0.99}, noise=0.0).added
    assert with_new[0].by == found.by, "a newcomer adds nothing"


def test_it_is_told_of_representation_alone_and_where_the_floor_has_every_seed():
    values = {"vae": 0.8, "raw": 0.6}
    assert not made(field(values), floors=(RAW,), references=(Entrant("vae", "bce"),), untrained=(RAW,)).added
    assert not made(field(values, name="svc"), floors=(RAW,), references=(Entrant("vae", "bce"),)).added
    records = field({"vae": 0.8}, name="svc") + field({"raw": 0.6}, name="svc", seeds=3)
    assert not made(records, floors=(RAW,), references=(Entrant("vae", "bce"),), untrained=(RAW,)).added


def test_its_interval_holds_the_truth():
    """Patients are shared by all; seeds are their own; a true difference of 0.05."""
    random, held = np.random.default_rng(0), 0
    for _ in range(300):
        patients, draws = random.normal(0, 0.1, (5, 60)), random.integers(60, size=(200, 60))

        def sample(mean: float, own: np.ndarray, draws: np.ndarray = draws) -> Sample:
            seeds = mean + random.normal(0, 0.02, (5, 1)) + own
            return Sample(tuple(range(5)), seeds.mean(1), np.stack([seed[draws].mean(1) for seed in seeds]))

        models = [sample(0.75, patients[0] + patients[1 + model] / 2) for model in range(4)]
        floor = sample(0.7, patients[0] + random.normal(0, 0.05, 60))
        low, high = estimate(difference(models, floor, 1))[2:4]
        held += low <= 0.05 <= high
    assert 0.92 < held / 300 <= 1
