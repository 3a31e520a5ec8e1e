"""Work in a forked process, and in another one when that dies: a card that failed once answers a new process."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable

from gpu_parts.sheet import Broken

TRIES = 12
FAULT = 2
"""The exit code of a fault of ours, which another process would only repeat."""
LEAST = 5.0
"""Seconds below which no other process is worth its start."""


def supervise(work: Callable[[float], None], seconds: float) -> int:
    """Do work(seconds left) until one process ends well; the exit code. Nothing may have used the card before."""
    ends = time.monotonic() + seconds
    for _ in range(TRIES):
        if (left := ends - time.monotonic()) < LEAST:
            break
        sys.stdout.flush()
        if not (process := os.fork()):
            _work_and_exit(work, left)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if code in (0, FAULT):
            return code
        print(f"The process ended with code {code}; another one goes on.", flush=True)
    return 1


def _work_and_exit(work: Callable[[float], None], left: float) -> None:
    code = FAULT
    try:
        work(left)
        code = 0
    except Broken as reason:
        print(f"The card does not answer any more: {reason}")
        code = 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
