"""What a run says of itself while it works, in `.runs/` of its track, so that `vaebench status` can tell."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from vaebench.interfaces import Event
from vaebench.records import store

PAUSE = 2.0
"""Seconds between two entries."""


class Journal:
    """Listens to a sweep's events. Its lock says that the run is alive, and ends with its process."""

    def __init__(self, track: Path, total: int) -> None:
        folder = track / ".runs"
        folder.mkdir(parents=True, exist_ok=True)
        for old in list(read(track)):
            if not old.alive:  # the last one tells enough
                old.path.unlink(missing_ok=True)
                old.path.with_suffix(".lock").unlink(missing_ok=True)
        now = datetime.now(UTC)
        self.path = folder / f"{now:%Y%m%dT%H%M%S}-{os.getpid()}.json"
        self.lock = FileLock(self.path.with_suffix(".lock"))
        self.entry: dict[str, Any] = {"started": f"{now:%Y-%m-%dT%H:%M:%SZ}", "total": total, "ended": 0, "failed": 0}
        self.running: dict[str, dict[str, Any]] = {}
        self.written = 0.0

    def __enter__(self) -> Journal:
        self.lock.acquire()
        self.write(None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.entry["finished"] = kind is None
        self.running.clear()
        self.write(0.0)
        self.lock.release()

    def hear(self, event: Event, seconds_left: float) -> None:
        trial = event.job.trial
        if event.kind == "end":
            self.running.pop(trial.id, None)
            self.entry["ended"] += 1
            self.entry["failed"] += event.data["record"].error is not None
        elif event.kind == "start" or trial.id in self.running:
            known = {k: v for k, v in event.data.items() if k in ("phase", "metric", "stage", "step", "steps", "rate")}
            self.running.setdefault(trial.id, {"trial": str(trial)}).update(known)
        if time.monotonic() - self.written > PAUSE:
            self.write(seconds_left)

    def write(self, seconds_left: float | None) -> None:
        self.written = time.monotonic()
        entry = {**self.entry, "running": list(self.running.values()), "seconds_left": seconds_left}
        with suppress(OSError):  # a full disk is told of by what matters more
            store.write_atomically(self.path, json.dumps(entry).encode())


@dataclass(frozen=True)
class Told:
    """What a run last said of itself."""

    path: Path
    alive: bool
    entry: Mapping[str, Any]


def read(track: Path) -> Iterator[Told]:
    """The journals of a track, oldest first."""
    for path in sorted((track / ".runs").glob("*.json")):
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(entry, dict):
            yield Told(path, _alive(path), entry)


def _alive(path: Path) -> bool:
    try:
        with FileLock(path.with_suffix(".lock"), blocking=False):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that is only to be read
        return False
