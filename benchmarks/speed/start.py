"""Measure the time from the start of a trial's process until it can work, for the first process and for later ones.

    python benchmarks/speed/start.py [ROUNDS]

The first process waits until the server from which all processes are forked has loaded torch. Seconds are wall-clock
seconds on an idle machine.
"""

from __future__ import annotations

import sys
import time
from multiprocessing.connection import Connection
from statistics import median

from vaebench.running.executors.forked import server

ALLOWED = 0.1


def speak(mouth: Connection) -> None:
    """Report that everything that a trial needs is loaded."""
    from vaebench.running.worker import perform

    mouth.send(perform.__name__)


def once() -> float:
    context, started = server(), time.perf_counter()
    ear, mouth = context.Pipe(duplex=False)
    process = context.Process(target=speak, args=(mouth,), daemon=True)
    process.start()
    ear.recv()
    spent = time.perf_counter() - started
    process.join()
    return spent


def main(rounds: int) -> int:
    print(f"first process, with the server: {once():.2f} s")
    spent = [once() for _ in range(rounds)]
    print(f"later ones: median {1000 * median(spent):.1f} ms, from {1000 * min(spent):.1f} to {1000 * max(spent):.1f}")
    print(f"at most {1000 * ALLOWED:.0f} ms allowed, {rounds} rounds")
    return 0 if median(spent) <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
