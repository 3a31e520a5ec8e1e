"""Which files a board makes for people: the whole of it, one sheet per verdict, one per dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.ranks import is_ranked
from vaebench.leaderboard.runs import VERDICTS
from vaebench.records.clean import clean
from vaebench.report.tables import Table, by_dataset, by_metric, by_verdict, dataset_name, summary, tables, title
from vaebench.trial import slug

LONGEST = 80
"""Characters of a dataset's name in that of a file."""


@dataclass(frozen=True)
class Sheet:
    """Some tables of a board, and the part of it that the notes under them speak of."""

    name: str
    """of its files, from the track's folder, without suffix"""
    title: str
    tables: tuple[Table, ...]
    board: Board
    links: tuple[tuple[str, str], ...] = ()
    """what further sheets are called, and their names"""
    dataset: str = ""
    """the one that it is of"""
    verdict: str = ""
    """the one that it is of, where that has a headline that ranks"""


def everything(board: Board) -> Sheet:
    """All of a board at once."""
    return Sheet("leaderboard", title(board), tuple(tables(board)), board)


def sheets(board: Board) -> Iterator[Sheet]:
    """The whole in short, then every verdict, then every dataset."""
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
        if name.lower() in taken:  # two datasets that differ in what no file's name can hold
            name += f"-{hashlib.sha256(dataset.encode()).hexdigest()[:8]}"
        taken.add(name.lower())
        own = board.narrowed(dataset=dataset)
        title = f"{clean(board.track)}: {dataset_name(board, dataset)}"
        yield Sheet(f"boards/{name}", title, tuple(by_dataset(own)), own, dataset=dataset)
