"""docs/metrics.md names every metric and loss there is, and the headlines of `medical`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vaebench.components.discovery import installed
from vaebench.planning.suite import find
from vaebench_measures import vaebench_metrics
from vaebench_measures.representation import STATISTICS
from vaebench_reconstruction import vaebench_losses
from vaebench_reconstruction.ms_ssim import SIGMA, WINDOW, scales

TEXT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([a-z0-9+.-]+)`", TEXT))


@pytest.mark.parametrize("component", [*vaebench_metrics(), *vaebench_losses()], ids=lambda c: c.name)
def test_the_page_names_it(component):
    families = {component.name.removesuffix(number) + "..." for number in STATISTICS}
    assert {component.name} & NAMED or families & NAMED


def test_the_page_shows_the_headlines_of_the_main_suite_in_bold():
    headline = find("medical", installed()).verdicts.headline
    assert set(re.findall(r"\*\*`([a-z0-9-]+)`\*\*", TEXT)) == set(headline.values())


def test_the_page_says_over_how_many_scales_ms_ssim_goes_at_any_size():
    row = next(line for line in TEXT.splitlines() if line.startswith("| **`ms-ssim`**"))
    told = {int(count): int(side) for count, side in re.findall(r"`L(\d)` from (\d+) px", row)}
    assert told == {count: min(side for side in range(11, 300) if scales(side, side) == count) for count in range(1, 6)}
    assert f"window {WINDOW}, sigma {SIGMA}" in row


def test_every_metric_declares_itself():
    metrics = vaebench_metrics()
    assert len({m.name for m in metrics}) == len({m.title for m in metrics}) == len(metrics)
    for metric in metrics:
        assert metric.__doc__
        assert (metric.regime == "healthy") == (metric.verdict == "anomaly")
