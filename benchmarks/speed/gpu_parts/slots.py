"""Part `slots`: trials per hour for several numbers of concurrent trials, in `vaebench run` with the preset quick."""

from __future__ import annotations

from functools import partial

from gpu_parts.subjects import Bench
from gpu_parts.sweeps import sweep

ORDER = (1, 4, 8, 2)
START = 25.0
"""Seconds before the first trial, for starting the server, preparing the data and estimating times."""


def measure(bench: Bench) -> None:
    """Run two trials for each slot: the suite's two regimes, with a different seed for each slot."""
    for slots in (1,) if bench.tiny else ORDER:
        seeds = ",".join(map(str, range(slots)))
        model = "mean-image" if bench.tiny else "vae"
        arguments = ["--suite", "medical", "--preset", "quick", "-m", model, "--seeds", seeds, "-j", str(slots)]
        seconds = bench.sheet.seconds(START, 75.0)
        work = partial(sweep, bench, f"slots-{slots}", arguments, seconds)
        bench.sheet.measure(str(slots), work, limit=seconds + 20, needs=0 if bench.tiny else START)


def best(bench: Bench) -> int:
    """Return the number of slots with the most trials per hour, or four if that was not measured."""
    rates = {slots: bench.sheet.get("slots", str(slots)).get("trials an hour", 0.0) for slots in ORDER}
    top = max(rates, key=lambda slots: rates[slots])
    return top if rates[top] else (1 if bench.tiny else 4)
