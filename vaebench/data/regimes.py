"""The training images of each regime: all, or the healthy ones except a fifth that is used to set thresholds."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import torch

from vaebench.interfaces import Images, NotApplicable, Split, Splits

KEPT_OUT = 0.2


def keep_out(splits: Splits, dataset: str) -> Splits:
    """Mark the training images that the regime `healthy` leaves out: whole groups, up to a fifth of the healthy images.

    The choice depends only on the names of the groups and of the dataset. The choice is made before the preset's limit
    is applied, and is the same for all models, seeds and presets."""
    train = splits.train
    if train.healthy is None:
        return splits
    names, member = np.unique(train.groups[train.healthy], return_inverse=True)
    order = np.argsort([hashlib.sha256(f"{name} of {dataset}".encode()).hexdigest() for name in names])
    counts = np.bincount(member, minlength=len(names))[order]
    held = names[order][counts.cumsum() <= KEPT_OUT * len(member)]
    return replace(splits, train=replace(train, kept_out=np.isin(train.groups, held)))


def training_rows(train: Split, regime: str) -> np.ndarray:
    """Return the rows of the training split that a regime uses."""
    if regime != "healthy":
        return np.arange(len(train))
    if train.healthy is None:
        raise NotApplicable("the dataset does not say which images are healthy")
    if train.kept_out is None:
        raise ValueError("keep_out() has not marked the images for setting thresholds")
    return np.flatnonzero(train.healthy & ~train.kept_out)


def training_images(splits: Splits, regime: str, device: str = "cpu", room: int = 4 * 2**30) -> Images:
    """Return the training images of a regime; no other function chooses training images. If these images take more than
    `room` bytes, they are not loaded, but read from their memory map batch by batch."""
    train, chosen = splits.train, training_rows(splits.train, regime)
    if not len(chosen):
        raise NotApplicable("the preset's limit leaves no healthy image for training")
    if len(chosen) * train.images[0].nbytes > room:
        return Images(torch.from_numpy(train.images), torch.from_numpy(chosen), torch.device(device))
    return Images(torch.from_numpy(train.images[chosen]).to(device))
