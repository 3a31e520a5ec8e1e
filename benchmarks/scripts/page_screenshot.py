"""Take a screenshot of a page for the README: the board, and below it the headline numbers of one run.

    vaebench leaderboard --suite medical --preset compact --source real --format html --output page.html
    python benchmarks/scripts/page_screenshot.py page.html --to docs/page.png

Without records of your own, the first command uses the reference results. The sections of a run that show images are
left out: pictures of patients do not belong in a repository.
"""

from __future__ import annotations

import argparse
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

WIDTH, MARGIN = 1240, 12
COLOURS = 128
"""The number of colours: enough for text and charts, for a third of the file size"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--model", default="vq-vae")
    given = parser.parse_args()
    parts = [Image.open(io.BytesIO(shot)) for shot in shots(given.page, given.model)]
    sheet = Image.new("RGB", (WIDTH, sum(part.height + MARGIN for part in parts) + MARGIN), "white")
    top = MARGIN
    for part in parts:
        sheet.paste(part, ((WIDTH - part.width) // 2, top))
        top += part.height + MARGIN
    sheet.quantize(COLOURS, dither=Image.Dither.NONE).save(given.to, optimize=True)
    print(f"{given.to}: {sheet.width} x {sheet.height}, {given.to.stat().st_size / 1000:.0f} kB")


def shots(path: Path, model: str) -> Iterator[bytes]:
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": WIDTH, "height": 1600}, color_scheme="light")
        page.goto(path.resolve().as_uri())
        yield page.locator("header.top").screenshot()
        page.evaluate("for (const id of ['costs', 'matrix', 'notes']) document.getElementById(id).hidden = true")
        yield page.locator("main").screenshot()
        page.locator("#board tbody").get_by_role("button", name=model, exact=True).click()
        page.locator("#run-title").click()  # no frame around a button
        yield page.locator(".run-top").screenshot()
        page.locator(".run-top").evaluate("top => { top.hidden = true }")  # its line would be drawn twice
        page.locator("#run-body nav").evaluate("links => { links.hidden = true }")
        yield page.locator("#run-body > section").first.screenshot()


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the machine's Chromium, or playwright's if there is none."""
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    with (
        sync_playwright() as started,
        started.chromium.launch(executable_path=next(found, None), args=["--no-sandbox", "--disable-gpu"]) as chromium,
    ):
        yield chromium


if __name__ == "__main__":
    main()
