"""The board of a track: made from the records in its folder, and written beside them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from vaebench.leaderboard.board import Board, board, uncollected
from vaebench.planning.suite import Suite
from vaebench.records import store
from vaebench.records.store import BadRecord, Record, write_atomically
from vaebench.report.files import texts
from vaebench.report.page import write_page
from vaebench.trial import slug


def make_board(
    suite: Suite, preset: str, source: str, *results: Path, metrics: Sequence[str] = (), dataset: str | None = None
) -> Board:
    """The board of one track in one or several folders of results. Warns of files that are not records."""
    return board(
        _readable(*(folder / slug(str(suite)) / preset / source for folder in results)),
        suite=str(suite),
        preset=preset,
        source=source,
        metrics=metrics,
        dataset=dataset,
        expected=suite.presets[preset].datasets,
    )


def _readable(*tracks: Path) -> Iterator[Record]:
    for _, record in store.scan(*tracks):
        if isinstance(record, BadRecord):
            warnings.warn(str(record), stacklevel=2)
        else:
            yield record


@uncollected()
def write_boards(folder: Path, board: Board) -> list[Path]:
    """The files of a track, each replaced as a whole; of the folder the page takes records and pictures, too."""
    paths = []
    for name, text in texts(board):
        write_atomically(folder / name, text.encode())
        paths.append(folder / name)
    return paths + write_page(folder / "leaderboard.html", board, folder)
