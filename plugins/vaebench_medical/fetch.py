"""Downloads that resume, and that count as complete only if their checksum is correct."""

from __future__ import annotations

import errno
import hashlib
import shutil
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from vaebench_medical import bounds

CHUNK = 2**18
TRIES = 4
"""A download fails when its connection breaks this many times in a row without receiving a byte."""
TIMEOUT = 60


def md5(path: Path) -> str:
    """Return the MD5 of a file. The value is cached in a hidden file in the same folder, and recomputed if the file's
    size, time or inode changes."""
    stat, note = path.stat(), path.with_name(f".{path.name}.md5")
    stamp = f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"
    try:
        known, _, before = note.read_bytes()[:200].decode().partition(" ")
        if before == stamp and len(known) == 32:
            return known
    except (OSError, ValueError):
        pass
    found = _md5(path)
    with suppress(OSError):  # in a read-only folder, the file is hashed again each time
        note.write_text(f"{found} {stamp}")
    return found


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def download(url: str, target: Path, expected: str) -> None:
    """Download `url` to `target` and check that its MD5 is `expected`. An interrupted download is resumed, and several
    processes may call this function for the same target.

    The data are written to `target.part`, which is renamed once it is complete and its checksum is correct."""
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):
            if target.exists():
                if md5(target) != expected:
                    raise ValueError(f"{target} exists, but is not the published file; move it away and fetch again")
                return
            _complete(url, part)
            if (found := _md5(part)) != expected:
                part.unlink()
                raise ValueError(f"{url} has MD5 {found}, not the published {expected}; fetch again")
            part.replace(target)
    except urllib.error.HTTPError as error:
        raise ValueError(f"{url} returns {error.code} {error.reason}; try again later") from error
    except (urllib.error.URLError, TimeoutError, HTTPException, ConnectionError) as error:
        raise ValueError(f"{url} cannot be fetched ({error}); fetch again to resume") from error
    except OSError as error:
        full = error.errno == errno.ENOSPC
        why = "the disk is full; free some space" if full else f"{error.strerror}; choose another folder with --data"
        raise ValueError(f"{target} cannot be written: {why}, and fetch again") from error


def _complete(url: str, part: Path) -> None:
    """Append to `part` until the download is complete."""
    broken = 0
    while True:
        have = part.stat().st_size if part.exists() else 0
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                if response.status != 206:
                    have = 0  # the server ignores the requested range and sends the whole file
                length = response.headers.get("Content-Length")
                total = have + int(length) if length else None
                _make_room(part, int(length or 0))
                got = _append(response, part, have, total)
            if total is None or got == total:
                return
        except urllib.error.HTTPError as error:
            if error.code == 416 and have:
                return  # the file is already complete
            raise
        except (urllib.error.URLError, TimeoutError, HTTPException, ConnectionError):
            if broken + 1 >= TRIES:
                raise
            got = part.stat().st_size if part.exists() else 0
        broken = 0 if got > have else broken + 1
        if broken >= TRIES:
            raise ConnectionError(f"after {have} bytes, the connection broke {TRIES} times in a row")


def _append(response: HTTPResponse, part: Path, have: int, total: int | None) -> int:
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    with (
        Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress,
        part.open("r+b" if have else "wb") as file,
    ):
        file.seek(have)
        task = progress.add_task(part.name.removesuffix(".part"), total=total, completed=have)
        while chunk := response.read(CHUNK):
            file.write(chunk)
            if file.tell() > bounds.MAX_DOWNLOAD_BYTES:
                file.truncate(0)
                raise ValueError(
                    f"{response.url} sends more than {bounds.MAX_DOWNLOAD_BYTES:,} bytes; no published file is so large"
                )
            progress.advance(task, len(chunk))
        return file.tell()


def _make_room(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise OSError(errno.ENOSPC, f"{needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB left")
