"""Progress files, which a run writes to `.runs/` of its track and `vaebench status` reads."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from vaebench.interfaces import Event
from vaebench.records import store
from vaebench.running import processes

PAUSE = 2.0
"""Seconds between two updates of the file"""


FORGOTTEN = 86400.0
"""Seconds without an update after which a run on another machine is assumed to have ended"""


LARGEST = 2**20
"""The maximum size of a progress file in bytes; each running trial adds about 200 bytes"""


class ProgressFile:
    """Writes the progress of a run to a file, from the events of its sweep."""

    def __init__(self, track: Path, total: int) -> None:
        folder = track / ".runs"
        folder.mkdir(parents=True, exist_ok=True)
        for old in list(read(track)):
            if old.state == "ended":  # only the most recent run is of interest
                old.path.unlink(missing_ok=True)
        now = datetime.now(UTC)
        self.path = folder / f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(8)}.json"
        process = os.getpid()
        self.entry: dict[str, Any] = {
            "started": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "host": processes.host(),
            "process": process,
            "born": processes.born(process),
            "total": total,
            "ended": 0,
            "failed": 0,
        }
        self.running: dict[str, dict[str, Any]] = {}
        self.written = 0.0

    def __enter__(self) -> ProgressFile:
        self.write(None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.entry["finished"] = kind is None
        self.running.clear()
        self.write(0.0)

    def hear(self, event: Event, seconds_left: float | None) -> None:
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
        heard = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        entry = {**self.entry, "heard": heard, "running": list(self.running.values()), "seconds_left": seconds_left}
        with suppress(OSError):  # on a full disk, more important files will raise the error
            store.write_atomically(self.path, json.dumps(entry).encode())


@dataclass(frozen=True)
class Told:
    """The last reported progress of a run."""

    path: Path
    state: Literal["running", "elsewhere", "ended"]
    """`elsewhere` is a run on another machine that has not reported its end."""
    entry: Mapping[str, Any]


def read(track: Path) -> Iterator[Told]:
    """Read the progress files of a track, oldest first."""
    for path in sorted((track / ".runs").glob("*.json")):
        try:
            entry = json.loads(store.read_bounded(path, LARGEST, "progress file"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield Told(path, _state(path, entry), entry)


def _state(path: Path, entry: Mapping[str, Any]) -> Literal["running", "elsewhere", "ended"]:
    if "finished" in entry:
        return "ended"
    if entry.get("host") == processes.host():
        alive = processes.lives(int(entry.get("process", 0)), str(entry.get("born")))
        return "running" if alive else "ended"
    with suppress(OSError):
        if time.time() - path.stat().st_mtime < FORGOTTEN and "host" in entry:
            return "elsewhere"
    return "ended"
