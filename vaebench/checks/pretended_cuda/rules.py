"""The rules of CUDA: one operation cannot combine tensors and generators on different devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from vaebench.checks.pretended_cuda.cards import Call, Refused, place

MIX = {
    "copy_", "_foreach_copy_", "grad", "backward", "__deepcopy__", "_has_compatible_shallow_copy_type",
    "is_same_size", "is_set_to", "result_type", "broadcast_tensors", "parameters_to_vector",
}  # fmt: skip
"""Functions that accept tensors on different devices"""
NO_SCALARS = {"cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "column_stack"}
"""Functions that also refuse a 0-dimensional CPU tensor, which elementwise functions accept as a number"""


def check(func: Call, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse a call of torch with tensors or generators on different devices."""
    if len(args) == 1 and not kwargs and isinstance(args[0], Tensor):
        return
    name = name_of(func)
    if name in MIX:
        return
    if name in ("__getitem__", "__setitem__"):
        check_index(name, *args)
        return
    given = list(flat((args, *kwargs.values())))
    check_generator(name, given)
    tensors = [arg for arg in given if isinstance(arg, Tensor)]
    cards: list[Any] = [arg for arg in tensors if on_card(arg)]
    if host := [arg for arg in tensors if on_host(arg) and (arg.ndim or name in NO_SCALARS)]:
        refuse(name, host[0], cards[0])
    if other := [arg for arg in cards if arg.card != cards[0].card]:
        refuse(name, other[0], cards[0])


def check_index(name: str, target: Tensor, index: Any, value: Any = None) -> None:
    """Check indexing: indices may be on the host, and a slice may be filled from any device."""
    indices = [arg for arg in flat((index,)) if isinstance(arg, Tensor)]
    for one in indices:
        if one.device != target.device and one.ndim and not (on_card(target) and on_host(one)):
            refuse("indexing", one, target)
    if isinstance(value, Tensor) and indices and value.device != target.device and (value.ndim or not on_host(value)):
        refuse("assigning by an index", value, target)


def check_backward(name: str, given: Sequence[Tensor]) -> None:
    """Check a backward pass: only constants may be on the CPU, since autograd's own formulas create them there."""
    for arg in given:
        if on_host(arg) and arg.ndim and name != "copy_" and bool((arg != arg.flatten()[:1]).any()):
            refuse(f"{name} in the backward pass", arg, next(one for one in given if on_card(one)))


def check_generator(name: str, given: Sequence[Any], card: int | None = None) -> None:
    """Check that a generator is on the device where random numbers are drawn: the given card, or else the device of the
    tensors."""
    dice = [arg for arg in given if isinstance(arg, torch._C.Generator)]
    if card is None:
        card = next((arg.card for arg in given if on_card(arg)), None)
    for one in dice:
        if getattr(one, "card", None) != card:
            there = "the CPU" if card is None else f"cuda:{card}"
            raise Refused(f"{name}() draws numbers on {there} with a generator on {one.device}{place()}")


def refuse(name: str, one: Tensor, other: Tensor) -> None:
    first, second = (f"a tensor {tuple(each.shape)} on {each.device}" for each in (one, other))
    hint = "; create it with `device=`, or make it a buffer of the module" if on_host(one) else ""
    raise Refused(f"{name} mixes devices: {first} and {second}{place()}{hint}")


def name_of(func: Call) -> str:
    name = getattr(func, "__name__", str(func))
    return f"setting .{func.__self__.__name__}" if name == "__set__" else name  # type: ignore[attr-defined]


def on_card(arg: Any) -> bool:
    return isinstance(arg, Tensor) and hasattr(arg, "card")


def on_host(arg: Any) -> bool:
    return isinstance(arg, Tensor) and not on_card(arg) and arg.device.type == "cpu"


def each(value: Any, change: Call) -> Any:
    """Apply `change` to a value, or to every value in nested lists and tuples."""
    return type(value)([each(one, change) for one in value]) if type(value) in (list, tuple) else change(value)


def flat(args: Any) -> list[Any]:
    """Flatten nested lists and tuples."""
    found: list[Any] = []
    for arg in args:
        found.extend(flat(arg)) if isinstance(arg, list | tuple) else found.append(arg)
    return found
