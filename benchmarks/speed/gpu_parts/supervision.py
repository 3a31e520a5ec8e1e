"""Do work in a forked process and, if that process dies, in a new one, in which the card works again."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable

from gpu_parts.sheet import Broken

TRIES = 12
FAULT = 2
"""The exit code of an error in our code, which would occur again in a new process."""
LEAST = 5.0
"""The number of seconds that must be left for a new process to be started."""


def supervise(work: Callable[[float], None], seconds: float) -> int:
    """Call work(seconds left) in new processes until one succeeds; return the exit code.

    This process must not have used the card before, since CUDA does not survive a fork."""
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
        print(f"The process ended with code {code}; a new one continues.", flush=True)
    return 1


def _work_and_exit(work: Callable[[float], None], left: float) -> None:
    code = FAULT
    try:
        work(left)
        code = 0
    except Broken as reason:
        print(f"The card no longer responds: {reason}")
        code = 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
