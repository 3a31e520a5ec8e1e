"""Metrics of latent codes: rate, number of latents in use, similarity to the prior, and likelihood of images.

    rate        KL(q(z|x) || p(z)), mean over images, in bits
    unit        active when Var_x E[z|x] > 0.01: Burda, Grosse & Salakhutdinov, arXiv 1509.00519
    aggregate   q(z) = E_x q(z|x); its distance from the prior N(0, I) is the squared maximum mean discrepancy
    bound       ln p(x) >= ln 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x), of 8-bit images

All metrics are computed on test images, which the model has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score
from vaebench_measures.distances.cloud import SUBSAMPLES

ACTIVE = 0.01
"""A unit is active if the variance of its posterior mean over images is above this; the prior's variance is 1."""
DRAWS = 4
"""The number of codes drawn per image for a bound. With 16 codes per image, decoding took a third of the time of all
metrics. For `vae` in the preset `compact`, the bounds from 4, 16 and 64 codes were 6.363, 6.359 and 6.355 bits per
pixel value, with a standard error of 0.006."""
ROWS = 2000
"""The maximum number of images whose codes are compared with the prior: time and memory grow with the square of this
number."""
PATIENTS = 4
"""The minimum number of patients: the standard error is computed from halves, each of which needs two patients."""


class BitsPerImage(Metric):
    """Mean KL divergence of the posterior from the prior, which is the nominal rate of a reconstruction. For discrete
    codes, the metric is their negative log-probability under the learned prior."""

    name = "bits-per-image"
    version = 1
    title = "bits per image"
    verdict = "other"  # a cost: a better reconstruction may well need more bits
    better = "lower"
    unit = "bits"
    range = (0, math.inf)

    def compute(self, evidence: Evidence) -> Score:
        return evidence.per_image(evidence.rates("test") / math.log(2))


class ActiveUnits(Metric):
    """Number of latents in use: those whose posterior mean has a variance above 0.01 over the test images."""

    name = "active-units"
    version = 1
    title = "active units"
    verdict = "representation"
    range = (0, math.inf)
    statistic: ClassVar[Callable[[np.ndarray], float]] = np.sum

    def compute(self, evidence: Evidence) -> Score:
        statistic = type(self).statistic
        means, _ = evidence.posterior("test")
        if len(means) < 2:
            raise NotApplicable("the variance of codes cannot be computed from one image")
        rows = np.arange(len(means))
        return evidence.resampled(lambda draw: statistic(means[draw].var(0, dtype=np.float64) > ACTIVE), rows)


class ActiveShare(ActiveUnits):
    """Share of latents in use: those whose posterior mean has a variance above 0.01 over the test images."""

    name = "active-share"
    title = "active units, share"
    range = (0, 1)
    statistic = np.mean


class PriorDistance(Metric):
    """Squared kernel distance between codes (one sample from the posterior of each test image) and the prior N(0, I).
    The estimate is unbiased: if the codes follow the prior, it is zero on average for any number of images and latents,
    so a single value may be slightly negative."""

    name = "prior-distance"
    version = 1
    title = "distance of codes from the prior"
    verdict = "representation"
    better = "lower"

    def compute(self, evidence: Evidence) -> Score:
        codes = evidence.drawn_codes("test")
        rows = np.sort(np.random.default_rng(0).permutation(len(codes))[:ROWS])
        value, error = prior_distance(codes[rows], evidence.split("test").groups[rows])
        return Score(value, error, n=len(rows), variant=f"n={len(rows)}")


class IwBound(Metric):
    """Importance-weighted upper bound on the negative log-likelihood of test images, in bits per pixel value. The
    bound is exact if the model's likelihood can be computed. The metric applies only if the loss is a likelihood."""

    name = "iw-bound"
    version = 2
    title = "IW bound"
    verdict = "representation"
    better = "lower"
    unit = "bits/dim"

    def compute(self, evidence: Evidence) -> Score:
        bounds = evidence.bounds("test", DRAWS).astype(np.float64)
        pixels = math.prod(evidence.images("test").shape[1:])
        # A grey level covers 1/255 of the range: its probability is the mean density within it, divided by 255.
        found = evidence.per_image((math.log(255) - bounds / pixels) / math.log(2))
        return replace(found, variant=f"{DRAWS} draws")


def prior_distance(codes: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Return (E k(z, z') - 2 E k(z, y) + E k(y, y')) / E k(y, y'), with y from N(0, I) and
    k(z, z') = exp(-|z - z'|^2 / 2D), and its standard error, from random halves of the patients as in `halving_error`.

    Expectations over the prior are computed in closed form. Pairs of codes from one patient are left out,
    because such codes are more alike than codes of different patients."""
    names, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < PATIENTS:
        raise NotApplicable(f"the codes must come from at least {PATIENTS} patients, but come from only {len(names)}")
    random = np.random.default_rng(seed)
    sets = np.ones((1 + SUBSAMPLES, len(names)))
    for row in sets[1:]:
        row[random.permutation(len(names))[len(names) // 2 :]] = 0

    order = np.argsort(member, kind="stable")
    z, starts = codes[order].astype(np.float64), np.cumsum(sizes) - sizes
    width, squares = z.shape[1], np.square(z).sum(1)
    kernel = np.exp((z @ z.T - squares[:, None] / 2 - squares / 2) / width)
    pairs = np.add.reduceat(np.add.reduceat(kernel, starts, 0), starts, 1)
    np.fill_diagonal(pairs, 0)
    prior = np.add.reduceat(np.exp(-squares / (2 * width + 2)), starts) * (width / (width + 1)) ** (width / 2)

    counts = sets @ sizes
    within = ((sets @ pairs) * sets).sum(1) / (counts**2 - sets @ sizes**2)
    across = sets @ prior / counts
    found = 1 + (within - 2 * across) / (width / (width + 2)) ** (width / 2)
    return float(found[0]), float(np.std(found[1:], ddof=1))


METRICS = [BitsPerImage, ActiveUnits, ActiveShare, PriorDistance, IwBound]
