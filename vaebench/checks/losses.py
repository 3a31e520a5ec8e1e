"""Checks that every reconstruction loss must pass."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor

from vaebench.checks.bench import close, require_images, same
from vaebench.checks.drawings import draw
from vaebench.checks.outcome import Checklist, require
from vaebench.checks.parameters import check_parameters
from vaebench.interfaces import Images, Loss, NotApplicable
from vaebench.trial import Value

CHECKS = Checklist()
COUNT = 4


class Comparison:
    """A loss class with targets of one shape."""

    def __init__(
        self, component: type[Loss], shape: tuple[int, int, int], params: Mapping[str, Value], device: str = "cpu"
    ) -> None:
        self.component, self.shape, self.params, self.device = component, shape, params, device

    @cached_property
    def target(self) -> Tensor:
        return Images(torch.from_numpy(draw(COUNT, self.shape).images).to(self.device))[:]

    @cached_property
    def loss(self) -> Loss:
        torch.manual_seed(0)
        return self.component(**self.params).to(self.device)

    def noise(self, scale: float = 1.0) -> Tensor:
        return (scale * torch.randn(COUNT, *self.shape, generator=torch.Generator().manual_seed(0))).to(self.device)

    @cached_property
    def descended(self) -> Tensor:
        """The raw output that a short gradient descent from noise reaches."""
        raw = self.noise().requires_grad_()
        optimizer = torch.optim.Adam([raw], lr=0.1)
        for _ in range(150):
            (optimizer.param_groups[0]["params"][0].grad,) = torch.autograd.grad(self.loss(raw, self.target).sum(), raw)
            optimizer.step()
        return raw.detach()


@CHECKS.add
def parameters(case: Comparison) -> None:
    """Every parameter can be set on the command line, and setting an integer parameter to -1 raises a ValueError that
    names the parameter."""
    check_parameters(case.component, lambda **params: case.component(**{**case.params, **params}))


@CHECKS.add
def one_number_per_image(case: Comparison) -> None:
    """The loss is one finite float32 number per image, also for half-precision outputs and for an empty batch."""
    for raw in (case.noise(), case.noise().bfloat16(), case.noise(30)):
        value = case.loss(raw, case.target)
        require(tuple(value.shape) == (COUNT,), f"the loss has shape {tuple(value.shape)}, not one number per image")
        require(value.dtype == torch.float32, f"the loss is {value.dtype} for a {raw.dtype} output, not float32")
        require(
            bool(value.isfinite().all()), f"the loss of raw outputs up to {float(raw.abs().max()):.0f} is not finite"
        )
    empty = case.loss(case.noise()[:0], case.target[:0])
    require(tuple(empty.shape) == (0,), f"the loss of an empty batch has shape {tuple(empty.shape)}, not (0,)")


@CHECKS.add
def picture(case: Comparison) -> None:
    """image() converts any raw output to an image with finite values in [0, 1]."""
    for scale in (1.0, 100.0):
        require_images(case.loss.image(case.noise(scale)), (COUNT, *case.shape), "image()")


@CHECKS.add
def gradient(case: Comparison) -> None:
    """The gradient is finite for random, large and zero outputs, and for synthetic, black and white targets."""
    targets = {"synthetic": case.target, "black": torch.zeros_like(case.target), "white": torch.ones_like(case.target)}
    raws = {"random": case.noise(), "large": case.noise(30), "zero": case.noise(0)}
    for shade, target in targets.items():
        for kind, raw in raws.items():
            raw = raw.clone().requires_grad_()
            (slope,) = torch.autograd.grad(case.loss(raw, target).sum(), raw)
            require(bool(slope.isfinite().all()), f"the gradient for {kind} outputs and a {shade} target is not finite")


@CHECKS.add
def descent(case: Comparison) -> None:
    """Gradient descent from noise approaches the target: the squared error of the image falls to less than a third of
    its initial value."""
    start, end = (float((case.loss.image(raw) - case.target).square().mean()) for raw in (case.noise(), case.descended))
    require(
        end < start / 3,
        f"gradient descent changes the squared error from {start:.4g} to {end:.4g}, not to less than a third",
    )


@CHECKS.add
def nearer_is_less(case: Comparison) -> None:
    """The further an image is from the target, the greater the loss."""
    values = [float(case.loss(case.descended + case.noise(far), case.target).mean()) for far in (0.0, 1.0, 4.0)]
    require(
        values == sorted(set(values)), f"the loss at increasing distances is {', '.join(f'{v:.6g}' for v in values)}"
    )


@CHECKS.add
def alone(case: Comparison) -> None:
    """An image's loss does not depend on the other images in its batch, nor on their number."""
    together = case.loss(case.noise(), case.target)
    single = [case.loss(raw[None], target[None]) for raw, target in zip(case.noise(), case.target, strict=True)]
    require(close(together, torch.cat(single), 1e-4), "an image's loss changes with the other images in its batch")


@CHECKS.add
def summed_over_pixels(case: Comparison) -> None:
    """An image with four times the area has about four times the loss (between two and eight times), as expected of a
    sum over pixels."""
    once = float(case.loss(case.noise(), case.target).mean())
    tiled = float(case.loss(case.noise().repeat(1, 1, 2, 2), case.target.repeat(1, 1, 2, 2)).mean())
    require(
        2 < tiled / once < 8,
        f"tiling an image 2 x 2 multiplies its loss by {tiled / once:.3g}: sum over pixels, do not average",
    )


@CHECKS.add
def repeats(case: Comparison) -> None:
    """The same output and target give a bit-identical loss, whatever the global seed."""
    values = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        values.append(case.loss(case.noise(), case.target))
    require(same(*values), "the loss of the same pair differs when computed twice")


@CHECKS.add
def likelihood(case: Comparison) -> None:
    """A loss declared as a likelihood is -ln p of a density that integrates to one over the values of a pixel."""
    if not case.component.likelihood:
        raise NotApplicable("the loss is not declared as a likelihood")
    values = torch.linspace(-8, 9, 2**18 + 1, dtype=torch.float64, device=case.device)
    for raw in (-2.0, 0.0, 2.0):
        density = (
            -case.loss(torch.full((len(values), 1, 1, 1), raw, device=case.device), values.float()[:, None, None, None])
        ).exp()
        area = float(torch.trapezoid(density.double(), values))
        require(
            abs(area - 1) < 0.01,
            f"for the raw output {raw}, exp(-loss) integrates to {area:.4g} over a pixel's values, not to 1",
        )


@CHECKS.add
def not_a_number(case: Comparison) -> None:
    """A NaN in a raw output makes the loss of that image NaN, but not the loss of any other image."""
    raw = case.noise()
    raw[0, 0, 3, 3] = float("nan")
    value = case.loss(raw, case.target)
    require(bool(value[0].isnan()), f"the output contains NaN, but its loss is {float(value[0]):.4g}, not NaN")
    require(bool(value[1:].isfinite().all()), "NaN in one image affects the loss of other images")
