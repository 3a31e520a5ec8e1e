"""A planted anomaly is found, in images and in pixels; shuffled labels are not; a wrong score is not flipped."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from vaebench.interfaces import NotApplicable, Split
from vaebench_measures.anomaly import (
    AnomalyAp,
    AnomalyAuroc,
    AnomalyPrevalence,
    OwnAp,
    OwnAuroc,
    Sensitivity,
    Specificity,
    threshold,
)
from vaebench_measures.localisation import BoxConcentration, BoxHit, PixelAp, PixelAuroc, PixelDice, within


def planted(count: int = 60) -> Split:
    """Dark images; in the diseased ones a bright square."""
    pixels = np.random.default_rng(0).integers(0, 40, (count, 1, 28, 28), dtype=np.uint8)
    diseased = np.arange(count) % 3 == 0
    pixels[diseased, :, 5:12, 5:12] = 220
    return Split(pixels, diseased.astype(int), np.arange(count) // 2, healthy=~diseased)


def test_a_planted_anomaly_is_found_and_a_score_that_is_wrong_stays_wrong(evidence):
    assert AnomalyAuroc().compute(evidence(planted(), reconstruct=lambda x: 0 * x)).value == 1
    assert AnomalyAuroc().compute(evidence(planted(), reconstruct=lambda x: torch.ones_like(x))).value == 0


def test_shuffled_labels_give_half_within_the_error(evidence, split):
    score = AnomalyAuroc().compute(evidence(split(400), reconstruct=lambda x: 0 * x))
    assert abs(score.value - 0.5) < 3 * score.error
    assert 0.02 < score.error < 0.04  # sqrt((n + 1) / (12 n_1 n_2)) = 0.029
    assert len(score.replicates) == 200


def test_images_that_are_neither_healthy_nor_diseased_do_not_count(evidence):
    known = planted()
    doubt = known.diseased.copy()
    doubt[::2] = False
    test = Split(known.images, known.labels, known.groups, healthy=known.healthy, diseased=doubt)
    score = AnomalyAuroc().compute(evidence(test, reconstruct=lambda x: 0 * x))
    assert score.n == known.healthy.sum() + doubt.sum() < len(known)
    assert score.value == 1


def test_without_both_kinds_there_is_a_reason(evidence):
    known = planted()
    for part in (known.take(known.healthy), known.take(known.diseased)):
        with pytest.raises(NotApplicable, match="not both healthy and diseased"):
            AnomalyAuroc().compute(evidence(part))
    blind = Split(known.images, known.labels, known.groups)
    with pytest.raises(NotApplicable, match="which images are healthy"):
        AnomalyAuroc().compute(evidence(blind))


def test_the_residuals_rankings_are_scikit_learns(evidence, split):
    test = split(90, classes=3)
    build = evidence(test, reconstruct=lambda x: 0 * x)
    residuals = build.residuals("test")
    assert AnomalyAuroc().compute(build).value == pytest.approx(roc_auc_score(test.diseased, residuals))
    assert AnomalyAp().compute(build).value == pytest.approx(average_precision_score(test.diseased, residuals))
    assert AnomalyPrevalence().compute(build).value == pytest.approx(2 / 3)


def test_a_methods_own_score_has_its_own_column(evidence):
    test = planted()
    build = evidence(test, scores=lambda x: {"kl": x.amax((1, 2, 3)), "other": -x.amax((1, 2, 3))})
    for metric in (OwnAuroc, OwnAp):
        score = metric().compute(build)
        assert (score.value, score.variant) == (1, "kl")
    with pytest.raises(NotApplicable, match="of its own"):
        OwnAuroc().compute(evidence(test))
    with pytest.raises(NotApplicable, match="NaN"):
        OwnAuroc().compute(evidence(test, scores=lambda x: {"kl": x.mean((1, 2, 3)) * float("nan")}))


def test_the_threshold_comes_from_validation_and_its_specificity_is_told(evidence, split):
    test, val = split(400, side=4, seed=1), split(400, side=4, seed=2)
    build = evidence(test, reconstruct=lambda x: 0 * x)
    build.splits["val"] = val
    healthy = build.residuals("val")[val.healthy]
    assert 0.95 <= np.mean(healthy <= threshold(build)) <= 0.95 + 1 / 200
    residuals = build.residuals("test")
    sensitivity, specificity = Sensitivity().compute(build), Specificity().compute(build)
    assert sensitivity.value == np.mean(residuals[test.diseased] > threshold(build))
    assert specificity.value == np.mean(residuals[test.healthy] <= threshold(build))
    assert sensitivity.n == specificity.n == 200
    assert abs(specificity.value - 0.95) < 0.05
    build.splits["val"] = val.take(np.arange(30))
    with pytest.raises(NotApplicable, match="at least 20 healthy validation images"):
        threshold(build)
    with pytest.raises(NotApplicable, match="no val split"):
        Sensitivity().compute(evidence(test))


def with_masks(count: int = 12) -> Split:
    known = planted(count)
    masks = np.zeros((count, 28, 28), bool)
    masks[known.diseased, 5:12, 5:12] = True
    return Split(known.images, known.labels, known.groups, healthy=known.healthy, masks=masks)


def test_pixels_of_a_planted_anomaly_are_found(evidence):
    build = evidence(with_masks(), reconstruct=lambda x: 0 * x)
    for metric in (PixelAuroc, PixelAp, PixelDice):
        assert metric().compute(build).value == 1


def test_pixel_rankings_agree_with_scikit_learn(evidence):
    test = with_masks()
    test.images[test.diseased, :, 5:12, 5:12] //= 6
    build = evidence(test, reconstruct=lambda x: 0.3 * x)
    size, truth = np.abs(0.7 * build.images("test"))[:, 0].ravel(), test.masks.ravel()
    score = PixelAuroc().compute(build)
    assert 0.6 < score.value < 0.99
    assert score.value == pytest.approx(roc_auc_score(truth, size), abs=1e-3)
    assert PixelAp().compute(build).value == pytest.approx(average_precision_score(truth, size), abs=1e-2)


def with_boxes(count: int = 12) -> Split:
    """Diseased images have their square boxed, and a second box left open; healthy ones have none."""
    known = planted(count)
    boxes = np.full((count, 2, 4), np.nan, np.float32)
    boxes[known.diseased, 0] = np.array([5, 5, 12, 12]) / 28
    return Split(known.images, known.labels, known.groups, healthy=known.healthy, boxes=boxes)


def test_residuals_are_looked_for_in_boxes(evidence):
    test = with_boxes()
    found = evidence(test, reconstruct=lambda x: 0 * x)
    hit, share = BoxHit().compute(found), BoxConcentration().compute(found)
    assert (hit.value, hit.n) == (1, test.diseased.sum())
    squares = np.square(found.images("test"))[test.diseased, 0]
    expected = squares[:, 5:12, 5:12].sum((1, 2)) / squares.sum((1, 2)) / (49 / 784)
    assert share.value == pytest.approx(expected.mean(), rel=1e-6)
    assert BoxConcentration().compute(evidence(test, reconstruct=lambda x: x + 0.1)).value == pytest.approx(1, rel=1e-3)
    away = test.images.copy()
    away[test.diseased, :, 20, 20] = 255
    missed = evidence(
        Split(away, test.labels, test.groups, healthy=test.healthy, boxes=test.boxes), reconstruct=lambda x: 0 * x
    )
    assert BoxHit().compute(missed).value == 0


def test_a_box_smaller_than_a_pixel_is_one_pixel():
    assert within(np.array([[0.51, 0.26, 0.52, 0.27]]), 4, 4).nonzero() == (np.array([1]), np.array([2]))
    assert within(np.full((2, 4), np.nan), 4, 4).sum() == 0


def test_without_boxes_there_is_a_reason(evidence):
    with pytest.raises(NotApplicable, match="no finding boxes"):
        BoxHit().compute(evidence(planted()))


def test_without_marked_pixels_there_is_a_reason(evidence):
    known = with_masks()
    known.masks[:] = False
    with pytest.raises(NotApplicable, match="marks a pixel"):
        PixelAuroc().compute(evidence(known))
    with pytest.raises(NotApplicable, match="no anomaly masks"):
        evidence(planted()).require("masks")
