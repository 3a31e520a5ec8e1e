"""Print baselines on the Kermany chest X-rays that any method must be compared with, using only scikit-learn.

    python benchmarks/scripts/yardsticks.py --data DIR

For 28 and 64 pixels: an RBF SVC on raw pixels (scikit-learn's defaults, 2,000 training images, mean over five random
subsets); the same with balanced class weights, and on a random split of all images, which shows how much easier such a
split is; the residual of PCA-64, fitted on healthy images, as anomaly score; and three shortcuts, each a single number
per image."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score
from sklearn.svm import SVC

from vaebench.interfaces import Splits
from vaebench_medical.kermany import KermanyCxr

DRAWS, TRAINED = 5, 2000
Pair = tuple[np.ndarray, np.ndarray]


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


def svc(train: Pair, test: Pair, weights: str | None = None) -> np.ndarray:
    """Return accuracy and balanced accuracy."""
    guess = SVC(class_weight=weights).fit(*train).predict(test[0])
    return np.array([accuracy_score(test[1], guess), balanced_accuracy_score(test[1], guess)])


def draw(x: np.ndarray, y: np.ndarray, seed: int) -> Pair:
    rows = np.random.default_rng(seed).choice(len(x), TRAINED, replace=False)
    return x[rows], y[rows]


def mixed(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[Pair, Pair]:
    """Return a random split of all images, which ignores patients."""
    rows = np.random.default_rng(seed).permutation(len(x))
    return (x[rows[:TRAINED]], y[rows[:TRAINED]]), (x[rows[-1000:]], y[rows[-1000:]])


def sharpness(images: np.ndarray) -> np.ndarray:
    """Return the variance of the Laplacian."""
    x = images[:, 0].astype(np.float32) / 255
    inner = x[:, 1:-1, 1:-1]
    return (x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:] - 4 * inner).var(axis=(1, 2))


def residual(splits: Splits) -> np.ndarray:
    assert splits.train.healthy is not None
    pca = PCA(64, random_state=0).fit(flat(splits.train.images[splits.train.healthy]))
    test = flat(splits.test.images)
    return np.square(test - pca.inverse_transform(pca.transform(test))).mean(axis=1)


def mean(measure: Callable[[int], np.ndarray]) -> str:
    values = np.array([measure(seed) for seed in range(DRAWS)])
    (accuracy, balanced), (low, low_balanced), (high, high_balanced) = values.mean(0), values.min(0), values.max(0)
    return (
        f"{accuracy:.3f} ({low:.3f} to {high:.3f}), balanced {balanced:.3f} ({low_balanced:.3f} to {high_balanced:.3f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that contains kermany-cxr")
    folder = parser.parse_args().data
    for size in (28, 64):
        splits = KermanyCxr().load(folder, size, {})
        x, y = flat(splits.train.images), splits.train.labels
        test = flat(splits.test.images), splits.test.labels
        everything = np.concatenate([x, test[0]]), np.concatenate([y, test[1]])
        print(f"{size} px: {len(x)} training and {len(test[0])} test images", flush=True)
        print("  SVC, published split:", mean(lambda s, x=x, y=y, t=test: svc(draw(x, y, s), t)), flush=True)
        print(
            "  same, balanced weights:", mean(lambda s, x=x, y=y, t=test: svc(draw(x, y, s), t, "balanced")), flush=True
        )
        print("  SVC, random split:", mean(lambda s, e=everything: svc(*mixed(*e, s))), flush=True)
        ill = splits.test.diseased
        raw = splits.test.images.astype(np.float32) / 255
        scores = {
            "PCA-64 residual": residual(splits),
            "blurriness": -sharpness(splits.test.images),
            "mean intensity": raw.mean(axis=(1, 2, 3)),
            "contrast": raw.std(axis=(1, 2, 3)),
        }
        for name, score in scores.items():
            print(f"  {name}: AUROC {roc_auc_score(ill, score):.3f}", flush=True)


if __name__ == "__main__":
    main()
