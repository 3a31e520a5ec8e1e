"""Twins: the search agrees with comparing all pairs, and stays right and bounded where images are all alike."""

from __future__ import annotations

import numpy as np
import pytest

from vaebench import twins


def images(count: int, size: int = 48, seed: int = 0) -> np.ndarray:
    """Smooth random images, which correlate more than noise does."""
    coarse = np.random.default_rng(seed).normal(size=(count, 1, 6, 6))
    smooth = np.kron(coarse, np.ones((size // 6, size // 6)))
    return np.clip(128 + 40 * smooth, 0, 255).astype(np.uint8)


def shaken(pictures: np.ndarray, much: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, much, pictures.shape)
    return np.clip(pictures + noise, 0, 255).astype(np.uint8)


def population() -> np.ndarray:
    """Originals; copies that are more and more like nothing; mirror images; and flat ones."""
    first = images(40)
    copies = [shaken(first, much, seed) for seed, much in enumerate((0, 4, 20, 30, 60))]
    flat = np.broadcast_to(np.array([0, 7, 255], np.uint8)[:, None, None, None], (3, 1, 48, 48))
    return np.concatenate([first, *copies, shaken(first[:9, ..., ::-1], 3, 9), flat])


def every_pair(pictures: np.ndarray, threshold: float) -> set[tuple[int, int]]:
    """The oracle: all pairs, pixel by pixel."""
    straight, turned = twins.thumbnails(pictures), twins.thumbnails(np.ascontiguousarray(pictures[..., ::-1]))
    like = np.maximum(straight @ straight.T, turned @ straight.T)
    return {(int(i), int(j)) for i, j in np.argwhere(like > threshold) if i < j}


@pytest.mark.parametrize("threshold", [twins.TWIN, twins.SAFE, 0.9])
@pytest.mark.parametrize("tile", [(1024, 4096), (16, 7)])
def test_no_pair_is_missed_and_none_is_made_up(monkeypatch: pytest.MonkeyPatch, threshold: float, tile) -> None:
    monkeypatch.setattr(twins, "TILE", tile)
    pictures = population()
    found = twins.find([pictures[:100], pictures[100:]], threshold)
    expected = every_pair(pictures, threshold)
    assert len(expected) > 100 and found.complete
    assert {(int(a), int(b)) for a, b in found.pairs} == expected
    first = len(pictures) - 12
    mirrored = {(int(a), int(b)) for a, b in found.pairs[found.mirrored]}
    assert {(row, first + row) for row in range(9)} <= mirrored and all(b >= first for _, b in mirrored)
    assert len(set(found.groups[-3:])) == 1, "images of one grey are twins of each other"
    assert found.groups[-1] not in found.groups[:-3]


def test_the_twin_of_a_twin_is_in_the_same_group() -> None:
    a, b = images(2, seed=3)[:, None].astype(float)[:, 0]
    chain = np.stack([a + (b - a) * t for t in np.linspace(0, 1, 30)]).round().astype(np.uint8)
    found = twins.find([chain])
    assert len(set(found.groups)) == 1
    assert (0, 29) not in {tuple(pair) for pair in found.pairs.tolist()}


def test_many_that_are_alike_are_one_group_and_a_bounded_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "LISTED", 50)
    monkeypatch.setattr(twins, "CONFIRMED", 20)
    found = twins.find([shaken(np.repeat(images(1), 200, 0), 1, 0), images(5, seed=8)])
    assert not found.complete and len(found.pairs) < 400
    assert sorted(np.bincount(found.groups).tolist()) == [1, 1, 1, 1, 1, 200]


def test_a_large_group_is_told_with_some_of_its_files() -> None:
    names = [f"{i}.png" for i in range(100)]
    groups = np.arange(100)
    assert twins.large_group(groups, names) == ""
    groups[[7, 8]] = 9
    assert "has 3 of 100 images (3%)" in twins.large_group(groups, names)
    assert "7.png, 8.png, 9.png" in twins.large_group(groups, names)
