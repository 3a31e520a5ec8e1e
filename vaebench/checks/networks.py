"""Checks that every network must pass, whichever method trains it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from vaebench.checks.bench import WIDTH, close, look, require_equal
from vaebench.checks.drawings import draw
from vaebench.checks.outcome import Checklist, require
from vaebench.interfaces import Images, Network, NotApplicable, Shape

SIZES, CHECKS = Checklist(), Checklist()
GRID = 7
COUNT, STEPS = 3, 64
SHAPES: tuple[Shape, ...] = ((1, 28, 28), (1, 32, 32), (1, 64, 64), (1, 128, 128), (1, 256, 256))


class Part:
    """A network at the smallest image size for which it can be built."""

    def __init__(self, component: type[Network], device: str = "cpu") -> None:
        self.component, self.device = component, device

    def make(self, shape: Shape, grid: int = GRID) -> nn.ModuleDict:
        """Build the encoder and the decoder on the default device, without setting a seed."""
        parts = {"encoder": self.component.encoder, "decoder": self.component.decoder}
        return nn.ModuleDict({name: build(shape, WIDTH, grid) for name, build in parts.items()})

    def largest_side(self, grid: int) -> int:
        """Return the largest side of the features for a given `grid`."""
        with torch.device("meta"):
            encoder: Any = self.make(self.shape, grid)["encoder"]
        return max(encoder.out[1:])

    def build(self, shape: Shape, seed: int = 0) -> nn.ModuleDict:
        """Build the encoder and the decoder on the device; equal seeds give equal weights."""
        torch.manual_seed(seed)
        return self.make(shape).to(self.device)

    @cached_property
    def shape(self) -> Shape:
        reason = ""
        for shape in SHAPES:
            try:
                with torch.device("meta"):
                    self.make(shape)
            except ValueError as error:
                reason = str(error)
            else:
                return shape
        raise NotApplicable(
            f"the network cannot be built for any of {', '.join(str(one[1]) for one in SHAPES)} px: {reason}"
        )

    def images(self, shape: Shape | None = None) -> Tensor:
        return Images(torch.from_numpy(draw(COUNT, shape or self.shape).images).to(self.device))[:]


def raw(net: nn.ModuleDict, x: Tensor) -> Tensor:
    """Pass images through the encoder and the decoder, with nothing in between."""
    return net["decoder"](net["encoder"](x))


@SIZES.add
def shapes(case: tuple[Part, Shape]) -> None:
    """Features have the shape of encoder.out and decoder.entry, the raw output has the shape of the image, and all
    values are finite, unless the network refuses the size with a ValueError."""
    part, shape = case
    try:
        net = part.build(shape).eval()
    except ValueError as reason:
        raise NotApplicable(f"the network cannot be built for this image size: {reason}") from reason
    out, entry = (tuple(getattr(net[name], told, ())) for name, told in (("encoder", "out"), ("decoder", "entry")))
    require(len(out) == 3, f"encoder.out is {out}, not (channels, height, width)")
    require(out == entry, f"the decoder takes features of shape {entry}, but the encoder gives {out}")
    x = part.images(shape)
    features = look(net["encoder"], x)
    require(tuple(features.shape) == (COUNT, *out), f"features have shape {tuple(features.shape)}, not {(COUNT, *out)}")
    answer = look(net["decoder"], features)
    require(
        tuple(answer.shape) == (COUNT, *shape), f"raw output has shape {tuple(answer.shape)}, not {(COUNT, *shape)}"
    )
    require(bool(features.isfinite().all() and answer.isfinite().all()), "features or raw output are not finite")


@CHECKS.add
def meta(part: Part) -> None:
    """The network can be built on the meta device, so that a bad size is found before a sweep starts."""
    with torch.device("meta"):
        net = part.make(part.shape)
    off = [name for name, tensor in net.state_dict().items() if tensor.device.type != "meta"]
    require(not off, f"{', '.join(off[:3])} ignores the default device: create it without `device=`")


@CHECKS.add
def grid(part: Part) -> None:
    """The height and width of the features are at most `grid`, unless the network has a fixed depth and ignores
    `grid`."""
    sides = {asked: part.largest_side(asked) for asked in (4, 8)}
    kept = all(side <= asked for asked, side in sides.items())
    require(
        kept or sides[4] == sides[8],
        f"the largest side of the features is {sides[4]} for grid=4 and {sides[8]} for grid=8",
    )


@CHECKS.add
def gradients(part: Part) -> None:
    """Every parameter gets a finite gradient that is not all zeros."""
    net, x = part.build(part.shape).train(), part.images()
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(part.device)
    (raw(net, x) * direction).sum().backward()
    for name, p in net.named_parameters():
        if p.requires_grad:
            require(p.grad is not None, f"{name} never gets a gradient")
            assert p.grad is not None
            require(bool(p.grad.isfinite().all()), f"{name} gets a gradient that is NaN or infinite")
            require(bool((p.grad != 0).any()), f"{name} gets a gradient that is always zero")


@CHECKS.add
def learns(part: Part) -> None:
    """After a few training steps as a plain autoencoder, the network's error is smaller than that of a uniform
    grey image."""
    net, x = part.build(part.shape).train(), part.images()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(STEPS):
        optimizer.zero_grad()
        # cross-entropy, whose gradient does not vanish where the sigmoid saturates
        binary_cross_entropy_with_logits(raw(net, x), x).backward()
        optimizer.step()
    error = float((raw(net, x).detach().sigmoid() - x).square().mean())
    grey = float((x.mean() - x).square().mean())
    require(error < grey, f"the squared error is {error:.4g} after {STEPS} steps; a uniform grey image has {grey:.4g}")


@CHECKS.add
def alone(part: Part) -> None:
    """In evaluation mode, the output for an image is reproducible and does not depend on the other images in its
    batch."""
    net, x = part.build(part.shape).eval(), part.images()
    together = look(raw, net, x)
    single = look(lambda: torch.cat([raw(net, row[None]) for row in x]))
    require(close(together, single), "the output for an image changes with the other images in its batch")


@CHECKS.add
def keeps_images(part: Part) -> None:
    """The network does not modify its input."""
    net, x = part.build(part.shape).eval(), part.images()
    look(raw, net, x)
    require(torch.equal(x, part.images()), "the network writes into its input")


@CHECKS.add
def saves(part: Part) -> None:
    """state_dict() can be saved as safetensors; a new network that loads it gives bit-identical outputs."""
    net, fresh, x = part.build(part.shape).eval(), part.build(part.shape, seed=7).eval(), part.images()
    content = save({name: value.clone().contiguous() for name, value in net.state_dict().items()})
    fresh.load_state_dict(load(content))
    first, second = ({"the raw output": look(raw, one, x)} for one in (net, fresh))
    require_equal(first, second, "differs after saving and loading: keep all state in parameters or buffers")
