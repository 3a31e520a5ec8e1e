"""Factory functions for tensors and random generators that honour pretended devices."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from vaebench.checks.pretended_cuda.cards import RUNNING
from vaebench.checks.pretended_cuda.moving import carried, pinned
from vaebench.checks.pretended_cuda.rules import check_generator, flat
from vaebench.checks.pretended_cuda.tensor import PLAIN, Gpu

DRAWN = ("normal", "rand", "randint", "randn", "randperm", "rand_like", "randint_like", "randn_like")
FACTORIES = (
    "arange", "eye", "empty", "empty_permuted", "empty_strided", "full", "hann_window", "hamming_window",
    "blackman_window", "kaiser_window", "bartlett_window", "linspace", "logspace", "ones", "scalar_tensor",
    "tril_indices", "triu_indices", "zeros", "empty_like", "full_like", "ones_like", "zeros_like", *DRAWN,
)  # fmt: skip
NEW = ("new_empty", "new_empty_strided", "new_full", "new_ones", "new_zeros")
FROM_HOST = ("tensor", "as_tensor", "asarray")
DRAWING = ("bernoulli", "multinomial", "poisson")
DRAWING_INTO = ("bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_", "random_", "uniform_")


def replaced() -> Iterator[tuple[Any, str, Any]]:
    """Yield the owner, the name and the replacement of each attribute of torch that is replaced."""
    yield from ((torch, name, made(name, getattr(torch, name))) for name in FACTORIES)
    yield from ((Tensor, name, made(name, getattr(PLAIN, name))) for name in NEW)
    yield from ((torch, name, copied(name, getattr(torch, name))) for name in FROM_HOST)
    yield from ((torch, name, drawn(name, getattr(torch, name))) for name in DRAWING)
    yield from ((Tensor, name, drawn(name, getattr(PLAIN, name))) for name in DRAWING_INTO)
    yield Tensor, "new_tensor", new_tensor
    yield torch, "Generator", Generator


def made(name: str, make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Wrap a function so that it makes a tensor on the given device, or else on the device of the given tensor."""

    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> Tensor:
        cards = RUNNING[-1]
        like = args[0] if args and isinstance(args[0], Gpu) else None
        card = cards.number(kwargs.get("device")) if kwargs.get("device") is not None else usual(like)
        check_generator(name, flat(kwargs.values()), card)
        if card is None and like is None:
            pin = kwargs.pop("pin_memory", False)
            return pinned(make(*args, **kwargs)) if pin else make(*args, **kwargs)
        args = tuple(arg.inner if isinstance(arg, Gpu) else arg for arg in args)
        if card is None:
            return make(*args, **kwargs)
        grad = kwargs.pop("requires_grad", False)
        kwargs = {k: v for k, v in kwargs.items() if k != "pin_memory"} | {"device": "cpu"}

        def work() -> Tensor:
            with torch.no_grad():
                if name in DRAWN and kwargs.get("generator") is None:
                    with cards[card].drawing():
                        return make(*args, **kwargs)
                return make(*args, **kwargs)

        inner = work() if "empty" in name else cards.launch(card, name, work)
        return Gpu(inner, card).requires_grad_(grad)

    return made


def copied(name: str, make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Wrap a function that makes a tensor from numbers on the host, so that the tensor is copied to the given
    device."""

    @functools.wraps(make)
    def copied(data: Any, *args: Any, **kwargs: Any) -> Tensor:
        if isinstance(data, Gpu):
            there = data.to(kwargs.get("device") or data.device, kwargs.get("dtype") or data.dtype)
            return there.detach().clone() if name == "tensor" and there is data else there
        card = RUNNING[-1].number(kwargs.get("device")) if kwargs.get("device") is not None else usual(None)
        if card is None:
            pin = kwargs.pop("pin_memory", False)
            return pinned(make(data, *args, **kwargs)) if pin else make(data, *args, **kwargs)
        grad = kwargs.pop("requires_grad", False)
        return carried(make(data, *args, **{**kwargs, "device": "cpu"}), card, name).requires_grad_(grad)

    return copied


def new_tensor(self: Tensor, data: Any, **kwargs: Any) -> Tensor:
    return torch.tensor(data, **{"dtype": self.dtype, "device": self.device, **kwargs})


def drawn(name: str, draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Wrap a function that draws random numbers on the device of its first tensor, so that the generator
    passed to the function is checked first."""

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Tensor:
        check_generator(name, flat((args, *kwargs.values())))
        return draw(*args, **kwargs)

    return drawn


def usual(like: Gpu | None) -> int | None:
    """Return the default card: the card of the tensor `like`, or that of a surrounding `with torch.device(...)`, or
    None."""
    if like is not None:
        return like.card
    for mode in reversed(_get_current_function_mode_stack()):
        if isinstance(mode, DeviceContext):
            return RUNNING[-1].number(mode.device)
    return None


class AnyGenerator(type(torch._C.Generator)):  # type: ignore[misc]
    def __instancecheck__(cls, other: object) -> bool:
        return isinstance(other, torch._C.Generator)


class Generator(torch._C.Generator, metaclass=AnyGenerator):
    """A torch.Generator that remembers the card for which it was made."""

    card: int

    def __new__(cls, device: Any = "cpu") -> Any:
        card = RUNNING[-1].number(device)
        if card is None:
            return torch._C.Generator(device)
        made = super().__new__(cls, device="cpu")  # type: ignore[call-arg]
        made.card = card
        return made

    def __init__(self, device: Any = "cpu") -> None:
        pass

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda", self.card)
