"""The records of a track: reads the data that the board needs from all records, and single records on request."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from vaebench.leaderboard.board import uncollected
from vaebench.leaderboard.runs import Reader, Run, place_in_line
from vaebench.records import store
from vaebench.records.record import BadRecord, Record
from vaebench.report import index

HELD = 2000
"""The number of records that are kept in memory. Other records are read again if the page shows them."""


class Found:
    """The records of a track (`NAME@VERSION/PRESET/SOURCE`): those passed as `records`, or all those in the folders.
    Unchanged records that are in an index are not read from their files. If several folders have a valid record in the
    same place, the record of the first of these folders is used."""

    def __init__(self, track: str, *folders: Path, records: Iterable[tuple[Path, Record]] | None = None) -> None:
        self.track, self.folders = track, folders
        self._given = records is not None
        self._held = {str(path): record for path, record in records or ()}

    @cached_property
    def runs(self) -> list[tuple[str, Run]]:
        """The path of each record and the `Run` made from it, always in the same order."""
        with uncollected():
            return sorted(self._runs(Reader()), key=lambda one: place_in_line(one[1]))

    def record(self, path: str) -> Record | None:
        """Return one record, or None if it can no longer be read."""
        if (held := self._held.get(path)) is not None:
            return held
        found = store.read_at(Path(path))
        return found if isinstance(found, Record) else None

    def _runs(self, reader: Reader) -> Iterator[tuple[str, Run]]:
        if self._given:
            for path, record in self._held.items():
                if record.trial.track == self.track:
                    yield path, reader.run(record)
            return
        taken = set[str]()
        for folder in self.folders:
            indexed = index.runs(folder, self.track, reader)
            for place in store.places(folder):
                if place in taken:
                    continue
                path = f"{folder}/{place}"
                if (run := indexed.get(place)) is None:
                    found = store.read_at(folder / place)
                    if isinstance(found, BadRecord):
                        warnings.warn(str(found), stacklevel=2)
                        continue
                    if found.trial.track == self.track:
                        run = reader.run(found)
                        if len(self._held) < HELD:
                            self._held[path] = found
                taken.add(place)
                if run is not None:
                    yield path, run
