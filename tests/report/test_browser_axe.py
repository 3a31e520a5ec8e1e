"""axe-core finds nothing to complain of on the page: in both themes, on a phone, on the board and in an opened run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from browsing import choose, open_run, section, visiting

pytestmark = pytest.mark.integrations
FOUND = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(one => one.nodes.map(node => [one.id, node.target.join(" "), node.failureSummary]));
}"""


def complaints(page: Any) -> str:
    """What axe-core says of all that is shown now; its script gets in past the policy of the page."""
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return json.dumps(page.evaluate(FOUND), indent=1)


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_axe_finds_nothing(browser: Any, made: Path, judged: Path, scheme: str, width: int) -> None:
    with visiting(browser, made, width=width, scheme=scheme) as page:
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        assert complaints(page) == "[]"
        choose(page, "metric", "every reconstruction metric")
        assert complaints(page) == "[]"
        open_run(page, "vae")
        choose(page, "run-beside", "pca")
        section(page, "Anomaly scores").get_by_role("button").click()
        page.locator("#run-body details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        assert complaints(page) == "[]"
    with visiting(browser, judged, width=width, scheme=scheme) as page:
        choose(page, "metric", "MS-SSIM ↑ ★")
        assert complaints(page) == "[]"
        open_run(page, "vae")
        assert complaints(page) == "[]"


def test_axe_would_find_something(browser: Any, made: Path) -> None:
    with visiting(browser, made) as page:
        page.evaluate("document.getElementById('count').style.color = '#ccc'")
        assert "color-contrast" in complaints(page)
