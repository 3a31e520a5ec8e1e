"""A browser, and pages of made-up records."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import records_made
from page_made import written

from vaebench.leaderboard.runs import Entrant

pytest.register_assert_rewrite("browsing")
from browsing import visiting  # noqa: E402

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        names = ("chromium", "chromium-browser", "google-chrome")
        path = next(filter(None, map(shutil.which, names)), started.chromium.executable_path)
        if not Path(path).exists():
            pytest.skip(f"no Chromium here: looked for {', '.join(names)}; `playwright install chromium` gets one")
        try:
            chromium = started.chromium.launch(executable_path=path, args=QUIET)
        except playwright.Error as error:
            pytest.skip(f"{path} does not start here: {error}")
        with chromium:
            yield chromium


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a suite with two models and a floor, and of a newcomer."""
    values = {"vae": 0.9, "twin": 0.9, "far": 0.5, "new": 0.99}
    made = [one for name in ("chest", "knee") for one in records_made.field(values, dataset=name, seeds=3)]
    references = (Entrant("vae", "bce"), Entrant("twin", "bce"))
    rules = {"references": references, "floors": (Entrant("far", "bce"),), "summary": ("ms-ssim",)}
    return written(tmp_path_factory.mktemp("judged"), made, **rules)


@pytest.fixture
def page(browser: Any, made: Path) -> Iterator[Any]:
    with visiting(browser, made) as opened:
        yield opened
