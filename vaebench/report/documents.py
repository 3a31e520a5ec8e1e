"""The sheets of a board that are written for people: an overview, a sheet per verdict and a sheet per dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import is_ranked
from vaebench.leaderboard.runs import VERDICTS
from vaebench.records.clean import clean
from vaebench.report.findings import findings
from vaebench.report.notes import Notes, notes
from vaebench.report.tables import Table, by_dataset, by_metric, by_verdict, dataset_name, summary, tables, title
from vaebench.trial import slug

LONGEST = 80
"""Maximum length of a dataset's name within a file name, in characters."""


@dataclass(frozen=True)
class Sheet:
    """Some tables of a board, and the part of the board that their notes are about."""

    name: str
    """path of its files relative to the track's folder, without suffix"""
    title: str
    tables: tuple[Table, ...]
    board: Board
    links: tuple[tuple[str, str], ...] = ()
    """the titles and names of the sheets to which this sheet links"""
    dataset: str = ""
    """the dataset that the sheet is about, if any"""
    verdict: str = ""
    """the verdict that the sheet is about, if that verdict is ranked"""

    @cached_property
    def findings(self) -> list[str]:
        """The sentences above the tables."""
        return findings(self.board)

    @cached_property
    def notes(self) -> list[Notes]:
        """The sections below the tables."""
        return notes(self.board)


def everything(board: Board) -> Sheet:
    """Return a sheet with the whole board."""
    return Sheet("leaderboard", title(board), tuple(tables(board)), board)


def sheets(board: Board) -> Iterator[Sheet]:
    """Yield an overview sheet, then a sheet for every verdict and for every dataset."""
    parts = [*_verdicts(board), *_datasets(board)]
    links = tuple((part.title.rpartition(": ")[2], part.name) for part in parts)
    yield Sheet("leaderboard", title(board), tuple(summary(board)), board, links)
    yield from parts


def _verdicts(board: Board) -> Iterator[Sheet]:
    shown = {column.measure.verdict for column in board.columns}
    for verdict in (verdict for verdict in VERDICTS if verdict in shown):
        own = board.narrowed(verdict=verdict)
        drawn = (*(by_verdict(own, one) for one in own.standings), *by_metric(own))
        ranked = verdict if any(is_ranked(one.measure) for one in own.standings) else ""
        yield Sheet(f"boards/{verdict}", f"{clean(board.track)}: {verdict}", drawn, own, verdict=ranked)


def _datasets(board: Board) -> Iterator[Sheet]:
    taken = set(VERDICTS)
    for dataset in board.datasets:
        name = slug(dataset)[:LONGEST]
        if name.lower() in taken:  # the names differ only in characters that file names cannot contain
            name += f"-{hashlib.sha256(dataset.encode()).hexdigest()[:8]}"
        taken.add(name.lower())
        own = board.narrowed(dataset=dataset)
        title = f"{clean(board.track)}: {dataset_name(board, dataset)}"
        yield Sheet(f"boards/{name}", title, tuple(by_dataset(own)), own, dataset=dataset)
