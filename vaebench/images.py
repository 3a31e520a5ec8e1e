"""Classes for images: `Images`, which models receive, and `Split` and `Splits`, which datasets provide with labels and
other annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Images that are stored as uint8 and returned as float32 in [0, 1]. Index them with a slice or a tensor of row
    numbers."""

    pixels: Tensor
    """uint8 (N, C, H, W): the stored images, on the device or, if they do not fit there, in a memory map."""
    rows: Tensor | None = None
    """The rows of `pixels` that belong to these images; None means all rows."""
    wanted: torch.device | None = None
    """The device on which images are returned; None means the device that stores them."""

    @property
    def device(self) -> torch.device:
        """The device on which images are returned."""
        return self.wanted or self.pixels.device

    def __len__(self) -> int:
        return len(self.pixels if self.rows is None else self.rows)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        if self.rows is not None:
            index = self.rows[index]
        return self.pixels[index].to(self.device).float().div_(255)

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield all images in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self[start : start + size]


@dataclass(frozen=True)
class Split:
    """The images of a split, with labels and other annotations."""

    images: np.ndarray
    """uint8 (N, C, H, W)."""
    labels: np.ndarray
    """Integers (N,): indices into the dataset's `classes`."""
    groups: np.ndarray
    """The patient, biopsy or subject of each image, (N,). All images of a group are in the same split."""
    healthy: np.ndarray | None = None
    """bool (N,): which images are healthy; None if the dataset does not say."""
    diseased: np.ndarray | None = None
    """bool (N,): which images count as anomalous; by default, all images that are not healthy. An image may be neither
    healthy nor diseased."""
    kept_out: np.ndarray | None = None
    """bool (N,), set by vaebench: training images that are withheld from models trained on healthy images and used to
    set thresholds."""
    masks: np.ndarray | None = None
    """bool (N, H, W): the pixels of the anomaly."""
    boxes: np.ndarray | None = None
    """float32 (N, K, 4): x0, y0, x1, y1 around each finding as fractions of the image, padded with NaN if an image has
    fewer than K boxes. Boxes allow metrics to compute hit rates and the share of the residual that lies inside boxes,
    but not the overlap of pixels."""
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Generative factors or clinical variables by name, each (N,)."""
    files: np.ndarray | None = None
    """Strings (N,): the file of each image, relative to the dataset's folder. File names are shown to users and are not
    part of any digest."""

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise ValueError(f"images must be uint8 (N, C, H, W), not {self.images.dtype} {self.images.shape}")
        if not np.issubdtype(self.labels.dtype, np.integer):
            raise ValueError(f"labels must be integers, not {self.labels.dtype}")
        if self.healthy is not None and self.diseased is None:
            object.__setattr__(self, "diseased", ~self.healthy)
        for name, value in self._columns().items():
            if len(value) != n:
                raise ValueError(f"{name} must have one row per image ({n}), not {len(value)}")
        for name in ("healthy", "diseased", "kept_out", "masks"):
            value = getattr(self, name)
            if value is not None and value.dtype != np.bool_:
                raise ValueError(f"{name} must be bool, not {value.dtype}")
        if self.healthy is not None and self.diseased is not None and (self.healthy & self.diseased).any():
            raise ValueError("an image is marked as both healthy and diseased")

    def _columns(self) -> dict[str, np.ndarray]:
        columns = ("images", "labels", "groups", "healthy", "diseased", "kept_out", "masks", "boxes", "files")
        named = {name: getattr(self, name) for name in columns}
        return {k: v for k, v in named.items() if v is not None} | {f"factors[{k}]": v for k, v in self.factors.items()}

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: np.ndarray) -> Split:
        """Return a split with only the rows that an index or a mask selects."""
        rows = {k: v[index] for k, v in self._columns().items() if not k.startswith("factors[")}
        return replace(self, **rows, factors={k: v[index] for k, v in self.factors.items()})


@dataclass(frozen=True)
class Splits:
    """The splits of a dataset."""

    train: Split
    """Images for training."""
    test: Split
    """Images for testing, which models never see."""
    val: Split | None = None
    """Images for validation; if None, a tenth of `train` is used, split by group."""

    def items(self) -> Iterator[tuple[str, Split]]:
        """Yield each split with its name."""
        yield "train", self.train
        if self.val is not None:
            yield "val", self.val
        yield "test", self.test


Limit = Mapping[str, int]
"""The largest number of images wanted in each split; a split that is not listed is used whole."""
