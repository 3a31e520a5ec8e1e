"""Whether samples are copies of training images, by nearest neighbours in the space of the package's extractor.

    share        how far the share of samples nearer to a training image than to any of as many test images is from a
                 half, which is the ideal: above it training images are copied, below it test images
    alarms       share of samples closer to training images than all but 5 % of validation images are
    detection    share of planted copies that raise that alarm: training images, shifted, blurred and slightly noisy

Distances are Mahalanobis: in units of what such changes do to the features of validation images, because the extractor
is made to see blur and noise, and these hide no copy. Closeness is d(training) / (d(training) + d(test)) of the
nearest image of each. Validation images, which no model was trained on, say what is usual: their own share is the
floor, and 5 % of them raise the alarm. When the alarms are no more than that, there is no evidence of copying at the
sensitivity that the detection tells. That is no proof of privacy: a copy may be changed in ways other than these.
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
"""What is done to planted copies: a shift by so much of the side, a pixel at least, both ways; a Gaussian blur of one
of these parts of the side; noise of this deviation, of 1."""
RIDGE = 0.01
"""Share of the mean unit that every unit has at least: nothing is compared along directions too finely."""


def nearest(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance of each row of x to the nearest of y."""
    there = torch.from_numpy(y)
    return torch.cat([torch.cdist(part, there).amin(1) for part in torch.from_numpy(x).split(512)]).numpy()


def closeness(x: np.ndarray, train: np.ndarray, held: np.ndarray) -> np.ndarray:
    """0 on a training image, 1/2 as near to a held-out one, 1 on a held-out one."""
    to_train, to_held = nearest(x, train), nearest(x, held)
    both = to_train + to_held
    return np.divide(to_train, both, out=np.full(len(x), 0.5), where=both > 0)


def nearer(x: np.ndarray, train: np.ndarray, held: np.ndarray) -> np.ndarray:
    """1 where a row is nearer to a training image, 0 where to a held-out one, of as many of both; 1/2 where neither."""
    count = min(len(train), len(held))
    return (1 - np.sign(closeness(x, train[:count], held[:count]) - 0.5)) / 2


def alarms(x: np.ndarray, usual: np.ndarray) -> float:
    """Share of x that is closer to training images than is usual."""
    return float((x < np.quantile(usual, USUAL)).mean())


def copied(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """uint8 images as a generative model might copy them: shifted, edges continued; some of them blurred; and noisy."""
    random = np.random.default_rng(seed)
    side = images.shape[-1]
    step = max(1, round(SHIFT * side))
    shifted = np.pad(images, ((0, 0), (0, 0), (step, 0), (step, 0)), mode="edge")[..., :-step, :-step]
    blurs = random.choice(BLURS, len(images)) * side
    softer = np.stack([gaussian_filter(x, (0, s, s)) for x, s in zip(shifted.astype(np.float32), blurs, strict=True)])
    noisy = softer + random.normal(0, 255 * NOISE, images.shape)
    return noisy.round().clip(0, 255).astype(np.uint8)


def units(images: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """The projection (d, d) after which features change alike in every direction when images change slightly."""
    change = changed - images
    values, vectors = np.linalg.eigh(change.T @ change / len(change))
    return vectors / np.sqrt(values.clip(0) + (RIDGE * values.mean() or 1))


def real(train: Split, held: Split, val: Split) -> dict[str, np.ndarray]:
    """Features of all but the samples, how they are scaled, and the closeness that is usual. Rows of train are in
    random order."""
    if min(len(train), len(held), len(val)) < LEAST:
        raise NotApplicable(
            f"{len(train)} training, {len(held)} test and {len(val)} validation images are too few to tell what "
            f"nearness is usual; {LEAST} of each are the least"
        )
    extractor = instance(Cnn)
    shuffled = train.images[shuffle(train)]
    scale = units(extractor(val.images), extractor(copied(val.images, seed=1)))
    images = {"train": shuffled, "held": held.images, "val": val.images, "planted": copied(shuffled[:PLANTED])}
    seen = {name: extractor(x) @ scale for name, x in images.items()}
    return {**seen, "scale": scale, "usual": closeness(seen["val"], seen["train"], seen["held"])}


def shuffle(train: Split) -> np.ndarray:
    return np.random.default_rng(2).permutation(len(train))


class Spaces:
    """Features of everything that is compared: of samples once per checkpoint, of real images once per dataset."""

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
        """Something known of each of these images, and whose they are."""
        return Cloud(rows, self.groups[of])

    @classmethod
    def of(cls, evidence: Evidence) -> Spaces:
        return evidence.once("copying", lambda: cls(evidence))


class Copying(Metric):
    """A share that tells of copies."""

    version = 2
    verdict = "other"
    better = "lower"
    range = (0, 1)
    of: ClassVar[str] = "samples"


class CopyingShare(Copying):
    """How far the share of samples nearer to a training image than to any of as many test images is from a half, either
    way. Zero is ideal: neither training images nor test images are copied."""

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
    """The same of validation images, which are no copies; zero where train and test are of one kind."""

    name = "copying-share-floor"
    title = "nearer to train or test, floor"
    of = "val"


class CopyingAlarms(Copying):
    """Share of samples closer to training images than all but 5 % of validation images are. 5 % or less: no evidence of
    copying at the sensitivity that `copying-detection` tells."""

    name = "copying-alarms"
    title = "copying alarms"

    def compute(self, evidence: Evidence) -> Score:
        spaces = Spaces.of(evidence)
        asked = closeness(getattr(spaces, self.of), spaces.train, spaces.held)
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
