"""Fresh test patients: a newly drawn test split of a phantom.

On fresh patients, a model that memorised the test images does much worse; a model that learned from the training images
does equally well."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from vaebench.data.prepare import about, lay_down, open_splits
from vaebench.planning.plan import Plan
from vaebench.records.record import Record
from vaebench.running import PATIENCE
from vaebench.running.preparation import made_ready

DEVIATIONS = 4
"""A number counts as worse if it is worse by more than this many standard errors of the difference. About three of
100,000 honest numbers are this much worse."""


def with_new_patients(plan: Plan, population: int) -> Plan:
    """Return the plan with new test patients, drawn from another population.

    The training and validation images stay the same. The plan must have a single dataset."""
    (one,), (ready,) = plan.datasets, plan.ready.values()
    drawn = made_ready(
        one, replace(plan, request=replace(plan.request, population=population)), PATIENCE, lambda _: None
    )
    test = open_splits(drawn.folder).test
    # patients have the same numbers in every population
    test = replace(test, groups=np.char.add("new ", test.groups.astype(str)))
    folder = drawn.folder.with_name(f"{drawn.folder.name}-new-patients")
    if not folder.exists():
        lay_down(replace(open_splits(ready.folder), test=test), folder, {"notes": ready.notes}, ready.classes)
    return replace(plan, ready={str(one.spec): about(folder)})


def fallen(record: Record, fresh: Record, names: Collection[str]) -> Iterator[str]:
    """Yield the metrics among `names` that are worse on new patients than chance allows."""
    for name in names:
        old, new = record.metrics.get(name), fresh.metrics.get(name)
        if old is None or new is None or old.value is None or new.value is None:
            continue
        if old.error is None or new.error is None or old.version != new.version:
            continue
        worse = (old.value - new.value) * (1 if new.better == "higher" else -1)
        if worse > DEVIATIONS * math.hypot(old.error, new.error):
            yield (
                f"on new patients, metric {name!r} is {new.value:.4g} instead of {old.value:.4g}: "
                "the model memorised the test images"
            )
