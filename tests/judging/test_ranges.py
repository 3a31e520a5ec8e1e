"""A number outside the range that its metric declares never reaches a record."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from vaebench.checks.drawings import draw_splits
from vaebench.checks.standin import StandIn
from vaebench.components.registry import registry
from vaebench.evidence import Evidence
from vaebench.interfaces import Metric, Score
from vaebench.judging.measure import measure
from vaebench.judging.ranges import beyond

SHARES = r"auroc|-ap|pixel-ap|accuracy|f1|share|alarms|sensitivity|specificity|ms-ssim|precision|recall|coverage|dice"
SIGNED = r"(pca64-)?(kid|mmd)|iw-bound|prior-distance|lesion-contrast"


class Claims(Metric):
    """A share that says whatever it is told to."""

    name, version, title = "claims", 1, "share"
    range = (0, 1)

    def __init__(self, **score: Any) -> None:
        self.score = Score(**score)

    def compute(self, evidence: Evidence) -> Score:
        return self.score


OUTSIDE: dict[str, tuple[dict[str, Any], str]] = {
    "too good": ({"value": 5.8}, "the value is 5.8, outside its range, 0 to 1"),
    "too bad": ({"value": -0.01}, "the value is -0.01, outside its range, 0 to 1"),
    "an error": ({"value": 0.5, "error": 1.5}, "the error is 1.5, impossible in the range 0 to 1"),
    "a negative error": ({"value": 0.5, "error": -0.1}, "the error is -0.1, impossible"),
    "a replicate": ({"value": 0.5, "replicates": [0.5, math.nan, 1.2]}, "a replicate is 1.2, outside its range"),
    "a part": ({"value": 0.5, "parts": {"small": Score(1.1)}}, "the value of small is 1.1, outside its range"),
}


def cell_of(metric: Metric) -> Any:
    splits = draw_splits((1, 16, 16))
    return measure(metric, Evidence(StandIn((1, 16, 16), "good"), splits, samples=8, dataset="drawn"), "all")


@pytest.mark.parametrize("how", OUTSIDE)
def test_a_value_outside_is_a_failed_cell_with_the_reason(how: str) -> None:
    score, told = OUTSIDE[how]
    cell = cell_of(Claims(**score))
    assert cell.value is None and cell.reason.startswith("failed: ") and told in cell.reason


@pytest.mark.parametrize("value", [0, 1, 1 + 1e-7, -1e-9, 0.5])
def test_a_value_inside_stays_and_rounding_is_no_fault(value: float) -> None:
    assert cell_of(Claims(value=value, error=0.1, replicates=[0, 1, np.nan])).value == value


def test_without_a_range_every_number_will_do() -> None:
    assert not beyond(Score(-1e9, 1e9, replicates=[1e12]), *Metric.range)


def offered() -> list[type[Metric]]:
    return [offers[0].component for offers in registry().offers("metrics").values()]


def test_every_shipped_metric_declares_what_it_can_be() -> None:
    for metric in offered():
        if re.search(SHARES, metric.name):
            assert metric.range == (0, 1), metric.name
        elif not re.match(SIGNED, metric.name):
            assert metric.range[0] == 0, f"{metric.name} is bounded below, or belongs among SIGNED"
