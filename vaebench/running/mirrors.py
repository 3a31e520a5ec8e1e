"""The mirrors on this machine, for commands that accept a URL in place of a results folder.

Every function accepts any results folder, and does nothing if the folder is not a mirror."""

from __future__ import annotations

import hashlib
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from vaebench.data.folders import cache_folder
from vaebench.errors import UserError
from vaebench.records import store, urls
from vaebench.running.mirror import OWN, Mirror, Wants
from vaebench.running.remote import Unreachable
from vaebench.trial import slug

FOLDER = "results"
"""The subfolder of the cache with all mirrors"""
URL = "url"


def pictures(name: str) -> bool:
    """Fetch all files of records except weights."""
    return name != store.WEIGHTS


def everything(name: str) -> bool:
    """Fetch all files of records."""
    return True


def folder_of(place: str) -> Path:
    """Return the results folder at a path, or the mirror of a URL; a new mirror is empty until its first update."""
    if not urls.is_url(url := place):
        return Path(place)
    try:
        urls.check(url)
        if url.startswith(("file:", "local:")):
            url = f"file://{urls.opened(url)[1]}"
    except ValueError as error:
        raise UserError(str(error)) from error
    url = url.rstrip("/")
    name = f"{slug(url.replace('://', '-'))[:80]}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
    folder = cache_folder().absolute() / FOLDER / name
    store.write_atomically(folder / OWN / URL, url.encode())
    return folder


def update(folder: Path, wants: Wants | None = None) -> None:
    """Bring a mirror up to date; `wants` decides by name which files of records are fetched."""
    if mirror := _mirror(folder):
        mirror.update(wants)


def check_writable(folder: Path) -> None:
    """Raise Unreachable if nothing can be uploaded; this is called before anything is trained."""
    if mirror := _mirror(folder):
        mirror.remote.check_writable()


def publish(folder: Path) -> str:
    """Upload the boards that changed; return a line about the upload, or an empty string if there was none."""
    if not (mirror := _mirror(folder)):
        return ""
    try:
        count = mirror.publish()
    except Unreachable as error:
        warnings.warn(f"{error}. The boards were not uploaded.", stacklevel=2)
        return ""
    return f"Uploaded {count} board files to {mirror.url}" if count else ""


def fetch_weights(record: Path) -> None:
    """Fetch the weights of a record, if its folder is a mirror that lacks them."""
    if not store.weights_of(record).exists() and (mirror := _mirror(record)):
        mirror.fetch_weights(record)


def named(path: Path) -> str:
    """Return the URL of a path in a mirror, and other paths as they are."""
    if mirror := _mirror(path):
        return "/".join((mirror.url, *path.absolute().relative_to(mirror.folder).parts))
    return str(path)


class Uploads:
    """Uploads the records of a run in the background, so that a slow network does not delay its trials.

    After a failure, the remaining records are left to the update at the end of the run, or to the next command."""

    def __init__(self, folder: Path) -> None:
        self._mirror, self._pool, self._failed = _mirror(folder), ThreadPoolExecutor(1), False

    def __enter__(self) -> Uploads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)

    def add(self, record: Path) -> None:
        """Upload a record as soon as those before it are uploaded."""
        if self._mirror:
            self._pool.submit(self._upload, self._mirror, record)

    def _upload(self, mirror: Mirror, record: Path) -> None:
        try:
            if not self._failed:
                mirror.upload(record)
        except (Unreachable, OSError):
            self._failed = True


def update_after_run(folder: Path) -> None:
    """Upload the remaining records of a run, and fetch those that other machines added; if this fails, only warn."""
    try:
        update(folder, pictures)
    except UserError as error:
        warnings.warn(f"{error}. All records are kept in {folder}; repeat the command to upload them.", stacklevel=2)


def _mirror(path: Path) -> Mirror | None:
    """Return the mirror that contains a path."""
    path, root = path.absolute(), cache_folder().absolute() / FOLDER
    if path.is_relative_to(root) and path != root:
        folder = root / path.relative_to(root).parts[0]
        if (url := folder / OWN / URL).is_file():
            return Mirror(folder, url.read_text())
    return None
