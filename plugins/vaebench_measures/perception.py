"""Whether samples from the prior are like test images, as an extractor sees them: KID, the headline, and companions.

The comparisons are those of `generation`, in the space of the network that comes with the package. To look through
another one, name it in a subclass, and hand that over as any metric:

    class Dino(Extractor):
        name = "dino"

        def __init__(self):
            self.network, self.digest = ...  # load it; the digest is the SHA-256 of its file

        def features(self, images):  # uint8 (B, C, H, W) -> (B, d)
            return self.network(images)

    class KidDino(KernelDistance):
        name, version = "kid-dino", 1
        title = "KID (DINO)"
        extractor = Dino
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from vaebench.evidence import Evidence, patient_draws
from vaebench.interfaces import Score
from vaebench_measures.distances import Cloud, by_gaussians
from vaebench_measures.extractor import Cnn, Extractor
from vaebench_measures.generation import Apart, Compared, Floor, HalvesFloor, Neighbourly, pictures
from vaebench_measures.inception import Inception, fetch
from vaebench_measures.kernels import by_kernel, under_draws


@cache
def load(extractor: type[Extractor]) -> Extractor:
    """Once per process."""
    return extractor()


class Perceived(Compared):
    """A comparison in the space of an extractor; the column names it with the first digits of its weights' hash."""

    extractor: ClassVar[type[Extractor]] = Cnn

    def features(self, evidence: Evidence, of: str) -> np.ndarray:
        images = pictures(evidence, of)
        see = load(self.extractor)
        if of not in ("train", "test"):
            return evidence.once(("features", self.extractor, of), lambda: see(images))
        key = f"{len(images)} of {of} {self.space()}"
        return evidence.of_dataset(key, lambda _: {"features": see(images)}, of, code=self.code())["features"]

    def space(self) -> str:
        see = load(self.extractor)
        return f"{see.name}@{see.digest}"

    def code(self) -> tuple[type, ...]:
        return type(self), self.extractor

    def against(self, x: Cloud, y: Cloud) -> str:
        see = load(self.extractor)
        return f"{see.name}@{see.digest[:8]}, {len(x.rows)} vs {len(y.rows)}"


class FrechetDistance(Perceived, Apart):
    """Fréchet distance from the test images, as an extractor sees them; grows as samples get fewer."""

    distance = by_gaussians


class KernelDistance(Perceived, Apart):
    """Unbiased kernel distance from the test images, as an extractor sees them; about zero may be below it."""

    distance = by_kernel

    def compute(self, evidence: Evidence) -> Score:
        """Besides, its value under the patient draws that all models share, by which boards pair models."""
        draws = patient_draws(evidence.split("test").groups, evidence.dataset)
        replicates = under_draws(*self.sets(evidence), draws)
        return replace(super().compute(evidence), replicates=replicates.tolist())


class Kid(KernelDistance):
    """Kernel distance of samples from test images, as the extractor of this package sees them."""

    name = "kid"
    title = "KID"
    primary = True


class KidFloor(Perceived, Floor):
    """Kernel distance of as many training images from test images: what the best model of them would get."""

    name = "kid-floor"
    title = "KID floor"
    distance = by_kernel


class KidFloorHalves(Perceived, HalvesFloor):
    """Kernel distance of two halves of the test images: what images of one kind get."""

    name = "kid-floor-halves"
    title = "KID floor of test halves"
    distance = by_kernel


class Fd(FrechetDistance):
    """Fréchet distance of samples from test images, as the extractor of this package sees them."""

    name = "fd"
    title = "FD"


class FdFloor(Perceived, Floor):
    """Fréchet distance of as many training images from test images: what the best model of them would get."""

    name = "fd-floor"
    title = "FD floor"
    distance = by_gaussians


class FdFloorHalves(Perceived, HalvesFloor):
    """Fréchet distance of two halves of the test images: what images of one kind get."""

    name = "fd-floor-halves"
    title = "FD floor of test halves"
    distance = by_gaussians


class Rfd(FrechetDistance):
    """Fréchet distance of reconstructions from the test images they are of; says little about samples."""

    name = "rfd"
    title = "rFD"
    verdict = "reconstruction"
    of = "reconstructions"
    needs = ("reconstructions",)


class Fid(FrechetDistance):
    """Fréchet Inception distance of samples from test images, by the published weights, or not at all."""

    name = "fid"
    title = "FID"
    extractor = Inception

    def fetch(self) -> Path:
        return fetch()


class FidFloor(FdFloor):
    """Fréchet Inception distance of as many training images from test images."""

    name = "fid-floor"
    title = "FID floor"
    extractor = Inception


class FidFloorHalves(FdFloorHalves):
    """Fréchet Inception distance of two halves of the test images."""

    name = "fid-floor-halves"
    title = "FID floor of test halves"
    extractor = Inception


class Precision(Perceived, Neighbourly):
    """Share of samples in the neighbourhood of a test image: are they like real ones?"""

    name = "precision"
    title = "precision"
    share = "precision"


class Recall(Perceived, Neighbourly):
    """Share of test images in the neighbourhood of a sample: are all kinds reached?"""

    name = "recall"
    title = "recall"
    share = "recall"


class Density(Perceived, Neighbourly):
    """Neighbourhoods of test images around a sample, over k; as precision, less led by outliers; may exceed 1."""

    name = "density"
    title = "density"
    share = "density"


class Coverage(Perceived, Neighbourly):
    """Share of test images with a sample in their neighbourhood; as recall, less led by outliers."""

    name = "coverage"
    title = "coverage"
    share = "coverage"


METRICS = [
    *(Kid, KidFloor, KidFloorHalves, Fd, FdFloor, FdFloorHalves, Rfd, Fid, FidFloor, FidFloorHalves),
    *(Precision, Recall, Density, Coverage),
]
