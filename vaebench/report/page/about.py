"""The facts at the top of the page: version, dates, hardware, settings and test images of its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vaebench.records.clean import clean
from vaebench.records.record import Record

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


def made_of(record: Record) -> Made:
    every = [cell for cell in record.metrics.values() if cell.value is not None]
    # Metrics of the training split count other images; reconstruction metrics always use the test split.
    cells = [cell for cell in every if cell.verdict == "reconstruction"] or every
    return Made(
        version=str(record.software.get("vaebench") or ""),
        date=record.started[:10],
        device=record.device.name or record.device.kind,
        size=record.settings.size,
        steps=record.settings.steps,
        seed=record.trial.seed,
        dataset=str(record.trial.dataset),
        images=max((cell.n or 0 for cell in cells), default=0),
        patients=max((cell.patients or 0 for cell in cells), default=0),
    )


def about(runs: Sequence[Made], aside: str = "") -> list[list[str]]:
    """Return names and values in the order in which they are shown; `aside` is appended to each dataset's name."""
    dates = sorted({one.date for one in runs})
    lines = {
        "vaebench": _values(sorted({one.version for one in runs})),
        "Trained": " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]])),
        "Hardware": _values(sorted({one.device for one in runs})),
        "Image size": _values([f"{size} px" for size in sorted({one.size for one in runs})]),
        "Training steps": _values([f"{steps:,}" for steps in sorted({one.steps for one in runs})]),
        "Seeds": _values(map(str, sorted({one.seed for one in runs}))),
        "Judged on": "; ".join(_judged(runs, aside)),
    }
    return [[name, clean(value, 500)] for name, value in lines.items() if value]


def _judged(runs: Sequence[Made], aside: str) -> Iterator[str]:
    for dataset in dict.fromkeys(one.dataset for one in runs):
        own = [one for one in runs if one.dataset == dataset]
        images, patients = max(one.images for one in own), max(one.patients for one in own)
        if images:
            of = f" of {patients:,} patients or groups" if patients else ""
            yield f"{dataset}{aside}: {images:,} test images{of}"


def _values(values: Iterable[str]) -> str:
    found = [value for value in values if value]
    if len(found) > NAMED:
        return f"{', '.join(found[:NAMED])} and {len(found) - NAMED} more"
    return ", ".join(found)
