"""Whether samples from the prior are like test images, as 64 components of pixels see it (`components`).

The space knows brightness, shape and how they vary together, no texture finer than its components: a check that needs
no network, beside those that do. Samples stand against the whole test split; the column says how many against how many.
The floor of a distance is that of as many training images, the best that a model of the training set can be asked for.
A second floor, of two halves of the test split, is what images of one kind get: where the first lies far above it,
train and test are not of one kind.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score, Split
from vaebench_measures.components import COUNT, Components
from vaebench_measures.distances import Cloud, Distance, by_gaussians, halving_error
from vaebench_measures.kernels import by_kernel
from vaebench_measures.learning import apart
from vaebench_measures.neighbours import K, Manifolds, compare

LEAST = 2 * (K + 1)
"""Of fewer images, a half has no k-th neighbours."""


def pictures(evidence: Evidence, of: str) -> np.ndarray:
    """Images of `test`, `reconstructions`, `samples`, or as many images of `train`; enough of them to compare."""
    sources = {
        "test": lambda: evidence.split("test").images,
        "reconstructions": lambda: evidence.reconstructions("test"),
        "samples": evidence.samples,
        "train": lambda: drawn(evidence.split("train").images, len(evidence.samples())),
    }
    images = sources[of]()
    enough(len(images), f"images of {of}", LEAST)
    return images


def whose(evidence: Evidence, of: str) -> np.ndarray | None:
    """The patients of these images; samples have none."""
    if of == "samples":
        return None
    if of == "train":
        return drawn(evidence.split("train").groups, len(evidence.samples()))
    return evidence.split("test").groups


def enough(count: int, what: str, least: int) -> None:
    if count < least:
        raise NotApplicable(f"{count} {what} are too few to compare, {least} are the least")


def drawn(images: np.ndarray, count: int) -> np.ndarray:
    """So many of the images, the same each time."""
    if len(images) < count:
        raise NotApplicable(f"a floor for {count} samples needs as many training images; there are {len(images)}")
    return images[np.random.default_rng(1).permutation(len(images))[:count]]


class Compared(Metric):
    """A comparison in a feature space: the principal components, unless a subclass says otherwise."""

    patients: ClassVar[int] = 4
    """The least: of fewer, a half has no two."""

    def features(self, evidence: Evidence, of: str) -> np.ndarray:
        """(n, d) of the images that `pictures` gives."""

        def compute() -> np.ndarray:
            components = Components(
                **evidence.of_dataset("components", lambda train: vars(Components.of(train.images)), "train")
            )
            if not components.axes.shape[1]:
                raise NotApplicable("the training images are all alike: they have no components")
            return components(pictures(evidence, of))

        return evidence.once(("features", of), compute)

    def cloud(self, evidence: Evidence, of: str) -> Cloud:
        """The features, and whose they are."""
        found = Cloud(self.features(evidence, of), whose(evidence, of))
        enough(found.patients, f"patients of {of}", self.patients)
        return found

    def space(self) -> str:
        """What tells the space from others."""
        return "pca64"

    def code(self) -> tuple[type, ...]:
        """Classes whose code decides the features."""
        return (type(self),)

    def against(self, x: Cloud, y: Cloud) -> str:
        """What the column says of two sets of features."""
        few = f", {x.rows.shape[1]} components" if x.rows.shape[1] < COUNT else ""
        return f"{len(x.rows)} vs {len(y.rows)}{few}"


class Apart(Compared):
    """A distance of some images from the test images."""

    version = 2
    verdict = "generation"
    better = "lower"
    needs = ("samples",)
    of: ClassVar[str] = "samples"
    distance: ClassVar[Distance]

    def sets(self, evidence: Evidence) -> tuple[Cloud, Cloud]:
        """Features of the two sets of images."""
        return self.cloud(evidence, self.of), self.cloud(evidence, "test")

    def compute(self, evidence: Evidence) -> Score:
        images, test = self.sets(evidence)
        value, error = type(self).distance(images, test)
        return Score(value, error, n=len(images.rows), variant=self.against(images, test))


class Floor(Apart):
    """The distance of as many training images from the test images: the same for every model, so found once for all."""

    of = "train"

    def compute(self, evidence: Evidence) -> Score:
        compute = super().compute

        def told(*_: Split) -> dict[str, Any]:
            score = compute(evidence)
            return {name: getattr(score, name) for name in ("value", "error", "n", "variant")}

        key = f"{self.name} {len(pictures(evidence, 'samples'))} {self.space()}"
        found = evidence.of_dataset(key, told, "train", "test", code=self.code())
        return Score(**{name: array.item() for name, array in found.items()})


class HalvesFloor(Floor):
    """The distance of two halves of the test images, no patient in both. Of the one half, as many images as there are
    samples, or all of it."""

    def sets(self, evidence: Evidence) -> tuple[Cloud, Cloud]:
        test = self.cloud(evidence, "test")
        one, other = apart(evidence.split("test").groups, share=0.5)
        one = np.random.default_rng(1).permutation(one)[: len(evidence.samples())]
        halves = test.take(one), test.take(other)
        enough(min(len(one), len(other)), "images of half of test", LEAST)
        enough(min(half.patients for half in halves), "patients of half of test", self.patients)
        return halves


class FdPca64(Apart):
    """Fréchet distance of samples from test images; grows as samples get fewer."""

    name = "fd-pca64"
    title = "FD[pca64]"
    distance = by_gaussians


class FdPca64Floor(Floor):
    """Fréchet distance of as many training images from test images."""

    name = "fd-pca64-floor"
    title = "FD[pca64] floor"
    distance = by_gaussians


class FdPca64FloorHalves(HalvesFloor):
    """Fréchet distance of two halves of the test images."""

    name = "fd-pca64-floor-halves"
    title = "FD[pca64] floor of test halves"
    distance = by_gaussians


class RfdPca64(FdPca64):
    """Fréchet distance of reconstructions from the test images they are of; says little about samples."""

    name = "rfd-pca64"
    title = "rFD[pca64]"
    verdict = "reconstruction"
    of = "reconstructions"
    needs = ("reconstructions",)


class KidPca64(Apart):
    """Unbiased kernel distance of samples from test images, for any number of them; about zero may be below it."""

    name = "kid-pca64"
    title = "KID[pca64]"
    distance = by_kernel


class KidPca64Floor(Floor):
    """Kernel distance of as many training images from test images."""

    name = "kid-pca64-floor"
    title = "KID[pca64] floor"
    distance = by_kernel


class KidPca64FloorHalves(HalvesFloor):
    """Kernel distance of two halves of the test images."""

    name = "kid-pca64-floor-halves"
    title = "KID[pca64] floor of test halves"
    distance = by_kernel


class Neighbourly(Compared):
    """A share that comes from neighbourhoods of samples and test images."""

    version = 2
    verdict = "generation"
    needs = ("samples",)
    patients = LEAST
    share: ClassVar[str]

    def compute(self, evidence: Evidence) -> Score:
        samples, test = self.cloud(evidence, "samples"), self.cloud(evidence, "test")
        seen_as = self.against(samples, test)

        def both() -> tuple[Manifolds, np.ndarray]:
            return compare(samples.rows, test.rows), halving_error(compare, samples, test)

        shares, errors = evidence.once(("manifolds", seen_as), both)
        place = Manifolds._fields.index(self.share)
        return Score(shares[place], float(errors[place]), n=len(samples.rows), variant=seen_as)


class PrecisionPca64(Neighbourly):
    """Share of samples in the neighbourhood of a test image: are they like real ones?"""

    name = "precision-pca64"
    title = "precision[pca64]"
    share = "precision"


class RecallPca64(Neighbourly):
    """Share of test images in the neighbourhood of a sample: are all kinds reached?"""

    name = "recall-pca64"
    title = "recall[pca64]"
    share = "recall"


class DensityPca64(Neighbourly):
    """Neighbourhoods of test images around a sample, over k; as precision, less led by outliers; may exceed 1."""

    name = "density-pca64"
    title = "density[pca64]"
    share = "density"


class CoveragePca64(Neighbourly):
    """Share of test images with a sample in their neighbourhood; as recall, less led by outliers."""

    name = "coverage-pca64"
    title = "coverage[pca64]"
    share = "coverage"
