"""Checks that every metric must pass, with evidence from a stand-in for a trained model."""

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
    """A metric class with its parameters and device."""

    def __init__(self, component: type[Metric], params: Mapping[str, Value], device: str = "cpu") -> None:
        self.component, self.params, self.device = component, params, device

    def evidence(self, quality: Quality = "good", splits: Splits | None = None, samples: int = 48) -> Evidence:
        """Return the evidence of a stand-in of this quality."""
        splits = splits or draw_splits(SHAPE)
        model = StandIn(splits.train.images.shape[1:], quality).to(self.device)
        return Evidence(model, splits, samples=samples, dataset="conformance")

    def ask(self, evidence: Evidence) -> Score:
        """Compute the metric as the harness does; anything but a finite number or NotApplicable fails the check."""
        metric = self.component(**self.params)
        try:
            answer = metric.compute(evidence)
        except NotApplicable as reason:
            require(
                bool(str(reason).strip()), "NotApplicable has no message, but boards show the message as the reason"
            )
            raise
        number = isinstance(answer, int | float | np.number) and not isinstance(answer, bool)
        require(
            number or isinstance(answer, Score), f"compute() returns {type(answer).__name__}, not a number or a Score"
        )
        score = answer if isinstance(answer, Score) else Score(float(answer))
        require(math.isfinite(score.value), f"the value is {score.value}: raise NotApplicable with the reason instead")
        require(score.error is None or score.error >= 0, f"the standard error is {score.error}, not 0 or more")
        fault = beyond(score, *metric.range)
        require(not fault, f"{fault}: correct `range` or the computation")
        return score


@CHECKS.add
def parameters(case: Asked) -> None:
    """Every parameter can be set on the command line, and setting an integer parameter to -1 raises a ValueError that
    names the parameter."""
    check_parameters(case.component, lambda **params: case.component(**{**case.params, **params}))


@CHECKS.add
def described(case: Asked) -> None:
    """Title, verdict, direction, regime and range are declared with values that the harness accepts."""
    metric = case.component
    require(bool(metric.title), "`title` is empty, but boards use it as the column's title")
    for field, known in DECLARED.items():
        value = getattr(metric, field)
        require(value in known, f"`{field}` is {value!r}, not one of {', '.join(known)}")
    require(_is_range(metric.range), f"`range` is {metric.range!r}, not the smallest and the largest possible value")


def _is_range(given: object) -> bool:
    pair = given if isinstance(given, tuple) and len(given) == 2 else (1, 0)
    return all(isinstance(end, int | float) for end in pair) and pair[0] < pair[1]


@CHECKS.add
def answers(case: Asked) -> None:
    """With complete evidence, the metric returns a finite number."""
    case.ask(case.evidence())


@CHECKS.add
def repeats(case: Asked) -> None:
    """The same evidence gives the same value, standard error and replicates, whatever the global seeds."""
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        found.append(case.ask(case.evidence()))
    one, two = found
    require(one.value == two.value, f"the value is {one.value!r} the first time and {two.value!r} the second")
    require(one.error == two.error, f"the standard error is {one.error!r} the first time and {two.error!r} the second")
    require(list(one.replicates) == list(two.replicates), "the replicates differ when computed twice")


@CHECKS.add
def keeps_evidence(case: Asked) -> None:
    """The metric does not modify the arrays of the evidence, which all metrics share."""
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
    require(not changed, f"the metric writes into the evidence's {', '.join(changed)}")


@CHECKS.add
def direction(case: Asked) -> None:
    """In the declared direction, a good model has a better value than a model with noisy outputs.

    The direction is checked for reconstruction metrics and for the headline metrics of installed suites."""
    metric = case.component
    if metric.verdict in ("cost", "other") or not (metric.verdict == "reconstruction" or metric.name in _headlines()):
        raise NotApplicable("this check applies only to reconstruction metrics and to headline metrics of suites")
    good, poor = case.ask(case.evidence("good")).value, case.ask(case.evidence("poor")).value
    if good == poor == metric.range[metric.better == "higher"]:
        raise NotApplicable(f"the test images are too easy for the metric: both models get {good:.6g}")
    ahead = good > poor if metric.better == "higher" else good < poor
    require(ahead, f"a good model gets {good:.6g} and a poor one {poor:.6g}, but {metric.better} is declared better")


def _headlines() -> set[str]:
    plugins = installed()
    return {name for path, _ in suites(plugins).values() for name in load(path).verdicts.headline.values()}


@CHECKS.add
def not_a_number(case: Asked) -> None:
    """For a model whose outputs are NaN, the metric gives a reason instead of a number, unless it does not use the
    outputs."""
    try:
        value = case.ask(case.evidence("nan")).value
    except NotApplicable:
        return
    about_data = value == case.ask(case.evidence("good")).value
    require(about_data, f"a model whose outputs are all NaN gets {value:.6g}")


@CHECKS.add
def lesser_evidence(case: Asked) -> None:
    """If evidence is missing, scarce or constant, the metric gives a finite number or a reason."""
    for what, given in lesser(case).items():
        try:
            case.ask(given)
        except NotApplicable:
            continue
        except Exception as error:
            text = str(error) if isinstance(error, AssertionError) else f"raised {type(error).__name__}: {error}"
            require(False, f"with {what}: {text}")


def lesser(case: Asked) -> dict[str, Evidence]:
    """Return several kinds of deficient evidence, keyed by a description of what is wrong with each."""
    full = draw_splits(SHAPE)
    train, test = full.train, full.test
    unhealthy = np.flatnonzero(test.labels > 0)
    blank = replace(test, images=np.zeros_like(test.images))
    no_one = np.zeros(len(test), bool)
    return {
        "a model with constant outputs": case.evidence("flat"),
        "a model that cannot sample": case.evidence("mute"),
        "no samples requested": case.evidence(samples=0),
        "one sample": case.evidence(samples=1),
        "no test image": case.evidence(splits=replace(full, test=test.take(no_one))),
        "one test image": case.evidence(splits=replace(full, test=test.take(np.arange(1)))),
        "one training image": case.evidence(splits=replace(full, train=train.take(np.arange(1)))),
        "no validation split": case.evidence(splits=replace(full, val=None)),
        "one label only": case.evidence(splits=Splits(train.take(train.labels == 0), test.take(test.labels == 0))),
        "health unknown": case.evidence(splits=Splits(unjudged(train), unjudged(test))),
        "no healthy test image": case.evidence(splits=replace(full, test=test.take(unhealthy))),
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
