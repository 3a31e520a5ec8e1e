"""The facts at the top of the page: version, dates, hardware, settings and test images of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import is_ranked
from vaebench.records.clean import clean
from vaebench.records.record import Cell, Record
from vaebench.report.tables import dataset_name, groups

NAMED = 3
"""At most this many different values are listed in a line; the rest are only counted."""


@dataclass(frozen=True)
class Made:
    """How one run was made, and the numbers of test images and patients that it was judged on."""

    version: str
    date: str
    device: str
    size: int
    steps: int
    seed: int
    dataset: str
    images: int
    patients: int
    counted: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """metric -> its numbers of images and patients, if they are not those of the test split"""


def made_of(record: Record) -> Made:
    every = [cell for cell in record.metrics.values() if cell.value is not None]
    # Some metrics use images of the training split; reconstruction metrics always use the test split.
    cells = [cell for cell in every if cell.verdict == "reconstruction"] or every
    images = max((cell.n or 0 for cell in cells), default=0)
    return Made(
        version=str(record.software.get("vaebench") or ""),
        date=record.started[:10],
        device=record.device.name or record.device.kind,
        size=record.settings.size,
        steps=record.settings.steps,
        seed=record.trial.seed,
        dataset=str(record.trial.dataset),
        images=images,
        patients=_patients(cells, images),
        counted={
            name: (cell.n, _patients([one for one in every if one.verdict == cell.verdict], cell.n))
            for name, cell in record.metrics.items()
            if cell.value is not None and cell.patients and cell.n and cell.n != images
        },
    )


def _patients(cells: Iterable[Cell], images: int) -> int:
    """Return the number of patients in the cells with this number of images.

    Cells of metrics that compare classes are ignored: their `patients` is the count of the smallest class."""
    return max((one.patients or 0 for one in cells if one.n == images and one.classes == 1), default=0)


def about(runs: Sequence[Made], board: Board) -> list[list[str]]:
    """Return names and values in the order in which they are shown."""
    dates = sorted({one.date for one in runs})
    lines = {
        "vaebench": _values(sorted({one.version for one in runs})),
        "Trained": " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]])),
        "Hardware": _values(sorted({one.device for one in runs})),
        "Image size": _values([f"{size} px" for size in sorted({one.size for one in runs})]),
        "Training steps": _values([f"{steps:,}" for steps in sorted({one.steps for one in runs})]),
        "Seeds": _values(_spans(sorted({one.seed for one in runs}))),
        "Images" if board.source == "real" else "Drawn in place of": "; ".join(_described(board)),
        "Judged on": "; ".join(_judged(runs, board)),
        "Verified": "" if board.tiers or not runs else "none of these results",
    }
    return [[name, clean(value, 1000)] for name, value in lines.items() if value]


def _described(board: Board) -> Iterator[str]:
    for dataset in board.datasets:
        if title := board.rules.declares(dataset, "title"):
            spec = f" ({dataset})" if dataset in board.names else ""
            yield f"{dataset_name(board, dataset)}: {title}{spec}"


def _judged(runs: Sequence[Made], board: Board) -> Iterator[str]:
    headlines = [one.measure for one in board.standings if is_ranked(one.measure)]
    kind = "real test" if board.source == "real" else "test"
    for dataset in dict.fromkeys(one.dataset for one in runs):
        own = [one for one in runs if one.dataset == dataset]
        most, noun = max(own, key=lambda one: (one.images, one.patients)), groups(board, dataset)
        if most.images:
            yield f"{dataset_name(board, dataset)}: {_amount([(most.images, most.patients)], noun, kind)}"
        for headline in headlines:
            counts = sorted({one.counted[headline.name] for one in own if headline.name in one.counted})
            if counts:
                # All seeds share the test split, so differing counts are of images held out of the training split.
                other = ", held out of the training split, different for each seed" if len(counts) > 1 else ""
                yield f"but {headline.verdict} ({headline.title}): {_amount(counts, noun)}{other}"


def _amount(counts: Sequence[tuple[int, int]], noun: str, kind: str = "") -> str:
    """Return a text such as `394 to 404 images of 318 to 327 patients`.

    The patients are left out if each image is a separate group."""
    images, patients = zip(*counts, strict=True)
    of = f" of {_span(patients)} {noun}" if all(patients) and images != patients else ""
    return " ".join(filter(None, (_span(images), kind, "images"))) + of


def _span(values: Sequence[int]) -> str:
    return " to ".join(dict.fromkeys(f"{end:,}" for end in (min(values), max(values))))


def _spans(numbers: Sequence[int]) -> Iterator[str]:
    """Yield `0–4` for at least three consecutive numbers, and other numbers one by one."""
    for _, run in groupby(enumerate(numbers), key=lambda one: one[1] - one[0]):
        found = [number for _, number in run]
        yield from [f"{found[0]}–{found[-1]}"] if len(found) > 2 else map(str, found)


def _values(values: Iterable[str]) -> str:
    found = [value for value in values if value]
    if len(found) > NAMED:
        return f"{', '.join(found[:NAMED])} and {len(found) - NAMED} more"
    return ", ".join(found)
