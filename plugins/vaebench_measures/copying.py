"""Tests for samples that copy training images, by nearest neighbours in the feature space of vaebench's extractor.

    share        absolute deviation from 0.5 of the share of samples whose nearest neighbour is a training image, among
                 equal numbers of training and test images (above 0.5: training images are copied; below: test images)
    alarms       share of samples that are closer to training images than 95 % of validation images are
    detection    share of planted copies (shifted, blurred and slightly noisy training images) that raise this alarm

Distances are Mahalanobis distances, in units of the changes that shift, blur and noise cause in the features of
validation images. Euclidean distances would miss blurred or noisy copies, as the extractor is sensitive to both. The
relative distance of an image is d(training) / (d(training) + d(test)), where d(split) is the distance to the nearest
image of that split. Validation images, on which no model was trained, are the baseline: the share computed for them is
the floor, and 5 % of them raise the alarm. If at most 5 % of the samples raise the alarm, there is no evidence of
copying at the sensitivity that `detection` measures. This result does not prove privacy, because samples may be copies
that were changed in other ways.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, NotApplicable, Score, Split
from vaebench_measures.distances.cloud import Cloud, halving_error
from vaebench_measures.features.compared import LEAST, instance, seen
from vaebench_measures.features.extractor import Cnn

USUAL = 0.05
"""Share of validation images that raise the alarm."""
PLANTED = 200
SHIFT, BLURS, NOISE = 1 / 64, (0.0, 0.75 / 64, 1.5 / 64), 0.01
"""Changes of planted copies: a shift along both axes by this share of the side, at least one pixel; a Gaussian blur
with one of these sigmas, as shares of the side; noise with this standard deviation, for values from 0 to 1."""
RIDGE = 0.01
"""The mean variance of the changes, multiplied by this factor, is added to the variance in every direction, which
limits how much any direction is magnified."""


def nearest(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the distance of each row of x to the nearest row of y."""
    there = torch.from_numpy(y)
    return torch.cat([torch.cdist(part, there).amin(1) for part in torch.from_numpy(x).split(512)]).numpy()


def relative_distance(x: np.ndarray, train: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return 0 for a copy of a training image, 1 for a copy of a held-out image, and 1/2 at equal distance."""
    to_train, to_held = nearest(x, train), nearest(x, held)
    both = to_train + to_held
    return np.divide(to_train, both, out=np.full(len(x), 0.5), where=both > 0)


def nearer(x: np.ndarray, train: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return 1 for rows nearer to a training image, 0 for rows nearer to a held-out image, and 1/2 for ties, among
    equal numbers of training and held-out images."""
    count = min(len(train), len(held))
    return (1 - np.sign(relative_distance(x, train[:count], held[:count]) - 0.5)) / 2


def alarms(x: np.ndarray, usual: np.ndarray) -> float:
    """Return the share of the relative distances in x that are below the 5th percentile of those in `usual`."""
    return float((x < np.quantile(usual, USUAL)).mean())


def copied(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return uint8 images as a generative model might copy them: shifted (edges repeated), some blurred, all noisy."""
    random = np.random.default_rng(seed)
    side = images.shape[-1]
    step = max(1, round(SHIFT * side))
    shifted = np.pad(images, ((0, 0), (0, 0), (step, 0), (step, 0)), mode="edge")[..., :-step, :-step]
    blurs = random.choice(BLURS, len(images)) * side
    softer = np.stack([gaussian_filter(x, (0, s, s)) for x, s in zip(shifted.astype(np.float32), blurs, strict=True)])
    noisy = softer + random.normal(0, 255 * NOISE, images.shape)
    return noisy.round().clip(0, 255).astype(np.uint8)


def units(images: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Return the projection (d, d) after which slight changes of images change features equally in all directions."""
    change = changed - images
    values, vectors = np.linalg.eigh(change.T @ change / len(change))
    return vectors / np.sqrt(values.clip(0) + (RIDGE * values.mean() or 1))


def real(train: Split, held: Split, val: Split) -> dict[str, np.ndarray]:
    """Return the features of all sets except the samples, the scaling of features, and the relative distances of
    validation images. The rows of train are in random order."""
    if min(len(train), len(held), len(val)) < LEAST:
        raise NotApplicable(
            f"{len(train)} training, {len(held)} test and {len(val)} validation images are too few for a baseline; "
            f"at least {LEAST} of each are needed"
        )
    extractor = instance(Cnn)
    shuffled = train.images[shuffle(train)]
    scale = units(extractor(val.images), extractor(copied(val.images, seed=1)))
    images = {"train": shuffled, "held": held.images, "val": val.images, "planted": copied(shuffled[:PLANTED])}
    seen = {name: extractor(x) @ scale for name, x in images.items()}
    return {**seen, "scale": scale, "usual": relative_distance(seen["val"], seen["train"], seen["held"])}


def shuffle(train: Split) -> np.ndarray:
    return np.random.default_rng(2).permutation(len(train))


class Spaces:
    """The features of all compared images: samples are processed once per checkpoint, real images once per dataset."""

    def __init__(self, evidence: Evidence) -> None:
        samples, extractor = seen(evidence, Cnn, "samples"), instance(Cnn)
        found = evidence.of_dataset(f"copying {extractor.digest}", real, "train", "test", "val")
        self.train, self.held, self.val, self.planted, scale, self.usual = (
            found[name] for name in ("train", "held", "val", "planted", "scale", "usual")
        )
        self.samples = samples @ scale
        train, test, val = (evidence.split(name) for name in ("train", "test", "val"))
        planted = train.groups[shuffle(train)][:PLANTED]
        self.groups = {"samples": None, "held": test.groups, "val": val.groups, "planted": planted}
        self.about = f"{extractor.name}@{extractor.digest[:8]}"
        self.sizes = f"{len(self.train)} vs {len(self.held)}"

    def cloud(self, of: str, rows: np.ndarray) -> Cloud:
        """Combine rows, one per image, with the patients of the images."""
        return Cloud(rows, self.groups[of])

    @classmethod
    def of(cls, evidence: Evidence) -> Spaces:
        return evidence.once("copying", lambda: cls(evidence))


class Copying(Metric):
    """A share of images that indicates copying."""

    version = 2
    verdict = "other"
    better = "lower"
    range = (0, 1)
    of: ClassVar[str] = "samples"


class CopyingShare(Copying):
    """Absolute deviation from 0.5 of the share of samples whose nearest neighbour is a training image, among equal
    numbers of training and test images. Zero is ideal: neither training nor test images are copied."""

    version = 3
    name = "copying-share"
    title = "nearer to train or test"

    def compute(self, evidence: Evidence) -> Score:
        spaces = Spaces.of(evidence)
        asked = getattr(spaces, self.of)
        share = mean_of_nearer(spaces.train)
        count = min(len(spaces.train), len(spaces.held))
        about = f"{spaces.about}, {len(asked)} vs {count} + {count}"
        error = float(halving_error(share, spaces.cloud(self.of, asked), spaces.cloud("held", spaces.held)))
        return Score(abs(share(asked, spaces.held) - 0.5), error, n=len(asked), variant=about)


def mean_of_nearer(train: np.ndarray) -> Callable[[np.ndarray, np.ndarray], float]:
    return lambda x, held: float(nearer(x, train, held).mean())


class CopyingShareFloor(CopyingShare):
    """The deviation that `copying-share` measures, computed for validation images, which are not copies. The floor is
    near zero if train and test come from one distribution."""

    name = "copying-share-floor"
    title = "nearer to train or test, floor"
    of = "val"


class CopyingAlarms(Copying):
    """Share of samples that are closer to training images than 95 % of validation images are. If this share is 5 % or
    less, there is no evidence of copying at the sensitivity given by `copying-detection`."""

    name = "copying-alarms"
    title = "copying alarms"

    def compute(self, evidence: Evidence) -> Score:
        spaces = Spaces.of(evidence)
        asked = relative_distance(getattr(spaces, self.of), spaces.train, spaces.held)
        error = float(halving_error(alarms, spaces.cloud(self.of, asked), spaces.cloud("val", spaces.usual)))
        return Score(alarms(asked, spaces.usual), error, n=len(asked), variant=f"{spaces.about}, {spaces.sizes}")


class CopyingDetection(CopyingAlarms):
    """Share of planted copies (training images, shifted, blurred and slightly noisy) that raise the alarm: the
    sensitivity of `copying-alarms`."""

    name = "copying-detection"
    title = "copying alarms, planted copies"
    better = "higher"
    of = "planted"


METRICS = [CopyingShare, CopyingShareFloor, CopyingAlarms, CopyingDetection]
