"""The training loop; by construction, each group of parameters gets only the gradient of its own objective."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import torch
from torch import Tensor

from vaebench.errors import Explained
from vaebench.interfaces import At, Images, Model, Objective
from vaebench.training.averages import Averages
from vaebench.training.graphs import Replayed, Step
from vaebench.training.stepper import Stepper, steppers_of
from vaebench.trial import Settings

Report = Callable[[At, Mapping[str, float]], None]


class Diverged(Explained):
    """Raised if a loss becomes NaN or infinite."""


class Course:
    """A training run in progress. The state of a run is everything that the next steps depend on, so a resumed run is
    bit-identical to an uninterrupted one. The generator `order` determines the batches, and torch's global generator
    the model's noise. With `graphs`, steps are replayed as CUDA graphs if the model allows it."""

    def __init__(
        self, model: Model, images: Images, settings: Settings, order: torch.Generator, graphs: bool = False
    ) -> None:
        self.model, self.images, self.settings = model, images, settings
        self.stage = self.step = 0
        self.feed = Feed(images, settings.batch, order)
        self.steppers = steppers_of(model.groups(), model.recipe) if model.stages else {}
        self.averages = Averages(model, self.steppers.values())
        self.graphs = graphs and images.device.type == "cuda"
        self.replays = 0
        """The number of steps that were replayed as CUDA graphs."""

    @property
    def at(self) -> At:
        """The next step."""
        name, settings = self.model.stages[self.stage], self.settings
        steps = settings.steps if self.stage == 0 else settings.stage_steps.get(name, settings.steps)
        return At(name, self.step, steps, len(self.images))

    def fit(self) -> None:
        self.model.train()
        with torch.no_grad():
            self.model.fit(self.images)

    def run(self, report: Report, after: Callable[[At], None] = lambda at: None) -> None:
        """Do all remaining steps. `report` receives losses about 50 times per stage; `after` is called after every
        step."""
        self.model.train()
        eager: Step = partial(step_once, self.model, steppers=self.steppers)
        replayed = Replayed(self.model, self.steppers, eager)
        step: Step = replayed if self.graphs else eager
        while self.stage < len(self.model.stages):
            at = self.at
            if at.step == at.steps:
                self.averages.finish()
                self.stage, self.step = self.stage + 1, 0
                self.feed.restart()
                continue
            last = at.step == at.steps - 1
            for stepper in self.steppers.values():
                stepper.schedule_rate(at)
            terms = step(self.feed.take(more=not last), at)
            self.averages.follow()
            if at.step % max(1, at.steps // 50) == 0 or last:  # the only place that waits for the device
                values = {name: float(value) for name, value in {**terms, **at.logs}.items()}
                if bad := [name for name, value in values.items() if not abs(value) < float("inf")]:
                    raise Diverged(f"{', '.join(bad)} became {values[bad[0]]} at step {at.step} of stage {at.stage}")
                report(at, values)
            self.step += 1
            after(at)
        for stepper in self.steppers.values():
            stepper.forget()
        self.replays += replayed.replays
        self.model.eval()

    @property
    def place(self) -> str:
        """A description of the point that training has reached."""
        if self.stage == len(self.model.stages):
            return "after the last training step"
        stage = f" in stage {self.at.stage}" if len(self.model.stages) > 1 else ""
        return f"from step {self.step} of {self.at.steps}{stage}"

    def state(self) -> dict[str, Any]:
        device = self.images.device
        return {
            "stage": self.stage,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizers": {name: stepper.optimizer.state_dict() for name, stepper in self.steppers.items()},
            "averages": self.averages.state(),
            "replays": self.replays,
            "feed": self.feed.state(),
            "noise": torch.get_rng_state(),
            "device noise": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        self.stage, self.step = state["stage"], state["step"]
        self.model.load_state_dict(state["model"])
        for name, stepper in self.steppers.items():
            stepper.resume(state["optimizers"][name])
        self.averages.resume(state["averages"])
        self.replays = int(state["replays"])
        self.feed.resume(state["feed"])
        torch.set_rng_state(state["noise"])
        if state["device noise"] is not None:
            torch.cuda.set_rng_state(state["device noise"], self.images.device)


def train(model: Model, images: Images, settings: Settings, order: torch.Generator, report: Report) -> None:
    """Fit and train a model from start to end."""
    course = Course(model, images, settings, order)
    course.fit()
    course.run(report)


def step_once(model: Model, x: Tensor, at: At, steppers: Mapping[str, Stepper]) -> dict[str, Tensor]:
    """Do one training step, and return the minimised terms by name."""
    seen: dict[tuple[str, str], Tensor] = {}
    for objectives in yielded(model, x, at):
        if unknown := [name for name in objectives if name not in steppers]:
            known = ", ".join(map(repr, steppers))
            raise ValueError(f"objectives() yields the group {unknown[0]!r}, but groups() names only {known}")
        gradients = {}
        waiting = list(objectives)
        for name, objective in objectives.items():
            waiting.pop(0)
            terms = named(objective, name, len(x))
            total = sum(terms.values(), start=x.new_zeros(()))
            gradients[name] = steppers[name].gradients(total, keep_graph=bool(waiting))
            seen |= {(name, _unseen(key, name, seen)): value.detach() for key, value in terms.items()}
        for name, gradient in gradients.items():
            steppers[name].step(gradient)
    if not seen:
        raise ValueError(f"objectives() yields nothing in stage {at.stage!r}, so nothing would be trained")
    several = len({group for group, _ in seen}) > 1
    terms = {f"{group} {key}" if several and key != group else key: value for (group, key), value in seen.items()}
    if hidden := [name for name in at.logs if name in terms]:
        raise ValueError(
            f"at.log({hidden[0]}=...) would hide the term {hidden[0]!r} that objectives() yields; use another name"
        )
    return terms


def _unseen(key: str, group: str, seen: Mapping[tuple[str, str], Tensor]) -> str:
    """Return a unique name for a term. If a group is updated twice in a training step, its terms are numbered."""
    number = 1 + sum(one == group and other.partition(" #")[0] == key for one, other in seen)
    return key if number == 1 else f"{key} #{number}"


def yielded(model: Model, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
    """Yield the mappings from the model's objectives(), checking that it is a generator of mappings."""
    found: Any = model.objectives(x, at)
    if not isinstance(found, Iterator):
        raise TypeError(f"objectives() returns {_article(found)}, but must be a generator that yields objectives")
    for objectives in found:
        if not isinstance(objectives, Mapping):
            raise TypeError(f"objectives() yields {_article(objectives)}, not a mapping from group to objective")
        yield objectives


def named(objective: Objective, name: str, images: int) -> dict[str, Tensor]:
    """Return an objective's terms, averaged over the images."""
    terms = {name: objective} if isinstance(objective, Tensor) else objective
    for key, term in terms.items():
        if tuple(term.shape) != (images,):
            shape = tuple(term.shape)
            raise ValueError(
                f"objectives() yields {key!r} of shape {shape}; it must have one number per image, "
                f"that is, shape ({images},)"
            )
    return {key: term.float().mean() for key, term in terms.items()}


def _article(value: object) -> str:
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


class Feed:
    """Batches of images: every image is used once per round, in a new order; a batch may extend into the next round.
    If the images are in a memory map, the next batch is read while the model trains on the current one."""

    def __init__(self, images: Images, batch: int, order: torch.Generator) -> None:
        self.images, self.batch, self.order = images, batch, order
        self.rows = images.pixels if images.rows is None else images.rows
        self.reader = ThreadPoolExecutor(1) if images.rows is not None else None
        self.restart()

    def restart(self) -> None:
        self.waiting = torch.empty(0, dtype=torch.long, device=self.rows.device)
        self.ahead: Tensor | None = None
        self.read: Future[Tensor] | None = None

    def take(self, more: bool = True) -> Tensor:
        """Return the next batch; with `more`, start reading the batch after it."""
        rows = self.draw() if self.ahead is None else self.ahead
        if self.reader is None:
            return self.images[rows]
        batch = self.images[rows] if self.read is None else self.read.result()
        self.ahead = self.draw() if more else None
        self.read = None if self.ahead is None else self.reader.submit(self.images.__getitem__, self.ahead)
        return batch

    def draw(self) -> Tensor:
        """Return the row numbers of the next batch."""
        while len(self.waiting) < self.batch:
            shuffled = torch.randperm(len(self.rows), generator=self.order, device=self.order.device)
            self.waiting = torch.cat([self.waiting, shuffled.to(self.rows.device)])
        rows, self.waiting = self.waiting[: self.batch], self.waiting[self.batch :]
        return rows

    def state(self) -> dict[str, Any]:
        # Cloned, because a slice would be saved together with the whole tensor that it is a view of.
        ahead = None if self.ahead is None else self.ahead.clone()
        return {"order": self.order.get_state(), "waiting": self.waiting.clone(), "ahead": ahead}

    def resume(self, state: Mapping[str, Any]) -> None:
        self.order.set_state(state["order"])
        self.waiting = state["waiting"].to(self.rows.device)
        self.ahead = None if state["ahead"] is None else state["ahead"].to(self.rows.device)
