"""Check whether a metric of samples orders different kinds of faults as a person would, on real chest X-rays.

    OMP_NUM_THREADS=2 python benchmarks/scripts/fault_order.py --data DIR

The patients in the training split of the Kermany chest X-rays at 64 px are divided into three parts. Faults are added
to 1,000 images of one part, which are compared with 1,500 images of another; the third part plays the role of the
training images. The script prints a table and fails if MMD violates the order in `ORDER`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from vaebench.interfaces import Split
from vaebench_measures.distances.cloud import Cloud
from vaebench_measures.distances.collapse import collapsed
from vaebench_measures.distances.frechet import frechet
from vaebench_measures.distances.kernels import by_kernel, gaussian
from vaebench_measures.distances.neighbours import compare
from vaebench_measures.features.extractor import Cnn
from vaebench_measures.features.whitened import whitening
from vaebench_medical.kermany import KermanyCxr

SAMPLES, REFERENCE, SIDE = 1000, 1500, 64
CLEAN, WORST = "other patients", "mean image repeated"
ORDER = [
    (CLEAN, "brightness +.05"),
    (CLEAN, "only normals"),
    ("brightness +.05", "blur 1.5 px"),
    ("only normals", "blur 1.5 px"),
    ("blur 1.5 px", "blur 3 px"),
    ("blur 3 px", WORST),
    ("brightness +.05", "PCA-32 samples"),
    ("only normals", "PCA-32 samples"),
    ("upside down", WORST),
    ("shift 6 px", WORST),
]
"""Pairs of sets; the first must be closer to the reference than the second."""


def faults(images: np.ndarray, normals: np.ndarray, train: np.ndarray) -> dict[str, np.ndarray]:
    """Return sets of degraded images by name, as floats in [0, 1]."""
    rng = np.random.default_rng(0)
    mean = train.mean(0)
    _, sizes, axes = np.linalg.svd((train - mean).reshape(len(train), -1), full_matrices=False)
    codes = rng.standard_normal((SAMPLES, 32)) * sizes[:32] / np.sqrt(len(train))
    return {
        CLEAN: images,
        "brightness +.05": images + 0.05,
        "contrast x .85": (images - 0.5) * 0.85 + 0.5,
        "only normals": np.resize(normals, images.shape),
        "PCA-32 samples": mean + (codes @ axes[:32]).reshape(images.shape),
        "blur 1.5 px": gaussian_filter(images, (0, 0, 1.5, 1.5)),
        "blur 3 px": gaussian_filter(images, (0, 0, 3, 3)),
        WORST: np.repeat(mean[None], SAMPLES, 0),
        "upside down": images[:, :, ::-1],
        "mirror": images[..., ::-1],
        "shift 6 px": np.pad(images, ((0, 0), (0, 0), (0, 0), (6, 0)), mode="edge")[..., :-6],
        "averages of two": (images + rng.permutation(images)) / 2,
        "averages of four": sum(rng.permutation(images) for _ in range(4)) / 4,
        "phase randomised": phase_randomised(images, rng),
        "shuffled blocks": shuffled(images, rng),
        "1 image repeated": np.resize(images[:1], images.shape),
        "5 images repeated": np.resize(images[:5], images.shape),
        "20 images repeated": np.resize(images[:20], images.shape),
    }


def phase_randomised(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return images with the same amplitude spectra and means, but with the phases of noise."""
    noise = np.fft.fft2(rng.standard_normal(images.shape))
    phases = noise / np.abs(noise)
    phases[..., 0, 0] = 1
    return np.fft.ifft2(np.abs(np.fft.fft2(images)) * phases).real


def shuffled(images: np.ndarray, rng: np.random.Generator, block: int = 16) -> np.ndarray:
    """Return images whose blocks are in random order."""
    n, side = len(images), SIDE // block
    blocks = images.reshape(n, side, block, side, block).transpose(0, 1, 3, 2, 4).reshape(n, side**2, block, block)
    blocks = np.stack([one[rng.permutation(side**2)] for one in blocks])
    return blocks.reshape(n, side, side, block, block).transpose(0, 1, 3, 2, 4).reshape(images.shape)


def parts(split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of each third of the patients, in random order."""
    rng = np.random.default_rng(0)
    thirds = np.array_split(rng.permutation(np.unique(split.groups)), 3)
    one, two, three = (rng.permutation(np.flatnonzero(np.isin(split.groups, names))) for names in thirds)
    return one, two, three


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that contains kermany-cxr")
    split = KermanyCxr().load(parser.parse_args().data, SIDE, {}).train
    drawn, reference, train = parts(split)
    reference, normals = reference[:REFERENCE], drawn[split.labels[drawn] == 0]
    images = split.images.astype(np.float32) / 255
    see = Cnn()
    scale = whitening(see(split.images[train]))
    real = see(split.images[reference])
    white = Cloud(real @ scale, split.groups[reference])
    print("| set | MMD | KID | FD | density | coverage | warning |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    found = {}
    for name, made in faults(images[drawn[:SAMPLES]], images[normals], images[train]).items():
        seen = see(np.ascontiguousarray(made, np.float32))
        found[name], error = by_kernel(Cloud(seen @ scale), white, gaussian)
        kid, shares = by_kernel(Cloud(seen), Cloud(real, white.groups))[0], compare(seen, real)
        told = "no diversity" if collapsed(seen @ scale, white.rows) else ""
        numbers = f"{found[name]:.4f} ± {error:.4f} | {kid:.2f} | {frechet(seen, real):.1f}"
        print(f"| {name} | {numbers} | {shares.density:.2f} | {shares.coverage:.2f} | {told} |", flush=True)
    wrong = [f"{better} is not better than {worse}" for better, worse in ORDER if found[better] >= found[worse]]
    wrong += [f"{name} is not worse than {CLEAN}" for name in found if name != CLEAN and found[name] <= found[CLEAN]]
    wrong += [f"{name} is as bad as {WORST}" for name in found if name != WORST and found[name] >= found[WORST]]
    print("\n".join(wrong) or "MMD orders the faults as required.")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
