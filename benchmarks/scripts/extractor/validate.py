"""Check that the extractor's distances increase with every fault added to real X-rays.

    OMP_NUM_THREADS=1 python benchmarks/scripts/extractor/validate.py --data DIR

The patients in the training split of the Kermany chest X-rays at 64 px are divided into halves. 2,000 images of one
half are the reference, and faults are added to 2,000 images of the other half, with the same share of normal images;
without faults, the true distance is about zero. The script prints a table and fails if a distance does not increase
strictly with a fault, or if any set of images is as far away as one image repeated with noise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans

from vaebench_measures.distances.cloud import Cloud
from vaebench_measures.distances.frechet import by_gaussians
from vaebench_measures.distances.kernels import by_kernel
from vaebench_measures.features.components import Components
from vaebench_measures.features.extractor import Cnn
from vaebench_medical.kermany import KermanyCxr

COUNT, MODES, TRIED = 2000, 10, 5
BLURS, NOISES = (0.5, 0.75, 1.0, 1.5, 2.0), (0.01, 0.02, 0.04, 0.08)
Fault = tuple[str, str, np.ndarray]


def draw(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return COUNT of the rows in random order, with the label proportions of the whole split."""
    rows = np.random.default_rng(0).permutation(rows)
    sick = round(COUNT * (labels == 1).mean())
    return np.random.default_rng(1).permutation(
        np.concatenate([rows[labels[rows] == 1][:sick], rows[labels[rows] == 0][: COUNT - sick]])
    )


def without(rows: np.ndarray, pool: np.ndarray, dropped: np.ndarray) -> np.ndarray:
    """Return the rows, with the dropped ones replaced by others from the pool.

    If the pool is too small, rows are repeated, as in the output of a model that generates only these images."""
    spare = np.random.default_rng(0).permutation(np.setdiff1d(pool, rows))
    every = np.concatenate([rows, spare])
    return np.resize(every[~dropped[every]], COUNT)


def noisy(images: np.ndarray, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 255 * deviation, images.shape)
    return (images + noise).round().clip(0, 255).astype(np.uint8)


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    return gaussian_filter(images.astype(np.float32), (0, 0, sigma, sigma)).round().clip(0, 255).astype(np.uint8)


def faults(images: np.ndarray, labels: np.ndarray, pool: np.ndarray, modes: np.ndarray) -> Iterator[Fault]:
    """Yield (kind, degree, images), each kind from mild to severe, using only the rows in `pool`."""
    rows = draw(pool, labels)
    for sigma in BLURS:
        yield "blur", f"sigma {sigma} px", blurred(images[rows], sigma)
    for deviation in NOISES:
        yield "noise", f"sd {deviation}", noisy(images[rows], deviation)
    luck = np.random.default_rng(0).random(len(labels))
    for share in (0.5, 0.75, 1.0):
        yield "normal images dropped", f"{share:.0%}", images[without(rows, pool, (labels == 0) & (luck < share))]
    for kept in (8, 6, 4, 2, 1):
        yield "modes dropped, rarest first", f"{MODES - kept} of {MODES}", images[without(rows, pool, modes >= kept)]


def collapsed(images: np.ndarray) -> Iterator[np.ndarray]:
    for one in images[:: len(images) // TRIED][:TRIED]:
        yield noisy(np.repeat(one[None], COUNT, 0), NOISES[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that contains kermany-cxr")
    split = KermanyCxr().load(parser.parse_args().data, 64, {}).train
    patients = np.random.default_rng(0).permutation(np.unique(split.groups))
    half = np.isin(split.groups, patients[: len(patients) // 2])
    reference = split.images[draw(np.flatnonzero(half), split.labels)]
    pool = np.flatnonzero(~half)
    modes = KMeans(MODES, random_state=0).fit_predict(Components.of(split.images)(split.images))
    modes = np.argsort(np.argsort(-np.bincount(modes)))[modes]  # by size: the rarest are dropped first

    spaces = {"cnn": Cnn(), "pca64": Components.of(reference)}
    real = {name: space(reference) for name, space in spaces.items()}

    def measured(images: np.ndarray) -> list[tuple[float, float]]:
        pairs = [(Cloud(space(images)), Cloud(real[name])) for name, space in spaces.items()]
        return [distance(*pair) for pair in pairs for distance in (by_kernel, by_gaussians)]

    def row(kind: str, degree: str, values: list[tuple[float, float]]) -> None:
        print(f"| {kind} | {degree} | " + " | ".join(f"{v:.3g} ± {e:.1g}" for v, e in values) + " |", flush=True)

    columns = [f"{d}[{name}]" for name in (f"cnn@{Cnn.digest[:8]}", "pca64") for d in ("KID", "FD")]
    print("| fault | degree |", " | ".join(columns), "|\n| --- | --- |", " | ".join(["---:"] * len(columns)), "|")
    clean = measured(split.images[draw(pool, split.labels)])
    row("none", "other patients", clean)
    wrong, farthest, last, before = [], np.zeros(2), "", np.zeros(2)
    for kind, degree, images in faults(split.images, split.labels, pool, modes):
        values = measured(images)
        row(kind, degree, values)
        now = np.array([value for value, _ in values[:2]])
        before = before if kind == last else np.array([value for value, _ in clean[:2]])
        wrong += [f"{columns[i]} does not rise at {kind}, {degree}" for i in np.flatnonzero(now <= before)]
        last, before, farthest = kind, now, np.maximum(farthest, now)
    nearest = [min(values) for values in zip(*map(measured, collapsed(split.images[pool])), strict=True)]
    row("one image repeated", f"noise sd {NOISES[-1]}, nearest of {TRIED}", nearest)
    now = np.array([value for value, _ in nearest[:2]])
    wrong += [f"{columns[i]} of one image repeated is not the farthest" for i in np.flatnonzero(now <= farthest)]
    print("\n".join(wrong) or "Every distance of the extractor rises strictly; one image repeated is the worst.")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
