"""Requests to stop: a scheduler's SIGTERM or a closed terminal has the same effect as Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def terminable() -> Iterator[None]:
    """Raise KeyboardInterrupt when this process is asked to stop. Signals that are ignored (`nohup`) stay ignored."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    try:
        for each, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(each, _interrupt)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _interrupt(*_: Any) -> None:
    for each in SIGNALS:  # once is enough: a second signal must not disturb the shutdown of the workers
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
