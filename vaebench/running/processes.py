"""Identifies processes by more than a number, which may belong to a later process or to one on another machine."""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import signal
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

UNKNOWN = ""
"""Stands for the start time of a process if the system does not provide it"""


@cache
def host() -> str:
    """Return a short hash that identifies this boot of the machine and its container without revealing their names.

    If the system provides no such identity, the result is a random token, so that no other process seems to be on
    this machine."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        numbering = str(Path("/proc/self/ns/pid").readlink())  # containers number their processes independently
    except OSError:
        return secrets.token_hex(6)
    return hashlib.sha256(f"{boot} {numbering} {platform.node()}".encode()).hexdigest()[:12]


def born(process: int) -> str:
    """Return the time when a process of this machine started, in the system's own unit."""
    return _stat(process)[1]


def lives(process: int, start: str) -> bool:
    """Return whether the process with this number is running and started at this time."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError, ValueError):
        return False
    except PermissionError:  # the process belongs to another user
        pass
    state, now = _stat(process)
    ended = state in ("Z", "X")  # a zombie
    return not ended and (start == now or UNKNOWN in (start, now))


def end(process: int, start: str, seconds: float = 5.0) -> None:
    """Kill a process and wait until it has ended, unless its number now belongs to another process."""
    until = time.monotonic() + seconds
    while lives(process, start) and time.monotonic() < until:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        time.sleep(0.01)


def _stat(process: int) -> tuple[str, str]:
    """Return the state and the start time of a process from /proc."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return "", UNKNOWN
