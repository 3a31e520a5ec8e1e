"""One checkpoint scored twice gives the same bytes, whatever the order and the grouping of the metrics."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import to_builtins

from vaebench.checks.drawings import draw_splits
from vaebench.checks.standin import StandIn
from vaebench.data.cache import Cache
from vaebench.evidence import Evidence
from vaebench.interfaces import Metric
from vaebench.judging.measure import measure
from vaebench_measures import vaebench_metrics

METRICS = vaebench_metrics()
SPLITS = draw_splits((1, 28, 28))

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")


def cells(groups: Iterable[Sequence[type[Metric]]], cache: Path | None = None) -> dict[str, str]:
    """What a record says of each metric; each group gets evidence of its own, as `vaebench score` gives new metrics."""
    torch.set_num_threads(1)
    found = {}
    for group in groups:
        evidence = Evidence(
            StandIn((1, 28, 28), "good"), SPLITS, samples=30, dataset="drawn", keep=cache and Cache(cache, "drawn")
        )
        found |= {metric.name: json.dumps(to_builtins(measure(metric(), evidence, "healthy"))) for metric in group}
    return found


@pytest.fixture(scope="module")
def once() -> dict[str, str]:
    return cells([METRICS])


def test_scoring_twice_gives_the_same_bytes(once: dict[str, str]) -> None:
    assert sum('"value": null' not in cell for cell in once.values()) > 0.8 * len(METRICS), "mostly numbers"
    np.random.seed(5)
    torch.manual_seed(5)
    assert cells([METRICS]) == once


def test_neither_order_nor_grouping_changes_anything(once: dict[str, str], tmp_path: Path) -> None:
    shuffled = [METRICS[i] for i in np.random.default_rng(0).permutation(len(METRICS))]
    assert cells([METRICS[::-1]]) == once
    assert cells([shuffled[start : start + 11] for start in range(0, len(METRICS), 11)], tmp_path) == once
    assert cells([METRICS[::-1]], tmp_path) == once, "what other trials have left"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_alone_as_among_others(metric: type[Metric], once: dict[str, str]) -> None:
    assert cells([[metric]])[metric.name] == once[metric.name]
