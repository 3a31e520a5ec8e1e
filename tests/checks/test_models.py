"""The kit passes a small honest model, and finds each fault that is put into it, by the check that is meant for it."""

from __future__ import annotations

import math
import random
from typing import ClassVar

import numpy as np
import pytest
import torch
from shapes import SHAPES
from torch import Tensor, nn

from vaebench.interfaces import Gaussian, Group, Images, Linear, Log, Model, NotApplicable


class Honest(Model):
    """A linear VAE: two groups on one forward pass."""

    name = "honest"
    version = 1

    def __init__(self, shape, loss, latent: int = 4) -> None:
        if latent < 1:
            raise ValueError(f"latent must be at least 1, not {latent}")
        super().__init__(shape, loss)
        self.latent = latent
        self.encoder = nn.Linear(math.prod(shape), 2 * latent)
        self.decoder = nn.Linear(latent, math.prod(shape))

    def groups(self):
        encoder = set(self.encoder.parameters())
        return {"encoder": Group(encoder), "decoder": Group(p for p in self.parameters() if p not in encoder)}

    def objectives(self, x, at):
        q = self.posterior(x)
        z = q.mean + (q.logvar / 2).exp() * torch.randn_like(q.mean)
        reconstruction = self.criterion(self.raw(z), x)
        yield {"encoder": {"reconstruction": reconstruction, "kl": q.kl()}, "decoder": reconstruction}

    def raw(self, z: Tensor) -> Tensor:
        return self.decoder(z).unflatten(1, self.shape)

    def encode(self, x):
        return self.encoder(x.flatten(1))[:, : self.latent]

    def decode(self, code):
        return self.criterion.image(self.raw(code))

    def sample(self, n, generator):
        return self.decode(torch.randn(n, self.latent, generator=generator))

    def scores(self, x):
        return {"distance": self.encode(x).square().sum(1)}

    def posterior(self, x):
        return Gaussian(*self.encoder(x.flatten(1)).chunk(2, 1))

    def bound(self, x, generator, draws):
        q = self.posterior(x)
        noise = torch.randn(draws, *q.mean.shape, generator=generator)
        z = q.mean + (q.logvar / 2).exp() * noise
        weights = 0.5 * (noise**2 + q.logvar - z**2).sum(2) - torch.stack([self.criterion(self.raw(k), x) for k in z])
        return weights.logsumexp(0) - math.log(draws)


@pytest.mark.parametrize("model", [Honest, *SHAPES])
def test_an_honest_model_passes_everything(verdicts, model):
    assert verdicts(model) == {}
    assert list(verdicts(model, "skipped")) == ([] if model is Honest else ["posterior", "bound"]) + ["variations"]


FAULTS: list[tuple[type[Model], set[str]]] = []


def fault(*checks: str):
    """This model must fail these checks, and no others."""

    def note(model: type[Model]) -> type[Model]:
        FAULTS.append((model, set(checks)))
        return model

    return note


@fault("parameters")
class TakesAnyLatent(Honest):
    def __init__(self, shape, loss, latent: int = 4) -> None:
        super().__init__(shape, loss, max(latent, 1))


@fault("parameters")
class RefusesWithoutAName(Honest):
    def __init__(self, shape, loss, latent: int = 4) -> None:
        if latent < 1:
            raise ValueError("must be positive")
        super().__init__(shape, loss, latent)


@fault("parameters")
class TypeNobodyCanType(Honest):
    def __init__(self, shape, loss, betas: tuple = (0.9, 0.99)) -> None:
        super().__init__(shape, loss)


@fault("tunable")
class SearchesWhatItHasNot(Honest):
    tunable: ClassVar = {"betta": Log(0.1, 1)}


@fault("tunable")
class SearchesWhatItRefuses(Honest):
    tunable: ClassVar = {"latent": Linear(0, 8)}


@fault("meta")
class LooksAtItsWeights(Honest):
    def __init__(self, shape, loss) -> None:
        super().__init__(shape, loss)
        self.norm = float(self.encoder.weight.norm())


@fault("groups")
class ForgottenLayer(Honest):
    """The knee thesis: latent projections in no optimiser."""

    def __init__(self, shape, loss) -> None:
        super().__init__(shape, loss)
        self.projection = nn.Linear(self.latent, self.latent)

    def groups(self):
        return {"encoder": Group(self.encoder.parameters()), "decoder": Group(self.decoder.parameters())}

    def raw(self, z):
        return super().raw(self.projection(z))


@fault("groups")
class InTwoGroups(Honest):
    def groups(self):
        return super().groups() | {"encoder": Group(self.parameters())}


@fault("groups", "gradients", "learns")
class StrayParameter(Honest):
    def groups(self):
        return super().groups() | {"decoder": Group([nn.Parameter(torch.zeros(1))])}


@fault("groups", "gradients", "routing", "reproducible", "learns", "one-step")
class FrozenInAGroup(Honest):
    def __init__(self, shape, loss) -> None:
        super().__init__(shape, loss)
        self.encoder.bias.requires_grad_(False)


@fault("gradients")
class DetachedOffset(Honest):
    def __init__(self, shape, loss) -> None:
        super().__init__(shape, loss)
        self.offset = nn.Parameter(torch.zeros(self.latent))

    def raw(self, z):
        return super().raw(z + self.offset.detach())


@fault("gradients")
class WeightOfZero(Honest):
    def __init__(self, shape, loss) -> None:
        super().__init__(shape, loss)
        self.offset = nn.Parameter(torch.zeros(self.latent))

    def raw(self, z):
        return super().raw(z + 0.0 * self.offset)


@fault("gradients")
class NeverYielded(Honest):
    def __init__(self, shape, loss) -> None:
        super().__init__(shape, loss)
        self.critic = nn.Linear(1, 1)

    def groups(self):
        both = super().groups()
        return {
            "encoder": both["encoder"],
            "decoder": Group(self.decoder.parameters()),
            "critic": Group(self.critic.parameters()),
        }


@fault("routing")
class StepsByItself(Honest):
    def objectives(self, x, at):
        for objectives in super().objectives(x, at):
            yield objectives
            with torch.no_grad():
                self.decoder.bias.mul_(0.99)


@fault("routing")
class StepsBeforeTheYield(Honest):
    def objectives(self, x, at):
        with torch.no_grad():
            self.encoder.bias.mul_(0.99).add_(0.001)
        yield from super().objectives(x, at)


class Changed(Honest):
    """Its objectives, changed by `change`."""

    def objectives(self, x, at):
        for objectives in super().objectives(x, at):
            yield objectives | {"decoder": self.change(objectives["decoder"], x)}

    def change(self, loss, x):
        return loss


@fault("batch-size")
class WeightedByBatch(Changed):
    def change(self, loss, x):
        return loss / len(x)


UNTRAINABLE = ("gradients", "routing", "reproducible", "learns", "one-step")
"""What a model fails as well that the training loop itself refuses."""


@fault("batch-size", *UNTRAINABLE)
class SummedOverBatch(Changed):
    def change(self, loss, x):
        return loss.sum()


@fault("batch-size", *UNTRAINABLE)
class AveragedOverBatch(Changed):
    def change(self, loss, x):
        return loss.mean()


@fault("keeps-batch")
class WritesIntoTheBatch(Honest):
    def objectives(self, x, at):
        yield from super().objectives(x.clamp_(0.02), at)


@fault("reproducible", "batch-size")
class NumpyNoise(Changed):
    def change(self, loss, x):
        return loss * float(np.random.rand())


@fault("learns")
class StandsStill(Honest):
    def groups(self):
        return {name: Group(g.parameters, options={"lr": 1e-9}) for name, g in super().groups().items()}


@fault("codes")
class CodeIsAMap(Honest):
    def encode(self, x):
        return super().encode(x)[..., None]

    def reconstruct(self, x):
        return self.decode(super().encode(x))

    def scores(self, x):
        return {}


@fault("reconstructions", "samples", "learns", "one-step")
class RawPicture(Honest):
    def decode(self, code):
        return 4 * self.raw(code)


@fault("scores", "alone")
class OneScoreForAll(Honest):
    def scores(self, x):
        return {"distance": torch.zeros(1)}


@fault("scores")
class InfiniteScore(Honest):
    def scores(self, x):
        return {"odds": x.new_zeros(len(x)).log()}


@fault("posterior")
class OneWidthForAllLatents(Honest):
    def posterior(self, x):
        q = super().posterior(x)
        return Gaussian(q.mean, q.logvar[:, :1])


@fault("posterior")
class RateOfSomethingElse(Honest):
    def rate(self, x):
        return 2 * super().rate(x)


@fault("posterior", "deterministic", "reproducible", "alone", "saves")
class NoisyRate(Honest):
    def rate(self, x):
        return super().rate(x) + random.random()


@fault("bound")
class BoundByGlobalNoise(Honest):
    def bound(self, x, generator, draws):
        return super().bound(x, None, draws)


@fault("bound")
class LooserWithDraws(Honest):
    def bound(self, x, generator, draws):
        return super().bound(x, generator, draws) - 100 * math.log(draws)


@fault("bound")
class OneBoundForAll(Honest):
    def bound(self, x, generator, draws):
        return super().bound(x, generator, draws).mean()


@fault("deterministic", "reproducible", "alone", "saves")
class NoisyScore(Honest):
    def scores(self, x):
        return {"distance": random.random() + super().scores(x)["distance"]}


@fault("alone")
class ScoredAgainstTheBatch(Honest):
    def scores(self, x):
        score = super().scores(x)["distance"]
        return {"distance": score / score.max()}


@fault("keeps-images")
class WritesIntoTheImages(Honest):
    def scores(self, x):
        x.clamp_(0.01)
        return {}


@fault("samples")
class SamplesGlobally(Honest):
    def sample(self, n, generator):
        return self.decode(torch.randn(n, self.latent))


@fault("samples")
class OneSample(Honest):
    def sample(self, n, generator):
        return self.decode(torch.zeros(n, self.latent))


@fault("samples")
class SamplesTooMany(Honest):
    def sample(self, n, generator):
        return super().sample(n + 1, generator)


@fault("variations")
class VariesGlobally(Honest):
    def vary(self, x, generator):
        return self.decode(self.encode(x) + torch.randn(len(x), self.latent))


@fault("saves")
class RemembersBeside(Honest):
    """What fit() finds is kept where state_dict() does not look."""

    scale = 1.0

    def fit(self, images: Images) -> None:
        self.scale = float(images[:].mean())

    def scores(self, x):
        return {"distance": super().scores(x)["distance"] / self.scale}


@fault("one-step")
class OnlySmall(Honest):
    def objectives(self, x, at):
        if x.shape[-1] > 32:
            raise RuntimeError("sizes do not match")
        yield from super().objectives(x, at)


@pytest.mark.parametrize(("model", "checks"), FAULTS, ids=[model.__name__ for model, _ in FAULTS])
def test_a_fault_is_found_by_its_check_and_no_other(verdicts, model, checks):
    assert set(verdicts(model)) == checks


def test_a_crash_is_a_failed_check_that_names_type_and_message(verdicts):
    assert verdicts(OnlySmall) == {"one-step": ["raised RuntimeError: sizes do not match"]}


def test_the_reason_names_the_parameter(verdicts):
    assert verdicts(ForgottenLayer)["groups"][0].startswith("projection.weight is in no group")


class Floor(Model):
    """Fitted, never trained, always the same sample."""

    name = "floor"
    version = 1
    default_loss = None
    stages = ()

    def __init__(self, shape, loss=None) -> None:
        super().__init__(shape, loss)
        self.register_buffer("mean", torch.zeros(shape))

    def fit(self, images):
        self.mean.copy_(images[:].mean(0))

    def encode(self, x):
        return x.new_zeros(len(x), 1)

    def decode(self, code):
        return self.mean.repeat(len(code), 1, 1, 1)

    def sample(self, n, generator):
        return self.mean.repeat(n, 1, 1, 1)


def test_a_fitted_model_may_give_one_sample_and_has_nothing_to_train(verdicts):
    assert verdicts(Floor) == {}
    assert set(verdicts(Floor, "skipped")) == {
        *("gradients", "routing", "batch-size", "keeps-batch"),
        *("posterior", "bound", "samples", "variations"),
    }


class Native(Honest):
    native_size = 64

    def __init__(self, shape, loss) -> None:
        if shape[1:] != (64, 64):
            raise ValueError("64 px only")
        super().__init__(shape, loss)


def test_a_model_of_one_size_is_checked_at_that_size(verdicts):
    assert verdicts(Native) == {}


class Mute(Honest):
    def sample(self, n, generator):
        raise NotApplicable("the prior is not learned")


def test_what_does_not_apply_is_skipped_with_its_reason(verdicts):
    assert verdicts(Mute, "skipped")["samples"] == ["the prior is not learned"]
