"""Means over seeds with valid intervals: seeds and patients are crossed factors, not nested ones.

`replicates[s, b]` is the value of seed s on a random resample b of the patients, called a draw; all seeds (and all
models) share the same draws. With

    P = variance over draws of the mean over seeds      (patients, and 1/S of the interaction)
    A = variance over seeds of the values               (seeds, and the whole interaction)
    I = mean square of seeds x draws, means removed     (interaction: some seeds do well on some patients)

the mean over S seeds has two errors: one from patients alone, with variance k (P - I / S), and one with variance A / S.
P + A / S would count the interaction twice, and a nested bootstrap would ignore that every seed saw the same patients.
If there are few patients, the variance of the draws is too small by the factor k and has only f degrees of freedom
(`vaebench/patients.py`); the variance over seeds has S - 1. The sum of both errors has a Behrens-Fisher distribution.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vaebench.leaderboard.error_distribution import half_width

LEVEL = 0.95
ENOUGH_SEEDS = 5
ENOUGH_DRAWS = 20
FEW_PATIENTS, FEW_OF_A_CLASS = 50, 25
LEAST, LEAST_OF_A_CLASS, LEAST_TO_RANK = 8, 10, 10
"""The numbers of patients needed for an interval, for an interval of a metric that separates classes (in each class),
and for a rank. With fewer patients, intervals or ranks would be wrong too often (docs/ranks.md)."""
AT_ONCE = 256
"""Number of samples whose replicates are processed as one block."""


@dataclass(frozen=True)
class Sample:
    """The values of one model in one column, one per seed."""

    seeds: tuple[int, ...]
    values: np.ndarray
    """(S,)"""
    replicates: np.ndarray | None = None
    """(S, B): values on the shared resamples of patients (draws); NaN for a draw without a value"""
    errors: np.ndarray | None = None
    """(S,) image-level standard errors, used if there are no replicates"""
    patients: int | None = None
    """Number of patients behind the values (with several classes: in the smallest); None if the records lack it."""
    classes: int = 1
    """1 for means over patients of one kind; 2 or more for metrics that separate classes (AUROC, balanced accuracy)."""
    widening: float = 1.0
    """Ratio of the variance over patients to the variance of the draws, which is too small with few patients."""
    freedom: float = 200.0
    """Degrees of freedom of the variance over patients."""

    @property
    def bounded(self) -> bool:
        """True if the values are between 0 and 1 and measure how well classes are separated."""
        return self.classes > 1 and min(self.values) >= 0 and max(self.values) <= 1

    @property
    def few(self) -> bool:
        """True if there are so few patients (under 50, or under 25 in a class) that boards flag the value."""
        return self.patients is not None and self.patients < (FEW_PATIENTS if self.classes == 1 else FEW_OF_A_CLASS)

    @property
    def too_few(self) -> bool:
        """True if there are too few patients for an interval: under 8, or under 10 in a class."""
        return self.patients is not None and self.patients < (LEAST if self.classes == 1 else LEAST_OF_A_CLASS)

    @property
    def too_few_to_rank(self) -> bool:
        """True if there are too few patients for a rank: under 10, or under 10 in a class."""
        return self.patients is not None and self.patients < LEAST_TO_RANK


class Estimate(NamedTuple):
    """A mean over seeds, with its standard error and interval if these can be estimated."""

    mean: float
    error: float | None
    low: float | None
    high: float | None
    seeds: int
    provisional: bool
    """There are fewer than five seeds. With one seed, the interval covers the choice of images but not retraining."""
    few: bool = False
    """There are so few patients that boards flag the value. With even fewer, there is no error and no interval."""


class MeanRank(NamedTuple):
    """The mean of one model's ranks over datasets, with its 95 % interval if there are several datasets."""

    mean: float
    low: float | None
    high: float | None


def estimate(sample: Sample) -> Estimate:
    return estimates([sample])[0]


def estimates(samples: Sequence[Sample]) -> list[Estimate]:
    """Return the mean over seeds of each sample and its interval; samples of the same shape are processed together.

    A model's own variance over seeds is used: with three seeds, moderated variances would make intervals too narrow.
    Without replicates, patients and interaction cannot be separated: the mean squared image-level error then stands for
    both, which makes the interval too wide rather than too narrow."""
    alike: dict[tuple[int, bytes, bool, float], list[int]] = defaultdict(list)
    for number, sample in enumerate(samples):
        answered = b"" if sample.replicates is None else np.isfinite(sample.replicates).all(0).tobytes()
        alike[len(sample.values), answered, sample.errors is None, sample.freedom].append(number)
    found: dict[int, Estimate] = {}
    for own in alike.values():
        for start in range(0, len(own), AT_ONCE):
            chunk = own[start : start + AT_ONCE]
            found |= zip(chunk, _estimates([samples[number] for number in chunk]), strict=True)
    return [found[number] for number in range(len(samples))]


def _estimates(samples: Sequence[Sample]) -> Iterator[Estimate]:
    """Yield the estimates of samples with equal numbers of seeds, draws and degrees of freedom over patients."""
    values = np.stack([np.asarray(sample.values, float) for sample in samples])
    seeds, means = values.shape[1], values.mean(1)
    draws, errors = shared_draws(samples), [sample.errors for sample in samples if sample.errors is not None]
    patients = interaction = np.zeros(len(samples))
    if draws is not None:
        patients, interaction = _patients(draws), np.square(rest_of(draws)).sum((1, 2)) / known_from(draws)
    elif errors:
        patients = np.square(errors).mean(1)
    told = seeds > 1 or draws is not None or bool(errors)
    widening = np.array([sample.widening for sample in samples])
    between = values.var(1, ddof=1) if seeds > 1 else np.zeros(len(samples))
    c, e = widening * certain(patients, interaction, seeds), doubtful(between, interaction, seeds)
    error, half = np.sqrt(c + e), half_width(c, e, samples[0].freedom, seeds - 1, LEVEL)
    for sample, *numbers in zip(samples, *(array.tolist() for array in (means, error, half)), strict=True):
        mean, doubt, reach = numbers
        if told and not sample.too_few:
            low, high = _on_logit_scale(mean, reach, sample) if sample.bounded else (mean - reach, mean + reach)
            yield Estimate(mean, doubt, low, high, seeds, seeds < ENOUGH_SEEDS, sample.few)
        else:
            yield Estimate(mean, None, None, None, seeds, seeds < ENOUGH_SEEDS, sample.few)


def _on_logit_scale(mean: float, reach: float, sample: Sample) -> tuple[float, float]:
    """Return an interval that stays between 0 and 1 and reaches further towards 0.5 than towards the nearer bound.

    The logit is infinite at 0 and 1, so the mean is first moved half a patient of the smallest class away from them."""
    margin = 0.5 / (sample.patients or len(sample.values))
    inside = min(max(mean, margin), 1 - margin)
    place, far = np.log(inside / (1 - inside)), reach / (inside * (1 - inside))
    low, high = (float(1 / (1 + np.exp(-end))) for end in (place - far, place + far))
    return min(low, mean), max(high, mean)


def certain(patients: np.ndarray, interaction: np.ndarray, seeds: int) -> np.ndarray:
    """Return the variance of a mean over seeds that is due to the patients alone."""
    return np.maximum(patients - interaction / seeds, 0) if seeds > 1 else patients


def doubtful(between: np.ndarray, interaction: np.ndarray, seeds: int) -> np.ndarray:
    """Return the variance of a mean over seeds that is estimated from the seeds alone.

    Seeds of a classifier may agree exactly by chance, which does not prove that they always do: their variance is taken
    to be at least a tenth of the interaction."""
    return np.maximum(between, interaction / 10) / seeds if seeds > 1 else np.zeros_like(between)


def mean_ranks(places: np.ndarray) -> list[MeanRank]:
    """Return the mean of each model's ranks over datasets; `places` has a rank per dataset and model (D, M).

    Intervals are clipped to [1, M]."""
    means, models = places.mean(0).tolist(), places.shape[1]
    if len(places) < 2:
        return [MeanRank(mean, None, None) for mean in means]
    reach = rank_spread(places)
    return [MeanRank(mean, max(1.0, mean - reach), min(float(models), mean + reach)) for mean in means]


def rank_spread(places: np.ndarray) -> float:
    """Return half the width of a 95 % interval of a mean rank; `places` has a rank per dataset and model (D, M).

    The variance over datasets is pooled over the models: a model that is first on each of six datasets has shown no
    spread, but may be second on the seventh. Degrees of freedom are those of the datasets alone, because ranks within a
    dataset depend on one another."""
    count = len(places)
    variance = np.var(places, axis=0, ddof=1).mean() / count
    return float(half_width(np.zeros(1), np.array([variance]), 200.0, count - 1, LEVEL)[0])


def shared_draws(samples: Sequence[Sample]) -> np.ndarray | None:
    """Return (M, S, B) values for the draws that every sample has; None if these are too few for a variance."""
    if any(sample.replicates is None or sample.replicates.ndim != 2 for sample in samples):
        return None
    shared = min(sample.replicates.shape[1] for sample in samples if sample.replicates is not None)
    kept = [sample.replicates[:, :shared] for sample in samples if sample.replicates is not None]
    draws = np.stack(kept, dtype=float)
    draws = draws[:, :, np.isfinite(draws).all((0, 1))]
    return draws if draws.shape[2] >= ENOUGH_DRAWS else None


def rest_of(draws: np.ndarray) -> np.ndarray:
    """Return the part of the values that neither the seed nor the draw alone explains; zero with one seed."""
    by_draw = draws.mean(1, keepdims=True)
    return draws - draws.mean(2, keepdims=True) - by_draw + by_draw.mean(2, keepdims=True)


def known_from(draws: np.ndarray) -> int:
    """Return the degrees of freedom of the interaction."""
    _, seeds, count = draws.shape
    return max(1, (seeds - 1) * (count - 1))


def _patients(draws: np.ndarray) -> np.ndarray:
    return draws.mean(1).var(1, ddof=1)
