"""The board of a track, which is made from the records in one or several folders and written to the first folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from vaebench.components.declared import Declared
from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.leaderboard.board import Board, board, uncollected
from vaebench.leaderboard.comparable import complete_digests
from vaebench.leaderboard.rules import Rules, rules_of
from vaebench.leaderboard.runs import Entrant, Run
from vaebench.planning.kept import declarations
from vaebench.planning.suite import Suite
from vaebench.records import store
from vaebench.records.clean import clean
from vaebench.records.manifest import TIERS, Tier, tiers
from vaebench.records.record import Record
from vaebench.records.store import write_atomically
from vaebench.report.files import texts
from vaebench.report.found import Found
from vaebench.report.page import write_page
from vaebench.trial import slug

PINS = "track.json"
"""The file with a track's pinned data digests, including those of phantoms, which are slow to draw again."""


def pins(folder: Path) -> dict[str, str]:
    """Return a mapping from dataset to the digest that a track's folder pins."""
    try:
        found = json.loads(store.read_bounded(folder / PINS, store.LARGEST, "file of pinned digests"))["data"]
        return {str(name): str(digest) for name, digest in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


class NotWritten(UserError):
    """Raised if boards could not be written; they can still be shown."""


class Track:
    """One track in one or several results folders; pass `records` if they have already been read."""

    def __init__(
        self,
        suite: Suite,
        preset: str,
        source: str,
        *results: Path,
        records: Iterable[tuple[Path, Record]] | None = None,
    ) -> None:
        self.suite, self.preset, self.source = suite, preset, source
        self.folders = tuple(folder / slug(str(suite)) / preset / source for folder in results)
        self.found = Found(f"{suite}/{preset}/{source}", *self.folders, records=records)

    def board(self, metrics: Sequence[str] = (), dataset: str | None = None) -> Board:
        made = board(self.runs, self.rules, metrics=metrics, dataset=dataset)
        return replace(made, tiers=self._tiers())

    def _tiers(self) -> dict[Entrant, Tier]:
        """Return the lowest tier among the records of each model, if it is above *reported*."""
        known = {path: tier for folder in self.folders for path, tier in tiers(folder).items()}
        lowest: dict[Entrant, Tier] = {}
        for path, run in self.found.runs if known else ():
            tier = known.get(Path(path), TIERS[0])
            lowest[run.entrant] = min(tier, lowest.get(run.entrant, tier), key=TIERS.index)
        return {entrant: tier for entrant, tier in lowest.items() if tier != TIERS[0]}

    @cached_property
    def runs(self) -> list[Run]:
        """The runs from which the board is made."""
        return [run for _, run in self.found.runs]

    @cached_property
    def rules(self) -> Rules:
        """The rules of the track, which no record can change, with the data digests that the first folder with such
        digests pins."""
        pinned = next(filter(None, map(pins, self.folders)), {})
        declared = Declared(installed(), self.suite.home, declarations(self.folders[0].parents[1]))
        rules = rules_of(self.suite, self.preset, self.source, declared, pinned)
        return replace(rules, data={**complete_digests(self.runs, rules), **pinned})

    def repin(self) -> Iterator[str]:
        """Pin the images of the newest complete reference of each dataset; yield a text per change."""
        now = self.rules.data
        new = {**now, **complete_digests(self.runs, replace(self.rules, data={}), newest=True)}
        self.rules = replace(self.rules, data=new)
        for dataset in sorted(new):
            if now.get(dataset) != new[dataset]:
                yield f"{dataset}: {now.get(dataset, 'nothing')[:12]} -> {new[dataset][:12]}"

    def write(self, board: Board) -> list[Path]:
        """Write the files to the track's first folder and return their paths; raise NotWritten if that fails."""
        written = write_boards(self.folders[0], board, self.found)
        if self.rules.data:
            told = {"schema": "vaebench/track@1", "data": dict(sorted(self.rules.data.items()))}
            write_atomically(self.folders[0] / PINS, (json.dumps(told, indent=1) + "\n").encode())
        return written


@uncollected()
def write_boards(folder: Path, board: Board, found: Found) -> list[Path]:
    """Write the files of a board atomically and return their paths; raise NotWritten if one cannot be written."""
    try:
        return write_tables(folder, board) + write_page(folder / "leaderboard.html", board, found)
    except OSError as error:
        where = clean(str(folder), 400)
        raise NotWritten(f"The boards in {where} were not written: {error.strerror or error}.") from error


@uncollected()
def write_tables(folder: Path, board: Board) -> list[Path]:
    """Write the files that depend on the records alone, and return their paths."""
    paths = []
    for name, text in texts(board):
        write_atomically(folder / name, text.encode())
        paths.append(folder / name)
    return paths
