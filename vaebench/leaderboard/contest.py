"""Tests which models of a column differ significantly: rank intervals, marks for possible best models, labels and gaps.

A rank is an interval. Among M references, it goes from 1 plus the number of references that are significantly better to
M minus the number that are significantly worse. All pairs of references are tested, with Holm's correction, using
variances over seeds that are moderated across the references (`moderation.py`). Each newcomer is compared with the
references separately, using its own variance, and does not change any other row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from vaebench.leaderboard.error_distribution import half_width, two_sided
from vaebench.leaderboard.moderation import Moderated, moderate
from vaebench.leaderboard.statistics import LEVEL, Sample, certain, doubtful, known_from, rest_of, shared_draws

Label = Literal["differs", "differs, by less than the margin", "equivalent", "not shown to differ"]
ALPHA = 1 - LEVEL
LEAST_SEEDS = 3
"""The smallest number of seeds for ranks: with fewer training runs, too little is known about a method."""
NEWCOMERS = 50
"""If this many newcomers are no better than the best reference, at most 5 % of boards call one of them better than
every reference. The number is constant, so that no row depends on how many newcomers there are."""
POWER = 0.5
"""The gap of a column is the true difference at which this share of the pairs of models would differ significantly.
With a share of 80 %, the few models whose seeds differ most would determine the gap alone."""


class Place(NamedTuple):
    """The ranks that an entrant may have; 1 is the best."""

    low: int
    high: int
    marked: bool = False
    """By Hsu's test, this reference is not significantly worse than the best. Newcomers are never marked."""
    above_all: bool = False
    """This newcomer is better than every reference, even after a correction for fifty newcomers."""


@dataclass(frozen=True)
class Contest:
    """The comparison of the references of one column, as far as their seeds and patients allow.

    All results are in the order in which the references were given."""

    references: tuple[Sample, ...]
    better: str
    moderated: Moderated | None
    """The references' variances over seeds."""
    places: tuple[Place, ...] | None
    """None if there are fewer than three seeds or too few patients; there are then no ranks and no marks."""
    labels: tuple[Label | None, ...]
    """The comparison of each reference with the reference that has the best mean, for which the entry is None."""
    gap: float | None
    """The true difference that this column would detect in half of the cases, on average over the pairs."""
    apart: np.ndarray | None = field(default=None, compare=False)
    """(M, M): which pairs differ significantly after Holm's correction; None if there are no places."""


class Differences(NamedTuple):
    """Differences of means: how much better the first model is, and the variances of this estimate's two errors."""

    better_by: np.ndarray
    c: np.ndarray
    """variance from the patients"""
    e: np.ndarray
    """variance from the seeds"""
    f1: float
    f2: float

    @property
    def p(self) -> np.ndarray:
        """Two-sided p-values; 1 if there is no difference."""
        return np.where(self.better_by == 0, 1.0, two_sided(self.better_by, self.c, self.e, self.f1, self.f2))


def contest(references: Sequence[Sample], better: str, margin: float | None = None) -> Contest:
    """Compare references with the same seeds in one column.

    `margin` is the smallest difference that matters; without it, no two models are called equivalent."""
    given, models = tuple(references), len(references)
    if len({sample.seeds for sample in given}) > 1:
        raise ValueError("only results for the same seeds can be compared")
    if not given or len(given[0].seeds) < LEAST_SEEDS or any(sample.too_few_to_rank for sample in given):
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
    surely_behind = ahead & (_square(p, above, models) / 2 <= ALPHA / (models - 1))
    marked = (low == 1) & ~np.any(surely_behind, axis=0)
    places = tuple(Place(*own) for own in zip(low.tolist(), high.tolist(), marked.tolist(), strict=True))
    best = int(ahead.sum(1).argmax())
    labels = _labels(pairs, claims, best, margin)
    return Contest(given, better, moderated, places, labels, _gap(pairs, ALPHA / len(p)), claims)


def place_newcomer(newcomer: Sample, against: Contest) -> Place | None:
    return place_newcomers([newcomer], against)[0]


def place_newcomers(newcomers: Sequence[Sample], against: Contest) -> list[Place | None]:
    """Place newcomers among the references.

    Each newcomer is tested against the references with its own variance and its own Holm correction, so its place does
    not depend on other newcomers. A place is None if the references have no places, or if the newcomer has other seeds,
    lacks replicates that the references have, or has too few patients."""
    found: list[Place | None] = [None] * len(newcomers)
    alike: dict[tuple[bytes, bool, float], list[int]] = defaultdict(list)
    asked = bool(against.places) and shared_draws(against.references) is not None
    if against.places and against.moderated:
        for number, one in enumerate(newcomers):
            if one.seeds != against.references[0].seeds or one.too_few_to_rank or (asked and one.replicates is None):
                continue
            answered = b"" if one.replicates is None else np.isfinite(one.replicates).all(0).tobytes()
            alike[answered, one.errors is None, one.freedom].append(number)
    for own in alike.values():
        group = [newcomers[number] for number in own]
        if shared_draws([*group, *against.references]) is None and asked:
            continue
        tests = _against(group, against)
        for row, p in enumerate(tests.p):
            found[own[row]] = _placed(p, tests.better_by[row] > 0)
    return found


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return p-values adjusted by Holm's step-down method: at most 0.05 means significant at 5 %."""
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return adjusted


def _pairs(samples: Sequence[Sample], better: str, moderated: Moderated) -> Differences:
    """Return the differences of all pairs of references, in the order of `np.triu_indices`.

    All variances of differences follow from inner products, so hundreds of models need only a few matrix products."""
    values, draws = _values(samples), shared_draws(samples)
    models, seeds = values.shape
    one, two = np.triu_indices(models, 1)
    patients, interaction = np.zeros((models, models)), np.zeros((models, models))
    if draws is not None:
        by_draw = draws.mean(1)
        by_draw -= by_draw.mean(1, keepdims=True)
        patients = _distances(by_draw, by_draw) / (draws.shape[2] - 1)
        rest = rest_of(draws).reshape(models, -1)
        interaction = _distances(rest, rest) / known_from(draws)
    elif all(sample.errors is not None for sample in samples):
        patients = np.add.outer(_squared_errors(samples), _squared_errors(samples))
    between = moderated.variances[one] + moderated.variances[two]
    means = values.mean(1)
    return Differences(
        _better_by(means[one], means[two], better),
        max(sample.widening for sample in samples) * certain(patients, interaction, seeds)[one, two],
        doubtful(between, interaction[one, two], seeds),
        min(sample.freedom for sample in samples),
        moderated.freedom,
    )


def _against(newcomers: Sequence[Sample], against: Contest) -> Differences:
    """Return the differences between newcomers and references, with a row for each newcomer.

    All newcomers must have values for the same draws and the same `freedom`, and either all or none of them must have
    errors. Each newcomer's own variance over seeds is used: a moderated variance would be wrong for a model that varies
    less or more than the references."""
    references, seeds, count = against.references, len(newcomers[0].seeds), len(newcomers)
    values, means = _values(newcomers), _values(references).mean(1)
    draws = shared_draws([*newcomers, *references])
    patients = interaction = np.zeros((count, len(references)))
    if draws is not None:
        by_draw, rest = draws.mean(1), rest_of(draws).reshape(len(draws), -1)
        by_draw -= by_draw.mean(1, keepdims=True)
        patients = _distances(by_draw[:count], by_draw[count:]) / (draws.shape[2] - 1)
        interaction = _distances(rest[:count], rest[count:]) / known_from(draws)
    elif all(sample.errors is not None for sample in (*newcomers, *references)):
        patients = np.add.outer(_squared_errors(newcomers), _squared_errors(references))
    assert against.moderated is not None  # the references have places
    between = np.add.outer(values.var(1, ddof=1), against.moderated.variances)
    theirs = max(sample.widening for sample in references)
    widening = np.array([[max(sample.widening, theirs)] for sample in newcomers])
    return Differences(
        _better_by(values.mean(1)[:, None], means, against.better),
        widening * certain(patients, interaction, seeds),
        doubtful(between, interaction, seeds),
        min(sample.freedom for sample in (newcomers[0], *references)),
        seeds - 1,
    )


def _placed(p: np.ndarray, ahead: np.ndarray) -> Place:
    """Return a newcomer's place from the p-values of its tests and whether it is ahead of each reference."""
    claims = holm(p) <= ALPHA
    surely = bool((ahead & (p / 2 <= ALPHA / NEWCOMERS)).all())
    return Place(1 + int((claims & ~ahead).sum()), len(p) + 1 - int((claims & ahead).sum()), above_all=surely)


def _labels(pairs: Differences, claims: np.ndarray, best: int, margin: float | None) -> tuple[Label | None, ...]:
    """Return the label of each reference, which says how it compares with the reference that has the best mean."""
    one, two = np.triu_indices(len(claims), 1)
    asked = (one == best) | (two == best)
    room = (margin or 0.0) - np.abs(pairs.better_by[asked])
    within = two_sided(np.maximum(room, 0), pairs.c[asked], pairs.e[asked], pairs.f1, pairs.f2) / 2
    others = np.delete(np.arange(len(claims)), best)  # in the order of their pairs with the best
    found: list[Label | None] = [None] * len(claims)
    for other, close in zip(others, (room > 0) & (within <= ALPHA), strict=True):
        if claims[best, other]:
            found[other] = "differs, by less than the margin" if close else "differs"
        else:
            found[other] = "equivalent" if close else "not shown to differ"
    return tuple(found)


def _gap(pairs: Differences, alpha: float) -> float | None:
    """Return the difference that a test at level alpha detects in half of the cases, on average over the pairs."""
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
    """Return how much better a is than b; zero if they differ only by rounding."""
    difference = a - b if better == "higher" else b - a
    return np.where(np.abs(difference) <= 1e-12 * (np.abs(a) + np.abs(b)), 0.0, difference)


def _square(of_pairs: np.ndarray, above: tuple[np.ndarray, np.ndarray], models: int) -> np.ndarray:
    """Return a symmetric matrix of the values of all pairs, with zeros (or False) on the diagonal."""
    found = np.zeros((models, models), of_pairs.dtype)
    found[above] = of_pairs
    return found | found.T if of_pairs.dtype == bool else found + found.T


def _squared_errors(samples: Sequence[Sample]) -> np.ndarray:
    return np.array([np.square(sample.errors).mean() for sample in samples if sample.errors is not None])


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the squared distance between every row of a and every row of b."""
    return np.maximum(np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T, 0)
