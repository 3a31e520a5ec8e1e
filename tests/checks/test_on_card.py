"""On a pretended GPU the kit passes what computes on its device, and says in words what does not, and where."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from vaebench.checks import Outcome, prepared, run_checks, tasks
from vaebench.cli import main
from vaebench.components.discovery import Plugin
from vaebench.components.registry import Offer
from vaebench.interfaces import Loss, Metric, Model


class Linear(Model):
    """A linear autoencoder that draws its samples where the generator is."""

    name = "linear"
    version = 1

    def __init__(self, shape, loss) -> None:
        super().__init__(shape, loss)
        self.down, self.up = nn.Linear(math.prod(shape), 4), nn.Linear(4, math.prod(shape))

    def objectives(self, x, at):
        yield {"all": self.criterion(self.raw(self.encode(x)), x)}

    def raw(self, code):
        return self.up(code).unflatten(1, self.shape)

    def encode(self, x):
        return self.down(x.flatten(1))

    def decode(self, code):
        return self.criterion.image(self.raw(code))

    def sample(self, n, generator):
        return self.decode(torch.randn(n, 4, generator=generator, device=generator.device))


class NoBuffer(Linear):
    def __init__(self, shape, loss) -> None:
        super().__init__(shape, loss)
        self.scale = torch.linspace(0.5, 1.5, 4)

    def encode(self, x):
        return super().encode(x) * self.scale


class OtherDice(Linear):
    def sample(self, n, generator):
        return self.decode(torch.randn(n, 4, generator=generator))


class FirstCard(Linear):
    def encode(self, x):
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return super().encode(x) + torch.zeros(4, device=device)


class Waits(Linear):
    def objectives(self, x, at):
        for objectives in super().objectives(x, at):
            if objectives["all"].mean() > 0:
                yield objectives


class ReadsPixels(Linear):
    def scores(self, x):
        return {"mean": torch.from_numpy(np.asarray(x).mean((1, 2, 3)))}


class OwnTarget(Loss):
    name = "own-target"
    version = 1

    def forward(self, raw, target):
        weight = torch.ones(raw.shape[1:])
        return ((raw.sigmoid() - target).square() * weight).float().flatten(1).sum(1)


class AsksTheModel(Metric):
    name = "asks-the-model"
    version = 1
    title = "mean of a reconstruction"

    def compute(self, evidence):
        image = torch.from_numpy(evidence.images("test")[:1])
        return float(evidence.model.reconstruct(image + evidence.model.noise * 0).mean())


def outcome(component: type, check: str, device: str) -> Outcome:
    """What comes of one check, the first time that it is made."""
    offer = Offer(component, Plugin("tests", "0", "main", ()))
    task = next(task for task in tasks(offer, {}, device) if task.name.split()[0] == check)
    with prepared(device):
        return task.run()


def test_what_computes_on_its_device_passes(monkeypatch) -> None:
    monkeypatch.setattr("vaebench.checks.FULL", ((1, 28, 28),))
    monkeypatch.setattr("vaebench.checks.STEP", ())
    outcomes = list(run_checks(Offer(Linear, Plugin("tests", "0", "main", ())), device="pretended-cuda"))
    assert not [one for one in outcomes if one.status == "failed"]
    (found,) = (one.reason for one in outcomes if one.name.startswith("steps"))
    assert 10 < int(found.split()[0]) < 60 and found.endswith("launches in a step of stage main")


@pytest.mark.parametrize(
    ("component", "check", "says"),
    [
        (NoBuffer, "codes", "mul mixes devices: a tensor (4,) on cpu and a tensor (8, 4) on cuda:1, at test_on_card"),
        (OtherDice, "samples", "randn() draws numbers on the CPU with a generator on cuda:1, at test_on_card.py"),
        (FirstCard, "codes", "add mixes devices: a tensor (4,) on cuda:0 and a tensor (8, 4) on cuda:1"),
        (Waits, "steps", "a step of stage main waits for the GPU 1 times: _local_scalar_dense, at test_on_card.py"),
        (ReadsPixels, "scores", "NumPy cannot read a tensor on cuda:1: call .cpu() first, at test_on_card.py"),
        (OwnTarget, "gradient", "mul mixes devices: a tensor (1, 28, 28) on cpu"),
        (AsksTheModel, "answers", "add mixes devices"),
    ],
)
def test_what_does_not_is_told_with_its_place(component: type, check: str, says: str) -> None:
    found = outcome(component, check, "pretended-cuda")
    assert found.status in ("failed", "skipped") and says in found.reason
    if check != "steps":
        assert outcome(component, check, "cpu").status == "passed", "a CPU has nothing to say against it"


def test_the_command_checks_on_a_pretended_card() -> None:
    done = CliRunner().invoke(main, ["check", "psnr", "--device", "pretended-cuda"])
    assert done.exit_code == 0, done.output
    assert " 0 failed" in done.output
    assert not torch.cuda.is_available() or torch.version.cuda
