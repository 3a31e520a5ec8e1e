"""Compute, in one go, the outputs that most metrics need, while the trial still has the GPU to itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from vaebench.evidence import Evidence


def gather(evidence: Evidence) -> None:
    """Compute the model's usual outputs. If an output fails, the metric that needs it tries again and gives the reason
    in its cell of the record. Outputs that only a few metrics need are computed later."""
    for ask, *about in _questions(evidence):
        with suppress(Exception):
            ask(*about)


def _questions(evidence: Evidence) -> Iterator[tuple[Callable[..., object], *tuple[str, ...]]]:
    yield evidence.codes, "train"
    yield evidence.codes, "test"
    yield evidence.reconstructions, "test"
    if "calibration" in evidence.splits:
        yield evidence.reconstructions, "calibration"
    yield evidence.scores, "test"
    yield evidence.posterior, "test"
    yield evidence.rates, "test"
    yield (evidence.samples,)
