"""Prepared data that are fetched from another machine and identified by their digest."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from vaebench.data.folders import cache_folder
from vaebench.data.prepare import about, intact


def files_of(folder: Path) -> list[Path]:
    """Return the files of a prepared folder that another machine needs."""
    return [folder / "about.json", *sorted(folder.glob("*.npy"))]


def fetched(digest: str, fetch: Callable[[Path], None], cache: Path | None = None) -> Path:
    """Return the cache's folder that contains the prepared data with this digest. If the folder is missing, `fetch` is
    called with an empty folder, into which it must put the files; raise ValueError if these files have a different
    digest."""
    folder = (cache or cache_folder()) / "ready" / f"by-digest-{digest[:32]}"
    if _holds(folder, digest):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # several trials may begin at once
        if not _holds(folder, digest):
            for debris in folder.parent.glob(f".{folder.name}.*"):  # left by a killed process
                shutil.rmtree(debris, ignore_errors=True)
            temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
            try:
                fetch(temporary)
                if not _holds(temporary, digest):
                    raise ValueError(f"the fetched images do not have the expected digest {digest[:12]}")
                shutil.rmtree(folder, ignore_errors=True)
                temporary.replace(folder)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
    return folder


def _holds(folder: Path, digest: str) -> bool:
    return intact(folder) and about(folder).digest == digest
