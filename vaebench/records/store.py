"""The storage of records: their paths, and how they are read and written. A killed process never leaves a partial
record."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

from vaebench.records.clean import clean
from vaebench.records.record import BadRecord, Record, decode, dumps, from_json, to_json
from vaebench.trial import Trial, slug

REFERENCE = "reference"
"""The subfolder of a results folder that contains published results of others. Commands read this subfolder only if the
user names it, so that a run trains every requested trial. Its name cannot clash with that of a suite's folder, which
contains an @."""

WEIGHTS = "weights.safetensors"
CHECKPOINT = "checkpoint"
OUTPUT = "output.txt"
ERROR = "error.txt"
"""The file with the traceback of a failed trial."""
FILE_NAME = re.compile(r".+-[0-9a-f]{12}\.json")
"""The pattern of the file names of records; boards and the other files of a trial do not match it."""

LARGEST = 2**20
"""The largest size of a record in bytes; real records have about 30,000."""
LONGEST = 120
"""The largest number of characters of a component's name in a file name; many systems allow 255 characters in total."""


def folder_of(results: Path, trial: Trial) -> Path:
    """Return the track's folder, which also contains its leaderboard."""
    return results / slug(trial.suite) / slug(trial.preset) / slug(trial.source)


def where_reference_is(results: Path) -> str:
    """Return a sentence that tells users of a folder without records where its reference results are; empty if it has
    none."""
    reference = results / REFERENCE
    return f" Reference results are in {reference}." if reference.is_dir() else ""


def path_of(results: Path, trial: Trial, device_class: str) -> Path:
    return (
        folder_of(results, trial)
        / device_class
        / slug(trial.dataset.name)[:LONGEST]
        / f"{slug(trial.model.name)[:LONGEST]}-{trial.id}.json"
    )


def artifacts_of(record: Path) -> Path:
    """Return the folder of a record's pictures and weights."""
    return record.with_suffix("")


def weights_of(record: Path) -> Path:
    return artifacts_of(record) / WEIGHTS


def files_beside(record: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and path of every file stored next to a record, except checkpoints and hidden files."""
    folder = artifacts_of(record)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.name.startswith(".") and name != CHECKPOINT:
            yield name, path


def digest_of(record: Path) -> str:
    """Return the SHA-256 of a record's file; empty if it cannot be read."""
    try:
        return hashlib.sha256(read_bounded(record, LARGEST, "record", links=True)).hexdigest()
    except OSError:
        return ""


def write(path: Path, record: Record) -> None:
    """Write a record completely or not at all: it is written to a temporary file, synced, and then renamed."""
    data = to_json(record)
    from_json(data)
    write_atomically(path, dumps(data).encode(errors="replace"))  # an error may quote a file name that is not Unicode


def write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        open_to_others(Path(temporary))
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def open_to_others(path: Path) -> None:
    """Give a temporary file the permissions of an ordinary new file."""
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(0o666 & ~umask)


def clear_debris(path: Path) -> None:
    """Remove the partial files of this record and its artifacts that a killed process left behind."""
    for debris in (*path.parent.glob(f".{path.name}.*.tmp"), *artifacts_of(path).glob(".*.tmp")):
        debris.unlink(missing_ok=True)


def open_bounded(path: Path, most: int, what: str, links: bool = False) -> BufferedReader:
    """Open a regular file of at most `most` bytes; raise an OSError with the reason if that is impossible. In an
    untrusted folder, reading a pipe could wait forever, and reading a sparse file could fill the memory."""
    if not stat.S_ISREG((path.stat() if links else path.lstat()).st_mode):
        raise OSError(f"the {what} must be a regular file")
    flags = ("O_NONBLOCK", "O_BINARY") if links else ("O_NONBLOCK", "O_BINARY", "O_NOFOLLOW")
    handle = os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in flags))
    try:
        found = os.fstat(handle)  # of the opened file, which may have been replaced meanwhile
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"the {what} must be a regular file")
        if found.st_size > most:
            raise OSError(f"the {what} has {found.st_size:,} bytes, more than the limit of {most:,}")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bounded(path: Path, most: int, what: str, links: bool = False) -> bytes:
    """Read a regular file of at most `most` bytes; raise an OSError with the reason if that is impossible."""
    with open_bounded(path, most, what, links) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(f"the {what} grew to more than {most:,} bytes while it was read")
    return content


def read(path: Path) -> Record:
    """Read a record, following symbolic links; the message of a BadRecord is safe to print."""
    try:
        return decode(read_bounded(path, LARGEST, "record", links=True))
    except OSError as error:
        raise _bad(f"{path} cannot be read as a record ({error}); delete it to run the trial again") from error
    except BadRecord as error:
        raise _bad(f"{path} is not a valid record: {error}; delete it to run the trial again") from error


def _bad(why: str) -> BadRecord:
    return BadRecord(clean(why, 1000))


def scan(track: Path, *others: Path) -> Iterator[tuple[Path, Record | BadRecord]]:
    """Yield every record of a track's folder, sorted by path; for a record that cannot be read, yield the error.

    Other folders of the same track add their records. If several folders have a valid record at the same path, the
    record of the first folder is used, as if that folder's files had been copied over those of the others."""
    taken = set[str]()
    for folder in (track, *others):
        for place in places(folder):
            if place not in taken:
                record = read_at(folder / place)
                yield folder / place, record
                if others and isinstance(record, Record):
                    taken.add(place)


def places(track: Path) -> list[str]:
    """Return the sorted paths of all records, relative to the track's folder."""
    found = [
        (device, dataset, name)
        for device in _names(track, folders=True)
        for dataset in _names(track / device, folders=True)
        for name in _names(track / device / dataset, folders=False)
    ]
    return ["/".join(parts) for parts in sorted(found)]


def _names(folder: Path, folders: bool) -> list[str]:
    """Return the names of a folder's subfolders, or of its files that may be records. Listing several hundred thousand
    files takes only seconds."""
    try:
        with os.scandir(folder) as entries:
            shown = (entry for entry in entries if not entry.name.startswith("."))
            return [entry.name for entry in shown if (entry.is_dir() if folders else entry.name.endswith(".json"))]
    except OSError:
        return []


def below(folder: Path) -> list[Path]:
    """Return the sorted paths of all records below a folder, except those in its subfolder `reference`."""
    found = []
    for where, folders, files in os.walk(folder):
        place, known = Path(where), set(files)
        beside = {REFERENCE} if place == folder else set()
        # files in a folder that is named after a record are not records
        folders[:] = [one for one in folders if one[0] != "." and f"{one}.json" not in known and one not in beside]
        found += [place / one for one in files if one[0] != "." and FILE_NAME.fullmatch(one)]
    return sorted(found)


def read_at(path: Path) -> Record | BadRecord:
    """Return a record in a track's folder, or the error if it cannot be read."""
    try:
        record = read(path)
    except BadRecord as error:
        return error
    if path.stem.endswith(f"-{record.id}"):
        return record
    # a copy under another name would count one trial twice
    return _bad(f"{path} contains the record of trial {record.id}; rename or delete it")
