"""The conformance kit, which checks that a component meets its contract.

There are three ways to run the same checks:

vaebench check my-model                                     on the command line
for outcome in run_checks(offer): ...                       in a program (the registry returns offers)
@conformance("my-model")                                    in a plugin's tests, with pytest: one test per check
def test_my_model(check): check()

All three ways accept a device: `pretended-cuda` finds errors that would occur on a GPU, without needing one
(`vaebench.checks.pretended_cuda`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

from vaebench.checks.outcome import Outcome, Task
from vaebench.components.parameters import typed
from vaebench.components.registry import KINDS, Offer, registry
from vaebench.errors import UserError
from vaebench.interfaces import Dataset, Executor, Loss, Metric, Model, Network
from vaebench.trial import Value

__all__ = ["Outcome", "conformance", "run_checks"]

Device = Literal["cpu", "pretended-cuda"]
PRETENDED = "pretended-cuda"
CARD = "cuda:1"
"""The second of two pretended GPUs, so that tensors that are created on the first by mistake are noticed"""
FULL = ((1, 28, 28), (3, 32, 32))
STEP = ((1, 64, 64), (1, 128, 128))
PHANTOMS = (28, 64)


def run_checks(
    offer: Offer, params: Mapping[str, Value] | None = None, device: Device = "cpu", data: Path | None = None
) -> Iterator[Outcome]:
    """Check a component with these parameters, or its defaults, and yield the outcome of each check as it ends.

    Real images are loaded from the folder `data` or, by default, from this machine's data folder."""
    for task in tasks(offer, _given(offer, params or {}), device, data):
        with prepared(device):
            outcome = task.run()
        yield outcome


def conformance(
    name: str, device: Device = "cpu", **params: Value
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Parametrize a pytest test with an argument `check`, so that it runs once for each check of each component of this
    name."""
    import pytest

    def run(task: Task) -> None:
        with prepared(device):
            outcome = task.run()
        if outcome.status == "skipped":
            pytest.skip(outcome.reason)
        assert outcome.status == "passed", f"{outcome.reason}\n(the contract: {outcome.says})"

    owner, _, bare = name.rpartition(":")
    offers = [
        offer
        for kind in KINDS
        for offer in registry().offers(kind).get(bare, [])
        if owner in ("", offer.plugin.distribution)
    ]
    if not offers:
        raise UserError(f"There is no component {name!r}: is its plugin installed? See `vaebench plugins`.")
    listed = [
        (task, f"{offer.component.__name__}-{task.name}")
        for offer in offers
        for task in tasks(offer, _given(offer, params), device)
    ]
    return pytest.mark.parametrize("check", [pytest.param(lambda t=task: run(t), id=label) for task, label in listed])


def _given(offer: Offer, params: Mapping[str, Value]) -> dict[str, Any]:
    """Return the parameters in the form that the constructor expects; networks are looked up first in the component's
    own plugin."""
    components = registry().at(offer.plugin.distribution)
    return components.resolved(offer.component, typed(offer.name, offer.component, params))


@contextmanager
def prepared(device: Device) -> Iterator[None]:
    """Prepare for a check: one thread, and pretended GPUs if `device` asks for them."""
    from vaebench.checks.bench import one_thread

    with ExitStack() as stack:
        stack.enter_context(one_thread())
        if device == PRETENDED:
            from vaebench.checks.pretended_cuda import pretended_cuda

            stack.enter_context(pretended_cuda(cards=2))
        yield


def tasks(offer: Offer, params: Mapping[str, Value], device: Device = "cpu", data: Path | None = None) -> list[Task]:
    """Return the checks of a component in order, one case (such as an image shape) after another. `device` has no
    effect on datasets and executors."""
    component, where = offer.component, CARD if device == PRETENDED else "cpu"
    if issubclass(component, Model):
        return _model_tasks(offer, params, where)
    if issubclass(component, Network):
        return _network_tasks(component, where)
    if issubclass(component, Dataset):
        return _dataset_tasks(component, params, data)
    if issubclass(component, Loss):
        return _loss_tasks(component, params, where)
    if issubclass(component, Metric):
        return _metric_tasks(component, params, where)
    return _executor_tasks(component, params)


def _model_tasks(offer: Offer, params: Mapping[str, Value], device: str) -> list[Task]:
    from vaebench.checks import on_card, trained_model, training
    from vaebench.checks.bench import Bench

    component: type[Model] = offer.component
    wanted, loss = component.default_loss, None
    if wanted is not None:
        loss = registry().at(offer.plugin.distribution).get("losses", wanted).component
    size = component.native_size
    full = [(1, size, size)] if size else FULL
    found = []
    for shape in full:
        bench = Bench(component, loss, shape, params, device)
        found += training.CHECKS.tasks(bench, _said(shape)) + trained_model.CHECKS.tasks(bench, _said(shape))
        found += on_card.CHECKS.tasks(bench, _said(shape)) if device == CARD else []
    for shape in () if size else STEP:
        found += trained_model.ONE_STEP.tasks(Bench(component, loss, shape, params, device), _said(shape))
    return found


def _network_tasks(component: type[Network], device: str) -> list[Task]:
    from vaebench.checks.networks import CHECKS, SIZES, Part

    part = Part(component, device)
    return [task for shape in (*FULL, *STEP) for task in SIZES.tasks((part, shape), _said(shape))] + CHECKS.tasks(part)


def _dataset_tasks(component: type[Dataset], params: Mapping[str, Value], data: Path | None) -> list[Task]:
    from vaebench.checks.datasets import CHECKS, PHANTOM, Source

    cases = [Source(component, size, params, data) for size in PHANTOMS]
    return CHECKS.tasks(cases[0]) + [task for case in cases for task in PHANTOM.tasks(case, f"{case.size} px")]


def _loss_tasks(component: type[Loss], params: Mapping[str, Value], device: str) -> list[Task]:
    from vaebench.checks.losses import CHECKS, Comparison

    return [task for shape in FULL for task in CHECKS.tasks(Comparison(component, shape, params, device), _said(shape))]


def _metric_tasks(component: type[Metric], params: Mapping[str, Value], device: str) -> list[Task]:
    from vaebench.checks.metrics import CHECKS, Asked

    return CHECKS.tasks(Asked(component, params, device))


def _executor_tasks(component: type[Executor], params: Mapping[str, Value]) -> list[Task]:
    from vaebench.checks.executors import CHECKS, Sent

    if missing := component.missing():
        raise UserError(f"The executor {component.name} cannot be checked: {missing}.")
    return CHECKS.tasks(Sent(component, params))


def _said(shape: tuple[int, int, int]) -> str:
    return "{} x {} x {}".format(*shape)
