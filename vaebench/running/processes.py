"""Processes by identity: a number alone may belong to another process by now, or to one on another machine."""

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
"""The start of a process, where the system does not tell it."""


@cache
def host() -> str:
    """The machine since it booted, and the container in it, as a short hash that names neither. Where the system gives
    no such identity it is a random token, so that no other process is taken for one of this machine."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        numbering = str(Path("/proc/self/ns/pid").readlink())  # containers number their processes independently
    except OSError:
        return secrets.token_hex(6)
    return hashlib.sha256(f"{boot} {numbering} {platform.node()}".encode()).hexdigest()[:12]


def born(process: int) -> str:
    """When a process of this machine started, in the system's own unit."""
    return _stat(process)[1]


def lives(process: int, start: str) -> bool:
    """Whether the process with this number is running and is the one that started then."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError, ValueError):
        return False
    except PermissionError:  # it belongs to another user
        pass
    state, now = _stat(process)
    ended = state in ("Z", "X")  # what is left of it only waits to be collected
    return not ended and (start == now or UNKNOWN in (start, now))


def end(process: int, start: str, seconds: float = 5.0) -> None:
    """Kill a process and wait until it is gone, unless its number belongs to another one by now."""
    until = time.monotonic() + seconds
    while lives(process, start) and time.monotonic() < until:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        time.sleep(0.01)


def _stat(process: int) -> tuple[str, str]:
    """The state and the start of a process, as /proc tells them."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return "", UNKNOWN
