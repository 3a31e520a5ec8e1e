"""Training steps as CUDA graphs: a step whose Python scalars stay constant is captured once and then replayed, with one
launch instead of hundreds. Noise is fresh at each replay, since a graph advances torch's generator as the step does."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import torch
from torch import Tensor

from vaebench.errors import Explained
from vaebench.interfaces import At, Model
from vaebench.training.stepper import Stepper

Step = Callable[[Tensor, At], dict[str, Tensor]]
AFTER = 3
"""The number of equal steps in a row before one is captured: by then, optimisers and libraries have allocated their
memory."""


class NotCaptured(Explained):
    """Raised if a training step that is declared constant cannot be captured."""


class Replayed:
    """Runs training steps, and captures and replays them if possible. Only the graph of the current steps is kept."""

    def __init__(self, model: Model, steppers: Mapping[str, Stepper], step: Step) -> None:
        self.model, self.step = model, step
        self.can = all(stepper.capturable for stepper in steppers.values())
        self.key: Hashable = None
        self.seen = 0
        self.graph: torch.cuda.CUDAGraph | None = None
        self.replays = 0

    def __call__(self, x: Tensor, at: At) -> dict[str, Tensor]:
        key = (at.stage, tuple(x.shape), self.model.constants(at))
        if key != self.key:
            self.key, self.seen, self.graph = key, 0, None
        self.seen += 1
        if not self.can or self.seen <= AFTER:
            return self.step(x, at)
        if self.graph is None:
            self._capture(x, at)
        else:
            self.x.copy_(x)
        assert self.graph is not None
        self.graph.replay()
        self.replays += 1
        at.logs.update(self.logs)
        return self.terms

    def _capture(self, x: Tensor, at: At) -> None:
        """Record a step without executing it. Later steps with the same constants log the same tensors as this one."""
        self.x, recorded = x.clone(), At(at.stage, at.step, at.steps, at.images)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self.terms = self.step(self.x, recorded)
        except RuntimeError as error:
            raise NotCaptured(
                f"a training step of stage {at.stage} cannot be captured as a CUDA graph ({error}). The model's "
                "constants() must not declare this step constant; `vaebench run --no-graphs` trains without graphs"
            ) from error
        self.graph, self.logs = graph, recorded.logs
