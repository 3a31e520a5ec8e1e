"""Drawing tools for the phantoms: coordinates, soft shapes, strokes, smooth noise, blur and moments.

Lengths are fractions of the image side. Arrays are float32 (N, H, W) or broadcast to this shape.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from vaebench_medical.phantoms.chance import Chance

Point = tuple[np.ndarray | float, np.ndarray | float]
"""x and y"""


@cache
def axes(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates of the pixel centres: x (1, 1, W) increases to the right and y (1, H, 1) downwards, and
    both are 0 in the middle of the image."""
    line = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    return line[None, None, :], line[None, :, None]


def turn(x: np.ndarray, y: np.ndarray, degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates in a frame that is turned clockwise by `degrees`."""
    radians = np.deg2rad(degrees.astype(np.float64))
    cos, sin = np.cos(radians).astype(np.float32), np.sin(radians).astype(np.float32)
    return x * cos + y * sin, y * cos - x * sin


def rise(value: np.ndarray, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
    """Return 0 for values below `low`, 1 for values above `high`, and a smooth transition in between. If `high` is
    below `low`, the transition falls."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def inside(distance: np.ndarray, soft: np.ndarray | float, size: int) -> np.ndarray:
    """Return 1 for negative and 0 for positive signed distances; the transition is `soft` wide, at least 1.5 pixels."""
    width = np.maximum(np.float32(soft), np.float32(1.5 / size))
    t = np.clip(0.5 - distance / width, 0, 1)
    return t * t * (3 - 2 * t)


def ellipse(x: np.ndarray, y: np.ndarray, rx: np.ndarray | float, ry: np.ndarray | float) -> np.ndarray:
    """Return the approximate signed distance to an ellipse around the origin."""
    u, v = x / rx, y / ry
    return (np.sqrt(u * u + v * v) - 1) * np.minimum(np.float32(rx), ry)


def bump(x: np.ndarray, width: np.ndarray | float) -> np.ndarray:
    """Return a bell curve of height 1 that falls to a half at `width` and is exactly 0 beyond about 2.5 widths."""
    t = np.maximum(1 - np.square(x / (np.float32(2.5) * width)), 0)
    t = t * t
    return t * t


def stroke(x: np.ndarray, y: np.ndarray, start: Point, end: Point, width: float) -> np.ndarray:
    """Return a line with a bell-shaped profile from `start` to `end`."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    px, py = x - start[0], y - start[1]
    along = np.clip((px * dx + py * dy) / (dx * dx + dy * dy), 0, 1)
    return bump(np.sqrt(np.square(px - along * dx) + np.square(py - along * dy)), width)


def repeat(phase: np.ndarray) -> np.ndarray:
    """Return the signed distance to the nearest integer, in [-1/2, 1/2]."""
    return phase - np.floor(phase + np.float32(0.5))


def scatter(
    chance: Chance, what: str, x: np.ndarray, y: np.ndarray, cells: int | np.ndarray, margin: float, most: int = 0
) -> tuple[np.ndarray, np.ndarray, Callable[..., np.ndarray]]:
    """Place a random point in each cell of a brick-like lattice, at least `margin` cell widths from the cell's border.

    `cells` is the number of cells per side; it may differ between images, up to `most`. Return the x and y offsets of
    each pixel from the point in its cell, and a function `each(what, low, high)`, which draws one number per point and
    returns it at all pixels of the point's cell.
    """
    most = most or int(cells)
    row = np.clip(np.floor((y + np.float32(0.5)) * cells), 0, cells - 1)
    x = x + (row % 2 - np.float32(0.5)) * np.float32(0.5) / cells
    column = np.clip(np.floor((x + np.float32(0.5)) * cells), 0, cells - 1)
    first = np.arange(len(chance)).reshape(-1, 1, 1) * most**2
    cell = first + (row * most + column).astype(np.intp)

    def each(name: str, low: float, high: float) -> np.ndarray:
        values = chance.uniform(f"{what} {name}", low, high, (most * most,))
        return values.take(cell)

    def away(t: np.ndarray, place: np.ndarray, name: str) -> np.ndarray:
        return t + np.float32(0.5) - (place + each(name, margin, 1 - margin)) / cells

    return away(x, column, "x"), away(y, row, "y"), each


@cache
def _spline(cells: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each pixel of a row, the first of the four knots around it and all four weights (cubic B-spline)."""
    place = (np.arange(size) + 0.5) / size * (cells - 3)
    left = np.minimum(np.floor(place).astype(int), cells - 4)
    t = place - left
    s = 1 - t
    weights = np.stack([s * s * s, 4 - 3 * t * t * (1 + s), 4 - 3 * s * s * (1 + t), t * t * t]) / 6
    return left, weights.astype(np.float32)


def smooth(lattice: np.ndarray, size: int) -> np.ndarray:
    """Interpolate knots (N, rows, columns) to a smooth field (N, size, size) with features about as wide as a cell."""
    for axis in (2, 1):  # columns first, while the rows are few
        left, weights = _spline(lattice.shape[axis], size)
        weights = weights[..., None] if axis == 1 else weights
        lattice = sum(np.take(lattice, left + k, axis=axis) * weights[k] for k in range(4))
    return lattice


def noise(chance: Chance, what: str, cells: int | tuple[int, int], size: int) -> np.ndarray:
    """Return a smooth random field of mean 0 and sd about 1, with features of width 1 / `cells`. If `cells` is a pair
    (rows, columns), the features are streaks."""
    rows, columns = cells if isinstance(cells, tuple) else (cells, cells)
    knots = chance.normal(what, 0, 2.08, (rows + 3, columns + 3))  # smooth() multiplies the sd by 0.48
    return smooth(knots, size)


def blur(image: np.ndarray, sigma: np.ndarray, most: float) -> np.ndarray:
    """Blur approximately like a Gaussian of `sigma` (N, 1, 1), at most `most`, by three-tap passes at strides 1, 2, 4,
    ..."""
    size = image.shape[-1]
    variance = np.square(np.minimum(sigma, np.float32(most)) * np.float32(size))
    left, stride = (most * size) ** 2, 1
    while left > 0:
        weight = np.minimum(variance / np.float32(2 * stride**2), np.float32(0.25))
        variance, left = variance - weight * np.float32(2 * stride**2), left - 0.5 * stride**2
        for _ in range(2):
            image = image.swapaxes(-1, -2)
            near = np.empty_like(image)
            near[..., stride:], near[..., :stride] = image[..., :-stride], image[..., :1]
            near[..., :-stride] += image[..., stride:]
            near[..., -stride:] += image[..., -1:]
            image = image + weight * (near - 2 * image)
        stride *= 2
    return image


def moments(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd of each image, (N, 1, 1). Sums are float64, so that the order of summation does not matter."""
    mean = image.mean((-2, -1), dtype=np.float64, keepdims=True)
    square = np.square(image).mean((-2, -1), dtype=np.float64, keepdims=True)
    return mean.astype(np.float32), np.sqrt(np.maximum(square - mean * mean, 1e-8)).astype(np.float32)
