"""Compares two folders of results: which records differ, and in which items. Times are ignored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vaebench.records.clean import clean
from vaebench.records.record import Cell, Record, to_json
from vaebench.report.numbers import DASH
from vaebench.report.tables import Table

Records = Mapping[Path, Record]
"""path relative to the results folder -> record"""


class Change(NamedTuple):
    what: str
    before: str
    after: str
    by: float | None = None
    """absolute difference; None for texts"""


@dataclass(frozen=True)
class Differences:
    only_first: tuple[Path, ...]
    only_second: tuple[Path, ...]
    same: int
    changed: Mapping[Path, tuple[Change, ...]]

    @property
    def summary(self) -> str:
        """The differences in one sentence."""
        parts = [f"{self.same} records are the same in both folders", f"{len(self.changed)} differ"]
        parts += [f"{len(self.only_first)} are only in the first", f"{len(self.only_second)} only in the second"]
        return f"{', '.join(parts)}."


def differences(first: Records, second: Records) -> Differences:
    """Compare the records that have the same path in both folders."""
    both = sorted(first.keys() & second.keys())
    changed = {path: found for path in both if (found := tuple(_changes(first[path], second[path])))}
    only = [tuple(sorted(one.keys() - other.keys())) for one, other in ((first, second), (second, first))]
    return Differences(only[0], only[1], len(both) - len(changed), changed)


def by_what(found: Differences) -> Table:
    """Return a table of the differing items: in how many records each differs, and in which record it differs most."""
    own: dict[str, list[tuple[float, Change, Path]]] = defaultdict(list)
    for path, changes in found.changed.items():
        for change in changes:
            own[change.what].append((change.by if change.by is not None else -1.0, change, path))
    rows = []
    for what, places in sorted(own.items(), key=lambda item: (-len(item[1]), item[0])):
        _, change, path = max(places, key=lambda place: place[0])
        rows.append((what, str(len(places)), change.before, change.after, clean(str(path), 200)))
    header = ("What differs", "Records", "First", "Second", "Largest or first difference in")
    return Table("What differs", header, tuple(rows), len(rows))


def _changes(one: Record, other: Record) -> Iterator[Change]:
    yield from _texts("status", one.status, other.status)
    for name in sorted(one.metrics.keys() | other.metrics.keys()):
        cells = one.metrics.get(name), other.metrics.get(name)
        values = [cell.value if cell else None for cell in cells]
        before, after = (_told(cell) for cell in cells)
        if values[0] is not None and values[1] is not None:
            if values[0] != values[1]:
                yield Change(clean(name), before, after, abs(values[0] - values[1]))
        else:
            yield from _texts(name, before, after)
    for group, mine, theirs in _groups(one, other):
        for name in sorted(mine.keys() | theirs.keys()):
            yield from _texts(f"{group}: {name}", str(mine.get(name, DASH)), str(theirs.get(name, DASH)))


def _groups(one: Record, other: Record) -> Iterator[tuple[str, dict[str, object], dict[str, object]]]:
    """Yield the inputs that determine the numbers of two records, in groups."""
    first, second = to_json(one), to_json(other)
    yield "images", {"digest": first["inputs"]["data"]}, {"digest": second["inputs"]["data"]}
    yield "version", first["inputs"]["components"], second["inputs"]["components"]
    yield "setting", first["settings"], second["settings"]


def _told(cell: Cell | None) -> str:
    if cell is None:
        return DASH
    return f"{cell.value:.6g}" if cell.value is not None else cell.reason


def _texts(what: str, before: str, after: str) -> Iterator[Change]:
    if before != after:
        yield Change(clean(what), clean(before, 60), clean(after, 60))
