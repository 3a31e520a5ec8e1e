"""Measure the size of a track's page, and the time until its table, and then a run, can be used.

    python benchmarks/scripts/page_speed.py results/medical@1/quick/phantom [--seeds 5] [--rounds 5]

The limits are 25 MB and 2 s. Every run of the track's first seed is copied to the requested number of seeds, with
pictures that differ by a byte at their end, so that large pages can be measured without training. Seconds are medians
over rounds, each in a fresh browser: from requesting the page to a row that responds to a click, and from that click to
the run's pictures.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import structs
from page_screenshot import browser

from vaebench.components.discovery import installed
from vaebench.planning.suite import find
from vaebench.records import store
from vaebench.records.record import Record
from vaebench.records.store import artifacts_of
from vaebench.report.page import write_page
from vaebench.report.page.runs import NUMBERS, SHEET
from vaebench.report.track import Track


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    suite, preset, source = given.track.resolve().parts[-3:]
    with TemporaryDirectory() as folder:
        runs, track = copy(given.track, Path(folder), given.seeds), Path(folder, suite, preset, source)
        found = [(path, record) for path, record in store.scan(track) if isinstance(record, Record)]
        asked = find(suite.partition("@")[0], installed())
        page, behind = track / "leaderboard.html", Track(asked, preset, source, Path(folder), records=found)
        _, *beside = write_page(page, behind.board(), behind.found)
        pictures = sum(path.stat().st_size for one in beside for path in one.iterdir())
        rounds = [opened(page) for _ in range(given.rounds)]
        table, run = (statistics.median(times) for times in zip(*rounds, strict=True))
        waits = "seconds until the table is shown | seconds from a click until the run is shown"
        print(f"| runs | page, MB | pictures folder, MB | {waits} |")
        print("|---|---|---|---|---|")
        print(f"| {runs} | {page.stat().st_size / 1e6:.1f} | {pictures / 1e6:.1f} | {table:.2f} | {run:.2f} |")


def copy(track: Path, folder: Path, seeds: int) -> int:
    """Copy the runs of the first seed to the other seeds, and return the number of runs."""
    count = 0
    for path, record in store.scan(track):
        if not isinstance(record, Record) or record.trial.seed:
            continue
        for seed in range(seeds):
            trial = structs.replace(record.trial, seed=seed)
            to = store.path_of(folder, trial, record.device.kind)
            store.write(to, structs.replace(record, id=trial.id, trial=trial))
            count += 1
            if (artifacts_of(path) / NUMBERS).exists():
                store.write_atomically(artifacts_of(to) / NUMBERS, (artifacts_of(path) / NUMBERS).read_bytes())
                picture = (artifacts_of(path) / SHEET).read_bytes()
                store.write_atomically(artifacts_of(to) / SHEET, picture + bytes([seed]))
    return count


def opened(page: Path) -> tuple[float, float]:
    with browser() as chromium:
        tab = chromium.new_page()
        start = time.perf_counter()
        tab.goto(page.resolve().as_uri(), wait_until="commit")
        row = tab.locator("#board tbody button").first
        row.click(trial=True)
        table = time.perf_counter()
        row.click()
        tab.locator("#run canvas").first.wait_for()
        tab.wait_for_function("[...sheets.values()].every(sheet => sheet.naturalWidth)")
        return table - start, time.perf_counter() - table


if __name__ == "__main__":
    main()
