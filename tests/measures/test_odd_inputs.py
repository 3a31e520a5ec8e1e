"""Whatever is tiny or odd, every metric gives a finite number or a reason, and never fails in another way."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from vaebench.checks.drawings import draw_splits
from vaebench.checks.standin import StandIn
from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, Model, Splits
from vaebench.judging.measure import measure
from vaebench_measures import vaebench_metrics

METRICS = vaebench_metrics()
SIDE = (1, 28, 28)


class Slip(StandIn):
    """One number of each batch of answers is NaN."""

    def spoilt(self, answer: Tensor) -> Tensor:
        answer = answer.clone()
        answer.view(-1)[7] = float("nan")
        return answer


class Perfect(StandIn):
    def reconstruct(self, x: Tensor) -> Tensor:
        return x


def world(splits: Splits, model: type[Model] = StandIn, samples: int = 30, **given: Any) -> Evidence:
    shape = splits.train.images.shape[1:]
    return Evidence(model(shape, "good"), splits, samples=samples, dataset="odd", **given)  # type: ignore[call-arg, arg-type]


def changed(splits: Splits, change: Callable) -> Splits:
    return Splits(**{name: change(split) for name, split in splits.items()})


def plain() -> Splits:
    return draw_splits(SIDE)


def grey() -> Splits:
    """No two images differ."""
    return changed(plain(), lambda split: replace(split, images=np.full_like(split.images, 90)))


WORLDS: dict[str, Callable[[], Evidence]] = {
    "28 px, fewer images than features": lambda: world(plain()),
    "three channels": lambda: world(draw_splits((3, 28, 28))),
    "8 px": lambda: world(draw_splits((1, 8, 8))),
    "a dozen images": lambda: world(draw_splits(SIDE, train=12, test=12), samples=12),
    "two images": lambda: world(draw_splits(SIDE, train=3, test=2), samples=2),
    "one class only": lambda: world(changed(plain(), lambda split: split.take(split.labels == 1))),
    "healthy ones only": lambda: world(changed(plain(), lambda split: split.take(split.labels == 0))),
    "constant images": lambda: world(grey()),
    "constant images, reconstructed perfectly": lambda: world(grey(), Perfect),
    "one NaN among a model's answers": lambda: world(plain(), Slip),
}


@cache
def evidence(name: str) -> Evidence:
    return WORLDS[name]()


@cache
def cell(metric: type[Metric], name: str) -> dict[str, Any]:
    """As a record has it."""
    torch.set_num_threads(1)
    return measure(metric(), evidence(name), "healthy")


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_gives_a_number_or_a_reason(metric: type[Metric]) -> None:
    for name in WORLDS:
        found = cell(metric, name)
        if found.value is None:
            assert found.reason and not found.reason.startswith("failed:"), (name, found.reason)
            continue
        for one in (found, *found.parts.values()):
            assert math.isfinite(one.value), name
            assert one.error is None or 0 <= one.error < math.inf, name


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_single_nan_is_told_and_never_averaged_away(metric: type[Metric]) -> None:
    """A number is left only where it does not depend on what holds the NaN."""
    found = cell(metric, "one NaN among a model's answers")
    assert found.value == cell(metric, "28 px, fewer images than features").value or "NaN" in found.reason


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_numbers_of_constant_images_are_right() -> None:
    def values(name: str) -> dict[str, float | None]:
        return {metric.name: cell(metric, name).value for metric in METRICS}

    test = evidence("constant images").split("test")
    found = values("constant images, reconstructed perfectly")
    known = {
        "psnr": 20 * math.log10(255 * math.sqrt(12)),
        "l1-error": 0,
        "ms-ssim": 1,
        "rfd": 0,
        "anomaly-auroc": 0.5,
        "anomaly-ap": (test.labels > 0).mean(),
        "anomaly-sensitivity": 0,
        "pixel-auroc": 0.5,
        "svc-balanced-accuracy": 1 / 3,
        "probe-accuracy": 1 / 3,
        "majority-accuracy": 1 / 3,
        "active-units": 0,
    }
    assert {name: found[name] for name in known} == pytest.approx(known, abs=1e-6)
    alone = {metric.name: cell(metric, "one class only").value for metric in METRICS}
    assert alone["svc-accuracy"] is alone["anomaly-auroc"] is None
