"""The folder for a run's temporary files, which a later run removes if this one was killed."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import tempfile
from functools import cache
from multiprocessing.util import get_temp_dir
from pathlib import Path

from vaebench.running import processes

PREFIX = "vaebench-"
OWNER = "owner"


@cache
def folder() -> Path:
    """Return this process's folder, in which `multiprocessing` also keeps its sockets.

    The folder is removed when the process ends; this function also removes the folders of killed processes."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{OWNER}"):
        if _abandoned(path):
            shutil.rmtree(path.parent, ignore_errors=True)
    made, process = Path(tempfile.mkdtemp(prefix=PREFIX)), os.getpid()
    (made / OWNER).write_text(f"{processes.host()} {process} {processes.born(process)}")
    # The standard library has no public way to set this folder. Child processes inherit it.
    getattr(multiprocessing.current_process(), "_config")["tempdir"] = str(made)  # noqa: B009
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def inherit() -> None:
    """Make this trial's process put its temporary files into the folder of the run that started it."""
    os.environ["TMPDIR"] = tempfile.tempdir = get_temp_dir()


def _abandoned(owner: Path) -> bool:
    """Return whether a folder belonged to a dead process of this user on this machine.

    Folders without a valid owner file are left alone."""
    try:
        if owner.parent.is_symlink() or owner.stat(follow_symlinks=False).st_uid != os.getuid():
            return False
        host, process, *born = owner.read_bytes()[:200].decode().split()
        return host == processes.host() and not processes.lives(int(process), "".join(born))
    except (OSError, ValueError):
        return False
