"""The gain from training: the suite's models, on average, compared with the untrained floor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vaebench.leaderboard.ranks import Column, Standing
from vaebench.leaderboard.rules import Rules
from vaebench.leaderboard.runs import Entrant
from vaebench.leaderboard.statistics import Estimate, Sample, estimate, shared_draws


class Added(NamedTuple):
    """The average advantage of the suite's models over the untrained floor in a column."""

    column: Column
    floor: Entrant
    models: int
    by: Estimate


def added(
    standings: Sequence[Standing], rules: Rules, samples: Mapping[tuple[Entrant, Column], Sample]
) -> Iterator[Added]:
    """Yield the gain in the representation headline on each dataset.

    Other verdicts are left out: only the codes of an untrained model are of interest."""
    for standing in standings:
        for column in standing.main if standing.measure.verdict == "representation" else ():
            own = [samples[entrant, column] for entrant in standing.complete if (entrant, column) in samples]
            for floor in rules.untrained:
                untrained = samples.get((floor, column))
                if own and untrained and all(sample.seeds == untrained.seeds for sample in own):
                    sign = 1 if column.measure.better == "higher" else -1
                    yield Added(column, floor, len(own), estimate(difference(own, untrained, sign)))


def difference(models: Sequence[Sample], floor: Sample, sign: int) -> Sample:
    """Return the mean of models minus the floor, seed by seed and on the same patients; a difference has no bounds."""
    every = [*models, floor]
    draws = shared_draws(every)
    errors = [sample.errors for sample in every if sample.errors is not None]
    patients = [sample.patients for sample in every if sample.patients is not None]
    return Sample(
        floor.seeds,
        sign * (np.mean([sample.values for sample in models], axis=0) - floor.values),
        sign * (draws[:-1].mean(0) - draws[-1]) if draws is not None else None,
        np.hypot(np.max(errors[:-1], axis=0), errors[-1]) if len(errors) == len(every) else None,
        min(patients, default=None),
        widening=max(sample.widening for sample in every),
        freedom=min(sample.freedom for sample in every),
    )
