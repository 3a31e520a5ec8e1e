"""Print a Markdown table of twins across the splits of `brain-mri`, and of their effect on an anomaly score.

    python benchmarks/scripts/twins.py DATA [--size 64]

DATA is the folder that contains `brain-mri`. The dataset decides which file is in which split; everything else is
computed here, without `vaebench.twins`: files are read and resized, and all pairs of a training and a test image are
correlated pixel by pixel, unmirrored and mirrored.

| column | what |
|---|---|
| test, healthy | test images, and how many of them are healthy |
| unmirrored | test images that correlate above 0.99 with an unmirrored training image, and how many are healthy |
| twins | test images that correlate above 0.99 with a training image or its mirror image, and how many are healthy |
| highest | the highest correlation of a test image with a training image or its mirror image |
| PCA-4 to PCA-64 | AUROC, healthy against tumour, of the residual of 4 to 64 components fitted on healthy images |
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score

from vaebench.interfaces import Split
from vaebench_medical.brain_mri import BrainMri

TWIN = 0.99
SPLITS = ("published", "published-clean", "grouped")
COMPONENTS = (4, 16, 32, 64)


def read(files: np.ndarray, home: Path, size: int) -> np.ndarray:
    """Return the images as float32 (N, size, size) in [0, 1]."""
    images = (Image.open(home / str(file)).convert("L").resize((size, size), Image.Resampling.BOX) for file in files)
    return np.stack([np.asarray(image, np.float32) / 255 for image in images])


def highest(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the highest correlation of each test image with any training image, unmirrored and mirrored, (2, N)."""
    known = standardised(train)
    return np.stack([(standardised(images) @ known.T).max(axis=1) for images in (test, test[..., ::-1])])


def standardised(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def residuals(healthy: np.ndarray, test: np.ndarray) -> dict[int, np.ndarray]:
    """Return the squared residual of each test image, by the number of components."""
    flat, asked = (images.reshape(len(images), -1) for images in (healthy, test))
    mean = flat.mean(axis=0)
    _, vectors = np.linalg.eigh((flat - mean) @ (flat - mean).T)
    found = {}
    for count in COMPONENTS:
        axes, _ = np.linalg.qr((vectors[:, -count:].T @ (flat - mean)).T)
        rest = asked - mean
        found[count] = np.square(rest - rest @ axes @ axes.T).mean(axis=1)
    return found


def row(name: str, data: Path, size: int) -> str:
    dataset = BrainMri(split=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        splits = dataset.load(data, 8, {})  # only the assignment of files to splits is used; the pixels are read here
    train, test = (read(files(split), dataset.home(data), size) for split in (splits.train, splits.test))
    healthy = splits.test.healthy
    assert healthy is not None
    assert splits.train.healthy is not None
    like = highest(train, test)
    scores = residuals(train[splits.train.healthy], test)
    told = [f"{len(test)}, {healthy.sum()}"]
    told += [f"{twins.sum()}, {(twins & healthy).sum()}" for twins in (like[0] > TWIN, like.max(axis=0) > TWIN)]
    told += [f"{like.max():.4f}"]
    told += [f"{roc_auc_score(~healthy, scores[count]):.3f}" for count in COMPONENTS]
    return f"| `{name}` | " + " | ".join(told) + " |"


def files(split: Split) -> np.ndarray:
    assert split.files is not None
    return split.files


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", type=int, default=64)
    chosen = parser.parse_args()
    heads = ["split", "test, healthy", "unmirrored", "twins", "highest", *(f"PCA-{count}" for count in COMPONENTS)]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name in SPLITS:
        print(row(name, chosen.data, chosen.size), flush=True)
