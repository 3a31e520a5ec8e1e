"""Take a screenshot of the page for the README: the board, and below it parts of one run.

    python benchmarks/scripts/page_screenshot.py results/medical@1/quick/phantom --to docs/page.png

Only phantoms are allowed: pictures of patients do not belong in a repository.
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

WIDTH, MARGIN = 1100, 12
PARTS = ("Reconstructions of test images", "Through the latent space")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--model", default="vae")
    given = parser.parse_args()
    if given.track.resolve().name != "phantom":
        parser.error(f"{given.track} is not a folder of phantoms")
    parts = [Image.open(io.BytesIO(shot)) for shot in shots(given.track / "leaderboard.html", given.model)]
    sheet = Image.new("RGB", (WIDTH, sum(part.height + MARGIN for part in parts) + MARGIN), "white")
    top = MARGIN
    for part in parts:
        sheet.paste(part, ((WIDTH - part.width) // 2, top))
        top += part.height + MARGIN
    sheet.save(given.to, optimize=True)
    print(f"{given.to}: {sheet.width} x {sheet.height}, {given.to.stat().st_size / 1000:.0f} kB")


def shots(path: Path, model: str) -> Iterator[bytes]:
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": WIDTH, "height": 1600}, color_scheme="light")
        page.goto(path.resolve().as_uri())
        yield page.locator("header.top").screenshot()
        page.evaluate("for (const id of ['rates', 'notes']) document.getElementById(id).hidden = true")
        yield page.locator("main").screenshot()
        page.locator("#board tbody").get_by_role("button", name=model, exact=True).click()
        page.wait_for_function("[...sheets.values()].every(sheet => sheet.naturalWidth)")
        page.locator("#run-title").click()  # no frame around a button
        yield page.locator(".run-top").screenshot()
        page.locator(".run-top").evaluate("top => { top.hidden = true }")  # the line below it would be drawn twice
        for section in page.locator("#run-body > section").all():
            if section.locator("h3").inner_text() not in PARTS:
                section.evaluate("section => { section.hidden = true }")
        yield page.locator("#run-body").screenshot()


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
