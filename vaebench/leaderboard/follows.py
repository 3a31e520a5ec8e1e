"""Rank correlations of a metric with other quantities: over models, between its numbers and other numbers of the same
models; over images, between the scores behind its numbers and trivial traits of the images.

A model's number may depend more on the sharpness of its reconstructions or the brightness of an image than on what the
metric is meant to measure. Only the suite's models count, so newcomers change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vaebench.leaderboard.agreement import LEAST
from vaebench.leaderboard.ranks import Column
from vaebench.leaderboard.rules import Rules
from vaebench.leaderboard.runs import Entrant, Number

Numbers = Mapping[Column, Mapping[Entrant, Mapping[int, Number]]]
"""column -> entrant -> seed -> the number in the record"""


class Follows(NamedTuple):
    """Rank correlations of one column with other quantities, as pairs of name and correlation."""

    column: Column
    over_models: tuple[tuple[str, float], ...]
    models: int
    over_images: tuple[tuple[str, float], ...]
    """correlations of the score behind the number; medians over models and seeds"""


def follows(numbers: Numbers, columns: Sequence[Column], rules: Rules) -> Iterator[Follows]:
    """Yield the correlations of each column whose records have the data for them."""
    for column in columns:
        rows = numbers.get(column, {}).items()
        own = [list(by_seed.values()) for entrant, by_seed in rows if rules.role(entrant) == "reference"]
        of_models = tuple(_over_models(own))
        of_images = tuple(_over_images([number for by_seed in own for number in by_seed]))
        if of_models or of_images:
            yield Follows(column, of_models, len(own), of_images)


def _over_models(models: Sequence[Sequence[Number]]) -> Iterator[tuple[str, float]]:
    names = dict.fromkeys(name for numbers in models for number in numbers for name, _ in number.beside)
    if not names:
        return
    from scipy.stats import spearmanr  # takes half a second to load, so it is imported only when needed

    means = [np.mean([number.value for number in numbers]) for numbers in models]
    for name in names:
        beside = [[dict(number.beside).get(name, math.nan) for number in numbers] for numbers in models]
        others = [np.mean(values) for values in beside]
        if len(models) >= LEAST and np.isfinite(others).all() and len(set(others)) > 1 and len(set(means)) > 1:
            yield name, float(spearmanr(means, others).statistic)


def _over_images(numbers: Sequence[Number]) -> Iterator[tuple[str, float]]:
    names = dict.fromkeys(name for number in numbers for name, _ in number.follows)
    for name in names:
        yield name, float(np.median([dict(number.follows)[name] for number in numbers if name in dict(number.follows)]))
