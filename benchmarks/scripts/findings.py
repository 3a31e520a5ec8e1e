"""Write docs/findings.md and its pictures from the committed records.

    python benchmarks/scripts/findings.py

The text is generated from the numbers, so the page stays true when records are added. Each number is quoted with its
source, and tests/benchmarks/test_findings.py looks it up there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from findings_page.answers import OFFICIAL, added, answer, floors, in_short, once, splits
from findings_page.elsewhere import published, still_open
from findings_page.forest import forest
from findings_page.quoted import Part, Quoted
from findings_page.sizes import by_size, sizes

from vaebench.components.discovery import installed
from vaebench.planning.suite import find
from vaebench.records.store import write_atomically
from vaebench.report.track import Track

ROOT = Path(__file__).parents[2]
DOCS, REFERENCE = ROOT / "docs", ROOT / "results" / "reference"
TRACKS = (
    ("medical", "compact", "real"),
    ("medical-zoo", "compact", "real"),
    ("medical-real", "compact", "real"),
    ("medical-real", "study", "real"),
    ("medical-latent", "compact", "real"),
)
"""Suite, preset and source of the boards on the page."""
HEAD = """\
# Findings

This page summarises what the committed records show and what they do not show. `±` is half the width of a 95 %
interval, which includes the variation over patients and seeds. A *floor* is a trivial baseline that any useful method
must beat: the mean image, PCA, an untrained encoder, a thumbnail, three image statistics, or a shortcut such as
brightness. [How ranks are made](ranks.md) explains the tests."""
FOOT = """\
Records and boards are in `results/reference/`. To regenerate this page and its pictures, run

    python benchmarks/scripts/findings.py"""


def main() -> None:
    text, pictures, _ = made()
    write_atomically(DOCS / "findings.md", text.encode())
    for name, picture in pictures.items():
        write_atomically(DOCS / name, picture.encode())


def made() -> tuple[str, dict[str, str], list[Quoted]]:
    """Return the page, its pictures by name, and the numbers that it quotes."""
    boards = [Track(find(suite, installed()), preset, source, REFERENCE).board() for suite, preset, source in TRACKS]
    parts = [Part(board, dataset) for board in boards for dataset in board.datasets]
    told, quoted = published(parts, ROOT)
    ranked = [part for part in parts if any(part.ranked(column) for _, column in part.leads)]
    sections = ["\n\n".join(section(part)) for part in ranked]
    for part in parts:
        if part not in ranked:
            table = by_size(part)
            sections.append("\n\n".join(sizes(part, table)) if table else once(part))
    text = "\n\n".join([HEAD, *sections, told, still_open(parts, REFERENCE), FOOT]) + "\n"
    pictures = {picture_of(part): forest(part.board, part.dataset) for part in ranked}
    return text, pictures, [*quoted, *(one for part in parts for one in part.quoted)]


def picture_of(part: Part) -> str:
    return f"findings-{part.board.preset}-{part.dataset}.svg"


def section(part: Part) -> Iterator[str]:
    settings = json.loads(part.board.rules.settings or "{}")
    size, steps = (part.quote(settings[key], "setting", key) for key in ("size", "steps"))
    yield f"## `{part.dataset}`: {size} px, {steps} steps"
    yield setting(part, part.quote(settings["batch"], "setting", "batch"))
    yield in_short(part)
    yield f"![Each model's mean and interval in each verdict, with the floors as lines]({picture_of(part)})"
    yield "\n".join(answer(part, standing, column) for standing, column in part.leads)
    yield "### What training adds"
    yield floors(part)
    yield added(part)
    if part.dataset in OFFICIAL:
        yield "### How the official test split differs"
        yield from splits(part)


def setting(part: Part, batch: str) -> str:
    """Return a sentence with the models, their training settings and the number of test images."""
    board, seeds = part.board, part.board.rules.due(part.dataset, "all")
    models = part.quote(sum(board.role(e) == "reference" for e in board.entrants), "models")
    lead = next(column for _, column in part.leads)
    images = part.quote(max(cell.n or 0 for cell in board.by_column[lead].values()), "images", lead.measure.name)
    told = part.quote(", ".join(map(str, seeds)), "seeds")
    text = (
        f"In `{board.suite}` (preset `{board.preset}`), {models} models were trained on batches of {batch} images "
        f"(seeds {told}), once on all images and once on healthy images only, and evaluated on {images} test images."
    )
    if len(seeds) < len(board.rules.seeds):
        named = part.quote(len(board.rules.seeds), "preset seeds")
        text += f" The preset names {named} seeds, so these results are provisional."
    return text


if __name__ == "__main__":
    main()
