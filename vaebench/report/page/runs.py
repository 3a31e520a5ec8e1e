"""What the page shows of each run: its record, and the pictures that lie beside it, which may come from strangers."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaebench.leaderboard import comparable
from vaebench.leaderboard.board import Board
from vaebench.leaderboard.runs import read
from vaebench.records import store
from vaebench.records.store import Record, artifacts_of
from vaebench.report.tables import clean
from vaebench.trial import Trial

MOST = 2000
"""Runs that a page shows; of more, those with the first seeds."""
HEAVIEST = 2 * 2**20
"""Bytes of a run's pictures; more is none of ours."""
NUMBERS, SHEET = "pictures.json", "pictures.webp"


@dataclass(frozen=True)
class Shown:
    told: Mapping[str, Any]
    picture: bytes
    """a WebP; empty for none"""


def shown_runs(board: Board, *tracks: Path) -> tuple[list[Shown], int]:
    """Return the records in the track's folders that the board is made of, always in the same order, and how many more
    there are."""
    paths: dict[tuple[str, str, str], Path] = {}

    def good() -> Iterator[Record]:
        for path, record in store.scan(*tracks):
            if isinstance(record, dict):
                paths[record["id"], record["device"]["class"], record["started"]] = path
                yield record

    runs = comparable.keep_newest(read(good(), board.track.replace(" / ", "/"))[0])[0]
    models = {entrant: number for number, entrant in enumerate(board.entrants)}
    datasets = {dataset: number for number, dataset in enumerate(board.datasets)}
    ours = [run for run in runs if run.entrant in models and run.dataset in datasets]
    ours.sort(key=lambda run: (run.seed, datasets[run.dataset], models[run.entrant], run.regime, run.id, run.device))
    found = ((paths[run.id, run.device, run.started], run) for run in ours[:MOST])
    shown = [_shown(path, store.read(path), models[run.entrant], datasets[run.dataset]) for path, run in found]
    return shown, len(ours) - len(shown)


def _shown(path: Path, record: Record, model: int, dataset: int) -> Shown:
    trial, device = Trial.from_json(record["trial"]), record["device"]
    numbers, picture = _numbers(artifacts_of(path) / NUMBERS), _picture(artifacts_of(path) / SHEET)
    error = record["error"] or {}
    told = {
        "model": model,
        "dataset": dataset,
        "regime": clean(trial.regime),
        "seed": trial.seed,
        "device": clean(str(device["class"])),
        "id": record["id"],
        "error": clean(f"{error.get('kind', '')}: {error.get('message', '')}", 500) if error else "",
        "command": clean(f"vaebench run {shlex.quote(_place(path).as_posix())}", 1000),
        "metrics": [_answer(name, cell) for name, cell in sorted(record["metrics"].items())],
        "curve": _curve(record["curve"]),
        "about": list(_about(record)),
        "drawn": numbers,
    }
    return Shown(told, picture if numbers else b"")


def _place(path: Path) -> Path:
    """The record's path from the folder that holds results, on whatever machine and wherever results were kept."""
    parts = path.absolute().parts
    published = parts[-7:-6] == (store.REFERENCE,)
    return Path("results", *parts[-7 if published else -6 :])


def _answer(name: str, cell: Mapping[str, Any]) -> list[Any]:
    """Title, verdict, value, error, unit, variant, reason."""
    unit, reason = clean(str(cell["unit"])), clean(str(cell.get("reason") or ""), 300)
    told = [clean(cell["title"] or name), clean(cell["verdict"]), _number(cell["value"]), _number(cell.get("error"))]
    return [*told, unit, clean(str(cell.get("variant") or "")), reason]


def _curve(curve: Mapping[str, Any]) -> list[list[Any]]:
    """Stage, term, steps and values, where they are numbers."""
    found = []
    for stage, lines in curve.items():
        steps = [_number(step) for step in lines.get("step", ())] if isinstance(lines, dict) else []
        for term, values in lines.items() if steps else ():
            if term != "step" and isinstance(values, list) and len(values) == len(steps):
                found.append([clean(stage), clean(term), steps, [_number(value) for value in values]])
    return found


def _about(record: Record) -> Iterable[list[str]]:
    """Configuration and provenance, flat: group, name, value."""
    for title, field in (
        ("Trial", "trial"),
        ("Parameters in force", "inputs.parameters"),
        ("Settings", "settings"),
        ("Cost", "cost"),
        ("Device", "device"),
        ("Software", "software"),
        ("Components", "inputs.components"),
        ("Shortcuts, AUROC", "inputs.shortcuts"),
    ):
        value: Any = record
        for part in field.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        for name, one in sorted((value or {}).items()) if isinstance(value, dict) else ():
            text = one if isinstance(one, str) else json.dumps(one, ensure_ascii=False, sort_keys=True)
            yield [title, clean(str(name)), clean(text, 300)]
    for name in ("id", "started", "weights"):
        yield ["Record", name, clean(str(record.get(name, "")))]
    yield ["Record", "data", clean(str(record["inputs"]["data"]))]


def _numbers(path: Path) -> dict[str, Any] | None:
    """What the worker told of its pictures; none where the file is not that."""
    try:
        told = json.loads(_read(path))
        json.dumps(told, allow_nan=False)
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and told.get("schema") == "vaebench/pictures@1" else None


def _picture(path: Path) -> bytes:
    try:
        content = _read(path)
    except OSError:
        return b""
    return content if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else b""


def _read(path: Path) -> bytes:
    if path.is_symlink() or path.stat().st_size > HEAVIEST:
        raise OSError(f"{path} is no file that vaebench wrote")
    return path.read_bytes()


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(f"{value:.6g}") if good else None
