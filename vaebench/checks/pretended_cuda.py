"""GPUs that are not there: everything computes on the CPU, and what CUDA would refuse is refused.

    with pretended_cuda(cards=2) as cards:
        model.to("cuda:1")(images.to("cuda:1"))
        print(cards[1].launches, cards[1].waited, cards[0].launches)

It finds tensors, generators and NumPy arrays on the wrong device, and steps that wait for the host. It knows nothing of
kernels that exist for CUDA only, of memory layouts, cuDNN, precision, speed or asynchrony: those need a GPU.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.optim import optimizer
from torch.overrides import _get_current_function_mode_stack
from torch.utils import _foreach_utils, deterministic
from torch.utils._device import DeviceContext, _device_constructors

from vaebench.checks.pretended_runtime import stubs
from vaebench.checks.pretended_tensor import RUNNING, Cards, Gpu, Refused, blocks, check_generator, flat, place

__all__ = ["Refused", "pretended_cuda"]

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
PLAIN = torch._C.TensorBase


@contextmanager
def pretended_cuda(cards: int = 1, replays: bool = False) -> Iterator[Cards]:
    """This process has so many GPUs meanwhile. With `replays`, CUDA graphs do their work when they are replayed, as on a
    GPU; without, while they are captured, and never again."""
    found = Cards(cards)
    found.replays, found.graphs = replays, []
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filled = deterministic.fill_uninitialized_memory
    with ExitStack() as stack:
        for owner, name, stand_in in _replaced(found):
            stack.enter_context(patch.object(owner, name, stand_in))
        RUNNING.append(found)
        try:
            yield found
        finally:
            RUNNING.remove(found)
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
            deterministic.fill_uninitialized_memory = filled  # type: ignore[assignment]


def _replaced(cards: Cards) -> Iterator[tuple[Any, str, Any]]:
    """What is replaced: where, by which name, and by what."""
    _device_constructors()  # it caches torch's functions, which must be the real ones
    for name, stub in stubs(cards).items():
        yield torch.cuda, name, stub
    for name in FACTORIES:
        yield torch, name, _made(name, getattr(torch, name))
    for name in NEW:
        yield Tensor, name, _made(name, getattr(PLAIN, name))
    for name in FROM_HOST:
        yield torch, name, _copied(name, getattr(torch, name))
    yield Tensor, "new_tensor", _new_tensor
    for name in DRAWING:
        yield torch, name, _drawn(name, getattr(torch, name))
    for name in DRAWING_INTO:
        yield Tensor, name, _drawn(name, getattr(PLAIN, name))
    yield torch, "Generator", Generator
    yield torch, "inference_mode", _inference_mode
    for name, moved in {"to": _to, "cuda": _cuda, "cpu": _cpu, "type_as": _type_as}.items():
        yield Tensor, name, moved
    yield Tensor, "pin_memory", lambda x, *_: _pinned(x.clone())
    yield Tensor, "is_pinned", lambda x, *_: x.untyped_storage().data_ptr() in cards.pinned
    yield torch._C, "_group_tensors_by_device_and_dtype", _grouped
    for module in (optimizer, _foreach_utils):
        yield module, "_foreach_supported_types", [*module._foreach_supported_types, Gpu]


def _made(name: str, make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that makes a tensor on the device it is told, else on that of the tensor it is given."""

    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> Tensor:
        cards = RUNNING[-1]
        like = args[0] if args and isinstance(args[0], Gpu) else None
        card = cards.number(kwargs.get("device")) if kwargs.get("device") is not None else _usual(like)
        check_generator(name, flat(kwargs.values()), card)
        if card is None and like is None:
            return _pinned(make(*args, **kwargs)) if kwargs.pop("pin_memory", False) else make(*args, **kwargs)
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


def _copied(name: str, make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that makes a tensor of numbers on the host, and copies it to where it is told."""

    @functools.wraps(make)
    def copied(data: Any, *args: Any, **kwargs: Any) -> Tensor:
        if isinstance(data, Gpu):
            there = data.to(kwargs.get("device") or data.device, kwargs.get("dtype") or data.dtype)
            return there.detach().clone() if name == "tensor" and there is data else there
        card = RUNNING[-1].number(kwargs.get("device")) if kwargs.get("device") is not None else _usual(None)
        if card is None:
            return _pinned(make(data, *args, **kwargs)) if kwargs.pop("pin_memory", False) else make(data, *args, **kwargs)
        grad = kwargs.pop("requires_grad", False)
        return _carried(make(data, *args, **{**kwargs, "device": "cpu"}), card, name).requires_grad_(grad)

    return copied


def _new_tensor(self: Tensor, data: Any, **kwargs: Any) -> Tensor:
    return torch.tensor(data, **{"dtype": self.dtype, "device": self.device, **kwargs})


def _drawn(name: str, draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that draws where its first tensor lies, which need not be a card."""

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Tensor:
        check_generator(name, flat((args, *kwargs.values())))
        return draw(*args, **kwargs)

    return drawn


def _usual(like: Gpu | None) -> int | None:
    """Where a tensor is made when nothing is said: beside another one, or within `with torch.device(...)`."""
    if like is not None:
        return like.card
    for mode in reversed(_get_current_function_mode_stack()):
        if isinstance(mode, DeviceContext):
            return RUNNING[-1].number(mode.device)
    return None


class _AnyGenerator(type(torch._C.Generator)):  # type: ignore[misc]
    def __instancecheck__(cls, other: object) -> bool:
        return isinstance(other, torch._C.Generator)


class Generator(torch._C.Generator, metaclass=_AnyGenerator):
    """torch.Generator, which remembers the card it was made for."""

    card: int

    def __new__(cls, device: Any = "cpu") -> Any:
        card = RUNNING[-1].number(device)
        if card is None:
            return torch._C.Generator(device)
        made = super().__new__(cls, device="cpu")
        made.card = card
        return made

    def __init__(self, device: Any = "cpu") -> None:
        pass

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda", self.card)


def _to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    copied = bool(kwargs.pop("copy", False))
    like = args[0] if args and isinstance(args[0], Tensor) else kwargs.pop("other", None)
    if like is not None:
        args = (like.device, like.dtype, *args[1:])
    device, dtype, non_blocking, layout = torch._C._nn._parse_to(*args, **kwargs)
    kept = {"dtype": dtype or self.dtype, **({} if layout is None else {"memory_format": layout})}
    card, here = RUNNING[-1].number(device), getattr(self, "card", None)
    with torch._C.DisableTorchFunctionSubclass():  # it would lead back here
        if device is None or (here == card and (card is not None or device.type == self.device.type)):
            return PLAIN.to(self, copy=copied, **kept)  # type: ignore[no-any-return]
        if here is None and card is None:
            return PLAIN.to(self, device=device, non_blocking=non_blocking, copy=copied, **kept)  # type: ignore[no-any-return]
        if here is not None:  # the card converts, whichever way it goes
            return _moved(PLAIN.to(self, **kept), device if card is None else card, non_blocking)
        return PLAIN.to(_moved(self, card, non_blocking), **kept)  # type: ignore[no-any-return]


def _cuda(self: Tensor, device: Any = None, non_blocking: bool = False, **kwargs: Any) -> Tensor:
    return self.to(torch.device("cuda", RUNNING[-1].number("cuda" if device is None else device)), non_blocking=non_blocking)


def _cpu(self: Tensor, **kwargs: Any) -> Tensor:
    return self.to("cpu")


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    return self.to(other.device, other.dtype)


def _inference_mode(mode: Any = True) -> Any:
    """A wrapper cannot be an inference tensor."""
    if callable(mode):
        return torch.no_grad()(mode)
    return torch.no_grad() if mode else torch.enable_grad()


class Move(torch.autograd.Function):
    """A copy to another device, whose gradient comes back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, target: Any, asynchronous: bool) -> Tensor:
        ctx.source = x.card if isinstance(x, Gpu) else x.device
        return _carried(x, target, "to", asynchronous)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _carried(gradients[0], ctx.source, "to"), None, None


def _moved(x: Tensor, target: Any, asynchronous: bool) -> Tensor:
    if x.requires_grad and torch.is_grad_enabled():
        return Move.apply(x, target, asynchronous)  # type: ignore[no-any-return]
    return _carried(x, target, "to", asynchronous)


def _carried(x: Tensor, target: Any, name: str, asynchronous: bool = False) -> Tensor:
    """A copy of a tensor on a card (a number) or on another device."""
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


def _pinned(x: Tensor) -> Tensor:
    storage = x.untyped_storage()
    RUNNING[-1].pinned[storage.data_ptr()] = storage
    return x


def _grouped(lists: list[list[Tensor | None]], with_indices: bool = False) -> dict[Any, Any]:
    """torch's own asks C++ for the devices."""
    groups: dict[Any, tuple[list[list[Tensor | None]], list[int]]] = {}
    for i, first in enumerate(lists[0]):
        assert first is not None
        rows, indices = groups.setdefault((first.device, first.dtype), ([[] for _ in lists], []))
        for row, whole in zip(rows, lists, strict=True):
            row.extend(whole[i : i + 1])
        if with_indices:
            indices.append(i)
    return groups


