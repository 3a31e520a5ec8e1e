"""Measure the difficulty of the phantoms and print it as a Markdown table.

    python benchmarks/scripts/phantom_difficulty.py [--per-class N] [name ...]

| column | bounds | what |
|---|---|---|
| SVC | 0.2 to 0.9 | RBF SVC on pixels, K classes; balanced accuracy b corrected for chance, (b - 1/K) / (1 - 1/K) |
| PCA-16 | 0.55 to 0.90 | AUROC, healthy against diseased, of the residual of 16 components fitted on healthy images |
| mean, contrast, sharpness | at most 0.65 | max(a, 1 - a) for the AUROC a of mean, SD or variance of the Laplacian |
| all | at most 0.65 | max(a, 1 - a) for a cross-validated logistic model of these three numbers |
| oracle | at least 0.95 | AUROC of the squared difference to the same phantom without its lesion |

The script draws N training images per class (2,000 by default) and a quarter as many test images, at 64 x 64.
"""

from __future__ import annotations

import argparse
from importlib import import_module

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from vaebench_medical.phantoms.drawing import Drawing

MODALITIES = ("chest", "fundus", "gland", "mammogram", "knee", "brain")
BOUNDS = {
    "SVC": (0.2, 0.9),
    "PCA-16": (0.55, 0.90),
    "mean": (0.5, 0.65),
    "contrast": (0.5, 0.65),
    "sharpness": (0.5, 0.65),
    "all": (0.5, 0.65),
    "oracle": (0.95, 1.0),
}


def difficulty(modality: str, per_class: int, size: int = 64, seed: int = 0) -> dict[str, float]:
    module = import_module(f"vaebench_medical.phantoms.{modality}")
    kinds = len(module.CLASSES)
    sick, well = list(module.DISEASED), list(module.HEALTHY)
    train_labels = np.repeat(np.arange(kinds), per_class)
    test_labels = np.repeat(np.arange(kinds), per_class // 4)
    train = module.draw(seed, np.arange(len(train_labels)), train_labels, size)
    test = module.draw(seed, len(train_labels) + np.arange(len(test_labels)), test_labels, size)

    judged = np.isin(test_labels, sick + well)
    truth = np.isin(test_labels[judged], sick)
    x, y = pixels(train.images), pixels(test.images)
    found = {
        "SVC": svc(x, train_labels, y, test_labels),
        "PCA-16": roc_auc_score(truth, pca_residual(x[np.isin(train_labels, well)], y[judged])),
    }
    both = [np.isin(labels, sick + well) for labels in (train_labels, test_labels)]
    ill = np.concatenate(
        [np.isin(labels[b], sick) for labels, b in zip((train_labels, test_labels), both, strict=True)]
    )
    easy = np.concatenate([shortcuts(d.images[b]) for d, b in zip((train, test), both, strict=True)])
    for column, name in enumerate(("mean", "contrast", "sharpness")):
        found[name] = either_way(ill, easy[:, column])
    model = make_pipeline(StandardScaler(), LogisticRegression())
    found["all"] = either_way(ill, cross_val_predict(model, easy, ill, cv=5, method="decision_function"))
    return found | {"oracle": roc_auc_score(truth, oracle(test)[judged])}


def pixels(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


def svc(x: np.ndarray, labels: np.ndarray, y: np.ndarray, expected: np.ndarray) -> float:
    """Fit scikit-learn's `SVC()` with its defaults; for speed, the kernel is computed here with BLAS."""
    gamma = 1 / (x.shape[1] * x.var(dtype=np.float64))
    kernel = np.exp(-gamma * euclidean_distances(x, squared=True))
    model = SVC(kernel="precomputed").fit(kernel, labels)
    answer = model.predict(np.exp(-gamma * euclidean_distances(y, x, squared=True)))
    chance = 1 / (labels.max() + 1)
    return float((balanced_accuracy_score(expected, answer) - chance) / (1 - chance))


def pca_residual(healthy: np.ndarray, x: np.ndarray, components: int = 16) -> np.ndarray:
    mean = healthy.mean(0)
    centred = (healthy - mean).astype(np.float64)
    _, vectors = np.linalg.eigh(centred @ centred.T)  # over images, since they are fewer than pixels
    axes, _ = np.linalg.qr((vectors[:, -components:].T @ centred).T)
    x = x - mean
    return np.square(x - x @ axes @ axes.T).mean(1)


def shortcuts(images: np.ndarray) -> np.ndarray:
    """Return mean, standard deviation and variance of the Laplacian of each image in grey, (N, 3)."""
    grey = images.mean(1, dtype=np.float64)
    inner = grey[:, 1:-1, 1:-1]
    edges = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4 * inner
    return np.stack([grey.mean((1, 2)), grey.std((1, 2)), edges.var((1, 2))], axis=1)


def either_way(truth: np.ndarray, score: np.ndarray) -> float:
    area = roc_auc_score(truth, score)
    return float(max(area, 1 - area))


def oracle(drawing: Drawing) -> np.ndarray:
    difference = drawing.images.astype(np.float32) - drawing.clean
    return np.square(difference).mean((1, 2, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modality", nargs="*", default=MODALITIES)
    parser.add_argument("--per-class", type=int, default=2000)
    chosen = parser.parse_args()
    print("| phantom | " + " | ".join(BOUNDS) + " |\n|---|" + "---|" * len(BOUNDS))
    for modality in chosen.modality:
        found = difficulty(modality, chosen.per_class)
        cells = [f"{found[k]:.3f}" + ("" if low <= found[k] <= high else " (!)") for k, (low, high) in BOUNDS.items()]
        print(f"| {modality} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
