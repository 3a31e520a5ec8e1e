"""The question that a search answers: which parameters of a suite's methods are best for one verdict."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from vaebench.components.declared import Declared
from vaebench.components.discovery import installed
from vaebench.components.registry import registry
from vaebench.data.splits import SplitError
from vaebench.data.validation import validation_data
from vaebench.errors import UserError, did_you_mean
from vaebench.interfaces import Verdict
from vaebench.leaderboard.rules import headline_of
from vaebench.planning.plan import Plan, Request, make_plan
from vaebench.planning.suite import Suite
from vaebench.planning.verdicts import Verdicts
from vaebench.trial import Direction, canonical

FOLDER = "tuning"
"""The subfolder of the results folder for searches; its records are not shown on boards"""
SEED = 0
"""The seed of every trial: a search compares parameters; the tuned suite later compares models over several seeds."""


@dataclass(frozen=True)
class Question:
    """The verdict to tune for, its headline metric, and a plan with the default trial of each method."""

    suite: Suite
    """the user's suite, from which the plan's suite is derived"""
    verdict: Verdict
    metric: str
    better: Direction
    plan: Plan

    @property
    def regime(self) -> str:
        return regime_of(self.verdict)

    @property
    def name(self) -> str:
        """The name of the search, which is different for different data, settings or versions."""
        plan = self.plan
        about = {
            "track": f"{self.suite}/{plan.preset}/{plan.source}",
            "settings": plan.settings.to_json(),
            "metric": registry().at(self.suite.home).version("metrics", self.metric),
            "data": {name: ready.digest for name, ready in plan.ready.items()},
            "device": plan.device_class,
        }
        return f"{self.suite.name}-{self.verdict}-{hashlib.sha256(canonical(about).encode()).hexdigest()[:8]}"


def regime_of(verdict: Verdict) -> str:
    """Return the regime for a verdict: for `anomaly`, models are trained on healthy images, otherwise on all images."""
    return "healthy" if verdict == "anomaly" else "all"


def question(suite: Suite, request: Request, verdict: Verdict, steps: int | None = None) -> Question:
    """Return the question with every name resolved, before data are prepared. The suite's floors are not tuned."""
    name = suite.preset(request.preset, request.devices[0])
    preset = suite.presets[name]
    headline = headline_of(suite, name, Declared(installed(), suite.home))
    if verdict not in headline:
        raise UserError(f"Suite {suite} has no headline for {verdict}.{did_you_mean(verdict, headline)}")
    metric = headline[verdict]
    settings = structs.replace(preset.settings, metrics=(metric,), steps=steps or preset.settings.steps)
    asked = replace(
        preset,
        settings=settings,
        seeds=(SEED,),
        regimes=(regime_of(verdict),),
        models=tuple(one for one in preset.models if one not in suite.verdicts.floor_models),
    )
    # The name distinguishes the search's records from those of a board, if both are read together.
    own = replace(suite, name=f"{suite.name}-tuning", presets={name: asked}, auto={}, verdicts=Verdicts(), text="")
    better: Direction = registry().at(suite.home).get("metrics", metric).component.better
    return Question(suite, verdict, metric, better, make_plan(own, replace(request, preset=name)))


def on_validation(asked: Question) -> Question:
    """Return the question with its prepared data replaced by validation images, and with a separate results folder."""
    plan, ready, left_out = asked.plan, {}, dict(asked.plan.left_out)
    names = {str(one.spec): one.spec.name for one in plan.datasets}
    for spec, prepared in plan.ready.items():
        try:
            made = validation_data(prepared, names[spec], plan.source)
        except SplitError as error:
            left_out[spec] = f"the training images cannot be split again: {error}"
            continue
        if asked.regime == "healthy" and not made.health:
            left_out[spec] = "the validation images do not include both healthy and diseased patients"
        else:
            ready[spec] = made
    if not ready:
        told = "\n".join(f"  {spec}: {reason}" for spec, reason in left_out.items())
        raise UserError(f"No dataset can be used for tuning.\n{told}")
    datasets = tuple(one for one in plan.datasets if str(one.spec) in ready)
    trials = tuple(trial for trial in plan.trials if str(trial.dataset) in ready)
    made_ready = replace(asked, plan=replace(plan, datasets=datasets, trials=trials, ready=ready, left_out=left_out))
    results = plan.request.results / FOLDER / made_ready.name
    return replace(made_ready, plan=replace(made_ready.plan, request=replace(made_ready.plan.request, results=results)))


def folder_of(asked: Question) -> Path:
    """Return the folder in which the search keeps its records and journal."""
    return asked.plan.request.results
