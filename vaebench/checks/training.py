"""Checks that every model must pass while it trains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from unittest.mock import patch

import torch
from torch import Tensor

from vaebench.checks.bench import BATCH, Bench, Half, answers, close, look, require_equal, same
from vaebench.checks.outcome import Broken, Checklist, require
from vaebench.checks.parameters import check_parameters
from vaebench.components.parameters import convert, parameters_of, tunable_of
from vaebench.errors import did_you_mean
from vaebench.interfaces import At, Group, Model, NotApplicable, Objective
from vaebench.training.loop import step_once
from vaebench.training.stepper import Stepper

CHECKS = Checklist()


@CHECKS.add
def parameters(bench: Bench) -> None:
    """Every parameter can be set on the command line, and setting an integer parameter to -1 raises a ValueError that
    names the parameter."""
    check_parameters(bench.component, bench.build)


@CHECKS.add
def tunable(bench: Bench) -> None:
    """Every range in `tunable` belongs to a parameter of the model, and the model can be built with the values at both
    ends of the range."""
    known = parameters_of(bench.component)
    for name, searched in tunable_of(bench.component).items():
        require(name in known, f"tunable lists {name!r}, which is not a parameter.{did_you_mean(name, known)}")
        for value in searched.extremes:
            try:
                with torch.device("meta"), suppress(RuntimeError):  # the check `meta` reports this error
                    bench.make(**{name: convert(value, known[name].kind)})
            except (ValueError, TypeError) as error:
                raise Broken(
                    f"{name}={value} is in the range that tunable declares, but is refused: {error}"
                ) from error


@CHECKS.add
def meta(bench: Bench) -> None:
    """The model can be built on the meta device, so that a bad parameter is found before a sweep starts."""
    with torch.device("meta"):
        model = bench.make()
    off = [name for name, tensor in model.state_dict().items() if tensor.device.type != "meta"]
    require(not off, f"{some(off)} ignores the default device: create it without `device=`")


@CHECKS.add
def groups(bench: Bench) -> None:
    """Every parameter belongs to exactly one group, or is frozen with requires_grad = False."""
    model = bench.build()
    names = {id(p): name for name, p in model.named_parameters()}
    owners: dict[int, list[str]] = {key: [] for key in names}
    for group, members in (model.groups() if model.stages else {}).items():
        listed = list(members.parameters)
        require(bool(listed), f"group {group!r} has no parameters")
        for p in listed:
            require(id(p) in owners, f"group {group!r} contains a parameter that is not in model.parameters()")
            owners[id(p)].append(group)
    for name, p in model.named_parameters():
        mine = owners[id(p)]
        require(len(mine) < 2, f"{name} is in the groups {' and '.join(mine)}")
        require(bool(mine) or not p.requires_grad, f"{name} is in no group, so it would keep its initial values")
        require(not mine or p.requires_grad, f"{name} is frozen, but belongs to group {mine and mine[0]!r}")


@CHECKS.add
def gradients(bench: Bench) -> None:
    """Every trained parameter gets a finite, non-zero gradient within a few steps of at least one stage."""
    model = ready(bench)
    names = defaultdict(lambda: "a parameter outside the model", {id(p): n for n, p in model.named_parameters()})
    steppers = {name: Watched(group) for name, group in model.groups().items()}
    for at, x in few_steps(bench, model):
        step_once(model, x, at, steppers)
    for group, stepper in steppers.items():
        require(bool(stepper.norms), f"group {group!r} is never yielded")
        for p, norms in zip(stepper.parameters, zip(*stepper.norms, strict=True), strict=True):
            known = [norm for norm in norms if norm is not None]
            require(bool(known), f"{names[id(p)]} never gets a gradient")
            require(all(map(torch.isfinite, known)), f"{names[id(p)]} gets a gradient that is NaN or infinite")
            require(any(norm > 0 for norm in known), f"{names[id(p)]} gets a gradient that is always zero")


@CHECKS.add
def routing(bench: Bench) -> None:
    """A step changes the parameters of the groups that were yielded, and no others."""
    model = ready(bench)
    steppers = {name: Stepper(group) for name, group in model.groups().items()}
    members = {name: {id(p) for p in stepper.parameters} for name, stepper in steppers.items()}
    plain = model.objectives

    def watched(x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        before = snapshot(model)
        for objectives in plain(x, at):
            moved = changed(model, before)
            require(
                not moved,
                f"objectives() changes {some(moved)} in stage {at.stage}; only the training loop may change parameters",
            )
            yield objectives
            allowed = set().union(*(members[name] for name in objectives))
            moved = changed(model, before, allowed)
            require(not moved, f"a step of {some(list(objectives))} in stage {at.stage} changes {some(moved)}")
            before = snapshot(model)
        moved = changed(model, before)
        require(
            not moved,
            f"objectives() changes {some(moved)} after its last yield; only the training loop may change parameters",
        )

    with patch.object(model, "objectives", watched):
        for at, x in few_steps(bench, model):
            step_once(model, x, at, steppers)


@CHECKS.add
def batch_size(bench: Bench) -> None:
    """Every term is one number per image, and is the same whether one image is repeated 4 or 8 times in a batch.

    All random numbers are 0.5 during this check, so that randomness can neither hide nor cause a difference. Every row
    is the same image, so terms that depend on the whole batch (batch norm, a minibatch discrepancy) pass as well.
    """
    ready(bench)
    for stage in bench.component.stages:
        small, large = (terms_of(bench, stage, n) for n in (4, 8))
        require(bool(small), f"objectives() yields nothing in stage {stage}")
        for name, value in small.items():
            require(
                close(value, large[name]),
                f"{name} is {float(value):.6g} per image in a batch of 4, but {float(large[name]):.6g} in a batch of 8",
            )


@CHECKS.add
def keeps_batch(bench: Bench) -> None:
    """A training step does not modify the batch."""
    model, x = ready(bench), bench.x
    for stage in model.stages:
        for _ in model.objectives(x, At(stage, 0, bench.few)):
            require(same(x, bench.x), f"objectives() writes into its input in stage {stage}")


@CHECKS.add
def reproducible(bench: Bench) -> None:
    """Two runs with the same seed give bit-identical weights and outputs."""
    again = bench.build()
    bench.train(again)
    weights = bench.trained.state_dict()
    differing = [name for name, value in again.state_dict().items() if not same(value, weights[name])]
    require(
        not differing,
        f"{some(differing)} differs between two runs with the same seed: draw noise from torch's global generator only",
    )
    require_equal(
        answers(bench.trained, bench.x), answers(again, bench.x), "differs between two runs with the same seed"
    )


@CHECKS.add
def learns(bench: Bench) -> None:
    """A few dozen steps on sixteen images reduce the squared reconstruction error by more than 1 %; the loss of each
    later stage falls, unless several groups compete in that stage."""

    if not bench.component.stages and bench.component.fit is Model.fit:
        raise NotApplicable("the model has neither stages nor fit(), so it learns nothing")

    def error(model: Model) -> float:
        images = bench.images[:]
        return float((look(model.eval().reconstruct, images) - images).square().mean())

    model = bench.build()
    before = error(model)
    totals = bench.train(model.train(), bench.learning)
    after = error(model)
    require(after < 0.99 * before, f"the squared error goes from {before:.4g} to {after:.4g}: the model does not learn")
    for stage in model.stages[1:]:
        rivals = {name for objectives in ready(bench).objectives(bench.x, At(stage, 0, 1)) for name in objectives}
        early, late = sum(totals[stage][:5]) / 5, sum(totals[stage][-5:]) / 5
        require(len(rivals) > 1 or late < early, f"the loss of stage {stage} goes from {early:.4g} to {late:.4g}")


class Watched(Stepper):
    """A Stepper that keeps the largest absolute value of every gradient."""

    def __init__(self, group: Group) -> None:
        super().__init__(group)
        self.norms: list[list[Tensor | None]] = []

    def step(self, gradients: tuple[Tensor | None, ...]) -> None:
        self.norms.append([None if g is None else g.detach().abs().max() for g in gradients])
        super().step(gradients)


def ready(bench: Bench) -> Model:
    """Return a new model in training mode, after fit()."""
    if not bench.component.stages:
        raise NotApplicable("the model is fitted, not trained")
    model = bench.build().train()
    with torch.no_grad():
        model.fit(bench.images)
    return model


def few_steps(bench: Bench, model: Model) -> Iterator[tuple[At, Tensor]]:
    """Yield a few steps of every stage, spread over its whole length, with their batches."""
    for stage in model.stages:
        for step in range(bench.few):
            start = BATCH * (step % 2)
            yield At(stage, step, bench.few, len(bench.images)), bench.images[start : start + BATCH]


def terms_of(bench: Bench, stage: str, n: int) -> dict[str, Tensor]:
    """Return every term of a stage in mid-training, averaged over a batch with one image repeated n times."""
    model = ready(bench)
    found: dict[str, Tensor] = {}
    with Half():
        for number, objectives in enumerate(model.objectives(bench.x[:1].repeat(n, 1, 1, 1), At(stage, 2, 4))):
            for group, objective in objectives.items():
                terms = {"objective": objective} if isinstance(objective, Tensor) else objective
                for name, term in terms.items():
                    where = f"{name} of {group} in stage {stage}"
                    require(tuple(term.shape) == (n,), f"{where} has shape {tuple(term.shape)}, not one per image")
                    found[f"{where} (yield {number + 1})"] = term.detach().mean()
    return found


def snapshot(model: Model) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def changed(model: Model, before: Mapping[str, Tensor], allowed: Collection[int] = ()) -> list[str]:
    """Return the names of the parameters that changed, except those that are allowed to change."""
    return [n for n, p in model.named_parameters() if id(p) not in allowed and not torch.equal(p, before[n])]


def some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
