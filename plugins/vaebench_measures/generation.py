"""Metrics of how closely samples resemble test images, computed from feature distances or from nearest neighbours.

The tables at the end of this file combine spaces, distances and sets. The headline is MMD on whitened features of the
network that comes with the package: it orders faults of different kinds as a person would
(benchmarks/scripts/fault_order.py), whereas the cubic kernel of KID is dominated by brightness. The space of 64
principal components of pixels (`pca64`) needs no network; it captures brightness, shape and how they vary together, but
no finer texture. The title of a metric's column states how many images are compared.

The floor is the distance between the test images and as many training images as there are samples: the best result that
a model of the training set can be expected to reach. A second floor, the distance between two halves of the test split,
shows how much two sets of images from one distribution differ. If the distance to training images is far above this
distance, train and test have different distributions.

To use another extractor, name it in a subclass, and offer the subclass like any other metric:

    class KidDino(KernelDistance):
        name, version = "kid-dino", 1
        title = "KID (DINO)"
        extractor = Dino  # a subclass of `features.extractor.Extractor`
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Score, Split
from vaebench.patients import patient_draws
from vaebench_measures.classifiers.learning import apart
from vaebench_measures.distances.cloud import Cloud, halving_error
from vaebench_measures.distances.collapse import collapsed
from vaebench_measures.distances.frechet import by_gaussians
from vaebench_measures.distances.kernels import Kernel, by_kernel, cubic, gaussian, under_draws
from vaebench_measures.distances.neighbours import Manifolds, compare
from vaebench_measures.features.compared import LEAST, ByComponents, Compared, enough, pictures
from vaebench_measures.features.inception import Inception, fetch
from vaebench_measures.features.whitened import Whitened

COLLAPSED = "no diversity: samples hardly differ from each other, and all can be distinguished from real images"


class SetDistance(Compared):
    """A distance between the test images and another set of images, by default samples."""

    version = 2
    verdict = "generation"
    better = "lower"
    of: ClassVar[str] = "samples"
    distance: ClassVar[Callable[[Cloud, Cloud], tuple[float, float]]]
    """A function that returns the distance of two sets and its standard error"""

    def sets(self, evidence: Evidence) -> tuple[Cloud, Cloud]:
        """Return the features of the two sets of images."""
        return self.cloud(evidence, self.of), self.cloud(evidence, "test")

    def compute(self, evidence: Evidence) -> Score:
        images, test = self.sets(evidence)
        value, error = type(self).distance(images, test)
        replicates = self.replicates(evidence, images, test)
        return Score(value, error, len(images.rows), self.against(images, test), replicates)

    def replicates(self, evidence: Evidence, images: Cloud, test: Cloud) -> list[float]:
        """Return the distance for each resample of test patients. All models share these resamples, so boards can
        compare models in pairs."""
        return []


class FrechetDistance(SetDistance):
    """Fréchet distance from the test images in an extractor's feature space; it is larger for fewer samples."""

    range = (0, math.inf)
    distance = by_gaussians


class KernelDistance(SetDistance):
    """Unbiased kernel distance from the test images in an extractor's feature space; it may be slightly negative."""

    version = 3
    distance = by_kernel
    kernel: ClassVar[Kernel] = cubic

    def replicates(self, evidence: Evidence, images: Cloud, test: Cloud) -> list[float]:
        draws = patient_draws(evidence.split("test").groups, evidence.dataset)
        found: list[float] = under_draws(images, test, draws, type(self).kernel).tolist()
        return found


def by_gaussian_kernel(x: Cloud, y: Cloud) -> tuple[float, float]:
    return by_kernel(x, y, gaussian)


class WhitenedDistance(Whitened, KernelDistance):
    """Unbiased kernel distance on whitened features, with a Gaussian kernel; it may be slightly negative."""

    version = 1
    distance = by_gaussian_kernel
    kernel = gaussian

    def compute(self, evidence: Evidence) -> Score:
        score = super().compute(evidence)
        if self.of == "samples" and collapsed(*(cloud.rows for cloud in self.sets(evidence))):
            return replace(score, warning=COLLAPSED)
        return score


class OfReconstructions(SetDistance):
    """A distance that rates reconstructions instead of samples."""

    verdict = "reconstruction"
    of = "reconstructions"


class Floor(SetDistance):
    """The distance between the test images and as many training images as there are samples. This floor is the same
    for all models and computed once."""

    of = "train"

    def compute(self, evidence: Evidence) -> Score:
        compute = super().compute

        def floor(*_: Split) -> dict[str, Any]:
            score = compute(evidence)
            return {name: getattr(score, name) for name in ("value", "error", "n", "variant")}

        key = f"{self.name} {len(pictures(evidence, 'samples'))} {self.space()}"
        found = evidence.of_dataset(key, floor, "train", "test", code=self.code())
        return Score(**{name: array.item() for name, array in found.items()})

    def replicates(self, evidence: Evidence, images: Cloud, test: Cloud) -> list[float]:
        return []


class HalvesFloor(Floor):
    """The distance between two halves of the test images, with no patient in both halves. The first half is limited to
    as many images as there are samples."""

    def sets(self, evidence: Evidence) -> tuple[Cloud, Cloud]:
        test = self.cloud(evidence, "test")
        one, other = apart(evidence.split("test").groups, share=0.5)
        one = np.random.default_rng(1).permutation(one)[: len(evidence.samples())]
        halves = test.take(one), test.take(other)
        enough(min(len(one), len(other)), "images in half of the test split", LEAST)
        enough(min(half.patients for half in halves), "patients in half of the test split", self.patients)
        return halves


class Neighbourly(Compared):
    """A share computed from the neighbourhoods of samples and test images."""

    version = 2
    verdict = "generation"
    patients = LEAST
    share: ClassVar[str]

    def compute(self, evidence: Evidence) -> Score:
        samples, test = self.cloud(evidence, "samples"), self.cloud(evidence, "test")
        seen_as = self.against(samples, test)

        def both() -> tuple[Manifolds, np.ndarray]:
            return compare(samples.rows, test.rows), halving_error(compare, samples, test)

        shares, errors = evidence.once(("manifolds", seen_as), both)
        column = Manifolds._fields.index(self.share)
        return Score(shares[column], float(errors[column]), n=len(samples.rows), variant=seen_as)


class ByInception(Compared):
    """A comparison in the feature space of Inception."""

    extractor = Inception
    least_images = 2000

    def fetch(self) -> Path:
        return fetch()


class Space(NamedTuple):
    """A feature space: what it adds to a metric's name, title and description, and the base class of the metrics that
    are computed in it."""

    suffix: str
    mark: str
    words: str
    kind: type[Compared] | None = None


CNN = Space("", "", "in the feature space of vaebench's own network")
INCEPTION = Space("", "", "in the feature space of Inception with its published weights", ByInception)
PCA64 = Space("-pca64", "[pca64]", "in the space of the pixels' first 64 principal components", ByComponents)

DISTANCES: dict[str, tuple[str, str, type[SetDistance]]] = {
    "mmd": ("MMD", "Squared maximum mean discrepancy (unbiased, so it may be below zero)", WhitenedDistance),
    "kid": ("KID", "Kernel distance (unbiased, so it may be below zero)", KernelDistance),
    "fd": ("FD", "Fréchet distance (larger if fewer images are compared)", FrechetDistance),
    "fid": ("FID", "Fréchet Inception distance (larger if fewer images are compared)", FrechetDistance),
}
SETS: dict[str, tuple[str, str, type[SetDistance] | None]] = {
    "{}": ("{}", "samples and test images", None),
    "{}-floor": ("{} floor", "test images and as many training images as there are samples", Floor),
    "{}-floor-halves": ("{} floor of test halves", "two halves of the test images", HalvesFloor),
    "r{}": ("r{}", "test images and their reconstructions", OfReconstructions),
}
SHARES = {
    "precision": "Share of samples in the neighbourhood of a test image: do samples look like real images?",
    "recall": "Share of test images in the neighbourhood of a sample: are all kinds of images generated?",
    "density": "Mean number of test images' neighbourhoods that contain a sample, divided by k: a robust form "
    "of precision, which may exceed 1.",
    "coverage": "Recall that is robust to outliers: share of test images with a sample in their neighbourhood.",
}
MOST = {**dict.fromkeys(SHARES, 1), "density": math.inf}


def metric(name: str, title: str, about: str, *kinds: type[Compared] | None, **facts: Any) -> type[Compared]:
    """Return a new metric with this name, title and docstring, which inherits from these classes."""
    facts |= {"name": name, "title": title, "__doc__": about}
    return type(name.title().replace("-", ""), tuple(filter(None, kinds)), facts)


def distance(space: Space, far: str, of: str) -> type[Compared]:
    (title, what, kind), (pattern, whose, which) = DISTANCES[far], SETS[of]
    about = f"{what} between {whose}, {space.words}."
    return metric(of.format(far + space.suffix), pattern.format(title + space.mark), about, space.kind, which, kind)


def neighbours(space: Space) -> list[type[Compared]]:
    return [
        metric(
            share + space.suffix,
            share + space.mark,
            about,
            space.kind,
            Neighbourly,
            share=share,
            range=(0, MOST[share]),
        )
        for share, about in SHARES.items()
    ]


FLOORED = ("{}", "{}-floor", "{}-floor-halves")
METRICS = [
    *(distance(CNN, "mmd", of) for of in FLOORED),
    *(distance(CNN, "kid", of) for of in FLOORED),
    *(distance(CNN, "fd", of) for of in (*FLOORED, "r{}")),
    *(distance(INCEPTION, "fid", of) for of in FLOORED),
    *neighbours(CNN),
    *(distance(PCA64, "fd", of) for of in ("r{}", *FLOORED)),
    *(distance(PCA64, "kid", of) for of in FLOORED),
    *neighbours(PCA64),
]
