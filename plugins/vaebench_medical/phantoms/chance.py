"""Random numbers that depend only on a name, a seed, an index and a word for their purpose.

There is no generator state: each number is a hash (SplitMix64) of these values. An image therefore does not depend on
the other images that are drawn, and a factor does not depend on other factors.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@cache
def _key(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


def seed_for(name: str, seed: int) -> int:
    """Return a seed derived from `seed` that is different for each name."""
    return int(_key(f"seed for {name} {seed}"))


def _mix(z: np.ndarray) -> np.ndarray:
    """Apply SplitMix64's finaliser, which turns neighbouring numbers into unrelated bits."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


class Chance:
    """The random numbers of N images or patients, float32 (N, 1, 1), which broadcasts with pixels, or (N, *shape)."""

    def __init__(self, name: str, seed: int, index: np.ndarray) -> None:
        self._roots = _mix(_mix(np.asarray(index, np.uint64) + GOLDEN) ^ _key(f"{name} {seed}"))

    def __len__(self) -> int:
        return len(self._roots)

    def _bits(self, what: str, shape: tuple[int, ...]) -> np.ndarray:
        keys = _mix(self._roots ^ _key(what)).reshape(-1, *[1] * len(shape))
        steps = np.arange(np.prod(shape, dtype=int), dtype=np.uint64).reshape(shape) * GOLDEN
        return _mix(keys + steps)

    def uniform(self, what: str, low: float = 0.0, high: float = 1.0, shape: tuple[int, ...] = (1, 1)) -> np.ndarray:
        unit = (self._bits(what, shape) >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
        return np.float32(low) + np.float32(high - low) * unit

    def normal(self, what: str, mean: float = 0.0, sd: float = 1.0, shape: tuple[int, ...] = (1, 1)) -> np.ndarray:
        """Return nearly normal numbers within 3.5 sd: sums of four uniform numbers, identical on every processor."""
        bits, low = self._bits(what, shape), np.uint64(0xFFFF)
        total = (bits & low) + (bits >> np.uint64(16) & low) + (bits >> np.uint64(32) & low) + (bits >> np.uint64(48))
        scale = sd * 3**0.5 / 2**16
        return total.astype(np.float32) * np.float32(scale) + np.float32(mean - 2 * 2**16 * scale)

    def happens(self, what: str, probability: float) -> np.ndarray:
        """Return 1 with this probability, else 0."""
        return (self.uniform(what) < probability).astype(np.float32)

    def integers(self, what: str, count: int, shape: tuple[int, ...] = (1, 1)) -> np.ndarray:
        """Return integers from 0 to `count` - 1, as floats."""
        return np.floor(self.uniform(what, 0, count, shape))

    def order(self) -> np.ndarray:
        """Return indices that sort the rows into a random order, which does not depend on their original order."""
        return np.argsort(self._bits("order", (1,))[:, 0], kind="stable")
