"""Boards of simulated models with known true values, for `rank_simulation.py`.

A score is the model's true mean plus four normal effects: of the patient; of patient and model; of patient, model and
seed; and of the seed. Patients are resampled as in the package, with the same resamples for all models of a board.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from scipy.special import ndtr

from vaebench.leaderboard.statistics import Sample
from vaebench.patients import Resolution, patient_draws, resolution

MODELS, PATIENTS = 12, 150
PATIENT, TASTE, INTERACTION = 0.3, 0.1, 0.05
"""Standard deviations over patients: shared by all models, of one model, and of one training run. With these values,
both rules (old and present) have about the same power and marks as in the simulation from which the bars were derived.
"""
AT_ONCE = 25
"""Number of boards that are simulated as one block and share one dataset's resamples of patients."""
SIZES = {"equal": lambda count: np.full(count, 4), "unequal": lambda count: np.geomspace(1, 12, count).astype(int)}
SEPARATION = 1.2
"""Distance between diseased and healthy images, in standard deviations of a patient and of an image; AUROC is .725."""


def deviations(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return standard deviations over seeds, independent of the models' true values."""
    if kind == "equal":
        return np.full(shape, 0.02)
    if kind == "unequal":
        return rng.permuted(np.broadcast_to(np.geomspace(0.005, 0.06, shape[1]), shape), axis=1)
    return np.exp(rng.uniform(np.log(0.003), np.log(0.063), shape))


@cache
def drawn(sizes: tuple[int, ...], block: int, two_classes: bool = False) -> tuple[np.ndarray, Resolution]:
    """Return how often each resample of patients contains each image (resamples, images), and their resolution.

    With two classes, every second patient is diseased."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    draws = list(patient_draws(groups, f"world {block % 40}"))
    counts = np.stack([np.bincount(own, minlength=len(groups)) for own in draws]).astype(float)
    return counts, resolution(groups, draws, groups % 2 if two_classes else None)


def boards(
    truths: np.ndarray, spread: np.ndarray, seeds: int, rng: np.random.Generator, patients: int = PATIENTS
) -> Iterator[list[Sample]]:
    """Yield samples of models with these true values (M,) and standard deviations over seeds, `spread` (boards, M)."""
    for start in range(0, len(spread), AT_ONCE):
        own = spread[start : start + AT_ONCE]
        shape = (*own.shape, seeds)
        counts, told = drawn((1,) * patients, start // AT_ONCE)
        shown = truths[:, None] + own[..., None] * rng.standard_normal(shape)
        shown = shown[..., None] + INTERACTION * rng.standard_normal((*shape, patients))
        shown += TASTE * rng.standard_normal((*own.shape, 1, patients))
        shown += PATIENT * rng.standard_normal((len(own), 1, 1, patients))
        again = shown @ (counts.T / patients)
        for scores, replicates in zip(shown.mean(3), again, strict=True):
            yield [Sample(tuple(range(seeds)), *each, None, *told) for each in zip(scores, replicates, strict=True)]


def few_means(sizes: tuple[int, ...], block: int, rng: np.random.Generator) -> tuple[list[Sample], float]:
    """Return means of models over patients with these numbers of images, and the true value."""
    counts, told = drawn(sizes, block)
    shown = _images(sizes, rng)
    return _samples(shown.mean(2), shown @ (counts / counts.sum(1, keepdims=True)).T, told), 0.0


def few_aurocs(sizes: tuple[int, ...], block: int, rng: np.random.Generator) -> tuple[list[Sample], float]:
    """Return AUROCs on patients with these numbers of images, every second one diseased, and the true value."""
    counts, told = drawn(sizes, block, two_classes=True)
    ill = np.repeat(np.arange(len(sizes)) % 2 == 1, sizes)
    apart = SEPARATION + 0.1 * rng.standard_normal((AT_ONCE, 5, 1))
    shown = _images(sizes, rng, own=1.0) + apart * ill
    won = (shown[..., ill][..., :, None] > shown[..., ~ill][..., None, :]).astype(float)
    one, two = counts[:, ill], counts[:, ~ill]
    with np.errstate(invalid="ignore"):  # a draw may contain only one class
        again = ((one @ won) * two).sum(-1) / (one.sum(1) * two.sum(1))
    truth = ndtr(SEPARATION / np.sqrt(2 * (1 + 1 + INTERACTION**2) + 0.1**2))
    return _samples(won.mean((2, 3)), again, told), float(truth)


def _images(sizes: tuple[int, ...], rng: np.random.Generator, own: float = PATIENT) -> np.ndarray:
    """Return scores (boards, seeds, images) around zero, with equal variance between patients and between images."""
    member = np.repeat(np.arange(len(sizes)), sizes)
    shown = own * (rng.standard_normal((AT_ONCE, 1, len(sizes)))[..., member])
    shown = shown + own * rng.standard_normal((AT_ONCE, 1, len(member)))
    return shown + INTERACTION * rng.standard_normal((AT_ONCE, 5, len(member)))


def _samples(values: np.ndarray, replicates: np.ndarray, told: Resolution) -> list[Sample]:
    return [Sample(tuple(range(5)), *own, None, *told) for own in zip(values, replicates, strict=True)]
