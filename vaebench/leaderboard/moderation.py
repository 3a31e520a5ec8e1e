"""Variances over seeds, moderated towards those of the other models by Smyth's empirical Bayes method (limma, 2004).

Three to five seeds give a poor estimate s^2 of a model's variance (on d degrees of freedom), but together, a dozen
models show how variances are distributed:

    1 / sigma^2 ~ chi2_d0 / (d0 s0)        the prior, fitted to the logarithms of the variances
    moderated = (d0 s0 + d s^2) / (d0 + d)     on d0 + d degrees of freedom instead of d

With M references, d0 is limited to (M - 1) d, because their seeds do not carry more information than that.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEAST = 4
"""Smallest number of variances from which their distribution is estimated."""
ZERO = 1e-14
"""A variance below this share of the largest squared value means that training gives identical results."""


class Moderated(NamedTuple):
    """Variances over seeds (M,) and their degrees of freedom."""

    variances: np.ndarray
    freedom: float


def moderate(values: np.ndarray) -> Moderated:
    """Return the moderated variance over seeds of each model; `values` are (M, S). Zero variances are not changed."""
    from scipy.special import digamma, polygamma

    models, seeds = values.shape
    own, d = values.var(1, ddof=1), seeds - 1
    varied = own > ZERO * np.square(values).max(1)
    if varied.sum() < LEAST:
        return Moderated(own, d)
    logs = np.log(own[varied]) - digamma(d / 2) + np.log(d / 2)
    excess = logs.var(ddof=1) - polygamma(1, d / 2)
    d0, s0 = np.inf, np.exp(logs.mean())
    if excess > 1e-3:
        d0 = 2 * inverse_trigamma(float(excess))
        s0 *= np.exp(digamma(d0 / 2) - np.log(d0 / 2))
    d0 = min(d0, (models - 1) * d)
    return Moderated(np.where(varied, (d0 * s0 + d * own) / (d0 + d), own), float(d0 + d))


def inverse_trigamma(x: float) -> float:
    """Return y with trigamma(y) = x > 0, by the Newton iteration in Smyth's appendix, which never overshoots."""
    from scipy.special import polygamma

    y = 0.5 + 1 / x
    for _ in range(50):
        tri = polygamma(1, y)
        step = tri * (1 - tri / x) / polygamma(2, y)
        y += step
        if -step / y < 1e-10:
            break
    return float(y)
