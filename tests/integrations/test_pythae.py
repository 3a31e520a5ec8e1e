"""Losses of pythae's released models (0.1.2) and of ours: the same networks, images and noise give the same numbers.

pythae takes a mean over the batch, so means are compared. Where a constant differs, the test has it in its equation:
the squares of its VAEs are halved (those of AE, WAE_MMD, RAE_L2 and VQVAE are not); BetaTCVAE and VQVAE differ in more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vaebench.components.registry import registry
from vaebench.interfaces import At, Model
from vaebench_vaes.posterior import Posterior

pytestmark = pytest.mark.integrations
SHAPE, LATENT, IMAGES = (1, 16, 16), 3, 6
LATE = At("main", 9, 10)  # after every warm-up


def build(model: str, loss: str) -> Model:
    torch.manual_seed(0)
    components = registry()
    made = components.create("losses", components.spec("losses", loss)[1])
    return components.create("models", components.spec("models", model)[1], SHAPE, made)


def of_pythae(name: str, ours: Model, **config: Any) -> nn.Module:
    """Their model over our networks, so over our weights."""
    import pythae.models
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def forward(self, x: Tensor) -> ModelOutput:
            if hasattr(ours, "to_codes"):
                return ModelOutput(embedding=ours.to_codes(ours.encoder(x)))
            if ours.per_latent == 1:
                return ModelOutput(embedding=ours.encode(x))
            q = Posterior.of(ours.to_latent(ours.encoder(x)))
            return ModelOutput(embedding=q.mean, log_covariance=q.logvar)

    class Decoder(BaseDecoder):
        def forward(self, z: Tensor) -> ModelOutput:
            raw = ours.decoder(ours.from_codes(z)) if hasattr(ours, "from_codes") else ours.raw(z)
            return ModelOutput(reconstruction=ours.criterion.image(raw))

    given = getattr(pythae.models, f"{name}_Config" if "_" in name else f"{name}Config")
    if hasattr(given, "reconstruction_loss"):
        config["reconstruction_loss"] = ours.criterion.name
    return getattr(pythae.models, name)(given(input_dim=SHAPE, latent_dim=LATENT, **config), Encoder(), Decoder())


def images() -> Tensor:
    return torch.rand(IMAGES, *SHAPE, generator=torch.Generator().manual_seed(0))


def terms(ours: Model) -> Mapping[str, Tensor]:
    """What our model minimises, by name; the noise is that of seed 1."""
    torch.manual_seed(1)
    (objectives,) = ours.objectives(images(), LATE)
    return next(iter(objectives.values()))


def answer(theirs: nn.Module) -> SimpleNamespace:
    torch.manual_seed(1)
    return SimpleNamespace(**theirs({"data": images()}))


@pytest.mark.parametrize(
    ("method", "loss", "name", "config", "squares"),
    [
        ("ae", "mse", "AE", {}, 1.0),
        ("vae", "bce", "VAE", {}, 1.0),
        ("vae", "mse", "VAE", {}, 0.5),
        ("beta-vae", "bce", "BetaVAE", {"beta": 4.0}, 1.0),
        ("wae-mmd", "mse", "WAE_MMD", {"reg_weight": 10.0}, 1.0),
        ("info-vae[alpha=0.3,mmd=2]", "bce", "INFOVAE_MMD", {"alpha": 0.3, "lbd": 2.7}, 1.0),
        ("rae[beta=0.5,decay=0]", "mse", "RAE_L2", {"embedding_weight": 0.5}, 1.0),
        ("vamp-vae[pseudo=4]", "bce", "VAMP", {"number_components": 4}, 1.0),
    ],
)
def test_the_loss_is_the_same(method: str, loss: str, name: str, config: dict[str, Any], squares: float) -> None:
    ours = build(with_sizes(method), loss)
    theirs = of_pythae(name, ours, **config)
    if name == "VAMP":
        linear = theirs.pseudo_inputs[0]
        linear.weight.data, linear.bias.data = ours.pseudo.detach().flatten(1).T, torch.zeros_like(linear.bias)
    found = dict(terms(ours))
    reconstruction = squares * found.pop("reconstruction")
    others = sum(term.mean() for term in found.values())
    assert name == "AE" or abs(others.item()) > 1e-3, "nothing but the reconstruction is compared"
    torch.testing.assert_close(reconstruction.mean() + others, answer(theirs).loss)


def with_sizes(method: str) -> str:
    name, _, rest = method.partition("[")
    return f"{name}[latent={LATENT},width=4,{rest or ']'}".replace(",]", "]")


def test_decay_of_rae_is_twice_the_weight_decay_that_pythae_gives_its_optimiser() -> None:
    """Adam's `weight_decay` w adds w theta to a gradient, and decay |theta|^2 adds 2 decay theta."""
    ours = build(with_sizes("rae[decay=0.01]"), "mse")
    weight = ours.decoder.last.weight
    (slope,) = torch.autograd.grad(terms(ours)["decay"].mean(), weight)
    torch.testing.assert_close(slope, 2 * 0.01 * weight)


def test_tc_vae_has_the_kl_in_closed_form_and_no_size_of_the_training_set() -> None:
    """pythae takes ln q(z|x) - ln p(z) of the drawn z for the KL, and its TC, by weighted sampling, has a constant:
    (D - 1) ln N for N images. Its stratified sampling, the default, is another estimate."""
    ours = build(with_sizes("tc-vae[tc=6]"), "bce")
    theirs = of_pythae("BetaTCVAE", ours, beta=6.0, use_mss=False)
    found = terms(ours)
    torch.manual_seed(1)
    q = ours.posterior(images())
    noise = q.noise()
    prior = -0.5 * (q.at(noise).square() + math.log(2 * math.pi)).sum(1)
    sampled = q.density_at(noise) - prior
    constant = (6 - 1) * (LATENT - 1) * math.log(IMAGES)
    expected = found["reconstruction"] + sampled + found["total_correlation"] + constant
    torch.testing.assert_close(expected.mean(), answer(theirs).loss)


def test_factor_vae_plays_the_same_game() -> None:
    """Two logits there, their difference here: the odds. On given codes, since batches are put together otherwise."""

    class Two(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            odds = ours.discriminator(z)
            return torch.stack([odds, torch.zeros_like(odds)], 1)

    ours = build(with_sizes("factor-vae[gamma=6]"), "bce")
    theirs = of_pythae("FactorVAE", ours, gamma=6.0)
    theirs.discriminator = Two()
    torch.manual_seed(1)
    (objectives,) = ours.objectives(images(), LATE)
    torch.manual_seed(1)
    q = ours.posterior(images())
    z, other = q.draw(), q.draw()
    mixed = other.gather(0, torch.rand_like(other).argsort(0))
    _, vae, discriminator = theirs.loss_function(ours.decode(z), images(), q.mean, q.logvar, z, mixed)
    for group, expected in (("vae", vae), ("discriminator", discriminator)):
        torch.testing.assert_close(sum(term.mean() for term in objectives[group].values()), expected)


def test_iwae_of_one_draw_has_the_value_and_of_many_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """pythae minimises -sum_k w~_k ln w_k with fixed w~, whose gradient is the bound's, and whose value is not."""
    for draws in (1, 4):
        ours = build(with_sizes(f"iwae[draws={draws}]"), "bce")
        theirs = of_pythae("IWAE", ours, number_samples=draws)
        noise = torch.randn(IMAGES, draws, LATENT)
        each = iter(noise.unbind(1))
        monkeypatch.setattr(Posterior, "noise", lambda *_, each=each: next(each))
        monkeypatch.setattr(theirs, "_sample_gauss", lambda mean, std, noise=noise: (mean + noise * std, noise))
        bound, loss = terms(ours)["bound"].mean(), answer(theirs).loss
        if draws == 1:
            torch.testing.assert_close(bound, loss)
        else:
            assert abs((bound - loss).item()) > 1e-3
        weights = list(ours.parameters())
        slopes = (torch.autograd.grad(value, weights) for value in (bound, loss))
        torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-5)


def test_vq_vae_sums_where_pythae_takes_means() -> None:
    """So its commitment and codebook terms count less there, by the numbers of an image's code: places times dim."""
    ours = build("vq-vae[codes=8,dim=4,decay=0,grid=4,width=4]", "mse")
    theirs = of_pythae("VQVAE", ours, num_embeddings=8)
    theirs.quantizer.embeddings.weight.data = ours.codebook.data
    found, said = terms(ours), answer(theirs)
    torch.testing.assert_close(found["reconstruction"].mean(), said.recon_loss)
    code = math.prod(ours.encode(images()).shape[1:])
    torch.testing.assert_close((found["commitment"] + found["codebook"]).mean(), code * said.vq_loss)


def test_the_codebook_of_vq_vae_moves_alike() -> None:
    """Once: pythae also keeps the smoothed counts, which it smooths again at the next step."""
    ours = build("vq-vae[codes=8,dim=4,grid=4,width=4]", "mse")
    theirs = of_pythae("VQVAE", ours, num_embeddings=8, use_ema=True).train().quantizer
    z = ours.continuous(images()).detach()
    ours.revive(z)
    theirs.embeddings.copy_(ours.codebook)
    theirs.cluster_size, theirs.ema_embed = ours.counts.clone(), ours.sums.clone()
    chosen = ours.choose(z)
    before = ours.codebook.clone()
    ours.follow(z, chosen, ours.count(chosen))
    theirs(z.unflatten(1, ours.grid))
    assert not torch.equal(before, ours.codebook)
    torch.testing.assert_close(ours.codebook, theirs.embeddings)


def test_why_ms_ssim_vae_is_not_compared() -> None:
    """pythae raises the similarity of the coarsest scale to the number of the others, 4 where there are five scales."""
    from pythae.models.msssim_vae.msssim_vae_utils import MSSSIM

    judge, seen = MSSSIM(), []
    plain, weights = judge.ssim, (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

    def ssim(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        seen.append([(part + 1) / 2 for part in plain(x, y)])
        return plain(x, y)

    judge.ssim = ssim
    x = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    similarity = 1 - judge(x, (x - 0.4).clamp(0, 1))
    fine = math.prod(float(contrast) ** weight for (_, contrast), weight in zip(seen[:-1], weights[:-1], strict=True))
    coarse = float(seen[-1][0]) ** weights[-1]
    assert coarse < 0.999
    assert float(similarity) == pytest.approx(fine * coarse**4, rel=1e-5)
