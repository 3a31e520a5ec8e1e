"""Which steps are captured and replayed, on a stub of CUDA graphs. That replays are right, only a card can show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from vaebench.interfaces import At, Group, Model
from vaebench.training.graphs import NotCaptured, Replayed
from vaebench.training.stepper import Stepper


class Graph:
    captured, replayed = 0, 0

    def replay(self) -> None:
        type(self).replayed += 1


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def graph(one: Graph) -> Iterator[None]:
        Graph.captured += 1
        yield

    Graph.captured = Graph.replayed = 0
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", graph)


class Warming(Model):
    """Its step depends on a weight that rises over the first quarter."""

    name, version = "warming", 1

    def constants(self, at: At) -> float:
        return min(1.0, at.progress * 4)


def replayed(model: Model, capturable: bool = True) -> tuple[Replayed, list[int]]:
    stepper = Stepper(Group([nn.Parameter(torch.zeros(1))]))
    stepper.optimizer.defaults["capturable"] = capturable
    calls: list[int] = []

    def step(x: Tensor, at: At) -> dict[str, Tensor]:
        calls.append(at.step)
        at.log(seen=x.sum())
        return {"loss": x.mean()}

    return Replayed(model, {"all": stepper}, step), calls


def run(one: Replayed, steps: int, batch: int = 4, stage: str = "main") -> list[At]:
    done = [At(stage, step, steps) for step in range(steps)]
    for at in done:
        one(torch.full((batch,), float(at.step)), at)
    return done


def test_a_step_is_captured_when_its_constants_stayed_the_same_and_then_only_replayed() -> None:
    one, calls = replayed(Warming((1, 1, 1), None))
    done = run(one, 20)
    # 0 to 4 warm up; 5, 6 and 7 are equal steps; 8 is captured.
    assert calls == list(range(9))
    assert (Graph.captured, Graph.replayed) == (1, 12)
    assert all("seen" in at.logs for at in done)
    assert float(one.x[0]) == 19, "each replay gets the batch of its step"


def test_another_stage_or_batch_is_captured_anew() -> None:
    one, _ = replayed(Warming((1, 1, 1), None))
    run(one, 20)
    run(one, 20, stage="prior")
    run(one, 20, batch=3, stage="prior")
    assert Graph.captured == 3


def test_a_model_that_promises_nothing_and_optimisers_that_cannot_be_captured_run_as_ever() -> None:
    for one, calls in (replayed(Model((1, 1, 1), None)), replayed(Warming((1, 1, 1), None), capturable=False)):
        run(one, 20)
        assert calls == list(range(20))
    assert Graph.captured == Graph.replayed == 0


def test_a_step_that_cannot_be_captured_fails_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def refusing(one: Graph) -> Iterator[None]:
        raise RuntimeError("operation not permitted when stream is capturing")
        yield

    monkeypatch.setattr(torch.cuda, "graph", refusing)
    one, _ = replayed(Warming((1, 1, 1), None))
    with pytest.raises(NotCaptured, match=r"constants\(\).*--no-graphs"):
        run(one, 20)
