"""Variances over seeds, each moderated by those of the other models: Smyth's empirical Bayes (limma, 2004).

Three to five seeds tell a variance badly, and twelve such models together tell how variances are spread:

    1 / sigma^2 ~ chi2_d0 / (d0 s0)        the prior, fitted to the logarithms of the variances
    moderated = (d0 s0 + d s^2) / (d0 + d)     on d0 + d degrees of freedom instead of d

The prior's d0 is never taken to be more than the references' own seeds can tell, (M - 1) d.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEAST = 4
"""Variances that tell how variances are spread."""
ZERO = 1e-14
"""Of the largest value, squared: a smaller variance is that of a model that is trained to the same bits each time."""


class Moderated(NamedTuple):
    """Variances over seeds (M,) and their degrees of freedom."""

    variances: np.ndarray
    freedom: float


def moderate(values: np.ndarray) -> Moderated:
    """The variance over seeds of each model; `values` are (M, S). Models without any are left as they are."""
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
    """y with trigamma(y) = x > 0, by the Newton steps of Smyth's appendix, which never overshoot."""
    from scipy.special import polygamma

    y = 0.5 + 1 / x
    for _ in range(50):
        tri = polygamma(1, y)
        step = tri * (1 - tri / x) / polygamma(2, y)
        y += step
        if -step / y < 1e-10:
            break
    return float(y)
