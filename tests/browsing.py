"""Helpers that open the page of a board in a browser and use it as a reader does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PAINTED = """canvas => {
    const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    pixel.drawImage(canvas, 5, 5, 1, 1, 0, 0, 1, 1);
    return pixel.getImageData(0, 0, 1, 1).data[0];
}"""
CHEST, KNEE = "chest (phantom)", "knee (phantom)"
WIDTHS = "[document.documentElement.scrollWidth, document.getElementById('run').scrollWidth]"


@contextmanager
def visiting(
    browser: Any, path: Path, width: int = 1280, scheme: str = "light", view: str = "", **given: Any
) -> Iterator[Any]:
    """Open a page; check that its console stays silent, and that it loads only itself and its own pictures."""
    wrong: list[str] = []
    asked: set[str] = set()
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **given) as context:
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda said: wrong.append(said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda box: wrong.append(box.message))
        page.on("request", lambda request: asked.add(request.url.partition("#")[0]))
        page.goto(path.as_uri() + view)
        yield page
        assert page.title() == page.locator("h1").inner_text()
        beside = f"{path.parent.as_uri()}/{path.stem}-pictures/"
        asked -= {url for url in asked if url.startswith(("data:image/webp", beside))}
        assert (asked, wrong) == ({path.as_uri()}, [])


def wait_until(page: Any, condition: str) -> None:
    """Wait until a JavaScript condition holds.

    Playwright's own function may evaluate its text inside the page, which the page's policy forbids."""
    ends = time.monotonic() + 30
    while not page.evaluate(condition):
        assert time.monotonic() < ends, f"{condition} does not hold after 30 s"
        page.wait_for_timeout(20)


def models(page: Any) -> list[str]:
    return page.locator("#board tbody th").all_inner_texts()


def heads(page: Any) -> list[str]:
    return [text.split("\n")[0].rstrip("▲▼\u00a0") for text in page.locator("#board thead button").all_inner_texts()]


def choose(page: Any, picker: str, text: str) -> None:
    page.locator(f"#{picker}").select_option(label=text)


def open_run(page: Any, model: str) -> None:
    page.locator("#board tbody").get_by_role("button", name=model, exact=True).click()
    assert page.locator("#run").is_visible()


def section(page: Any, title: str) -> Any:
    return page.locator("#run-body > section", has=page.get_by_role("heading", name=title, exact=True))
