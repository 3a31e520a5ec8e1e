"""MMD orders faults of different kinds as a person would, on a phantom; the same on real X-rays is
benchmarks/scripts/fault_order.py. Samples without diversity get a warning, and blurred or PCA samples do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from vaebench.interfaces import Split
from vaebench_measures import vaebench_metrics
from vaebench_medical.phantoms import chest

Mmd = next(metric for metric in vaebench_metrics() if metric.name == "mmd")


def patients(first: int, count: int) -> Split:
    index = first + np.arange(count)
    return Split(chest.draw(0, index, index % 3, 64).images, index % 3, index)


@pytest.fixture(scope="module")
def sets() -> dict[str, np.ndarray]:
    drawn, train, others = patients(20_000, 200), patients(10_000, 400), patients(30_000, 600)
    images, rows = drawn.images / 255, train.images.reshape(len(train), -1) / 255
    mean, (_, sizes, axes) = rows.mean(0), np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    codes = np.random.default_rng(0).standard_normal((200, 32)) * sizes[:32] / np.sqrt(len(rows))
    return {
        "other patients": images,
        "brightness": images + 0.05,
        "one class": others.images[others.labels == 0] / 255,
        "blur 1.5": gaussian_filter(images, (0, 0, 1.5, 1.5)),
        "blur 3": gaussian_filter(images, (0, 0, 3, 3)),
        "mean image": np.repeat(mean.reshape(1, 1, 64, 64), 200, 0),
        "pca": (mean + codes @ axes[:32]).reshape(images.shape),
        "upside down": images[:, :, ::-1],
        "shift": np.roll(images, 6, 3),
        "few repeated": np.resize(images[:2], images.shape),
    }


@pytest.fixture
def scored(evidence, sets):
    test, train = patients(0, 300), patients(10_000, 400)
    return {
        name: Mmd().compute(evidence(test, train, samples=np.ascontiguousarray(images.clip(0, 1), np.float32)))
        for name, images in sets.items()
    }


def test_faults_come_out_in_an_order_that_anybody_accepts(scored):
    value = {name: score.value for name, score in scored.items()}
    clean = value.pop("other patients")
    assert abs(clean) < 3 * scored["other patients"].error
    assert clean < min(value.values())
    mild = max(value["brightness"], value["one class"])
    assert mild < value["blur 1.5"] < value["blur 3"] < value["mean image"] == max(value.values())
    assert value["pca"] > mild


def test_only_sets_without_diversity_are_warned_of(scored):
    assert {name for name, score in scored.items() if score.warning} == {"mean image", "few repeated"}
