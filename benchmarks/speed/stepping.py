"""Time training steps in the middle of each stage, where a trial spends most of its time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

import torch

from vaebench.interfaces import At
from vaebench.training.loop import Course

MOST = 95
"""The largest number of consecutive steps. In the preset standard, a trial reports every 100th of its 5,000 steps and
then waits for the device."""


def now(device: str) -> float:
    """Return the CPU seconds of this process; for a GPU, the wall-clock seconds after waiting for all its work."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


class Drive:
    """Does `warm` steps that are not timed, `counted` timed steps, and `watched` steps in the context of `watch`.

    Schedules, such as that of the learning rate, are past their warm-up. Only the first step reports its losses, since
    most steps of a trial report none."""

    def __init__(self, course: Course, warm: int, counted: int, watched: int = 0) -> None:
        if course.settings.steps >= 2 * MOST and warm + counted + watched > MOST:
            raise ValueError(f"more than {MOST} steps")
        self.course, self.warm, self.counted, self.watched = course, warm, counted, watched

    def run(self, watch: Callable[[str], AbstractContextManager[object]] | None = None) -> dict[str, float]:
        """Return the seconds of a step by stage; `watch` returns a context manager for each stage."""
        course, device = self.course, self.course.images.device.type
        done, seconds, started = Counter[str](), dict[str, float](), dict[str, float]()
        begins, ends = self.warm, self.warm + self.counted
        with ExitStack() as watching:

            def after(at: At) -> None:
                if at.step == 0 < at.steps // 2:  # for stages after the first
                    course.step = at.steps // 2 + 1
                    if self.warm == 0:
                        started[at.stage] = now(device)
                    return
                done[at.stage] += 1
                if done[at.stage] == begins:
                    started[at.stage] = now(device)
                if done[at.stage] == ends:
                    seconds[at.stage] = (now(device) - started[at.stage]) / self.counted
                    if watch is not None:
                        watching.enter_context(watch(at.stage))
                if done[at.stage] == ends + (self.watched if watch else 0) or course.step == at.steps:
                    watching.close()
                    course.step = at.steps

            course.stage, course.step = 0, course.settings.steps // 2 + 1
            if self.warm == 0 and course.model.stages:
                started[course.model.stages[0]] = now(device)
            course.run(lambda at, values: None, after)
        return seconds
