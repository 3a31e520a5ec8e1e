"""The page in a real browser: quality beside cost, models by datasets, and the columns of wide tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import records_made
from browsing import CHEST, KNEE, choose, heads, models, visiting
from page_made import EVIL, written
from records_made import metric

from vaebench.leaderboard.runs import Entrant

VALUES = {"vae": (0.9, 30.0), "ae": (0.8, 10.0), "slow": (0.7, 40.0), EVIL: (0.6, 1.0), "low": (-30.0, 0.001)}
BITS = {"title": "bits per image", "verdict": "other", "better": "lower", "unit": "bits"}


@pytest.fixture(scope="module")
def costly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two datasets; one model is slower and worse than another, and a floor is far from all."""
    records = []
    for dataset in ("chest", "knee"):
        for name, (value, seconds) in VALUES.items():
            own = records_made.field({name: value}, dataset=dataset, seeds=3, cost={"train_seconds": seconds})
            for one in own:
                made = {f"extra {i}": metric(f"extra {i}", 0.5, verdict="reconstruction") for i in range(12)}
                full = {"ms-ssim": metric("ms-ssim", one.metrics["ms-ssim"].value), **made}
                full["bits"] = metric("bits", 100 * seconds, **BITS)
                records.append(records_made.record(name, full, dataset=dataset, seed=one.trial.seed,
                                                   cost={"train_seconds": seconds}))  # fmt: skip
    references = tuple(Entrant(name, "bce") for name in VALUES if name != "low")
    rules = {"references": references, "floors": (Entrant("low", "bce"),), "prices": {"reconstruction": ("bits",)}}
    return written(tmp_path_factory.mktemp("costly"), records, summary=("ms-ssim",), **rules)


@pytest.fixture
def costs(browser: Any, costly: Path) -> Iterator[Any]:
    with visiting(browser, costly) as opened:
        yield opened


def test_quality_stands_beside_time_with_the_front_and_beside_bits(costs: Any) -> None:
    titles = costs.locator("#scatters figcaption").all_inner_texts()
    prices = ("Training time (s)", "bits per image (bits)")
    assert titles == [f"MS-SSIM against {price} on {dataset}" for price in prices for dataset in (CHEST, KNEE)]
    tips = costs.locator("#scatters figcaption span").evaluate_all("all => all.map(one => one.title)")
    assert tips[0] == "MS-SSIM [L3] against Training time [cpu] (s)", "variants are in the tooltip"
    time, _, bits, _ = costs.locator("#scatters svg").all()
    names = "all => all.map(one => one.firstChild.data)"
    assert time.locator("text.best").evaluate_all(names) == ["vae", "ae", EVIL[:19] + "…"], "slow is worse than vae"
    assert time.locator(".front").get_attribute("d").count("L") == 2 and bits.locator(".best").count() == 0
    (far,) = [name for name in time.locator("text").evaluate_all(names) if name.endswith(" low")]
    assert far == "↓-30 low"
    texts = time.locator("text").evaluate_all(names)
    assert {"1", "10"} < set(texts) and "1000" not in texts, "a logarithmic axis, and no number under the labels"
    choose(costs, "metric", "every cost metric")
    assert costs.locator("#scatters svg").count() == 0 and not costs.locator("#costs").is_visible()


def test_models_by_datasets_lead_to_a_dataset(costs: Any) -> None:
    table = costs.locator("#matrices table")
    assert table.locator("caption").all_inner_texts() == ["Reconstruction: MS-SSIM, higher is better"]
    assert table.locator("tbody th").all_inner_texts() == ["vae", "ae", "slow", EVIL, "low (floor)"]
    shades = table.locator("tbody tr").evaluate_all("all => all.map(row => row.cells[1].className)")
    assert shades == ["shade-4", "shade-3", "shade-1", "shade-0", ""]
    assert table.locator("strong").count() == 2
    table.get_by_role("button", name=KNEE).click()
    assert costs.locator("#dataset").input_value() == "1" and "dataset=knee" in costs.evaluate("location.hash")
    choose(costs, "metric", "MS-SSIM ↑ ★")
    assert not costs.locator("#matrix").is_visible(), "the table is one"


def test_columns_are_chosen_and_stand_in_the_address(browser: Any, costly: Path, costs: Any) -> None:
    choose(costs, "metric", "every reconstruction metric")
    assert len(heads(costs)) == 14 and costs.locator("#columns-told").inner_text() == "Columns: 13 of 13"
    costs.locator("#columns summary").click()
    for name in ("MS-SSIM", "extra 3"):
        costs.get_by_role("checkbox", name=name, exact=True).uncheck()
    assert len(heads(costs)) == 12 and "extra 3" not in heads(costs) and heads(costs)[1] == "extra 0"
    assert costs.evaluate("document.activeElement.type") == "checkbox", "the focus stays"
    with visiting(browser, costly, view=costs.evaluate("location.hash")) as other:
        assert heads(other) == heads(costs)
        other.locator("#columns summary").click()
        other.get_by_role("checkbox", name="extra 3").check()
        assert "extra 3" in heads(other)


def test_a_wide_table_takes_the_window_and_says_that_it_scrolls(browser: Any, costly: Path, costs: Any) -> None:
    assert not costs.locator("#scrolls").is_visible()
    choose(costs, "metric", "every reconstruction metric")
    assert costs.locator("#scrolls").is_visible() and costs.locator("#scroller").get_attribute("tabindex") == "0"
    with visiting(browser, costly, width=1900) as wide:
        choose(wide, "metric", "every reconstruction metric")
        assert wide.locator("#scroller").bounding_box()["width"] > 1800
        assert wide.evaluate("document.documentElement.scrollWidth") <= 1900 and models(wide)[0] == "vae"
