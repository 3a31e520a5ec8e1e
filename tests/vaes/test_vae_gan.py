"""VAE-GAN: which gradient reaches which network, and who waits when the game is out of balance."""

from collections.abc import Callable, Mapping

import pytest
import torch
import torch.nn.functional as F

from vaebench.interfaces import At, Images
from vaebench.training.loop import train
from vaebench.trial import Settings
from vaebench_medical.kermany import KermanyCxr
from vaebench_vaes.vae_gan import VAEGAN

SHAPE = (1, 32, 32)


@pytest.fixture
def model() -> VAEGAN:
    torch.manual_seed(0)
    return VAEGAN(SHAPE, latent=6, beta=0.5, gamma=0.3, warmup=0.0, width=8)


@pytest.fixture
def by_hand(model: VAEGAN, images: Callable) -> dict[str, torch.Tensor]:
    """The paper's terms, averaged over the batch, written down a second time."""
    x = images(8)[:]
    torch.manual_seed(0)
    posterior = model.posterior(x)
    rec = model.decode(posterior.mean + (posterior.logvar / 2).exp() * torch.randn(8, 6))
    fake = model.decode(torch.randn(8, 6))
    (real_logit, seen), (rec_logit, seen_rec), (fake_logit, _) = map(model.discriminator, (x, rec, fake))
    real_p, rec_p, fake_p = (logit.sigmoid() for logit in (real_logit, rec_logit, fake_logit))
    return {
        "prior": posterior.kl().mean(),
        "llike": 0.5 * (seen - seen_rec).square().sum((1, 2, 3)).mean(),
        "discriminator": -(real_p.log() + 0.5 * (1 - rec_p).log() + 0.5 * (1 - fake_p).log()).mean(),
        "fooling": -0.5 * (rec_p.log() + fake_p.log()).mean(),
    }


def test_encoder_gets_prior_and_similarity_and_nothing_of_the_game(
    model: VAEGAN, by_hand: dict, images: Callable, routed: Callable, same_slopes: Callable
) -> None:
    (found,) = routed(model, images(8)[:])
    total = 0.5 * by_hand["prior"] + by_hand["llike"]
    same_slopes(found["encoder"], total, [model.encoder, model.to_latent])


def test_decoder_gets_gamma_times_similarity_and_tries_to_fool(
    model: VAEGAN, by_hand: dict, images: Callable, routed: Callable, same_slopes: Callable
) -> None:
    (found,) = routed(model, images(8)[:])
    total = 0.3 * by_hand["llike"] + by_hand["fooling"]
    same_slopes(found["decoder"], total, [model.from_latent, model.decoder])


def test_discriminator_gets_the_game_and_nothing_of_the_similarity(
    model: VAEGAN, by_hand: dict, images: Callable, routed: Callable, same_slopes: Callable
) -> None:
    (found,) = routed(model, images(8)[:])
    same_slopes(found["discriminator"], by_hand["discriminator"], [model.discriminator])


def test_gamma_moves_only_the_decoder(images: Callable, advance: Callable) -> None:
    x, moved = images(8)[:], []
    for gamma in (0.0, 100.0):
        torch.manual_seed(0)
        model = VAEGAN(SHAPE, latent=6, gamma=gamma, width=8)
        advance(model, x)
        moved.append(model)
    for part in ("encoder", "to_latent", "discriminator"):
        one, two = (dict(getattr(m, part).named_parameters()) for m in moved)
        assert all(torch.equal(one[name], two[name]) for name in one), part
    assert not torch.equal(moved[0].decoder.last.weight, moved[1].decoder.last.weight)


def test_the_decoder_s_step_raises_the_discriminator_s_belief(model: VAEGAN) -> None:
    """Against the sign printed in the paper's Algorithm 1."""
    z = torch.randn(16, 6)
    parameters = [*model.from_latent.parameters(), *model.decoder.parameters()]
    before = model.discriminator(model.decode(z))[0]
    slopes = torch.autograd.grad(F.softplus(-before).mean(), parameters)
    with torch.no_grad():
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter -= 0.05 * slope
        assert model.discriminator(model.decode(z))[0].mean() > before.mean()


@pytest.mark.parametrize(
    ("costs", "moving"),
    [
        ((0.68, 0.68), {"encoder", "decoder", "discriminator"}),
        ((0.10, 0.68), {"encoder", "decoder"}),
        ((0.68, 0.10), {"encoder", "decoder"}),
        ((1.30, 0.68), {"encoder", "discriminator"}),
        ((0.68, 1.30), {"encoder", "discriminator"}),
        ((0.10, 1.30), {"encoder", "decoder", "discriminator"}),
    ],
)
def test_the_winner_waits(
    model: VAEGAN, images: Callable, advance: Callable, costs: tuple[float, float], moving: set[str]
) -> None:
    model.costs.copy_(torch.tensor(costs))
    before = {name: [p.clone() for p in group.parameters] for name, group in model.groups().items()}
    advance(model, images(4)[:])
    after = {name: list(group.parameters) for name, group in model.groups().items()}
    moved = {name: [not torch.equal(*pair) for pair in zip(before[name], after[name], strict=True)] for name in after}
    assert {name for name, parameters in moved.items() if any(parameters)} == moving


def test_the_costs_of_a_step_are_kept_for_the_next(
    model: VAEGAN, by_hand: dict, images: Callable, routed: Callable
) -> None:
    routed(model, images(8)[:])
    assert float(model.costs.sum()) == pytest.approx(float(by_hand["discriminator"].detach()), rel=1e-4)
    assert "costs" in model.state_dict()


def test_both_players_move_in_more_than_half_of_the_steps() -> None:
    torch.manual_seed(0)
    model = VAEGAN((1, 28, 28), latent=8, width=4)
    splits = KermanyCxr().phantom(28, {"train": 128, "val": 1, "test": 1}, 0)
    moved = []

    def follow(at: At, values: Mapping[str, float]) -> None:
        moved.append((values["decoder_moves"], values["discriminator_moves"]))

    train(model, Images(torch.from_numpy(splits.train.images)), Settings(28, 100, 16), torch.Generator(), follow)
    for share in torch.tensor(moved[len(moved) // 2 :]).mean(0):
        assert share > 0.5
