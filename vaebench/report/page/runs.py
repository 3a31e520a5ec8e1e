"""The data of each run for the page: its record and pictures, which may come from untrusted sources."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.comparable import comparable
from vaebench.leaderboard.runs import Measure, declared_by
from vaebench.records import store
from vaebench.records.clean import clean
from vaebench.records.record import Cell, Record, to_json
from vaebench.records.store import artifacts_of
from vaebench.report.found import Found
from vaebench.report.page.about import Made, made_of
from vaebench.report.page.boards import shown_measures

MOST = 2000
"""A page shows at most this many runs: those with the first seeds."""
HEAVIEST = 2 * 2**20
"""Largest size of a run's pictures in bytes; vaebench never writes larger files."""
NUMBERS, SHEET = "pictures.json", "pictures.webp"


@dataclass(frozen=True)
class Shown:
    told: Mapping[str, Any]
    picture: bytes
    """content of a WebP file; empty if there is none"""
    made: Made


class Metrics(NamedTuple):
    """Maps the metrics that records declare to those of the board."""

    own: Mapping[Measure, Measure]
    """a metric as records declare it -> the same metric as on the board"""
    number: Mapping[Measure, int]
    """a metric with numbers on the board -> its number in the page's data"""

    def of(self, name: str, cell: Cell) -> tuple[Measure, int | None]:
        declared = declared_by(name, cell)
        measure = self.own.get(declared, declared)
        return measure, self.number.get(measure)


def shown_runs(board: Board, found: Found) -> tuple[list[Shown], int]:
    """Return the runs that the board is made of, in a fixed order, and the number of runs left out."""
    fit = comparable([run for _, run in found.runs], board.rules)
    kept, metrics = fit.runs, Metrics(fit.measures, {one: number for number, one in enumerate(shown_measures(board))})
    models = {entrant: number for number, entrant in enumerate(board.entrants)}
    datasets = {dataset: number for number, dataset in enumerate(board.datasets)}
    ours = [run for run in kept if run.entrant in models and run.dataset in datasets]
    ours.sort(key=lambda run: (run.seed, datasets[run.dataset], models[run.entrant], run.regime, run.id, run.device))
    paths = {(run.id, run.device, run.started): path for path, run in found.runs}
    shown = []
    for at, run in {(run.id, run.device, run.started): run for run in ours[:MOST]}.items():
        record = found.record(paths[at])
        # skip a file that no longer contains the record behind the board
        if record and (record.id, record.device.kind, record.started) == at:
            shown.append(_shown(Path(paths[at]), record, models[run.entrant], datasets[run.dataset], metrics))
    return shown, len(ours) - len(shown)


def _shown(path: Path, record: Record, model: int, dataset: int, metrics: Metrics) -> Shown:
    trial, error = record.trial, record.error
    numbers, picture = _drawn(artifacts_of(path) / NUMBERS), _picture(artifacts_of(path) / SHEET)
    told = {
        "model": model,
        "dataset": dataset,
        "regime": clean(trial.regime),
        "seed": trial.seed,
        "device": clean(record.device.kind),
        "id": record.id,
        "error": clean(f"{error.kind}: {error.message}", 500) if error else "",
        "command": clean(f"vaebench run {shlex.quote(_path_in_results(path).as_posix())}", 1000),
        "metrics": [_cell(name, cell, metrics) for name, cell in sorted(record.metrics.items())],
        "curve": list(_curve(record.curve)),
        "about": list(_about(record)),
        "drawn": numbers,
    }
    return Shown(told, picture if numbers else b"", made_of(record))


def _path_in_results(path: Path) -> Path:
    """Return the record's path as `results/...`, wherever the results are stored."""
    parts = path.absolute().parts
    published = parts[-7:-6] == (store.REFERENCE,)
    return Path("results", *parts[-7 if published else -6 :])


def _cell(name: str, cell: Cell, metrics: Metrics) -> list[Any]:
    """Return title, verdict, value, error, unit, variant, reason and the number of the board's metric, if any.

    Title and verdict are those of the board: a record may be older than a metric's present title."""
    measure, number = metrics.of(name, cell)
    return [
        clean(measure.title),
        measure.verdict,
        _number(cell.value),
        _number(cell.error),
        clean(cell.unit),
        clean(cell.variant),
        clean(cell.reason, 300),
        number,
    ]


def _curve(curve: Mapping[str, Mapping[str, list[float]]]) -> Iterator[list[Any]]:
    """Yield stage, term, steps and values."""
    for stage, lines in curve.items():
        steps = [_number(step) for step in lines.get("step", ())]
        for term, values in lines.items() if steps else ():
            if term != "step" and len(values) == len(steps):
                yield [clean(stage), clean(term), steps, [_number(value) for value in values]]


def _about(record: Record) -> Iterable[list[str]]:
    """Yield configuration and provenance as a flat list of group, name and value."""
    data = to_json(record)
    inputs = data["inputs"]
    groups = {
        "Trial": data["trial"],
        "Effective parameters": inputs.get("parameters", {}),
        "Settings": data["settings"],
        "Cost": data["cost"],
        "Device": data["device"],
        "Software": data["software"],
        "Components": inputs["components"],
        "Shortcuts, AUROC": inputs.get("shortcuts", {}),
    }
    for title, values in groups.items():
        for name, one in sorted(values.items()):
            text = one if isinstance(one, str) else json.dumps(one, ensure_ascii=False, sort_keys=True)
            yield [title, clean(name), clean(text, 300)]
    for name in ("id", "started", "weights"):
        yield ["Record", name, clean(str(data.get(name, "")))]
    yield ["Record", "data", clean(inputs["data"])]


def _drawn(path: Path) -> dict[str, Any] | None:
    """Return the worker's description of the pictures, or None if the file is missing or invalid."""
    try:
        told = _cleaned(json.loads(store.read_bounded(path, HEAVIEST, "file of pictures")))
        json.dumps(told, allow_nan=False)
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and told.get("schema") == "vaebench/pictures@1" else None


def _cleaned(value: Any) -> Any:
    """Return a copy in which every text is safe to show."""
    if isinstance(value, str):
        return clean(value, 300)
    if isinstance(value, dict):
        return {clean(key): _cleaned(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_cleaned(one) if isinstance(one, str | list | dict) else one for one in value]
    return value


def _picture(path: Path) -> bytes:
    try:
        content = store.read_bounded(path, HEAVIEST, "file of pictures")
    except OSError:
        return b""
    return content if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else b""


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(f"{value:.6g}") if good else None
