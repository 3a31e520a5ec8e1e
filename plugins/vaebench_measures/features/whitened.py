"""Features that are whitened with the training images of a dataset, so that all directions have equal weight.

Because the training images determine the whitening, it is fixed before any test image or sample is seen. The whitening
is the same for all models, and a model's samples cannot change it. Distances therefore stay unbiased, and they are
correct for resampled test patients as well. If test images determined the whitening, they would appear whiter than any
other images.
"""

from __future__ import annotations

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import NotApplicable, Split
from vaebench_measures.distances.cloud import Cloud
from vaebench_measures.features.compared import LEAST, Compared, enough, ready

ROWS = 2000
"""The maximum number of training images from which the whitening is computed."""
RIDGE = 0.01
"""The share of the mean variance that is added to the variance in every direction, so that noise is magnified less."""


def whitening(features: np.ndarray) -> np.ndarray:
    """Return the projection (d, d) after which these features have variance 1 in every direction, or less because of
    the ridge."""
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(features.T)))
    mean = float(values.mean())
    if mean <= np.finfo(np.float64).eps:
        raise NotApplicable("the training images are all identical: their features have no variance")
    whitened: np.ndarray = vectors / np.sqrt(values.clip(0) + RIDGE * mean)
    return whitened


class Whitened(Compared):
    """A comparison of features whitened by training images."""

    def cloud(self, evidence: Evidence, of: str) -> Cloud:
        found = super().cloud(evidence, of)
        return Cloud(found.rows @ self.scale(evidence), found.groups)

    def scale(self, evidence: Evidence) -> np.ndarray:
        """Return the projection (d, d) that whitens features; it is computed once per dataset."""
        see = ready(evidence, self.extractor)

        def compute(train: Split) -> dict[str, np.ndarray]:
            enough(len(train), "images of train", LEAST)
            rows = np.sort(np.random.default_rng(0).permutation(len(train))[:ROWS])
            return {"scale": whitening(see(train.images[rows]))}

        return evidence.of_dataset(f"whitening {self.space()}", compute, "train", code=self.code())["scale"]
