"""The combined anomaly score: known values, invariants, no label read, and better than blur at seeing a lesion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.covariance import LedoitWolf
from torch.nn.functional import avg_pool2d

from vaebench.interfaces import NotApplicable, Split
from vaebench_measures.anomaly import AnomalyAuroc
from vaebench_measures.combined import AnomalyCombined, AnomalyGaussian, HeldOut, halves
from vaebench_measures.misses import FEATURES, SMOOTH, beyond_gaussian, beyond_usual, combined, on_one_scale, smooth
from vaebench_measures.reconstruction import Psnr

SIDE = 28
Y, X = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1) - 0.5


def scans(count: int, seed: int) -> Split:
    """Bodies of different brightness and tilt, with noise; in every other patient, of two images, a faint lesion."""
    chance = np.random.default_rng(seed)
    light, tilt = chance.uniform(0.4, 0.7, (count, 1, 1)), chance.uniform(-0.5, 0.5, (count, 1, 1))
    body = light * np.exp(-4 * (X**2 + Y**2)) * (1 + tilt * X)
    x, y = chance.uniform(-0.2, 0.2, (2, count, 1, 1))
    diseased = np.arange(count) // 2 % 2 == 1
    lesion = 0.15 * diseased[:, None, None] * np.exp(-((X - x) ** 2 + (Y - y) ** 2) / 0.01)
    pictures = (body + lesion + chance.normal(0, 0.03, body.shape)).clip(0, 1)[:, None]
    patients = 10_000 * seed + np.arange(count) // 2
    return Split(np.rint(255 * pictures).astype(np.uint8), diseased.astype(int), patients, healthy=~diseased)


TRAIN = replace(scans(160, 1), kept_out=np.arange(160) < 108)
TEST = scans(100, 2)


def body_only(x: torch.Tensor) -> torch.Tensor:
    """The least-squares body, which has no lesion: what a good model of healthy scans reconstructs."""
    shape = np.exp(-4 * (X**2 + Y**2))
    axes = torch.from_numpy(np.stack([shape, shape * X]).reshape(2, -1)).to(x)
    return (x.flatten(1) @ torch.linalg.pinv(axes) @ axes).reshape(x.shape).clamp(0, 1)


def blurred(x: torch.Tensor) -> torch.Tensor:
    """Keeps a lesion as well as a body, and misses noise and edges."""
    return avg_pool2d(x, 3, 1, 1, count_include_pad=False)


@pytest.fixture
def seeing(evidence):
    return evidence(TEST, TRAIN, reconstruct=body_only)


def test_sizes_of_misses_are_what_the_equations_give():
    calm, asked = np.array([[1.0, 0], [1, 2]]), np.array([[2.0, 1]])
    usual = np.array([2 * 1 + 20 * 1.5, 2 * 2 + 20 * 1.5]) / 22
    assert beyond_usual(calm)(asked) == pytest.approx(np.log((4 / usual[0] + 1 / usual[1]) / 2))
    calm, asked = np.random.default_rng(0).normal(1, 2, (2, 50, 3))
    fitted = LedoitWolf().fit(calm)
    far = asked - calm.mean(0)
    distance = np.einsum("ij,jk,ik->i", far, np.linalg.inv(fitted.covariance_), far)
    assert beyond_gaussian(calm)(asked) == pytest.approx(np.log(distance))


def test_calibration_images_have_median_0_and_deviation_1_and_kinds_count_alike():
    chance = np.random.default_rng(0)
    calm, asked = ({SMOOTH: chance.normal(0, 9, (n, 40)), FEATURES: chance.normal(0, 1, (n, 6))} for n in (31, 8))
    for own in on_one_scale(calm, calm).values():
        assert (np.median(own), own.std()) == pytest.approx((0, 1))
    scores = on_one_scale(asked, calm)
    assert combined(scores) == pytest.approx((scores[SMOOTH] + scores[FEATURES]) / 2)


def test_the_unit_of_misses_does_not_matter_nor_do_other_judged_images():
    chance = np.random.default_rng(0)
    calm, asked = ({kind: chance.standard_t(3, (n, 9)) for kind in (SMOOTH, FEATURES)} for n in (30, 12))
    score = combined(on_one_scale(asked, calm))
    for factor in (0.01, 300):
        times = [{kind: factor * own for kind, own in misses.items()} for misses in (asked, calm)]
        assert combined(on_one_scale(*times)) == pytest.approx(score)
    alone = {kind: own[3:4] for kind, own in asked.items()}
    assert combined(on_one_scale(alone, calm)) == pytest.approx(score[3:4])


@pytest.mark.parametrize(("side", "channels"), [(28, 1), (64, 3), (100, 1)])
def test_residuals_are_blurred_by_a_sixteenth_of_the_side(side, channels):
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (3, channels, side, side), dtype=np.uint8)
    decoded = chance.random(images.shape, dtype=np.float32)
    expected = gaussian_filter(images / 255 - decoded, (0, 0, side / 16, side / 16))
    step = max(1, side // 32)
    expected = expected[..., step // 2 :: step, step // 2 :: step].reshape(3, -1)
    assert smooth(images, decoded) == pytest.approx(expected, abs=1e-5)


def test_a_model_that_keeps_lesions_does_not_win_over_one_that_misses_them(evidence, seeing):
    blur = evidence(TEST, TRAIN, reconstruct=blurred)
    for metric in (AnomalyCombined(), HeldOut()):
        good, bad = metric.compute(seeing), metric.compute(blur)
        assert good.value > 0.9
        assert good.value - bad.value > 4 * np.hypot(good.error, bad.error)
        assert list(good.parts) == [SMOOTH, FEATURES]
        assert good.value > min(part.value for part in good.parts.values())


def test_what_a_score_follows_is_told_of_healthy_images_and_changes_no_number(evidence, seeing):
    """The raw residual grows with the contrast of what a flat reconstruction misses."""
    random = np.random.default_rng(0)
    contrasts = random.uniform(0.1, 0.9, len(TEST))
    pictures = 127 + 120 * contrasts[:, None, None, None] * np.sign(random.normal(size=TEST.images.shape))
    test = replace(TEST, images=pictures.astype(np.uint8))
    flat = evidence(test, TRAIN, reconstruct=lambda x: 0 * x + 0.5)
    found = AnomalyAuroc().compute(flat)
    assert found.follows["contrast"] > 0.99
    assert abs(found.follows["mean intensity"]) < 0.5
    assert found.beside["PSNR"] == pytest.approx(Psnr().compute(flat).value)
    sick = test.diseased
    test.images[sick] = test.images[sick][::-1]
    assert AnomalyAuroc().compute(evidence(test, TRAIN, reconstruct=lambda x: 0 * x + 0.5)).follows == found.follows
    told = AnomalyCombined().compute(seeing)
    assert told.follows.keys() == found.follows.keys() and all(abs(one) <= 1 for one in told.follows.values())


def test_no_label_of_a_judged_image_is_read(evidence, seeing):
    flipped = replace(TEST, labels=1 - TEST.labels, healthy=TEST.diseased, diseased=TEST.healthy)
    for metric in (AnomalyCombined(), AnomalyGaussian()):
        value = metric.compute(seeing).value
        assert metric.compute(evidence(flipped, TRAIN, reconstruct=body_only)).value == pytest.approx(1 - value)


def test_within_train_the_test_split_is_not_looked_at(evidence, seeing):
    blank = Split(np.zeros((1, 1, SIDE, SIDE), np.uint8), np.zeros(1, int), np.array([-1]))
    build = evidence(blank, TRAIN, reconstruct=body_only)
    assert HeldOut().compute(build).value == HeldOut().compute(seeing).value
    with pytest.raises(NotApplicable, match="does not say which images are healthy"):
        AnomalyCombined().compute(build)


def test_no_patient_calibrates_and_is_ranked(evidence):
    mixed = replace(TRAIN, groups=np.arange(160) // 3)  # patients with healthy and diseased images
    build = evidence(TEST, mixed)
    calibrating, ranked = halves(build)
    assert not np.intersect1d(mixed.groups[calibrating], mixed.groups[ranked]).size
    assert (mixed.healthy & mixed.kept_out)[calibrating].all()
    assert (mixed.diseased | mixed.kept_out)[ranked].all(), "healthy images that were trained on are not ranked"
    assert 0.3 < len(calibrating) / (mixed.healthy & mixed.kept_out).sum() < 0.7


def test_the_gaussian_is_the_same_for_every_model_and_knows_what_is_unlike_healthy_images(evidence, seeing):
    scores = [AnomalyGaussian().compute(evidence(TEST, TRAIN, reconstruct=own)) for own in (blurred, lambda x: 0 * x)]
    assert scores[0] == scores[1]
    assert AnomalyGaussian().compute(seeing).value == scores[0].value
    bright = TEST.images.copy()
    bright[TEST.diseased, :, 10:18, 10:18] = 255
    assert AnomalyGaussian().compute(evidence(replace(TEST, images=bright), TRAIN)).value > 0.99


@pytest.mark.parametrize(("metric", "kept"), [(AnomalyCombined, 19), (HeldOut, 39)])
def test_too_few_calibration_images_are_a_reason(evidence, metric, kept):
    healthy = np.flatnonzero(TRAIN.healthy)
    kept_out = np.isin(np.arange(len(TRAIN)), healthy[:kept])
    with pytest.raises(NotApplicable, match=r"at least 20 healthy images kept out of training \(available: 1"):
        metric().compute(evidence(TEST, replace(TRAIN, kept_out=kept_out, groups=np.arange(160))))


def test_a_model_that_misses_nothing_ranks_by_chance(evidence):
    assert AnomalyCombined().compute(evidence(TEST, TRAIN)).value == 0.5


def test_a_dataset_without_kept_out_images_has_no_score(evidence):
    for metric in (AnomalyCombined(), HeldOut()):
        with pytest.raises(NotApplicable, match="kept out of training"):
            metric.compute(evidence(TEST, replace(TRAIN, kept_out=None), reconstruct=body_only))
