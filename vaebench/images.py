"""Images and what is known of them: as models see them (Images), and as datasets give them (Split, Splits)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Images as they lie in memory (uint8), handed out as float32 in [0, 1] on the device where they are wanted."""

    pixels: Tensor
    """uint8 (N, C, H, W): on the device, or a memory map where they are too many for that"""
    rows: Tensor | None = None
    """which of them; None for all"""
    wanted: torch.device | None = None
    """where to hand them out; None for where they lie"""

    @property
    def device(self) -> torch.device:
        return self.wanted or self.pixels.device

    def __len__(self) -> int:
        return len(self.pixels if self.rows is None else self.rows)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        if self.rows is not None:
            index = self.rows[index]
        return self.pixels[index].to(self.device).float().div_(255)

    def batches(self, size: int) -> Iterator[Tensor]:
        for start in range(0, len(self), size):
            yield self[start : start + size]


@dataclass(frozen=True)
class Split:
    """Images with what is known of each."""

    images: np.ndarray
    """uint8 (N, C, H, W)"""
    labels: np.ndarray
    """integers (N,), indices into the dataset's `classes`"""
    groups: np.ndarray
    """(N,) patient, biopsy or subject: what must not stand on both sides of a split"""
    healthy: np.ndarray | None = None
    """bool (N,); None where the dataset has no notion of it"""
    diseased: np.ndarray | None = None
    """bool (N,); what counts as anomalous. Unless given: all that is not healthy. An image may be neither."""
    kept_out: np.ndarray | None = None
    """bool (N,); the harness's mark on training images: left out of healthy trainings, to set thresholds on"""
    masks: np.ndarray | None = None
    """bool (N, H, W): the pixels of the anomaly"""
    boxes: np.ndarray | None = None
    """float32 (N, K, 4): x0, y0, x1, y1 around each finding as fractions of the image, NaN where there are fewer. They
    say where to look (hit rate, share of the residual inside), not which pixels (overlap)."""
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)
    """generative factors or clinical variables (N,)"""
    files: np.ndarray | None = None
    """strings (N,): the file of each image below the dataset's folder, by which people find it; part of no digest"""

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
                raise ValueError(f"{name} has {len(value)} rows for {n} images")
        for name in ("healthy", "diseased", "kept_out", "masks"):
            value = getattr(self, name)
            if value is not None and value.dtype != np.bool_:
                raise ValueError(f"{name} must be bool, not {value.dtype}")
        if self.healthy is not None and self.diseased is not None and (self.healthy & self.diseased).any():
            raise ValueError("an image is healthy and diseased at once")

    def _columns(self) -> dict[str, np.ndarray]:
        columns = ("images", "labels", "groups", "healthy", "diseased", "kept_out", "masks", "boxes", "files")
        named = {name: getattr(self, name) for name in columns}
        return {k: v for k, v in named.items() if v is not None} | {f"factors[{k}]": v for k, v in self.factors.items()}

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: np.ndarray) -> Split:
        """The rows that an index or a mask selects."""
        rows = {k: v[index] for k, v in self._columns().items() if not k.startswith("factors[")}
        return replace(self, **rows, factors={k: v[index] for k, v in self.factors.items()})


@dataclass(frozen=True)
class Splits:
    """A dataset as it is used. Without `val`, the harness takes a tenth of `train`, by group."""

    train: Split
    test: Split
    val: Split | None = None

    def items(self) -> Iterator[tuple[str, Split]]:
        yield "train", self.train
        if self.val is not None:
            yield "val", self.val
        yield "test", self.test


Limit = Mapping[str, int]
"""The most images wanted per split; a split it does not name is wanted whole."""
