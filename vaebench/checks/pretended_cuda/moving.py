"""Moving tensors between the host and the pretended cards: to(), cuda(), cpu() and pinned memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from vaebench.checks.pretended_cuda.cards import RUNNING
from vaebench.checks.pretended_cuda.operations import blocks
from vaebench.checks.pretended_cuda.tensor import PLAIN, Gpu


def replaced() -> Iterator[tuple[Any, str, Any]]:
    """Yield the owner, the name and the replacement of each attribute of torch that is replaced."""
    yield from ((Tensor, moving.__name__, moving) for moving in (to, cuda, cpu, type_as, pin_memory, is_pinned))


def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    copied = bool(kwargs.pop("copy", False))
    like = args[0] if args and isinstance(args[0], Tensor) else kwargs.pop("other", None)
    if like is not None:
        args = (like.device, like.dtype, *args[1:])
    device, dtype, non_blocking, layout = torch._C._nn._parse_to(*args, **kwargs)
    kept: dict[str, Any] = {"dtype": dtype or self.dtype, **({} if layout is None else {"memory_format": layout})}
    card, here = RUNNING[-1].number(device), getattr(self, "card", None)
    with torch._C.DisableTorchFunctionSubclass():  # otherwise, PyTorch would call this function again
        if device is None or (here == card and (card is not None or device.type == self.device.type)):
            return PLAIN.to(self, copy=copied, **kept)
        if here is None and card is None:
            return PLAIN.to(self, device=device, non_blocking=non_blocking, copy=copied, **kept)
        if here is not None:  # the card converts the dtype, in either direction
            return moved(PLAIN.to(self, **kept), device if card is None else card, non_blocking)
        return PLAIN.to(moved(self, card, non_blocking), **kept)


def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, **kwargs: Any) -> Tensor:
    return self.to(
        "cuda" if device is None else torch.device("cuda", device) if isinstance(device, int) else device,
        non_blocking=non_blocking,
    )


def cpu(self: Tensor, **kwargs: Any) -> Tensor:
    return self.to("cpu")


def type_as(self: Tensor, other: Tensor) -> Tensor:
    return self.to(other.device, other.dtype)


class Move(torch.autograd.Function):
    """A copy to another device; its gradient is copied back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, target: Any, asynchronous: bool) -> Tensor:
        ctx.source = x.card if isinstance(x, Gpu) else x.device
        return carried(x, target, "to", asynchronous)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return carried(gradients[0], ctx.source, "to"), None, None


def moved(x: Tensor, target: Any, asynchronous: bool) -> Tensor:
    if x.requires_grad and torch.is_grad_enabled():
        return Move.apply(x, target, asynchronous)
    return carried(x, target, "to", asynchronous)


def carried(x: Tensor, target: Any, name: str, asynchronous: bool = False) -> Tensor:
    """Return a copy of a tensor on a card (given by its number) or on another device."""
    cards, on_card = RUNNING[-1], isinstance(target, int)
    inner = x.inner if isinstance(x, Gpu) else x.detach()
    if not on_card and torch.device(target).type == "meta":
        return inner.to("meta")
    card = target if on_card else x.card  # type: ignore[attr-defined]
    source, there = (x, Gpu(inner, card)) if on_card else (x, inner)
    if blocks(source, there, asynchronous):
        cards.wait(card, f"{name}, copying {'from' if on_card else 'to'} the host")
    made = cards.launch(card, "copy", inner.clone)
    return Gpu(made, card) if on_card else made


def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    return pinned(self.clone())


def is_pinned(self: Tensor, device: Any = None) -> bool:
    return self.untyped_storage().data_ptr() in RUNNING[-1].pinned


def pinned(x: Tensor) -> Tensor:
    storage = x.untyped_storage()
    RUNNING[-1].pinned[storage.data_ptr()] = storage
    return x
