"""What every metric must keep, asked of evidence that a stand-in for a trained model leaves."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from vaebench.checks.drawings import draw_splits
from vaebench.checks.outcome import Checklist, require
from vaebench.checks.parameters import check_parameters
from vaebench.checks.standin import Quality, StandIn
from vaebench.components.discovery import installed
from vaebench.evidence import Evidence
from vaebench.interfaces import DECLARED, Metric, NotApplicable, Score, Split, Splits
from vaebench.judging.ranges import beyond
from vaebench.planning.suite import load, suites
from vaebench.trial import Value

CHECKS = Checklist()
SHAPE = (1, 32, 32)


class Asked:
    """One metric class."""

    def __init__(self, component: type[Metric], params: Mapping[str, Value], device: str = "cpu") -> None:
        self.component, self.params, self.device = component, params, device

    def evidence(self, quality: Quality = "good", splits: Splits | None = None, samples: int = 48) -> Evidence:
        """What the stand-in leaves."""
        splits = splits or draw_splits(SHAPE)
        model = StandIn(splits.train.images.shape[1:], quality).to(self.device)
        return Evidence(model, splits, samples=samples, dataset="conformance")

    def ask(self, evidence: Evidence) -> Score:
        """The metric's answer as the harness asks for it; anything but a finite number or NotApplicable breaks it."""
        metric = self.component(**self.params)
        try:
            answer = metric.compute(evidence)
        except NotApplicable as reason:
            require(bool(str(reason).strip()), "NotApplicable without a reason: the board shows the reason")
            raise
        number = isinstance(answer, int | float | np.number) and not isinstance(answer, bool)
        require(
            number or isinstance(answer, Score), f"compute() gives {type(answer).__name__}, not a number or a Score"
        )
        score = answer if isinstance(answer, Score) else Score(float(answer))
        require(math.isfinite(score.value), f"the value is {score.value}: raise NotApplicable with the reason instead")
        require(score.error is None or score.error >= 0, f"the standard error is {score.error}")
        fault = beyond(score, *metric.range)
        require(not fault, f"{fault}: correct `range`, or the number")
        return score


@CHECKS.add
def parameters(case: Asked) -> None:
    """Every parameter can be typed on the command line, and a count of -1 is a ValueError that names it."""
    check_parameters(case.component, lambda **params: case.component(**{**case.params, **params}))


@CHECKS.add
def described(case: Asked) -> None:
    """Title, verdict, direction, regime and range are declared in words the harness knows."""
    metric = case.component
    require(bool(metric.title), "`title` is empty: it heads the column")
    for field, known in DECLARED.items():
        value = getattr(metric, field)
        require(value in known, f"`{field}` is {value!r}, not one of {', '.join(known)}")
    require(_is_range(metric.range), f"`range` is {metric.range!r}, not the least and the greatest value there can be")


def _is_range(given: object) -> bool:
    pair = given if isinstance(given, tuple) and len(given) == 2 else (1, 0)
    return all(isinstance(end, int | float) for end in pair) and pair[0] < pair[1]


@CHECKS.add
def answers(case: Asked) -> None:
    """Full evidence gets a finite number."""
    case.ask(case.evidence())


@CHECKS.add
def repeats(case: Asked) -> None:
    """The same evidence gets the same answer, replicates and all, whatever the global seeds."""
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        found.append(case.ask(case.evidence()))
    one, two = found
    require(one.value == two.value, f"the value is {one.value!r} once and {two.value!r} then")
    require(one.error == two.error, f"the standard error is {one.error!r} once and {two.error!r} then")
    require(list(one.replicates) == list(two.replicates), "the replicates differ between two askings")


@CHECKS.add
def keeps_evidence(case: Asked) -> None:
    """The arrays of the evidence, which all metrics share, are as they were before."""
    shared = case.evidence()
    views: dict[str, Callable[[], np.ndarray]] = {
        "images": lambda: shared.images("test"),
        "codes": lambda: shared.codes("test"),
        "reconstructions": lambda: shared.reconstructions("test"),
        "residuals": lambda: shared.residuals("test"),
        "samples": shared.samples,
        "labels": lambda: shared.split("test").labels,
    }
    before = {name: view().copy() for name, view in views.items()}
    case.ask(shared)
    changed = [name for name, view in views.items() if not np.array_equal(before[name], view())]
    require(not changed, f"it writes into the evidence's {', '.join(changed)}")


@CHECKS.add
def direction(case: Asked) -> None:
    """A model that is good at everything beats one that answers with noise, in the direction declared.

    Asked of all reconstruction metrics, and of those that an installed suite names as a headline."""
    metric = case.component
    if metric.verdict in ("cost", "other") or not (metric.verdict == "reconstruction" or metric.name in _headlines()):
        raise NotApplicable("asked of reconstruction metrics and of headlines of suites")
    good, poor = case.ask(case.evidence("good")).value, case.ask(case.evidence("poor")).value
    if good == poor == metric.range[metric.better == "higher"]:
        raise NotApplicable(f"these drawings are too easy for it: both models get {good:.6g}")
    ahead = good > poor if metric.better == "higher" else good < poor
    require(ahead, f"a good model gets {good:.6g}, a poor one {poor:.6g}, and {metric.better} is declared better")


def _headlines() -> set[str]:
    plugins = installed()
    return {name for path, _ in suites(plugins).values() for name in load(path).verdicts.headline.values()}


@CHECKS.add
def not_a_number(case: Asked) -> None:
    """A model that answers NaN gets a reason, never a number; unless the number is not about the model's answers."""
    try:
        value = case.ask(case.evidence("nan")).value
    except NotApplicable:
        return
    about_data = value == case.ask(case.evidence("good")).value
    require(about_data, f"a model all of whose answers are NaN gets {value:.6g}")


@CHECKS.add
def lesser_evidence(case: Asked) -> None:
    """Whatever is missing, few or flat, the answer is a finite number or a reason."""
    for what, given in lesser(case).items():
        try:
            case.ask(given)
        except NotApplicable:
            continue
        except Exception as error:
            text = str(error) if isinstance(error, AssertionError) else f"raised {type(error).__name__}: {error}"
            require(False, f"with {what}: {text}")


def lesser(case: Asked) -> dict[str, Evidence]:
    """Evidence that lacks something, by what it lacks."""
    full = draw_splits(SHAPE)
    train, test = full.train, full.test
    unhealthy = np.flatnonzero(test.labels > 0)
    blank = replace(test, images=np.zeros_like(test.images))
    no_one = np.zeros(len(test), bool)
    return {
        "a model that always says the same": case.evidence("flat"),
        "a model that cannot sample": case.evidence("mute"),
        "no samples asked for": case.evidence(samples=0),
        "one sample": case.evidence(samples=1),
        "no test image": case.evidence(splits=replace(full, test=test.take(no_one))),
        "one test image": case.evidence(splits=replace(full, test=test.take(np.arange(1)))),
        "one training image": case.evidence(splits=replace(full, train=train.take(np.arange(1)))),
        "no validation split": case.evidence(splits=replace(full, val=None)),
        "one label only": case.evidence(splits=Splits(train.take(train.labels == 0), test.take(test.labels == 0))),
        "health unknown": case.evidence(splits=Splits(unjudged(train), unjudged(test))),
        "nobody healthy": case.evidence(splits=replace(full, test=test.take(unhealthy))),
        "no masks": case.evidence(splits=replace(full, test=replace(test, masks=None))),
        "empty masks": case.evidence(
            splits=replace(full, test=replace(test, masks=np.zeros((len(test), *SHAPE[1:]), bool)))
        ),
        "black test images": case.evidence(splits=replace(full, test=blank)),
        "one patient": case.evidence(splits=replace(full, test=replace(test, groups=np.zeros_like(test.groups)))),
        "images of 8 px in three channels": case.evidence(splits=draw_splits((3, 8, 8))),
    }


def unjudged(split: Split) -> Split:
    return replace(split, healthy=None, diseased=None, masks=None)
