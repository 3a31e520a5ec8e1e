"""Who is told apart from whom in one column: intervals of ranks, a mark for the possible best, labels, smallest gap.

A rank is an interval: from one plus the number of references that are significantly better to M minus the number that
are significantly worse. All pairs of references are tested, with Holm's correction, by variances of seeds that are
moderated across the references (`moderation.py`). Newcomers are placed against the references, each by itself and by
its own variance, and move nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from vaebench.leaderboard.error_distribution import half_width, two_sided
from vaebench.leaderboard.moderation import Moderated, moderate
from vaebench.leaderboard.statistics import LEVEL, Sample, certain, doubtful, known_from, rest_of, shared_draws

Label = Literal["differs", "differs, by less than the margin", "equivalent", "not shown to differ"]
ALPHA = 1 - LEVEL
LEAST_SEEDS = 3
"""Fewer trainings say so little about a method that nobody is ranked."""
NEWCOMERS = 50
"""Of so many equal newcomers the best one may pass for better than every reference on 5 % of boards: a constant, so
that no row depends on how many newcomers there are."""
POWER = 0.8


class Place(NamedTuple):
    """The ranks that an entrant may hold, 1 being the best."""

    low: int
    high: int
    marked: bool = False
    """The mark of Hsu's test: this reference cannot be told from the best. Newcomers never bear it."""
    above_all: bool = False
    """A newcomer that is better than every reference, even if it is the best of fifty newcomers."""


@dataclass(frozen=True)
class Contest:
    """The references of one column, told apart as far as their seeds and patients allow. What is found stands in the
    order in which the references were given."""

    references: tuple[Sample, ...]
    better: str
    moderated: Moderated | None
    """The references' variances over seeds."""
    places: tuple[Place, ...] | None
    """None with fewer than three seeds or a class of fewer than ten patients: then nobody has a rank or a mark."""
    labels: tuple[Label | None, ...]
    """Of each reference against the one with the best mean, which has none itself."""
    gap: float | None
    """The smallest true difference that this column would have shown with 80 % power, on average over the pairs."""


class Differences(NamedTuple):
    """What is known of differences of means: how much better the first one is, and the variances of its errors."""

    better_by: np.ndarray
    c: np.ndarray
    """of the patients"""
    e: np.ndarray
    """of the seeds"""
    f1: float
    f2: float

    @property
    def p(self) -> np.ndarray:
        """Two-sided; 1 where there is no difference."""
        return np.where(self.better_by == 0, 1.0, two_sided(self.better_by, self.c, self.e, self.f1, self.f2))


def contest(references: Sequence[Sample], better: str, margin: float | None = None) -> Contest:
    """Compare references of the same seeds, in one column. `margin` is the smallest difference that matters; without
    it no two models are called equivalent."""
    given, models = tuple(references), len(references)
    if len({sample.seeds for sample in given}) > 1:
        raise ValueError("only samples of the same seeds can be compared")
    if not given or len(given[0].seeds) < LEAST_SEEDS or any(sample.too_few for sample in given):
        return Contest(given, better, None, None, (None,) * models, None)
    moderated = moderate(_values(given))
    if models == 1:
        return Contest(given, better, moderated, (Place(1, 1, marked=True),), (None,), None)
    above = np.triu_indices(models, 1)
    pairs = _pairs(given, better, moderated)
    p = pairs.p
    claims = _square(holm(p) <= ALPHA, above, models)
    ahead = _square(pairs.better_by > 0, above, models)
    ahead[above[1], above[0]] = pairs.better_by < 0
    low, high = 1 + (claims & ahead).sum(0), models - (claims & ahead).sum(1)
    beaten = (ahead & (_square(p, above, models) / 2 <= ALPHA / (models - 1))).any(0)
    places = tuple(Place(int(a), int(b), bool(a == 1 and not c)) for a, b, c in zip(low, high, beaten, strict=True))
    best = int(ahead.sum(1).argmax())
    labels = _labels(pairs, claims[best], above, best, margin)
    return Contest(given, better, moderated, places, labels, _gap(pairs, ALPHA / len(p)))


def place_newcomer(newcomer: Sample, against: Contest) -> Place | None:
    return place_newcomers([newcomer], against)[0]


def place_newcomers(newcomers: Sequence[Sample], against: Contest) -> list[Place | None]:
    """Place entrants that are no references, each by its own variance and a Holm correction of its own over the
    references: no newcomer's place depends on another newcomer. None where the references have no places, or where a
    newcomer lacks what the references show (their seeds, replicates) or patients."""
    return [None if tests is None else _placed(tests) for tests in (_against(one, against) for one in newcomers)]


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment: significant at 5 % if at most 0.05."""
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return adjusted


def _pairs(samples: Sequence[Sample], better: str, moderated: Moderated) -> Differences:
    """Every pair of references, in the order of `np.triu_indices`. All variances of differences follow from inner
    products, so hundreds of models cost a few matrix products."""
    values, draws = _values(samples), shared_draws(samples)
    models, seeds = values.shape
    one, two = np.triu_indices(models, 1)
    patients, interaction = np.zeros((models, models)), np.zeros((models, models))
    if draws is not None:
        by_draw = draws.mean(1)
        patients = _distances(by_draw - by_draw.mean(1, keepdims=True)) / (draws.shape[2] - 1)
        interaction = _distances(rest_of(draws).reshape(models, -1)) / known_from(draws)
    elif all(sample.errors is not None for sample in samples):
        own = np.array([np.square(sample.errors).mean() for sample in samples])
        patients = np.add.outer(own, own)
    between = moderated.variances[one] + moderated.variances[two]
    means = values.mean(1)
    return Differences(
        _better_by(means[one], means[two], better),
        max(sample.widening for sample in samples) * certain(patients, interaction, seeds)[one, two],
        doubtful(between, interaction[one, two], seeds),
        min(sample.freedom for sample in samples),
        moderated.freedom,
    )


def _against(newcomer: Sample, against: Contest) -> Differences | None:
    """A newcomer's tests. Its variance over seeds is its own: by a borrowed one, a model that is steadier or wilder
    than the references would be judged as if it were like them."""
    references = against.references
    if against.places is None or against.moderated is None or newcomer.too_few:
        return None
    if newcomer.seeds != references[0].seeds:
        return None
    draws, asked = shared_draws([newcomer, *references]), shared_draws(references)
    if asked is not None and draws is None:
        return None
    seeds, count = len(newcomer.seeds), len(references)
    patients, interaction = np.zeros(count), np.zeros(count)
    if draws is not None:
        apart = draws[:1] - draws[1:]
        patients = apart.mean(1).var(1, ddof=1)
        interaction = np.square(rest_of(apart)).sum((1, 2)) / known_from(draws)
    elif newcomer.errors is not None and all(sample.errors is not None for sample in references):
        patients = np.array([np.square(newcomer.errors).mean() + np.square(s.errors).mean() for s in references])
    between = np.var(newcomer.values, ddof=1) + against.moderated.variances
    return Differences(
        _better_by(np.mean(newcomer.values), _values(references).mean(1), against.better),
        max(sample.widening for sample in (newcomer, *references)) * certain(patients, interaction, seeds),
        doubtful(between, interaction, seeds),
        min(sample.freedom for sample in (newcomer, *references)),
        seeds - 1,
    )


def _placed(tests: Differences) -> Place:
    p = tests.p
    claims, ahead = holm(p) <= ALPHA, tests.better_by > 0
    surely = bool((ahead & (p / 2 <= ALPHA / NEWCOMERS)).all())
    return Place(1 + int((claims & ~ahead).sum()), len(p) + 1 - int((claims & ahead).sum()), above_all=surely)


def _labels(
    pairs: Differences, claimed: np.ndarray, above: tuple[np.ndarray, np.ndarray], best: int, margin: float | None
) -> tuple[Label | None, ...]:
    """How each reference compares with the best mean."""
    within = np.ones(len(pairs.better_by))
    if margin is not None:
        room = margin - np.abs(pairs.better_by)
        within = np.where(room > 0, two_sided(np.maximum(room, 0), *pairs[1:]) / 2, 1.0)
    close = _square(within, above, len(claimed))[best] <= ALPHA
    found: list[Label | None] = []
    for differs, equivalent in zip(claimed, close, strict=True):
        if differs:
            found.append("differs, by less than the margin" if equivalent else "differs")
        else:
            found.append("equivalent" if equivalent else "not shown to differ")
    found[best] = None
    return tuple(found)


def _gap(pairs: Differences, alpha: float) -> float | None:
    """The difference that a test at level alpha would find with 80 % power, on average over the pairs."""
    from scipy.special import ndtr

    error = np.sqrt(pairs.c + pairs.e)
    if not error.all():
        return None
    needed = half_width(pairs.c, pairs.e, pairs.f1, pairs.f2, 1 - alpha) / error
    low, high = 0.0, float((error * (needed + 5)).max())
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if ndtr(middle / error - needed).mean() < POWER else (low, middle)
    return high


def _values(samples: Sequence[Sample]) -> np.ndarray:
    return np.stack([np.asarray(sample.values, float) for sample in samples])


def _better_by(a: np.ndarray, b: np.ndarray, better: str) -> np.ndarray:
    """How much better a is than b; nothing where they differ by rounding."""
    difference = a - b if better == "higher" else b - a
    return np.where(np.abs(difference) <= 1e-12 * (np.abs(a) + np.abs(b)), 0.0, difference)


def _square(of_pairs: np.ndarray, above: tuple[np.ndarray, np.ndarray], models: int) -> np.ndarray:
    """A symmetric matrix of what is known of every pair, its diagonal empty."""
    found = np.zeros((models, models), of_pairs.dtype)
    found[above] = of_pairs
    return found | found.T if of_pairs.dtype == bool else found + found.T


def _distances(rows: np.ndarray) -> np.ndarray:
    """Squared distance between every two rows."""
    products = rows @ rows.T
    squares = np.diag(products)
    return np.maximum(squares[:, None] + squares[None, :] - 2 * products, 0)
