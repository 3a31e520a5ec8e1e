"""Checks that every trained model must pass: its codes, reconstructions, scores and samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from safetensors.torch import load, save
from torch import Tensor

from vaebench.checks.bench import BATCH, Bench, answers, close, look, require_equal, require_images, same
from vaebench.checks.outcome import Checklist, require
from vaebench.interfaces import NotApplicable

CHECKS, ONE_STEP = Checklist(), Checklist()


@CHECKS.add
def codes(bench: Bench) -> None:
    """encode() gives one row of finite numbers per image."""
    code = look(bench.trained.encode, bench.x)
    require(code.ndim == 2 and len(code) == BATCH, f"codes have shape {tuple(code.shape)}, not ({BATCH}, D)")
    require(code.is_floating_point(), f"codes are {code.dtype}, not floating point")
    require(bool(code.isfinite().all()), "codes contain NaN or infinite numbers")


@CHECKS.add
def reconstructions(bench: Bench) -> None:
    """Reconstructions have the shape of the input and finite values in [0, 1]."""
    require_images(look(bench.trained.reconstruct, bench.x), (BATCH, *bench.shape), "a reconstruction")


@CHECKS.add
def scores(bench: Bench) -> None:
    """Each anomaly score is one finite number per image."""
    for name, value in look(bench.trained.scores, bench.x).items():
        require(tuple(value.shape) == (BATCH,), f"score {name} has shape {tuple(value.shape)}, not ({BATCH},)")
        require(bool(value.isfinite().all()), f"score {name} contains NaN or infinite numbers")


@CHECKS.add
def posterior(bench: Bench) -> None:
    """A Gaussian posterior has a finite mean and log-variance per latent dimension, and the rate is its KL divergence
    from N(0, I)."""
    found = look(bench.trained.posterior, bench.x)
    for name, value in (("mean", found.mean), ("logvar", found.logvar)):
        shape = tuple(value.shape)
        require(value.ndim == 2 and len(value) == BATCH, f"the posterior's {name} has shape {shape}, not ({BATCH}, D)")
        require(bool(value.isfinite().all()), f"the posterior's {name} contains NaN or infinite numbers")
    require(found.mean.shape == found.logvar.shape, "the posterior's mean and logvar differ in shape")
    rate = look(bench.trained.rate, bench.x)
    require(close(rate, found.kl()), "rate() is not the divergence of posterior() from N(0, I)")


@CHECKS.add
def bound(bench: Bench) -> None:
    """bound() returns one finite number per image and takes random numbers only from the given generator; apart from
    sampling noise, the bound does not fall when more codes are sampled."""

    def drawn(seed: int, draws: int) -> Tensor:
        return look(bench.trained.bound, bench.x, bench.generator(seed), draws)

    torch.manual_seed(3)
    state = bench.noise()
    few, many = torch.stack([drawn(seed, 1) for seed in range(8)]), drawn(8, 8)
    require(tuple(many.shape) == (BATCH,), f"the bound has shape {tuple(many.shape)}, not ({BATCH},)")
    require(bool(many.isfinite().all() and few.isfinite().all()), "the bound contains NaN or infinite numbers")
    require(same(bench.noise(), state), "bound() draws from torch's global generator, not from the one given")
    require(same(many, drawn(8, 8)), "bound() gives different numbers for equal generators")
    luck = few.var(0).mean().sqrt() + 1e-3 * many.abs().mean() / BATCH
    require(
        float(many.mean()) >= float(few.mean() - luck),
        f"with 8 draws, the bound is {float(many.mean()):.6g}, lower than with one draw ({float(few.mean()):.6g})",
    )


@CHECKS.add
def deterministic(bench: Bench) -> None:
    """The same images always give the same code, reconstruction, scores and posterior, whatever the global seed."""
    torch.manual_seed(1)
    first = answers(bench.trained, bench.x)
    torch.manual_seed(2)
    require_equal(first, answers(bench.trained, bench.x), "differs when computed twice")


@CHECKS.add
def alone(bench: Bench) -> None:
    """The outputs for an image do not depend on the other images in its batch.

    A mean difference of one per cent of the largest value is tolerated, since rounding may differ in a larger batch and
    change a discrete code."""
    together = answers(bench.trained, bench.x)
    single = [answers(bench.trained, row[None]) for row in bench.x]
    for name, value in together.items():
        joined = torch.cat([each[name] for each in single])
        require(
            value.shape == joined.shape,
            f"{name} of eight images has shape {tuple(value.shape)}, but {tuple(joined.shape)} if computed singly",
        )
        apart = (value - joined).nan_to_num().abs().mean() / value.nan_to_num().abs().amax().clamp_min(1e-6)
        require(float(apart) < 0.01, f"{name} of an image changes with the other images in its batch")


@CHECKS.add
def keeps_images(bench: Bench) -> None:
    """encode(), reconstruct() and scores() do not modify their input."""
    x = bench.x
    answers(bench.trained, x)
    require(same(x, bench.x), "encode(), reconstruct() or scores() writes into its input")


@CHECKS.add
def samples(bench: Bench) -> None:
    """sample() returns finite values in [0, 1] and takes random numbers only from the given generator."""
    model = bench.trained  # trained here, since no model can be trained in inference mode
    check_draws(lambda generator: model.sample(5, generator), (5, *bench.shape), bench, "sample")


@CHECKS.add
def variations(bench: Bench) -> None:
    """vary() returns finite values in [0, 1] and takes random numbers only from the given generator."""
    model = bench.trained  # trained here, since no model can be trained in inference mode
    check_draws(lambda generator: model.vary(bench.x, generator), (BATCH, *bench.shape), bench, "vary")


@CHECKS.add
def saves(bench: Bench) -> None:
    """state_dict() can be saved as safetensors; a new model that loads it gives bit-identical outputs and samples."""
    content = save({name: value.clone().contiguous() for name, value in bench.trained.state_dict().items()})
    fresh = bench.build(seed=7)
    fresh.load_state_dict(load(content))
    fresh.eval()
    hint = "differs after saving and loading: keep everything that training determines in parameters or buffers"
    require_equal(answers(bench.trained, bench.x), answers(fresh, bench.x), hint)
    drawn = []
    for model in (bench.trained, fresh):
        torch.manual_seed(0)
        try:
            drawn.append(look(model.sample, 3, bench.generator(0)))
        except NotApplicable:
            return
    require(same(*drawn), f"a sample {hint}")


@ONE_STEP.add
def one_step(bench: Bench) -> None:
    """After one training step in every stage, the model's reconstructions have the size of the input images."""
    model = bench.build()
    bench.train(model, steps=1)
    require_images(look(model.reconstruct, bench.x), (BATCH, *bench.shape), "a reconstruction")


def check_draws(draw: Callable[[torch.Generator], Tensor], shape: tuple[int, ...], bench: Bench, what: str) -> None:
    def drawn(seed: int) -> Tensor:
        return look(draw, bench.generator(seed))

    torch.manual_seed(3)
    state = bench.noise()
    first = drawn(0)
    require_images(first, shape, f"the result of {what}()")
    require(same(bench.noise(), state), f"{what}() draws from torch's global generator, not from the one given")
    require(same(first, drawn(0)), f"{what}() gives different images for equal generators")
    if same(first, drawn(1)):
        if not bench.component.stages:
            raise NotApplicable(
                f"{what}() always gives the same images, which is allowed for a fitted model without randomness"
            )
        require(False, f"{what}() gives the same images for different generators")
