"""Count what a training step does on a pretended GPU: the kernels that it launches, and whether it waits for them."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

import torch

from vaebench.checks.bench import BATCH, Bench
from vaebench.checks.drawings import draw
from vaebench.checks.outcome import Checklist, require
from vaebench.checks.pretended_cuda.cards import RUNNING
from vaebench.interfaces import At, Images, NotApplicable
from vaebench.training.loop import Course
from vaebench.trial import Settings

CHECKS = Checklist()
LONG, COUNTED, ROUND = 1000, 3, 6
"""The numbers of steps of a stage, of counted steps in the middle of the stage, and of batches in an epoch"""


class Step(NamedTuple):
    """The launches and waits of one training step."""

    launches: int
    waits: list[str]
    """each operation that made the host wait, with its line of code"""


class Enough(Exception):
    """Raised when all steps are counted."""


@CHECKS.add
def steps(bench: Bench) -> str:
    """A training step does not wait for the GPU, except to report losses; the check reports how many kernels the step
    launches."""
    if not bench.component.stages:
        raise NotApplicable("the model is fitted, not trained")
    found = {stage: count_steps(bench, stage) for stage in bench.component.stages}
    for stage, counted in found.items():
        waits = max((step.waits for step in counted), key=len)
        require(not waits, f"a step of stage {stage} waits for the GPU {len(waits)} times: {'; '.join(waits[:3])}")
    most = {stage: max(step.launches for step in counted) for stage, counted in found.items()}
    return ", ".join(f"{n} launches in a step of stage {stage}" for stage, n in most.items())


def count_steps(bench: Bench, stage: str) -> list[Step]:
    """Count the launches and waits of a few steps in the middle of a stage. The harness's own loop runs the steps, none
    of which reports its losses."""
    card = RUNNING[-1][torch.device(bench.device).index]
    model = bench.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    settings = Settings(bench.shape[1], LONG, BATCH, stage_steps=dict.fromkeys(model.stages, LONG))
    images = Images(torch.from_numpy(draw(ROUND * BATCH, bench.shape).images).to(bench.device))
    course = Course(model, images, settings, torch.Generator())
    course.fit()
    course.stage, course.step = model.stages.index(stage), LONG // 2
    seen: list[tuple[int, int]] = []

    def after(at: At) -> None:
        seen.append((card.launches, card.waits))
        if len(seen) > COUNTED:
            raise Enough

    with suppress(Enough):
        course.run(lambda at, values: None, after)
    return [Step(b - a, card.waited[before:end]) for (a, before), (b, end) in pairwise(seen)]
