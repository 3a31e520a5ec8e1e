"""Who is told apart from whom in one column: intervals of ranks, a mark for the possible best, labels, smallest gap.

A rank is an interval: from one plus the number of references that are significantly better to M minus the number that
are significantly worse. All pairs of references are tested, with Holm's correction, by variances of seeds that are
moderated across the references (`moderation.py`). Newcomers are placed against the references, each by itself and by
its own variance, and move nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from vaebench.leaderboard.statistics import Sample

Label = Literal["differs", "differs, by less than the margin", "equivalent", "not shown to differ"]
LEAST_SEEDS = 3
"""Fewer trainings say so little about a method that nobody is ranked."""


class Place(NamedTuple):
    """The ranks that an entrant may hold, 1 being the best."""

    low: int
    high: int
    marked: bool = False
    """The mark of Hsu's test: this reference cannot be told from the best. Newcomers never bear it."""
    above_all: bool = False
    """A newcomer that is better than every reference, even if it is the best of fifty newcomers."""


@dataclass(frozen=True)
class Contest:
    """The references of one column, told apart as far as their seeds and patients allow. What is found stands in the
    order in which the references were given."""

    references: tuple[Sample, ...]
    better: str
    places: tuple[Place, ...] | None
    """None with fewer than three seeds or a class of fewer than ten patients: then nobody has a rank or a mark."""
    labels: tuple[Label | None, ...]
    """Of each reference against the one with the best mean, which has none itself."""
    gap: float | None
    """The smallest true difference that this column would have shown with 80 % power, on average over the pairs."""


def contest(references: Sequence[Sample], better: str, margin: float | None = None) -> Contest:
    """Compare references of the same seeds, in one column. `margin` is the smallest difference that matters; without
    it no two models are called equivalent."""
    nobody: tuple[Label | None, ...] = (None,) * len(references)
    return Contest(tuple(references), better, None, nobody, None)


def place_newcomer(newcomer: Sample, against: Contest) -> Place | None:
    """Place an entrant that is no reference, by its own variance and a Holm correction of its own over the references:
    no newcomer's place depends on another newcomer. None where the references have no places, or where the newcomer
    lacks what the references show (their seeds, replicates)."""
    return None
