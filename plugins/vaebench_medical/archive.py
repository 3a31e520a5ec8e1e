"""Safe unpacking of archives: no file is written outside the target folder, and each folder appears once complete."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from vaebench_medical import bounds


def unpack(path: Path, folder: Path, wanted: re.Pattern[str] = re.compile("")) -> None:
    """Unpack the members of a zip file whose names match `wanted` into `folder`. Links, and names that lead out of the
    folder, are refused before anything is written. Each top-level folder of the archive appears completely or not at
    all; existing folders are kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{path.name}.lock"), opened(path) as archive:
            members = [m for m in archive.infolist() if wanted.search(m.filename) and not m.is_dir()]
            for member in members:
                _check(member)
            needed, most = sum(m.file_size for m in members), bounds.MAX_RATIO * path.stat().st_size
            if needed > most:
                raise ValueError(
                    f"unpacking needs {needed:,} bytes, more than {bounds.MAX_RATIO} times the size of the archive"
                )
            _make_room(needed, folder)
            _destination(archive, members, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # RuntimeError: for example, encrypted
        raise ValueError(f"{path} cannot be unpacked or is damaged ({error}); download or copy it again") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be unpacked into {folder}: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file. Raise ValueError if its list of members is too large: Python keeps the list in memory."""
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # ZipFile uses it as well
        if end and end[zipfile._ECD_SIZE] > bounds.MAX_DIRECTORY_BYTES:  # type: ignore[attr-defined]
            raise ValueError(f"the list of members is larger than {bounds.MAX_DIRECTORY_BYTES:,} bytes")
        with zipfile.ZipFile(file) as archive:
            yield archive


def plain(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return the member if it is stored or deflated. Raise ValueError for other compression methods, which let
    the archive decide how much memory is used."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            f"the member {member.filename!r} uses a compression method other than deflate; repack the archive"
        )
    return member


def _destination(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path) -> None:
    staging = Path(tempfile.mkdtemp(dir=folder, prefix=".unpacking-"))
    try:
        for member in members:
            archive.extract(member, staging)
        for top in sorted(staging.iterdir()):
            if not (folder / top.name).exists():
                top.replace(folder / top.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check(member: zipfile.ZipInfo) -> None:
    name = member.filename
    plain(member)
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ValueError(
            f"the archive contains the link {name!r}, so it is not the published archive; download the published one"
        )
    if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or re.match(r"[A-Za-z]:", name):
        raise ValueError(f"the member {name!r} would be written outside the folder; delete the unsafe archive")


def _make_room(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"unpacking needs {needed / 1e9:.1f} GB, but {os.fspath(folder)} has only {free / 1e9:.1f} GB left; "
            "free some space, or choose another data folder with --data"
        )
