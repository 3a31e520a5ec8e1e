"""Which training images a regime lets a model see: all, or healthy ones but for a fifth that thresholds are set on."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import torch

from vaebench.interfaces import Images, NotApplicable, Split, Splits

KEPT_OUT = 0.2


def keep_out(splits: Splits, dataset: str) -> Splits:
    """Mark the training images that a healthy training leaves out: whole groups, up to a fifth of the healthy images.

    Which groups, only their names and the dataset's decide: asked before any limit, for every model, seed and preset
    alike."""
    train = splits.train
    if train.healthy is None:
        return splits
    names, member = np.unique(train.groups[train.healthy], return_inverse=True)
    order = np.argsort([hashlib.sha256(f"{name} of {dataset}".encode()).hexdigest() for name in names])
    counts = np.bincount(member, minlength=len(names))[order]
    held = names[order][counts.cumsum() <= KEPT_OUT * len(member)]
    return replace(splits, train=replace(train, kept_out=np.isin(train.groups, held)))


def training_rows(train: Split, regime: str) -> np.ndarray:
    """The rows of train that the regime lets a model see."""
    if regime != "healthy":
        return np.arange(len(train))
    if train.healthy is None:
        raise NotApplicable("the dataset does not say which images are healthy")
    if train.kept_out is None:
        raise ValueError("keep_out() has not marked the images that thresholds are set on")
    return np.flatnonzero(train.healthy & ~train.kept_out)


def training_images(splits: Splits, regime: str, device: str = "cpu", room: int = 4 * 2**30) -> Images:
    """What the regime lets a model see: the only place where training images are chosen. More than `room` bytes are not
    loaded, but read from their memory map, batch by batch."""
    train, chosen = splits.train, training_rows(splits.train, regime)
    if not len(chosen):
        raise NotApplicable("no healthy image is among the training images that the preset's limit left")
    if len(chosen) * train.images[0].nbytes > room:
        return Images(torch.from_numpy(train.images), torch.from_numpy(chosen), torch.device(device))
    return Images(torch.from_numpy(train.images[chosen]).to(device))
