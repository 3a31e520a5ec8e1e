"""Ready data on a machine that did not make them: fetched from one that has them, and known by their digest."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from vaebench.data.folders import cache_folder
from vaebench.data.prepare import about, intact


def files_of(folder: Path) -> list[Path]:
    """The files of a ready folder that another machine needs."""
    return [folder / "about.json", *sorted(folder.glob("*.npy"))]


def fetched(digest: str, fetch: Callable[[Path], None], cache: Path | None = None) -> Path:
    """The ready folder with this digest in a cache. If it is not there, `fetch` is given a folder to put its files
    into; ValueError if they are not the ones."""
    folder = (cache or cache_folder()) / "ready" / f"by-digest-{digest[:32]}"
    if _holds(folder, digest):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # several trials may begin at once
        if not _holds(folder, digest):
            for debris in folder.parent.glob(f".{folder.name}.*"):  # of a process that was killed here
                shutil.rmtree(debris, ignore_errors=True)
            temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
            try:
                fetch(temporary)
                if not _holds(temporary, digest):
                    raise ValueError(f"what was fetched are not the images with the digest {digest[:12]}")
                shutil.rmtree(folder, ignore_errors=True)
                temporary.replace(folder)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
    return folder


def _holds(folder: Path, digest: str) -> bool:
    return intact(folder) and about(folder).digest == digest
