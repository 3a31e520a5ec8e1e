"""Part `run`: a real `vaebench run --suite medical` on the card, as many trials as fit; the results stay."""

from __future__ import annotations

from functools import partial

from gpu_parts.slots import best
from gpu_parts.subjects import Bench
from gpu_parts.sweeps import sweep


def measure(bench: Bench) -> None:
    """At the preset that the suite has for a GPU, each model once on one dataset before the other regime."""
    preset = ["--preset", "quick", "-m", "mean-image"] if bench.tiny else ["--preset", "standard"]
    arguments = ["--suite", "medical", *preset, "--seeds", "0", "-j", str(best(bench)), *bench.graphs_flag]
    seconds = bench.sheet.seconds(60.0, 600.0)
    needs = 0 if bench.tiny else 30
    bench.sheet.measure("medical", partial(sweep, bench, "results", arguments, seconds), seconds + 20, needs)
