"""What metrics usually ask a model, asked in one go while the trial still has the GPU to itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from vaebench.evidence import Evidence


def gather(evidence: Evidence) -> None:
    """Have the model answer. A question that fails is asked again by the metric that wants it, and its cell says why;
    what only a few metrics want, they ask later."""
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
