"""Copies are found, and what is no copy is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.decomposition import PCA

from vaebench.interfaces import NotApplicable, Split
from vaebench_measures.copying import (
    CopyingAlarms,
    CopyingDetection,
    CopyingShare,
    CopyingShareFloor,
    alarms,
    copied,
    nearer,
    nearest,
    real,
    relative_distance,
    units,
)
from vaebench_measures.features.compared import instance
from vaebench_measures.features.extractor import Cnn
from vaebench_medical.phantoms import chest


def patients(first: int, count: int) -> Split:
    index = first + np.arange(count)
    return Split(chest.draw(0, index, index % 3, 64).images, index % 3, index)


def shifted(pixels: int) -> Callable[[np.ndarray], np.ndarray]:
    """Down and to the right, edges continued."""
    return lambda x: np.pad(x, ((0, 0), (0, 0), (pixels, 0), (pixels, 0)), mode="edge")[..., :-pixels, :-pixels]


def toned(gain: float, more: float) -> Callable[[np.ndarray], np.ndarray]:
    """Contrast about mid-grey times `gain`, and brighter by `more` of the range."""
    return lambda x: ((x - 127.5) * gain + 127.5 + 255 * more).round().clip(0, 255).astype(np.uint8)


FOUND = {
    "shift of 2/64": shifted(2),
    "shift of 4/64": shifted(4),
    "brighter by .05": toned(1, 0.05),
    "darker by .05": toned(1, -0.05),
    "contrast x .85": toned(0.85, 0),
}
PASSED = {
    "mirrored": lambda x: x[..., ::-1].copy(),
    "upside down": lambda x: x[..., ::-1, :].copy(),
    "shift of 6/64": shifted(6),
    "brighter by .1": toned(1, 0.1),
    "darker by .1": toned(1, -0.1),
}
"""Changes of copies that raise the alarm for most of them, and those that hide nearly all, as docs/metrics.md says."""


def floats(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / 255


@pytest.fixture(scope="module")
def splits() -> dict[str, Split]:
    return {"test": patients(0, 150), "train": patients(10_000, 300), "val": patients(20_000, 150)}


@pytest.fixture
def of_samples(evidence, splits):
    return lambda samples: evidence(**splits, samples=samples)


def test_nearness_by_hand():
    train, held = np.array([[0.0], [10.0]]), np.array([[4.0], [30.0]])
    asked = np.array([[1.0], [4.0], [2.0], [10.0]])
    assert nearest(asked, train).tolist() == [1, 4, 2, 0]
    assert relative_distance(asked, train, held).tolist() == [0.25, 1, 0.5, 0]
    assert nearer(asked, train, held).tolist() == [1, 0, 0.5, 1]
    assert relative_distance(asked[:1], asked[:1], asked[:1]).tolist() == [0.5]


def test_no_more_training_images_than_test_images_are_asked():
    train, held = np.array([[0.0], [10.0], [20.0]]), np.array([[4.0], [25.0]])
    assert nearer(np.array([[20.0]]), train, held).tolist() == [0], "the third training image does not count"


def test_after_scaling_slight_changes_are_alike_in_every_direction():
    random = np.random.default_rng(0)
    images = random.normal(size=(400, 3))
    changes = random.normal(size=(400, 3)) * [5.0, 1.0, 0.2] + [3.0, 0.0, 0.0]
    scale = units(images, images + changes)
    seen = changes @ scale
    assert np.sqrt(np.square(seen).mean(0)) == pytest.approx([0.5, 0.95, 1.0], abs=0.1)
    still = units(images, images)
    assert still @ still.T == pytest.approx(np.eye(3)), "what never changes is left as it is"


def test_the_alarm_is_what_one_in_twenty_would_raise():
    usual = np.linspace(0, 1, 101)
    assert alarms(usual, usual) == pytest.approx(0.05, abs=0.01)
    assert alarms(np.array([0.04, 0.06, 0.9, 0.01]), usual) == 0.5


def test_planted_copies_are_shifted_some_blurred_and_slightly_noisy():
    images = np.full((60, 1, 64, 64), 20, np.uint8)
    images[..., 30, 30] = 220
    planted = copied(images).astype(float)
    assert 2 < planted[..., :20, :20].std() < 3, "1 % of 255"
    peak = planted[..., 31, 31]
    assert (planted.reshape(60, -1).argmax(1) == 31 * 64 + 31)[peak[:, 0] > 60].all(), "one pixel down and right"
    heights = [np.mean(np.abs(peak - 20 - 200 / max(1, 2 * np.pi * s**2)) < 12) for s in (0, 0.75, 1.5)]
    assert min(heights) > 0.15 and sum(heights) == pytest.approx(1)


@pytest.mark.parametrize(("side", "step"), [(28, 1), (64, 1), (128, 2), (224, 4)])
def test_planted_copies_are_shifted_by_a_64th_of_the_side_and_a_pixel_at_least(side, step):
    images = np.full((8, 1, side, side), 20, np.uint8)
    images[..., 9, 12] = 250
    means = copied(images).astype(float).mean((0, 1))
    assert np.unravel_index(means.argmax(), means.shape) == (9 + step, 12 + step)


def test_new_patients_raise_no_alarm(of_samples):
    build = of_samples(floats(patients(30_000, 200).images))
    share, floor = CopyingShare().compute(build), CopyingShareFloor().compute(build)
    assert share.value < 3 * share.error and floor.value < 3 * floor.error
    found = CopyingAlarms().compute(build)
    assert abs(found.value - 0.05) < 3 * found.error
    assert CopyingDetection().compute(build).value > 0.9
    assert found.variant.startswith("cnn@") and found.variant.endswith("300 vs 150")
    assert share.variant.endswith("200 vs 150 + 150")


def test_copies_among_the_samples_raise_it(of_samples, splits):
    fresh, train = patients(30_000, 160).images, splits["train"].images
    some = of_samples(floats(np.concatenate([fresh, copied(train[:40])])))
    every = of_samples(floats(copied(train)))
    clean = CopyingAlarms().compute(of_samples(floats(fresh)))
    found = CopyingAlarms().compute(some)
    assert found.value > clean.value + 0.1
    assert found.value > 0.05 + 3 * found.error
    assert CopyingAlarms().compute(every).value > 0.9
    assert CopyingShare().compute(every).value > 0.1


def test_copies_of_the_test_set_are_not_perfect(of_samples, splits):
    assert CopyingShare().compute(of_samples(floats(splits["test"].images))).value == 0.5


def test_copies_are_known_behind_a_models_own_blur_and_likeness_to_it_is_none(of_samples, splits):
    """What 64 components keep of training images raises the alarm; what they keep of other patients does not."""
    train, fresh = (floats(x).reshape(len(x), -1) for x in (splits["train"].images, patients(30_000, 200).images))
    pca = PCA(64, svd_solver="full").fit(train)

    def found(images: np.ndarray) -> float:
        kept = pca.inverse_transform(pca.transform(images)).clip(0, 1).reshape(-1, 1, 64, 64)
        return CopyingAlarms().compute(of_samples(kept.astype(np.float32))).value

    assert found(train[:200]) > 0.8
    assert found(fresh) < 0.1


@pytest.fixture(scope="module")
def asked(splits) -> Callable[[np.ndarray], tuple[float, float]]:
    """The share of alarms that images raise, and the share that is nearer to training images."""
    known, extractor = real(splits["train"], splits["test"], splits["val"]), instance(Cnn)
    spaces = known["train"], known["held"]

    def ask(images: np.ndarray) -> tuple[float, float]:
        rows = extractor(images) @ known["scale"]
        return alarms(relative_distance(rows, *spaces), known["usual"]), float(nearer(rows, *spaces).mean())

    return ask


@pytest.mark.parametrize("change", FOUND.values(), ids=FOUND)
def test_copies_that_are_moved_or_toned_slightly_raise_it_and_changed_strangers_do_not(asked, splits, change):
    raised, share = asked(change(splits["train"].images[:200]))
    assert raised > 0.5
    assert share > 0.6
    assert asked(change(patients(30_000, 200).images))[0] < 0.12


@pytest.mark.parametrize("change", PASSED.values(), ids=PASSED)
def test_copies_that_are_flipped_or_changed_more_pass_as_the_docs_say(asked, splits, change):
    assert asked(change(splits["train"].images[:200]))[0] < 0.2


def test_what_is_missing_is_a_reason(evidence, splits):
    samples = floats(patients(30_000, 20).images)
    with pytest.raises(NotApplicable, match="no val split"):
        CopyingShare().compute(evidence(splits["test"], splits["train"], samples=samples))
    few = splits["val"].take(np.arange(3))
    with pytest.raises(NotApplicable, match="3 validation images are too few"):
        CopyingAlarms().compute(evidence(splits["test"], splits["train"], val=few, samples=samples))
    with pytest.raises(NotApplicable, match="requests no samples"):
        CopyingDetection().compute(evidence(**splits))


def test_it_is_called_evidence_and_not_privacy():
    words = (CopyingAlarms.__doc__ or "") + (CopyingDetection.__doc__ or "")
    assert "no evidence of" in words and "private" not in words
