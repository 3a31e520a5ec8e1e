"""The board of a track: made from the records in its folders, which are read once, and written beside them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from vaebench.errors import UserError
from vaebench.leaderboard.board import Board, board, uncollected
from vaebench.planning.suite import Suite
from vaebench.records import store
from vaebench.records.clean import clean
from vaebench.records.record import BadRecord, Record
from vaebench.records.store import write_atomically
from vaebench.report.files import texts
from vaebench.report.page import write_page
from vaebench.trial import slug

HELD = 2000
"""Records of a track that are kept in memory; a larger track is read again for its page."""


class NotWritten(UserError):
    """Boards that could not be written, in one sentence; they can be shown all the same."""


class Track:
    """One track in one or several folders of results. Iterating gives each record with its path."""

    def __init__(self, suite: Suite, preset: str, source: str, *results: Path) -> None:
        self.suite, self.preset, self.source = suite, preset, source
        self.folders = tuple(folder / slug(str(suite)) / preset / source for folder in results)
        self._held: list[tuple[Path, Record]] | None = None

    def __iter__(self) -> Iterator[tuple[Path, Record]]:
        if self._held is not None:
            yield from self._held
            return
        held: list[tuple[Path, Record]] = []
        count = 0
        for path, record in store.scan(*self.folders):
            if isinstance(record, BadRecord):
                warnings.warn(str(record), stacklevel=2)
                continue
            count += 1
            if count <= HELD:
                held.append((path, record))
            else:
                held.clear()
            yield path, record
        if count <= HELD:
            self._held = held

    def board(self, metrics: Sequence[str] = (), dataset: str | None = None) -> Board:
        return board(
            (record for _, record in self),
            suite=str(self.suite),
            preset=self.preset,
            source=self.source,
            metrics=metrics,
            dataset=dataset,
            expected=self.suite.presets[self.preset].datasets,
        )

    def write(self, board: Board) -> list[Path]:
        """Write the files of the track's first folder; return their paths. NotWritten where it takes no files."""
        return write_boards(self.folders[0], board, self)


@uncollected()
def write_boards(folder: Path, board: Board, records: Iterable[tuple[Path, Record]] = ()) -> list[Path]:
    """Write the files of a board, each replaced as a whole; return their paths. NotWritten where none can be."""
    paths = []
    try:
        for name, text in texts(board):
            write_atomically(folder / name, text.encode())
            paths.append(folder / name)
        return paths + write_page(folder / "leaderboard.html", board, records)
    except OSError as error:
        where = clean(str(folder), 400)
        raise NotWritten(f"The boards in {where} were not written: {error.strerror or error}.") from error
