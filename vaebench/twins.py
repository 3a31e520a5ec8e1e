"""Twins: nearly identical images, possibly mirrored, which are searched for among all pairs of a dataset's images.

A model that was trained on an image has, in effect, also seen its twin. Twins in different splits therefore make every
score too good.

Pairs are compared in two steps. The perceptual hash of an image consists of its coarsest frequencies and, as one more
number, the norm of all finer ones. By the Cauchy-Schwarz inequality, the dot product of two hashes is never smaller
than the correlation of the two images. Hashes therefore rule out nearly all pairs, but never a pair of twins; the
remaining pairs are compared pixel by pixel.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TWIN = 0.99
"""The correlation of thumbnails (at most 32 x 32 pixels) above which two images are twins."""
SAFE = 0.985
"""The lower threshold for groups whose images must stay in one split: resizing changes correlations by a few
thousandths, and a pair above `TWIN` at any size must not end up in different splits."""
THUMB = 32
COARSE = 8
"""The number of frequencies in a hash along each side of the image."""
SLACK = 1e-4
"""The largest rounding error of a dot product."""
LISTED = 100_000
"""The number of pairs up to which every pair is listed. Further pairs are listed only if they join two groups, so that
the groups are always correct."""
TILE = 1024, 4096
"""The numbers of rows and columns of a block of pairs that are compared at once."""
CONFIRMED = 4096
"""The number of candidate pairs that are compared pixel by pixel at once."""
LARGE = 0.02
"""If a group has more than this share of the images, users are asked to check it: its images may be merely similar."""
_ACROSS = np.arange(COARSE**2) % COARSE
_MIRROR = np.append(np.where(_ACROSS % 2, -1, 1), 1).astype(np.float32)
"""The factors by which mirroring an image from left to right changes the signs in its hash."""
_EVEN = np.flatnonzero(_MIRROR[:-1] > 0)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Twins:
    """The pairs of twins that were found, and the groups that these pairs form: the twin of a twin is in the same
    group."""

    pairs: np.ndarray
    """integers (P, 2): the row numbers of the two images of each pair, the smaller number first"""
    correlation: np.ndarray
    """float32 (P,): the correlation of the two images of each pair"""
    mirrored: np.ndarray
    """bool (P,): True if one image of the pair is the mirror image of the other"""
    groups: np.ndarray
    """integers (N,): the group of each image"""
    complete: bool = True
    """True if all pairs are listed."""


def find(parts: Sequence[np.ndarray], threshold: float = TWIN) -> Twins:
    """Return the twins among images, given as one or more uint8 arrays (N, C, H, W) with images of the same shape."""
    hashes = np.concatenate([_hashes(part) for part in parts])
    # The hashes of twins are close in each component, so only neighbours in the most variable component are compared.
    line = hashes[:, _EVEN[hashes[:, _EVEN].var(axis=0).argmax()]]
    order = np.argsort(line, kind="stable")
    hashes, line = hashes[order], line[order]
    ends = np.searchsorted(line, line + np.sqrt(2 * (1 - threshold + SLACK)), "right")
    found = _Found(len(hashes))
    for top in range(0, len(hashes), TILE[0]):
        rows = hashes[top : top + TILE[0]]
        end = ends[min(top + TILE[0], len(hashes)) - 1]
        for left in range(top, end, TILE[1]):
            columns = hashes[left : min(left + TILE[1], end)].T
            near = rows @ columns > threshold - SLACK
            near |= (rows * _MIRROR) @ columns > threshold - SLACK
            candidates = np.argwhere(near) + np.array([top, left])
            candidates = found.wanted(np.sort(order[candidates[candidates[:, 0] < candidates[:, 1]]], axis=1))
            while len(candidates):
                some, candidates = candidates[:CONFIRMED], candidates[CONFIRMED:]
                a, b = (thumbnails(_rows(parts, some[:, side])) for side in (0, 1))
                found.add(some, _dots(a, b), _dots(_flipped(a), b), threshold)
                candidates = found.wanted(candidates)
        log.info("compared %s of %s images", min(top + TILE[0], len(hashes)), len(hashes))
    return found.twins()


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Return grey thumbnails as unit vectors, so that the dot product of two thumbnails is their correlation. All
    images of uniform grey get the same vector and therefore count as twins."""
    step, side = _thumb(images.shape[-1])
    margin = (images.shape[-1] - side * step) // 2
    inner = slice(margin, margin + side * step)
    flat = np.empty((len(images), side * side), np.float32)
    for start in range(0, len(images), 512):
        grey = images[start : start + 512, :, inner, inner].astype(np.float32).mean(axis=1)
        small = grey.reshape(-1, side, step, side, step).mean(axis=(2, 4))
        small = small.reshape(len(small), -1)
        small -= small.mean(axis=1, keepdims=True)
        length = np.linalg.norm(small, axis=1, keepdims=True)
        flat[start : start + 512] = np.where(length > 0.1, small / np.maximum(length, 0.1), 1 / side)
    return flat


def large_group(groups: np.ndarray, names: Sequence[str]) -> str:
    """Return a warning if a group is suspiciously large, and an empty string otherwise."""
    values, counts = np.unique(groups, return_counts=True)
    if not len(counts) or counts.max() <= LARGE * len(groups):
        return ""
    some = [str(names[row]) for row in np.flatnonzero(groups == values[counts.argmax()])[:5]]
    return (
        f"the largest group of twins has {counts.max()} of {len(groups)} images ({counts.max() / len(groups):.0%}): "
        f"look at some of them before you rely on the groups ({', '.join(some)}, …). "
        "Images that are merely similar are not twins"
    )


class _Found:
    """Collects pairs as they are found."""

    def __init__(self, count: int) -> None:
        self.groups = np.arange(count)
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.listed, self.complete = 0, True

    def wanted(self, candidates: np.ndarray) -> np.ndarray:
        """Return all candidates; once the list is full, only those that would join two groups."""
        if self.listed < LISTED:
            return candidates
        joins = self.groups[candidates[:, 0]] != self.groups[candidates[:, 1]]
        self.complete = self.complete and bool(joins.all())
        return candidates[joins]

    def add(self, pairs: np.ndarray, straight: np.ndarray, turned: np.ndarray, threshold: float) -> None:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        true = np.maximum(straight, turned) > threshold
        if not true.any():
            return
        pairs, straight, turned = pairs[true], straight[true], turned[true]
        self.parts.append((pairs, np.maximum(straight, turned), (turned > straight) & (straight <= threshold)))
        self.listed += len(pairs)
        n, ends = len(self.groups), self.groups[pairs]
        joined = connected_components(coo_array((np.ones(len(ends)), ends.T), shape=(n, n)), directed=False)[1]
        self.groups = joined[self.groups]

    def twins(self) -> Twins:
        empty = np.empty((0, 2), np.intp), np.empty(0, np.float32), np.empty(0, np.bool_)
        pairs, correlation, mirrored = (np.concatenate(column) for column in zip(empty, *self.parts, strict=True))
        order = np.lexsort(pairs.T[::-1])
        return Twins(pairs[order], correlation[order], mirrored[order], self.groups, self.complete)


def _thumb(size: int) -> tuple[int, int]:
    """Return the side of the square of pixels that becomes one pixel of a thumbnail, and the side of the thumbnail. All
    squares have the same size, so that an image and its mirror image have mirrored thumbnails."""
    step = -(-size // THUMB)
    return step, size // step


def _hashes(images: np.ndarray) -> np.ndarray:
    """Return the hashes, float32 (N, 65), as unit vectors."""
    _, side = _thumb(images.shape[-1])
    kept = min(COARSE, side)
    angle = np.pi / side * np.outer(np.arange(COARSE), np.arange(side) + 0.5)
    waves = np.cos(angle) * np.sqrt(2 / side)  # orthonormal, as in the DCT
    waves[0] /= np.sqrt(2)
    waves[kept:] = 0
    found = np.empty((len(images), COARSE**2 + 1), np.float32)
    for start in range(0, len(images), 512):
        small = thumbnails(images[start : start + 512]).reshape(-1, side, side)
        coarse = (waves @ small @ waves.T).reshape(len(small), -1)
        rest = np.sqrt(np.maximum(1 - np.square(coarse).sum(axis=1, keepdims=True), 0))
        found[start : start + 512] = np.hstack([coarse, rest])
    return found


def _rows(parts: Sequence[np.ndarray], rows: np.ndarray) -> np.ndarray:
    images, start = np.empty((len(rows), *parts[0].shape[1:]), np.uint8), 0
    for part in parts:
        here = (rows >= start) & (rows < start + len(part))
        images[here] = part[rows[here] - start]
        start += len(part)
    return images


def _flipped(thumbs: np.ndarray) -> np.ndarray:
    side = round(thumbs.shape[1] ** 0.5)
    return thumbs.reshape(-1, side, side)[..., ::-1].reshape(len(thumbs), -1)


def _dots(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", a, b)
