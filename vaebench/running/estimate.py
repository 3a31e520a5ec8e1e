"""Estimate the time of trials from records of similar trials, or else from a few timed steps."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from statistics import median
from typing import Any

from vaebench.components.registry import registry
from vaebench.interfaces import Shape
from vaebench.planning.names import chosen_executor
from vaebench.planning.plan import Plan
from vaebench.records import store
from vaebench.records.record import BadRecord, Record
from vaebench.running.executors.forked import Forked
from vaebench.trial import Settings, Trial

PROBE_SECONDS = 0.25
"""Seconds for which the steps of one model are timed"""
PROBE_LIMIT = 60.0
"""Seconds after which the attempt to time a model is abandoned"""


UNKNOWN = 60.0
"""Seconds assumed for a trial on other machines until the first trials have ended"""


def estimate(plan: Plan, slots: int) -> dict[str, float]:
    """Return the seconds that each trial's process needs, by trial id; a sweep takes about the total / `slots`.

    Models are timed once per number of channels, not per dataset, with as many in parallel as trials will run. For
    executors on other machines, only records are used; trials without similar records all get the same estimate."""
    channels = {str(one.spec): one.dataset.channels for one in plan.datasets}
    seconds = {kind: median(spent) for kind, spent in _known(plan, channels).items()}
    unknown = {_kind(trial, channels): trial for trial in plan.todo if trial.id not in plan.trained}
    unknown = {kind: trial for kind, trial in unknown.items() if kind not in seconds}
    if chosen_executor(plan.request.executor).remote:
        alike = median(seconds.values()) if seconds else UNKNOWN
        seconds, unknown = {**dict.fromkeys(unknown, alike), **seconds}, {}
    with ThreadPoolExecutor(slots) as pool:
        seconds |= zip(unknown, pool.map(lambda trial: probe(trial, plan), unknown.values()), strict=True)
    # If a trial is only measured again, its record contains the time that measuring took.
    again = {
        key: (record.cost.get("measure_seconds") or 0.0) + OVERHEAD_SECONDS for key, record in plan.trained.items()
    }
    return {t.id: again[t.id] if t.id in again else seconds[_kind(t, channels)] for t in plan.todo}


def probe(trial: Trial, plan: Plan) -> float:
    """Time the trial's model in a separate process, so that a crash or hang affects only its estimate."""
    one = next(one for one in plan.datasets if one.spec == trial.dataset)
    shape = (one.dataset.channels, plan.settings.size, plan.settings.size)
    try:
        process = Forked(_answer, trial, plan.settings, shape, plan.device, plan.suite.home, plan.request.graphs)
    except (OSError, EOFError):  # another model keeps killing the server that processes are forked from
        return OVERHEAD_SECONDS
    try:
        return float(process.ear.recv()) if process.wait(PROBE_LIMIT) else OVERHEAD_SECONDS
    except (EOFError, OSError):  # the trial itself will report the error
        return OVERHEAD_SECONDS
    finally:
        process.end()


def _answer(*given: Any) -> None:
    *args, mouth = given
    with suppress(Exception):
        mouth.send(time_steps(*args))


def time_steps(
    trial: Trial, settings: Settings, shape: Shape, device: str, home: str | None, graphs: bool = False
) -> float:
    """Build the trial's model, time some training steps and reconstructions, and extrapolate."""
    import torch

    from vaebench.interfaces import At, Images
    from vaebench.training.build import build
    from vaebench.training.graphs import AFTER, Replayed, Step
    from vaebench.training.loop import step_once
    from vaebench.training.stepper import steppers_of

    torch.set_num_threads(1)
    model = build(trial, settings, shape, registry().at(home), device).to(device)
    images = Images(torch.randint(0, 256, (settings.batch, *shape), dtype=torch.uint8, device=device))

    def seconds_each(action: Callable[[], object], warm_up: int = 1) -> float:
        for _ in range(warm_up):  # the first calls allocate memory and are not typical
            action()
        times, started = [], time.perf_counter()
        while time.perf_counter() - started < PROBE_SECONDS:
            before = time.perf_counter()
            action()
            if device != "cpu":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - before)
        return median(times)

    total = 0.0
    if not model.stages:
        model.fit(images)
    steppers = steppers_of(model.groups(), model.recipe) if model.stages else {}
    step: Step = partial(step_once, model, steppers=steppers)
    replayed = graphs and device != "cpu"
    if replayed:
        step = Replayed(model, steppers, step)
    for number, stage in enumerate(model.stages):
        steps = settings.steps if number == 0 else settings.stage_steps.get(stage, settings.steps)
        at = At(stage, steps - 1, steps, len(images))
        total += steps * seconds_each(partial(step, images[:], at), AFTER + 1 if replayed else 1)
    model.eval()
    with torch.inference_mode():
        answer = seconds_each(lambda: model.reconstruct(images[:])) / settings.batch
    train, test = (settings.limit.get(split, 1000) for split in ("train", "test"))
    measured = len(settings.metrics) * (test + settings.samples) * settings.size
    return total + answer * (train + test) * 2 + measured * METRIC_SECONDS + OVERHEAD_SECONDS


METRIC_SECONDS = 5e-6
"""Seconds that a metric, with its share of the pictures, takes per image and per pixel of the image's width. Records
with 13 to 65 metrics, at 28 and 64 px, gave values from 3e-6 to 7e-6."""
OVERHEAD_SECONDS = 0.2
"""Seconds to start the process, load the data and write the results"""


def _known(plan: Plan, channels: Mapping[str, int]) -> Mapping[tuple[str, int], list[float]]:
    """Return the seconds of finished trials with the same settings on this class of device, by model and channels."""
    known: dict[tuple[str, int], list[float]] = defaultdict(list)
    for record in _records(plan):
        trial, spent = record.trial, record.cost.get("seconds")
        if spent is not None and record.settings == plan.settings and str(trial.dataset) in channels:
            known[_kind(trial, channels)].append(spent)
    return known


def _records(plan: Plan) -> Iterator[Record]:
    """Yield the records that the plan has already read, then the others in its track."""
    read = {plan.path_of(record.trial): record for record in (*plan.done.values(), *plan.trained.values())}
    yield from read.values()
    for path in (plan.folder / plan.device_class).glob("*/*.json"):
        if path not in read:
            with suppress(BadRecord):
                yield store.read(path)


def _kind(trial: Trial, channels: Mapping[str, int]) -> tuple[str, int]:
    return f"{trial.model} {trial.loss}", channels[str(trial.dataset)]
