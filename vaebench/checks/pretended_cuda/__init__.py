"""Pretended GPUs, which compute everything on the CPU and refuse whatever CUDA would refuse.

    with pretended_cuda(cards=2) as cards:
        model.to("cuda:1")(images.to("cuda:1"))
        print(cards[1].launches, cards[1].waited, cards[0].launches)

Pretended GPUs reveal tensors, generators and NumPy arrays on the wrong device, and steps in which the host waits for
the GPU. Pretended GPUs do not cover kernels that exist only for CUDA, memory layouts, cuDNN, precision, speed or
asynchrony: to test these, a real GPU is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.optim import optimizer
from torch.utils import _foreach_utils, deterministic
from torch.utils._device import _device_constructors

from vaebench.checks.pretended_cuda import making, moving
from vaebench.checks.pretended_cuda.cards import RUNNING, Cards, Refused
from vaebench.checks.pretended_cuda.runtime import accelerator, stubs
from vaebench.checks.pretended_cuda.tensor import Gpu

__all__ = ["Cards", "Refused", "pretended_cuda"]


@contextmanager
def pretended_cuda(cards: int = 1, replays: bool = False) -> Iterator[Cards]:
    """Give this process `cards` pretended GPUs inside the context.

    With `replays`, a CUDA graph does its work at each replay, as on a GPU; otherwise, it does its work only once, while
    it is captured."""
    found = Cards(cards, replays)
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filled = getattr(deterministic, "fill_uninitialized_memory")  # noqa: B009 (torch's types lack it)
    with ExitStack() as stack:
        for owner, name, stand_in in _replaced(found):
            stack.enter_context(patch.object(owner, name, stand_in))
        RUNNING.append(found)
        try:
            yield found
        finally:
            RUNNING.remove(found)
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
            setattr(deterministic, "fill_uninitialized_memory", filled)  # noqa: B010


def _replaced(cards: Cards) -> Iterator[tuple[Any, str, Any]]:
    """Yield the owner, the name and the replacement of each attribute that is replaced."""
    _device_constructors()  # this call caches torch's functions, which must still be the real ones
    yield from ((torch.cuda, name, stub) for name, stub in stubs(cards).items())
    yield from ((torch.accelerator, name, stub) for name, stub in accelerator(cards).items())
    yield from making.replaced()
    yield from moving.replaced()
    yield torch, "inference_mode", _inference_mode
    yield torch._C, "_group_tensors_by_device_and_dtype", _grouped
    for module in (optimizer, _foreach_utils):
        yield module, "_foreach_supported_types", [*module._foreach_supported_types, Gpu]


def _inference_mode(mode: Any = True) -> Any:
    """Replace `torch.inference_mode` by `no_grad`: a tensor wrapper cannot be an inference tensor."""
    if callable(mode):
        return torch.no_grad()(mode)
    return torch.no_grad() if mode else torch.enable_grad()


def _grouped(lists: list[list[Tensor | None]], with_indices: bool = False) -> dict[Any, Any]:
    """Group tensors by device and dtype in Python, since torch's own function reads the devices in C++, where all
    tensors are on the CPU."""
    groups: dict[Any, tuple[list[list[Tensor | None]], list[int]]] = {}
    for i, first in enumerate(lists[0]):
        assert first is not None
        rows, indices = groups.setdefault((first.device, first.dtype), ([[] for _ in lists], []))
        for row, whole in zip(rows, lists, strict=True):
            row.extend(whole[i : i + 1])
        if with_indices:
            indices.append(i)
    return groups
