"""VQ-VAE: nearest codes, straight-through gradients, and the codebook's moves, computed by hand."""

from collections.abc import Callable

import pytest
import torch

from vaebench.interfaces import At, Loss
from vaebench_vaes.vq_vae import VQVAE

SHAPE = (1, 32, 32)


@pytest.fixture
def model(loss: Loss) -> VQVAE:
    torch.manual_seed(0)
    return VQVAE(SHAPE, loss, codes=16, dim=4, width=8)


@pytest.fixture
def tiny(loss: Loss) -> VQVAE:
    """Three codes on a line."""
    model = VQVAE(SHAPE, loss, codes=3, dim=1, decay=0.9, width=4)
    model.codebook.copy_(torch.tensor([[0.0], [1.0], [5.0]]))
    model.counts.copy_(torch.tensor([2.0, 4.0, 1.0]))
    model.sums.copy_(torch.tensor([[0.0], [4.0], [5.0]]))
    return model


def test_each_vector_gets_its_nearest_code(model: VQVAE) -> None:
    model.codebook.normal_()
    z = torch.randn(5, 7, 4)
    assert torch.equal(model.choose(z), torch.cdist(z, model.codebook.expand(5, -1, -1)).argmin(-1))


def test_the_codebook_follows_its_moving_averages(tiny: VQVAE) -> None:
    z = torch.tensor([[[0.2], [0.4], [1.3], [0.9], [1.1]]])
    chosen = tiny.choose(z)
    tiny.follow(z, chosen, tiny.count(chosen))
    counts = [0.9 * 2 + 0.1 * 2, 0.9 * 4 + 0.1 * 3, 0.9 * 1]
    sums = [0.1 * 0.6, 0.9 * 4 + 0.1 * 3.3, 0.9 * 5]
    torch.testing.assert_close(tiny.counts, torch.tensor(counts))
    torch.testing.assert_close(tiny.sums[:, 0], torch.tensor(sums))
    total = sum(counts)
    smooth = [(count + 1e-5) / (total + 3e-5) * total for count in counts]
    torch.testing.assert_close(tiny.codebook[:, 0], torch.tensor([m / n for m, n in zip(sums, smooth, strict=True)]))


def test_the_codes_that_a_batch_chose_are_logged(model: VQVAE, images: Callable) -> None:
    at = At("main", 0, 1)
    list(model.objectives(images(8)[:], at))
    assert 1 < float(at.logs["used_codes"]) <= 16
    assert 1 < float(at.logs["perplexity"]) <= float(at.logs["used_codes"]) + 1e-3
    assert model.count(torch.tensor([[0, 3], [3, 3]])).tolist() == [1.0, 0.0, 0.0, 3.0] + [0.0] * 12


def test_without_decay_the_codebook_goes_down_its_own_gradient(
    loss: Loss, images: Callable, routed: Callable, advance: Callable
) -> None:
    torch.manual_seed(0)
    model, x = VQVAE(SHAPE, loss, codes=16, dim=4, decay=0.0, commitment=0.0, width=8), images(8)[:]
    (found,) = routed(model, x)
    z_e = model.continuous(x).detach()
    chosen = torch.cdist(z_e, model.codebook.detach().expand(8, -1, -1)).argmin(-1)
    pull = (z_e - model.codebook[chosen]).square().sum((1, 2)).mean()
    (expected,) = torch.autograd.grad(pull, [model.codebook])
    torch.testing.assert_close(found["main"][-1], expected, rtol=1e-3, atol=1e-5)
    advance(model, x)
    assert "codebook" in dict(model.named_parameters())


def test_a_dead_code_starts_again_at_a_vector_of_the_batch(tiny: VQVAE) -> None:
    tiny.counts[2] = 0.4
    z = torch.tensor([[[7.0], [8.0]]])
    tiny.revive(z)
    assert tiny.codebook[:2, 0].tolist() == [0.0, 1.0]
    assert float(tiny.codebook[2]) in (7.0, 8.0)
    assert float(tiny.sums[2] / tiny.counts[2]) == float(tiny.codebook[2])


def test_the_first_step_puts_the_whole_codebook_on_data(model: VQVAE, images: Callable) -> None:
    z = model.continuous(images(8)[:]).detach()
    model.revive(z)
    assert torch.cdist(model.codebook, z.flatten(0, 1)).min(1).values.max() < 1e-3


def test_gradients_pass_straight_through_the_choice(model: VQVAE, images: Callable) -> None:
    """What the decoder sends back at z_q arrives at z_e unchanged; the commitment pulls z_e to its code."""
    x = images(8)[:]
    torch.manual_seed(0)
    (objectives,) = model.objectives(x, At("main", 0, 1))
    parameters = list(model.to_codes.parameters())
    terms = {name: term.mean() for name, term in objectives["main"].items()}
    found = {name: torch.autograd.grad(term, parameters, retain_graph=True) for name, term in terms.items()}

    torch.manual_seed(0)
    vectors = model.continuous(x)
    flat = vectors.detach().flatten(0, 1)
    book = flat[torch.randint(len(flat), (16,))]  # the codebook of the first step, before it follows
    z_q = book[torch.cdist(vectors.detach(), book.expand(8, -1, -1)).argmin(-1)].requires_grad_()
    (sent,) = torch.autograd.grad((model.criterion.image(model.raw(z_q)) - x).square().sum((1, 2, 3)).mean(), z_q)
    expected = torch.autograd.grad(vectors, parameters, sent, retain_graph=True)
    torch.testing.assert_close(found["reconstruction"], expected, rtol=1e-3, atol=1e-5)

    pull = 0.25 * (vectors - z_q.detach()).square().sum((1, 2)).mean()
    torch.testing.assert_close(terms["commitment"], pull)
    torch.testing.assert_close(found["commitment"], torch.autograd.grad(pull, parameters), rtol=1e-3, atol=1e-5)


def test_the_codebook_is_no_parameter_and_rests_outside_the_main_stage(
    model: VQVAE, images: Callable, advance: Callable
) -> None:
    x = images(8)[:]
    advance(model, x)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    advance(model, x, stage="prior")
    model.eval().encode(x)
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"prior"}
    assert not {"codebook", "counts", "sums"} & {name for name, _ in model.named_parameters()}


def test_the_code_is_what_the_decoder_gets(model: VQVAE, images: Callable, advance: Callable) -> None:
    x = images(4)[:]
    advance(model, x)
    code = model.eval().encode(x)
    assert code.shape == (4, 8 * 8 * 4)
    assert torch.cdist(code.view(-1, 4), model.codebook).min(1).values.max() < 1e-3
    assert model.bits == 64 * 4


def test_samples_are_drawn_from_the_prior(model: VQVAE, images: Callable, advance: Callable) -> None:
    """A prior that is sure of one grid of codes gives that image."""
    x = images(8)[:]
    advance(model, x)
    sure = VQVAE(SHAPE, model.criterion, codes=16, dim=4, prior="per-position", width=8)
    sure.load_state_dict(
        {**model.state_dict(), **{f"prior.{k}": v for k, v in sure.prior.state_dict().items()}}, strict=False
    )
    codes = sure.choose(sure.continuous(x[:1]))
    with torch.no_grad():
        sure.prior.logits.scatter_(1, codes.T, 50.0)
        drawn = sure.sample(2, torch.Generator().manual_seed(0))
        torch.testing.assert_close(drawn, sure.reconstruct(x[:1]).expand(2, *SHAPE), atol=1e-5, rtol=1e-4)
        assert sure.scores(x[:1])["nll"] < 1e-3


@pytest.mark.parametrize("wrong", [{"codes": 1}, {"dim": 0}, {"decay": 1.5}, {"prior": "uniform"}])
def test_impossible_parameters_are_refused_by_name(loss: Loss, wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VQVAE(SHAPE, loss, **wrong)
