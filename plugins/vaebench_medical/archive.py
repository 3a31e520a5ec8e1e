"""Archives unpacked so that nothing lands outside the folder, and nothing half-unpacked is ever seen."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path

from filelock import FileLock


def unpack(path: Path, folder: Path, wanted: re.Pattern[str] = re.compile("")) -> None:
    """The members of a zip whose names match `wanted`, into `folder`. Names that lead out of it and links are refused
    before anything is written; each top folder appears whole or not at all, and one that is there already stays."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{path.name}.lock"), zipfile.ZipFile(path) as opened:
            members = [m for m in opened.infolist() if wanted.search(m.filename) and not m.is_dir()]
            for member in members:
                _check(member, path)
            _make_room(sum(m.file_size for m in members), folder, path)
            _destination(opened, members, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # RuntimeError: encrypted, say
        raise ValueError(f"{path} cannot be unpacked or is damaged ({error}); get it again") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be unpacked into {folder}: {error.strerror or error}") from error


def _destination(opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path) -> None:
    staging = Path(tempfile.mkdtemp(dir=folder, prefix=".unpacking-"))
    try:
        for member in members:
            opened.extract(member, staging)
        for top in sorted(staging.iterdir()):
            if not (folder / top.name).exists():
                top.replace(folder / top.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check(member: zipfile.ZipInfo, path: Path) -> None:
    name = member.filename
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ValueError(f"{path} holds the link {name!r}; that is not the published archive, delete it")
    if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or re.match(r"[A-Za-z]:", name):
        raise ValueError(f"{path} holds {name!r}, which leads out of the folder; delete it, it is not to be trusted")


def _make_room(needed: int, folder: Path, path: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"{path} unpacks to {needed / 1e9:.1f} GB, and {os.fspath(folder)} has {free / 1e9:.1f} GB left; "
            "make room, or choose another data folder with --data"
        )
