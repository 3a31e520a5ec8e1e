"""The index of a track: the data that boards and tables need from its records, in one Parquet file next to them.

A row of the index is used only if two conditions hold:

- The current user account wrote the index. Its digest is kept in the cache under the folder's path, and a file with a
  different digest is not parsed, whether it came with another person's records, was copied, was cut off or was changed.
- The record's file has not changed: its size, modification time, change time and inode are the same. The change time
  cannot be set by hand, so an edit that keeps the size and restores the modification time is detected, too. A record
  that changed less than two seconds before indexing began is not indexed, since a second edit might get the same time.

New and changed records are read from their files, and so are all records if there is no index.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from filelock import FileLock

from vaebench.data.folders import cache_folder
from vaebench.errors import UserError
from vaebench.leaderboard.runs import COSTS, Measure, Number, Reader, Run
from vaebench.records import store
from vaebench.records.record import Record
from vaebench.report.rows import KINDS

if TYPE_CHECKING:
    from vaebench.report.indexed import Rows

NAME = "index.parquet"
FORM = 2
"""The version of the index, which is increased when the meaning of its fields changes"""
SETTLED = 2 * 10**9
"""The resolution, in nanoseconds, of the coarsest clock of any file system"""


class Indexed(NamedTuple):
    """Two counts for a track: the records whose current state is in the index, and all records."""

    current: int
    records: int


def write(track: Path) -> Indexed:
    """Index the records of a track. If the process is killed meanwhile, the old index stays valid or is ignored until
    the next call; a half-written index is never read."""
    try:
        from vaebench.report.indexed import write_rows
    except ImportError as error:
        raise UserError(f'An index needs pyarrow ({error}): pip install "vaebench[index]".') from error

    memory = _memory(track)
    memory.parent.mkdir(parents=True, exist_ok=True)
    places = store.places(track)
    with FileLock(memory.with_suffix(".lock")):
        for debris in track.glob(f".{NAME}.*.tmp"):
            debris.unlink(missing_ok=True)
        handle, temporary = tempfile.mkstemp(dir=track, prefix=f".{NAME}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                begun = os.fstat(handle).st_ctime_ns  # by the clock of the track's disk
                count = write_rows(_settled(track, places, begun - SETTLED), file)
                file.flush()
                os.fsync(handle)
            store.write_atomically(memory, _known_by(Path(temporary).read_bytes()).encode())
            store.open_to_others(Path(temporary))
            Path(temporary).replace(track / NAME)
        finally:
            Path(temporary).unlink(missing_ok=True)
    return Indexed(count, len(places))


def runs(track: Path, name: str, reader: Reader) -> dict[str, Run]:
    """Return place -> run for the records of a track that the index contains in their current state."""
    rows = read(track)
    return {} if rows is None else dict(rows.runs(name, reader))


def current(track: Path) -> Indexed | None:
    """Return how many records the index of a track covers, or None if there is no usable index."""
    rows = read(track)
    return None if rows is None else Indexed(len(rows.current), len(store.places(track)))


def read(track: Path) -> Rows | None:
    """Return the rows of the index; None if another account wrote it or if it cannot be read here."""
    with suppress(OSError, ValueError, ImportError):
        known = _memory(track).read_text()
        content = store.read_bounded(track / NAME, int(known.split()[0]), "index")
        if known == _known_by(content):
            from vaebench.report.indexed import Rows

            return Rows(content, lambda place, stamp: stamp == stamp_of(f"{track}/{place}"))
    return None


def stamp_of(record: str) -> str:
    """Return a text that changes with every change of a file; empty if there is no file."""
    try:
        found = os.stat(record)  # noqa: PTH116 (a hundred thousand paths take a second)
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"


def _settled(track: Path, places: list[str], latest: int) -> Iterator[tuple[str, str, Record]]:
    """Yield place, stamp and content of each valid record that last changed before the time `latest`."""
    for place in places:
        stamp = stamp_of(f"{track}/{place}")  # taken before reading: a later change gives a new stamp
        if stamp and int(stamp.split()[2]) < latest:
            record = store.read_at(track / place)
            if isinstance(record, Record):
                yield place, stamp, record


def _known_by(content: bytes) -> str:
    """Return the size of an index and its digest, which also depends on how this version of vaebench reads an index."""
    form = FORM, KINDS, COSTS, Run.__slots__, Number._fields, Measure._fields
    told = hashlib.blake2b(repr(form).encode())
    told.update(content)
    return f"{len(content)} {told.hexdigest()}"


def _memory(track: Path) -> Path:
    """Return the path of the file that stores the digest of a folder's index."""
    return cache_folder() / "indexes" / hashlib.sha256(os.fsencode(track.resolve())).hexdigest()[:32]
