"""A planted anomaly is found, in images and in pixels; shuffled labels are not; a wrong score is not flipped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from vaebench.interfaces import NotApplicable, Split
from vaebench_measures.anomaly import (
    AnomalyAp,
    AnomalyAuroc,
    AnomalyPrevalence,
    HardestLabel,
    OwnAp,
    OwnAuroc,
    Sensitivity,
    Specificity,
    threshold,
)
from vaebench_measures.classifiers.ranking import auroc_of, average_precision_of, best_dice_of
from vaebench_measures.localisation import BoxConcentration, BoxHit, PixelAp, PixelAuroc, PixelDice, ranked, within


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


def test_shuffled_labels_give_an_average_precision_of_the_prevalence(evidence, split):
    build = evidence(split(400, classes=4), reconstruct=lambda x: 0 * x)
    precision, prevalence = AnomalyAp().compute(build), AnomalyPrevalence().compute(build)
    assert prevalence.value == 0.75
    assert abs(precision.value - prevalence.value) < 3 * precision.error


@pytest.mark.parametrize("metric", [AnomalyAuroc, AnomalyAp])
def test_images_of_one_patient_are_no_independent_witnesses(evidence, split, metric):
    """Four copies of each image tell no more than one; taken for patients of their own they would halve the error."""
    once = split(200, side=4)
    copies = Split(
        *(np.repeat(column, 4, axis=0) for column in (once.images, once.labels, once.groups)),
        healthy=np.repeat(once.healthy, 4),
    )
    alone = Split(copies.images, copies.labels, np.arange(len(copies)), healthy=copies.healthy)
    one, four, wrong = (metric().compute(evidence(x, reconstruct=lambda x: 0 * x)) for x in (once, copies, alone))
    assert four.error == pytest.approx(one.error, rel=0.05)
    assert wrong.error < 0.7 * four.error


def test_brightness_alone_is_no_anomaly(evidence):
    """The least binary cross-entropy of a grey pixel is its entropy; the least squared residual is nothing."""
    build = evidence(planted(), reconstruct=lambda x: x)
    assert not build.residuals("test").any()
    assert AnomalyAuroc().compute(build).value == 0.5


def with_labels(counts=(40, 30, 20, 9)) -> Split:
    """Label 1 is a bright square, label 2 a faint one, label 3 has few images; label 0 is healthy."""
    labels = np.repeat(np.arange(len(counts)), counts)
    pixels = np.random.default_rng(0).integers(0, 80, (len(labels), 1, 28, 28), dtype=np.uint8)
    pixels[labels == 1, :, 5:12, 5:12] = 220
    pixels[labels == 2, :, 5:12, 5:12] += 10
    return Split(pixels, labels, np.arange(len(labels)), healthy=labels == 0)


def test_the_hardest_label_is_the_least_of_one_label_against_the_healthy(evidence):
    test = with_labels()
    build = evidence(test, reconstruct=lambda x: 0 * x, classes=("normal", "square", "faint", "rare"))
    score, residuals = HardestLabel().compute(build), build.residuals("test")
    assert list(score.parts) == ["square", "faint"], "of the rare one there are fewer than ten"
    for label, part in enumerate(score.parts.values(), 1):
        asked = np.isin(test.labels, (0, label))
        assert part.value == pytest.approx(roc_auc_score(test.labels[asked] == label, residuals[asked]))
        assert part.n == asked.sum()
    assert score.parts["square"].value == 1 > score.parts["faint"].value == score.value
    assert score.error == pytest.approx(score.parts["faint"].error, rel=0.2)
    assert score.n == 90 and score.variant == ""


def test_a_label_is_judged_against_the_healthy_alone(evidence):
    """Doubtful images of its own label do not count, nor the other diseased ones."""
    known, third = with_labels(), np.arange(99) % 3 == 0
    test = replace(known, diseased=known.diseased & ~third)
    build = evidence(test, reconstruct=lambda x: 0 * x)
    asked = test.healthy | test.diseased & (test.labels == 2)
    faint = roc_auc_score(test.diseased[asked], build.residuals("test")[asked])
    assert HardestLabel().compute(build).parts["2"].value == pytest.approx(faint)
    with pytest.raises(NotApplicable, match="fewer than two diseased labels have at least 10"):
        HardestLabel().compute(evidence(replace(known, diseased=known.diseased & third)))
    with pytest.raises(NotApplicable, match="fewer than two diseased labels"):
        HardestLabel().compute(evidence(planted()))


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
        with pytest.raises(NotApplicable, match="do not include both healthy and diseased"):
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
        assert list(score.parts) == ["kl", "other"]
        assert score.parts["kl"].value == 1 > score.parts["other"].value
    later = evidence(test, scores=lambda x: {"other": -x.amax((1, 2, 3)), "kl": x.amax((1, 2, 3))})
    first = OwnAuroc().compute(later)
    assert (first.value, first.variant) == (0, "other"), "the first that the model names, not the best"
    assert OwnAuroc().compute(evidence(test, scores=lambda x: {"kl": x.amax((1, 2, 3))})).parts == {}
    with pytest.raises(NotApplicable, match="does not define an anomaly score"):
        OwnAuroc().compute(evidence(test))
    with pytest.raises(NotApplicable, match="NaN"):
        OwnAuroc().compute(evidence(test, scores=lambda x: {"kl": x.mean((1, 2, 3)) * float("nan")}))


def test_the_threshold_comes_from_images_kept_out_of_training_and_its_specificity_is_told(evidence, split):
    test, train, val = split(400, side=4, seed=1), split(800, side=4, seed=2), split(400, side=4, seed=3)
    train = replace(train, kept_out=np.arange(800) < 400)
    build = evidence(test, train, val=val, reconstruct=lambda x: 0 * x)
    assert np.array_equal(build.split("calibration").images, train.images[:400:2])
    healthy = build.residuals("calibration")
    assert len(healthy) == 200
    assert 0.95 <= np.mean(healthy <= threshold(build)) <= 0.95 + 1 / 200
    residuals = build.residuals("test")
    sensitivity, specificity = Sensitivity().compute(build), Specificity().compute(build)
    assert sensitivity.value == np.mean(residuals[test.diseased] > threshold(build))
    assert specificity.value == np.mean(residuals[test.healthy] <= threshold(build))
    assert sensitivity.n == specificity.n == 200
    assert abs(specificity.value - 0.95) < 0.05
    few = evidence(test, train.take(np.arange(370, 430)), val=val)
    with pytest.raises(NotApplicable, match=r"at least 20 healthy images kept out of training \(available: 15\)"):
        threshold(few)
    with pytest.raises(NotApplicable, match="available: 0"):
        Sensitivity().compute(evidence(test, val=val))


def test_the_specificity_realised_is_that_asked_for_on_average(evidence, split):
    """Even a threshold set on 20 images is right on average over draws of them, though not each time."""
    realised = []
    for seed in range(60):
        train = split(40, side=4, seed=100 + seed)
        build = evidence(split(400, side=4, seed=seed), replace(train, kept_out=train.healthy))
        build.model.reconstruct = lambda x: 0 * x
        limit = threshold(build)
        realised.append(np.mean(build.residuals("test")[build.split("test").healthy] <= limit))
    assert np.mean(realised) == pytest.approx(20 / 21, abs=3 * np.std(realised) / 60**0.5)
    assert np.std(realised) > 0.02


def with_masks(count: int = 12) -> Split:
    known = planted(count)
    masks = np.zeros((count, 28, 28), bool)
    masks[known.diseased, 5:12, 5:12] = True
    return Split(known.images, known.labels, known.groups, healthy=known.healthy, masks=masks)


def test_pixels_of_a_planted_anomaly_are_found(evidence):
    build = evidence(with_masks(), reconstruct=lambda x: 0 * x)
    for metric in (PixelAuroc, PixelAp, PixelDice):
        assert metric().compute(build).value == 1
    assert "oracle" in PixelDice.name and "oracle" in PixelDice.title


def test_pixel_rankings_agree_with_scikit_learn(evidence):
    test = with_masks()
    test.images[test.diseased, :, 5:12, 5:12] //= 6
    build = evidence(test, reconstruct=lambda x: 0.3 * x)
    size, truth = np.abs(0.7 * build.images("test"))[:, 0].ravel(), test.masks.ravel()
    score = PixelAuroc().compute(build)
    assert 0.6 < score.value < 0.99
    assert score.value == pytest.approx(roc_auc_score(truth, size), abs=1e-6)
    assert PixelAp().compute(build).value == pytest.approx(average_precision_score(truth, size), abs=1e-6)


def test_pixels_are_ranked_by_residuals_far_below_a_grey_level_and_by_ties():
    random = np.random.default_rng(0)
    for digits in (9, 4):
        masks = random.random((6, 20, 20)) < 0.1
        images = np.abs(random.normal(0, 0.0003, (6, 1, 20, 20)) + 0.0003 * masks[:, None]).round(digits)
        (hits, misses), by_image = ranked(images.astype(np.float32), np.zeros_like(images, np.float32), masks)
        size, truth = images.astype(np.float32).ravel(), masks.ravel()
        assert auroc_of(hits, misses) == pytest.approx(roc_auc_score(truth, size), abs=1e-9)
        assert average_precision_of(hits, misses) == pytest.approx(average_precision_score(truth, size), abs=1e-9)
        dice = [2 * (truth & (size >= at)).sum() / (truth.sum() + (size >= at).sum()) for at in np.unique(size)]
        assert best_dice_of(hits, misses) == pytest.approx(max(dice), abs=1e-9)
        rough = [counts.sum(0) for counts in by_image]
        assert auroc_of(*rough) == pytest.approx(auroc_of(hits, misses), abs=2e-3), "what its error comes from"


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
    with pytest.raises(NotApplicable, match="masks of all test images are empty"):
        PixelAuroc().compute(evidence(known))
    with pytest.raises(NotApplicable, match="no anomaly masks"):
        PixelAuroc().compute(evidence(planted()))
