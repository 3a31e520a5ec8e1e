"""Temporary files of a run: they lie in one folder, which a later run removes if this one was killed."""

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
    """This process's folder, where `multiprocessing` has its sockets. It is removed when the process ends; those of
    killed processes are removed here."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{OWNER}"):
        if _abandoned(path):
            shutil.rmtree(path.parent, ignore_errors=True)
    made, process = Path(tempfile.mkdtemp(prefix=PREFIX)), os.getpid()
    (made / OWNER).write_text(f"{processes.host()} {process} {processes.born(process)}")
    # The standard library has no public way to choose it. Processes that are started from this one inherit it.
    getattr(multiprocessing.current_process(), "_config")["tempdir"] = str(made)  # noqa: B009
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def inherit() -> None:
    """Have all temporary files of this process, a trial's, go to the folder of the run that started it."""
    os.environ["TMPDIR"] = tempfile.tempdir = get_temp_dir()


def _abandoned(owner: Path) -> bool:
    """Whether a folder belonged to a process of this user on this machine that is gone. One without a line that says
    so is left alone."""
    try:
        if owner.parent.is_symlink() or owner.stat(follow_symlinks=False).st_uid != os.getuid():
            return False
        host, process, *born = owner.read_bytes()[:200].decode().split()
        return host == processes.host() and not processes.lives(int(process), "".join(born))
    except (OSError, ValueError):
        return False
