"""Lesions by size: small ones are harder where they are, each third is judged alone, and residuals are told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from as_told import AsTold
from sklearn.metrics import roc_auc_score

from vaebench.interfaces import NotApplicable, Split
from vaebench_measures.lesions import LesionContrast, SmallAuroc, SmallSensitivity, sizes, thirds
from vaebench_measures.reconstruction import ROUNDING

SIDES = np.array([2, 3, 4, 8, 9, 10, 12, 13, 14])


def lesions(each: int = 5, healthy: int = 40) -> Split:
    """Squares of nine sizes, a little brighter than the noise around them."""
    sides = np.concatenate([np.zeros(healthy, int), np.repeat(SIDES, each)])
    n = len(sides)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 100, (n, 1, 28, 28), dtype=np.uint8)
    masks = np.zeros((n, 28, 28), bool)
    for mask, side in zip(masks, sides, strict=True):
        mask[5 : 5 + side, 5 : 5 + side] = True
    pixels[masks[:, None]] += 60
    return Split(pixels, (sides > 0).astype(int), np.arange(n), healthy=sides == 0, masks=masks)


def test_each_third_is_judged_against_all_healthy_images(evidence):
    test = lesions()
    build = evidence(test, reconstruct=lambda x: 0 * x)
    score, residuals = SmallAuroc().compute(build), build.residuals("test")
    area = test.masks.sum((1, 2))
    for part, sides in zip(score.parts.values(), np.split(SIDES, 3), strict=True):
        asked = test.healthy | np.isin(area, sides**2)
        assert part.value == pytest.approx(roc_auc_score(test.diseased[asked], residuals[asked]))
        assert part.n == asked.sum() == 55 and part.error is not None
    small, medium, large = score.parts
    assert score.value == score.parts[small].value < score.parts[medium].value <= score.parts[large].value == 1
    assert score.variant == small == "small, up to 2 %"  # 4 x 4 of 28 x 28
    assert medium == "medium, up to 13 %" and large == "large"


def test_sensitivity_of_each_third_is_at_the_one_threshold(evidence):
    test = lesions()
    healthy = lesions(each=1, healthy=60).take(np.arange(60))
    build = evidence(test, replace(healthy, kept_out=np.ones(60, bool)), reconstruct=lambda x: 0 * x)
    score = SmallSensitivity().compute(build)
    limit = np.quantile(build.residuals("calibration"), 0.95, method="higher")
    called = build.residuals("test") > limit
    area = test.masks.sum((1, 2))
    for part, sides in zip(score.parts.values(), np.split(SIDES, 3), strict=True):
        assert part.value == pytest.approx(called[np.isin(area, sides**2)].mean())
        assert part.n == 15
    assert score.value < 1 == list(score.parts.values())[-1].value
    with pytest.raises(NotApplicable, match="kept out of training"):
        SmallSensitivity().compute(evidence(test))


def test_boxes_have_a_size_where_there_are_no_masks(evidence):
    known = lesions()
    boxes = np.full((len(known), 2, 4), np.nan, np.float32)
    for box, mask in zip(boxes, known.masks, strict=True):
        if mask.any():
            box[0] = np.array([5, 5, 5 + mask[5].sum(), 5 + mask[5].sum()]) / 28
    boxed = replace(known, masks=None, boxes=boxes)
    np.testing.assert_allclose(sizes(evidence(boxed)), sizes(evidence(known)))
    assert list(thirds(evidence(boxed))) == list(thirds(evidence(known)))


def test_lesions_of_unknown_size_and_of_one_size_are_reasons(evidence):
    known = lesions()
    with pytest.raises(NotApplicable, match="neither anomaly masks nor finding boxes"):
        SmallAuroc().compute(evidence(replace(known, masks=None)))
    some = known.masks.copy()
    some[60:] = False
    with pytest.raises(NotApplicable, match="known for 20 of the diseased test images; 30 are needed"):
        SmallAuroc().compute(evidence(replace(known, masks=some)))
    same = np.zeros_like(known.masks)
    same[known.diseased, 3:6, 3:6] = True
    with pytest.raises(NotApplicable, match="thirds by lesion size, one third has only 0 of the"):
        SmallAuroc().compute(evidence(replace(known, masks=same)))


def test_the_contrast_of_a_known_residual(evidence):
    """A tenth off inside and a hundredth outside is a hundred times the square: 20 dB."""
    known = lesions()
    test = replace(known, images=np.full_like(known.images, 128))
    off = torch.from_numpy(np.where(test.masks, 0.1, 0.01)[:, None].astype(np.float32))
    score = LesionContrast().compute(evidence(test, reconstruct=lambda x: x + off, kind=AsTold))
    assert score.value == pytest.approx(20, abs=1e-3) and score.n == test.diseased.sum()
    assert score.parts["PSNR inside"].value == pytest.approx(20, abs=1e-3)
    assert score.parts["PSNR outside"].value == pytest.approx(40, abs=1e-3)
    inside = torch.from_numpy(0.1 * test.masks[:, None].astype(np.float32))
    perfect = LesionContrast().compute(evidence(test, reconstruct=lambda x: x + inside, kind=AsTold))
    assert perfect.value == pytest.approx(10 * np.log10(0.01 / ROUNDING), abs=1e-3), "no more than rounding can tell"
    assert LesionContrast().compute(evidence(test, reconstruct=lambda x: x + 0.1)).value == pytest.approx(0, abs=1e-3)


def test_the_contrast_asks_only_of_images_with_an_inside_and_an_outside(evidence):
    known = lesions()
    masks = known.masks.copy()
    masks[-1], masks[-2] = True, False
    score = LesionContrast().compute(evidence(replace(known, masks=masks), reconstruct=lambda x: 0 * x))
    assert score.n == known.diseased.sum() - 2
    with pytest.raises(NotApplicable, match="no image"):
        LesionContrast().compute(evidence(replace(known, masks=np.zeros_like(masks))))
