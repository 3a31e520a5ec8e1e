"""Part `run`: a real `vaebench run --suite medical` on the card, with as many trials as time allows."""

from __future__ import annotations

from functools import partial

from gpu_parts.slots import best
from gpu_parts.subjects import Bench
from gpu_parts.sweeps import sweep


def measure(bench: Bench) -> None:
    """Run the suite's GPU preset on one dataset; each model is trained in one regime before the other regime begins."""
    preset = ["--preset", "quick", "-m", "mean-image"] if bench.tiny else ["--preset", "standard"]
    arguments = ["--suite", "medical", *preset, "--seeds", "0", "-j", str(best(bench)), *bench.graphs_flag]
    seconds = bench.sheet.seconds(60.0, 600.0)
    needs = 0 if bench.tiny else 30
    bench.sheet.measure("medical", partial(sweep, bench, "results", arguments, seconds), seconds + 20, needs)
