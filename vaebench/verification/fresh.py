"""Patients nobody has seen: the test split of a phantom, drawn anew. A model that memorised the test images falls apart
there, while one that learned from the training images does as well as before."""

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
"""Standard errors of the difference by which a number must be worse to be called that. Of a hundred thousand honest
numbers, three are."""


def with_new_patients(plan: Plan, population: int) -> Plan:
    """The plan of one trial whose data have the same training and validation images, but the test patients of another
    population."""
    (one,), (ready,) = plan.datasets, plan.ready.values()
    drawn = made_ready(
        one, replace(plan, request=replace(plan.request, population=population)), PATIENCE, lambda _: None
    )
    test = open_splits(drawn.folder).test
    test = replace(test, groups=np.char.add("new ", test.groups.astype(str)))  # the same number is another patient
    folder = drawn.folder.with_name(f"{drawn.folder.name}-new-patients")
    if not folder.exists():
        lay_down(replace(open_splits(ready.folder), test=test), folder, {"notes": ready.notes}, ready.classes)
    return replace(plan, ready={str(one.spec): about(folder)})


def fallen(record: Record, fresh: Record, names: Collection[str]) -> Iterator[str]:
    """The metrics among `names` that are worse on new patients than chance allows."""
    for name in names:
        old, new = record.metrics.get(name), fresh.metrics.get(name)
        if old is None or new is None or old.value is None or new.value is None:
            continue
        if old.error is None or new.error is None or old.version != new.version:
            continue
        worse = (old.value - new.value) * (1 if new.better == "higher" else -1)
        if worse > DEVIATIONS * math.hypot(old.error, new.error):
            yield (
                f"on patients nobody has seen, metric {name!r} is {new.value:.4g} instead of {old.value:.4g}: "
                "its model knows the test images"
            )
