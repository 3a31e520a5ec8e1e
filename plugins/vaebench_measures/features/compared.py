"""The sets of images that metrics compare, the patients of these images, and their features."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import numpy as np

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable
from vaebench_measures.distances.cloud import Cloud
from vaebench_measures.distances.neighbours import K
from vaebench_measures.features.components import COUNT, Components
from vaebench_measures.features.extractor import Cnn, Extractor

LEAST = 2 * (K + 1)
"""The minimum number of images: the standard error is computed from halves, in which every image needs k neighbours."""
IMAGES = {"test": "test images", "train": "training images", "reconstructions": "reconstructions", "samples": "samples"}


def pictures(evidence: Evidence, of: str) -> np.ndarray:
    """Return all images of `test`, `reconstructions` or `samples`, or as many `train` images as there are samples."""
    sources = {
        "test": lambda: evidence.split("test").images,
        "reconstructions": lambda: evidence.reconstructions("test"),
        "samples": evidence.samples,
        "train": lambda: drawn(evidence.split("train").images, len(evidence.samples())),
    }
    images = sources[of]()
    enough(len(images), IMAGES[of], LEAST)
    return images


def whose(evidence: Evidence, of: str) -> np.ndarray | None:
    """Return the patients of the images that `pictures` returns; samples have no patients."""
    if of == "samples":
        return None
    if of == "train":
        return drawn(evidence.split("train").groups, len(evidence.samples()))
    return evidence.split("test").groups


def enough(count: int, what: str, least: int) -> None:
    if count < least:
        raise NotApplicable(f"{count} {what} are too few to compare; at least {least} are needed")


def drawn(images: np.ndarray, count: int) -> np.ndarray:
    """Return `count` randomly chosen images, the same ones in every call."""
    if len(images) < count:
        raise NotApplicable(
            f"the floor for {count} samples needs {count} training images, but the dataset has only {len(images)}"
        )
    return images[np.random.default_rng(1).permutation(len(images))[:count]]


@cache
def instance(extractor: type[Extractor]) -> Extractor:
    """Return the extractor, which is created once per process."""
    return extractor()


def ready(evidence: Evidence, extractor: type[Extractor]) -> Extractor:
    """Return the extractor, on the trial's device if it is faster there."""
    made = instance(extractor)
    made.to(evidence.device)
    return made


def seen(evidence: Evidence, extractor: type[Extractor], of: str) -> np.ndarray:
    """Return the features (n, d) of generated images, computed once for all metrics that use this extractor."""
    images = pictures(evidence, of)
    return evidence.once(("features", extractor, of), lambda: ready(evidence, extractor)(images))


class Compared(Metric):
    """A comparison in an extractor's feature space; the metric's column shows the extractor's name and digest."""

    extractor: ClassVar[type[Extractor]] = Cnn
    patients: ClassVar[int] = 4
    """The minimum number of patients: the standard error is computed from halves, each of which needs two patients."""

    def features(self, evidence: Evidence, of: str) -> np.ndarray:
        """Return the features (n, d) of the images that `pictures` returns."""
        if of not in ("train", "test"):
            return seen(evidence, self.extractor, of)
        images = pictures(evidence, of)
        if of == "test":
            return self.whole(evidence, of)
        see = ready(evidence, self.extractor)
        key = f"{len(images)} of {of} {self.space()}"
        return evidence.of_dataset(key, lambda _: {"features": see(images)}, of, code=self.code())["features"]

    def whole(self, evidence: Evidence, split: str) -> np.ndarray:
        """Return the features (N, d) of all images of a split, computed once per dataset."""
        see, key = ready(evidence, self.extractor), f"all of {split} {self.space()}"
        found = evidence.of_dataset(key, lambda own: {"features": see(own.images)}, split, code=self.code())
        return found["features"]

    def cloud(self, evidence: Evidence, of: str) -> Cloud:
        """Return the features together with the patients of the images."""
        found = Cloud(self.features(evidence, of), whose(evidence, of))
        enough(found.patients, f"patients with {IMAGES[of]}", self.patients)
        return found

    def space(self) -> str:
        """Return the name and digest of the feature extractor, which identify the feature space."""
        see = instance(self.extractor)
        return f"{see.name}@{see.digest}"

    def code(self) -> tuple[type, ...]:
        """Return the classes whose code determines the features."""
        return type(self), self.extractor

    def against(self, x: Cloud, y: Cloud) -> str:
        """Return the note next to the value: the extractor, and the numbers of images compared."""
        see = instance(self.extractor)
        return f"{see.name}@{see.digest[:8]}, {len(x.rows)} vs {len(y.rows)}"


class ByComponents(Compared):
    """A comparison along the principal components of the training images, which needs no extractor."""

    def features(self, evidence: Evidence, of: str) -> np.ndarray:
        def compute() -> np.ndarray:
            images = pictures(evidence, of)
            components = Components(
                **evidence.of_dataset("components", lambda train: vars(Components.of(train.images)), "train")
            )
            if not components.axes.shape[1]:
                raise NotApplicable("the training images are all identical: they have no principal components")
            return components(images)

        return evidence.once(("features", of), compute)

    def space(self) -> str:
        return "pca64"

    def against(self, x: Cloud, y: Cloud) -> str:
        few = f", {x.rows.shape[1]} components" if x.rows.shape[1] < COUNT else ""
        return f"{len(x.rows)} vs {len(y.rows)}{few}"
