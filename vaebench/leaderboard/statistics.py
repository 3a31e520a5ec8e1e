"""Means over seeds with honest intervals, paired tests and ranks, from seeds and patients that are crossed, not nested.

The value of seed s under patient draw b is `replicates[s, b]`; all seeds (and all models) see the same draws. With

    P = variance over draws of the mean over seeds      (patients, and a share 1/S of the interaction)
    A = variance over seeds of the values               (seeds, and the whole interaction)
    I = mean square of seeds x draws, after both means  (interaction: some seeds do well on some patients)

the mean over S seeds has two errors: one of variance P - I / S, of the patients alone, which hundreds of draws tell
well, and one of variance A / S, which the S seeds alone have told. P + A / S would count the interaction twice, and a
nested bootstrap would forget that every seed saw the same patients. The sum of both errors is Behrens and Fisher's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vaebench.leaderboard.error_distribution import half_width, two_sided

LEVEL = 0.95
ENOUGH_SEEDS = 5
ENOUGH_DRAWS = 20
AT_ONCE = 256
"""Samples whose replicates are in memory as one block."""


@dataclass(frozen=True)
class Sample:
    """What one model showed in one column, a row per seed."""

    seeds: tuple[int, ...]
    values: np.ndarray
    """(S,)"""
    replicates: np.ndarray | None = None
    """(S, B) under the shared patient draws; NaN where a draw has no answer"""
    errors: np.ndarray | None = None
    """(S,) image-level standard errors, used where there are no replicates"""
    patients: int | None = None
    """How many patients decide it, of several classes the smallest one's; None where the records do not tell."""
    classes: int = 1
    """1 for means over patients of one kind; 2 or more where classes are told apart (AUROC, balanced accuracy)."""
    widening: float = 1.0
    """The variance over patients is so many times that of the draws, which is too small for few patients."""
    freedom: float = 200.0
    """Degrees of freedom of that variance."""

    @property
    def few(self) -> bool:
        """Whether its patients are so few that a board should say so: under 50, or a class under 25."""
        return self.patients is not None and self.patients < (50 if self.classes == 1 else 25)

    @property
    def too_few(self) -> bool:
        """Whether its patients are too few for an interval or a rank."""
        return self.patients is not None and self.patients < 10


class Estimate(NamedTuple):
    """A mean over seeds, with its standard error and interval where these can be known."""

    mean: float
    error: float | None
    low: float | None
    high: float | None
    seeds: int
    provisional: bool
    """Fewer than five seeds. With one, the interval speaks of the images alone and not of training again."""
    few: bool = False
    """So few patients that a board should say so. Under ten, there is no error and no interval."""


@dataclass(frozen=True)
class Comparison:
    """a minus b, on the same seeds and patients."""

    difference: float
    error: float | None
    p: float


def estimate(sample: Sample) -> Estimate:
    return estimates([sample])[0]


def estimates(samples: Sequence[Sample]) -> list[Estimate]:
    """The mean over seeds of each sample and its interval, of those of one shape many at once.

    Without replicates, patients and interaction cannot be told apart: the mean squared image-level error then stands
    for both, which errs on the wide side."""
    alike: dict[tuple[int, bytes, bool], list[int]] = defaultdict(list)
    for number, sample in enumerate(samples):
        answered = b"" if sample.replicates is None else np.isfinite(sample.replicates).all(0).tobytes()
        alike[len(sample.values), answered, sample.errors is None].append(number)
    found: dict[int, Estimate] = {}
    for own in alike.values():
        for start in range(0, len(own), AT_ONCE):
            chunk = own[start : start + AT_ONCE]
            found |= zip(chunk, _estimates([samples[number] for number in chunk]), strict=True)
    return [found[number] for number in range(len(samples))]


def _estimates(samples: Sequence[Sample]) -> Iterator[Estimate]:
    """Of samples alike in their seeds and in the draws that have answers."""
    values = np.stack([np.asarray(sample.values, float) for sample in samples])
    seeds, means = values.shape[1], values.mean(1)
    draws, errors = _draws(samples), [sample.errors for sample in samples if sample.errors is not None]
    patients = interaction = np.zeros(len(samples))
    if draws is not None:
        patients, interaction = _patients(draws), _interaction(draws)
    elif errors:
        patients = np.square(errors).mean(1)
    if seeds == 1 and draws is None and not errors:
        yield from (Estimate(float(mean), None, None, None, 1, True) for mean in means)
        return
    between = values.var(1, ddof=1) if seeds > 1 else np.zeros(len(samples))
    certain, doubtful = split(patients, between, interaction, seeds)
    error, half = np.sqrt(certain + doubtful), half_width(certain, doubtful, seeds - 1, LEVEL)
    for mean, doubt, low, high in np.stack([means, error, means - half, means + half], 1).tolist():
        yield Estimate(mean, doubt, low, high, seeds, seeds < ENOUGH_SEEDS)


def compare(a: Sample, b: Sample) -> Comparison:
    """Paired difference of two models with the same seeds, and its two-sided p-value."""
    difference, error, p = pairwise([a, b])
    known = np.isfinite(error[0, 1])
    return Comparison(float(difference[0, 1]), float(error[0, 1]) if known else None, float(p[0, 1]))


def pairwise(samples: Sequence[Sample]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Difference, its error and p-value for every pair (M, M); all samples must have the same seeds.

    The three variances of a difference follow from inner products, so a thousand models cost a few matrix products.
    Without replicates the test speaks of these test images only; with a single seed it then takes the image-level
    errors as independent, and where there are none, nothing can be claimed (p = 1)."""
    if len({sample.seeds for sample in samples}) > 1:
        raise ValueError("only samples of the same seeds can be compared")
    values = np.stack([np.asarray(sample.values, float) for sample in samples])
    count, seeds = values.shape
    means = values.mean(1)
    difference = means[:, None] - means[None, :]
    difference[np.abs(difference) <= 1e-12 * (np.abs(means)[:, None] + np.abs(means)[None, :])] = 0
    draws = _draws(samples)
    patients = interaction = np.zeros((count, count))
    if draws is not None:
        by_draw = draws.mean(1)
        rest = _rest(draws)
        known = draws.shape[2] - 1
        patients = _distances(by_draw - by_draw.mean(1, keepdims=True)) / known
        interaction = _distances(rest.reshape(count, -1)) / max(1, (seeds - 1) * known)
    elif seeds == 1:
        errors = [np.nan if sample.errors is None else sample.errors[0] for sample in samples]
        patients = np.add.outer(np.square(errors), np.square(errors))
    between = _distances(values - means[:, None]) / max(1, seeds - 1)
    certain, doubtful = split(patients, between, interaction, seeds)
    error = np.sqrt(certain + doubtful)
    above = np.triu_indices(count, 1)  # the other half is the same
    tails = two_sided(difference[above], certain[above], doubtful[above], seeds - 1)
    p = np.ones((count, count))
    p[above] = np.where(np.isnan(error[above]) | (difference[above] == 0), 1.0, tails)
    p = np.minimum(p, p.T)
    return difference, error, p


def split(
    patients: np.ndarray, between: np.ndarray, interaction: np.ndarray, seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """The variance of a mean over seeds: what patients alone bring to it, and what is known from the seeds only.

    Seeds of a classifier may agree to the last digit by chance, which does not prove that they always do: they differ
    by a tenth of the interaction at least."""
    if seeds == 1:
        return patients, np.zeros_like(patients)
    return np.maximum(patients - interaction / seeds, 0), np.maximum(between, interaction / 10) / seeds


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment: significant at 5 % if at most 0.05."""
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return adjusted


def ranks(samples: Sequence[Sample], better: str) -> list[int]:
    """For each model, one plus the number of models that are significantly better, Holm-adjusted over all pairs."""
    if len(samples) < 2:
        return [1] * len(samples)
    difference, _, p = pairwise(samples)
    above = np.triu_indices(len(samples), 1)
    claims = np.zeros(p.shape, bool)
    claims[above] = holm(p[above]) <= 1 - LEVEL
    claims |= claims.T
    beats = difference > 0 if better == "higher" else difference < 0
    return [int(1 + losses) for losses in (claims & beats).sum(0)]


def rank_spread(places: np.ndarray) -> float:
    """Half a 95 % interval of a mean rank over datasets; `places` holds a rank per dataset and model (D, M).

    The variance over datasets is pooled over the models: who is first on each of six sets has shown no spread, and may
    be second on the seventh. Degrees of freedom are those of the datasets alone, because ranks in a set depend on one
    another. In simulations (interval_coverage.py) this holds for nearly all models, as a model's own would not."""
    count = len(places)
    variance = np.var(places, axis=0, ddof=1).mean() / count
    return float(half_width(np.zeros(1), np.array([variance]), count - 1, LEVEL)[0])


def _draws(samples: Sequence[Sample]) -> np.ndarray | None:
    """(M, S, B) over the draws for which every sample has answers; None where these are too few for a variance."""
    if any(sample.replicates is None or sample.replicates.ndim != 2 for sample in samples):
        return None
    shared = min(sample.replicates.shape[1] for sample in samples if sample.replicates is not None)
    kept = [sample.replicates[:, :shared] for sample in samples if sample.replicates is not None]
    draws = np.stack(kept, dtype=float)
    draws = draws[:, :, np.isfinite(draws).all((0, 1))]
    return draws if draws.shape[2] >= ENOUGH_DRAWS else None


def _patients(draws: np.ndarray) -> np.ndarray:
    return draws.mean(1).var(1, ddof=1)


def _interaction(draws: np.ndarray) -> np.ndarray:
    _, seeds, count = draws.shape
    return np.square(_rest(draws)).sum((1, 2)) / max(1, (seeds - 1) * (count - 1))


def _rest(draws: np.ndarray) -> np.ndarray:
    """What neither the seed nor the draw alone explains; zero with one seed."""
    by_draw = draws.mean(1, keepdims=True)
    return draws - draws.mean(2, keepdims=True) - by_draw + by_draw.mean(2, keepdims=True)


def _distances(rows: np.ndarray) -> np.ndarray:
    """Squared distance between every two rows."""
    products = rows @ rows.T
    squares = np.diag(products)
    return np.maximum(squares[:, None] + squares[None, :] - 2 * products, 0)
