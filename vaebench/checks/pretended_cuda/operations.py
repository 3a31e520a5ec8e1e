"""The properties of operations on a GPU: whether they launch a kernel, draw random numbers or make the host wait."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaebench.checks.pretended_cuda.cards import RUNNING
from vaebench.checks.pretended_cuda.rules import on_card, on_host

NO_KERNEL = {
    "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_unsafe_view", "lift_fresh", "set_",
    "detach_", "record_stream", "is_same_size", "_local_scalar_dense",
}  # fmt: skip


class Kind(NamedTuple):
    """The properties of an operation on a GPU."""

    name: str
    free: bool
    """True if the operation launches no kernel"""
    seeded: bool
    written: tuple[int, ...]
    """the positions of the arguments that the operation writes to"""
    shaped: bool
    """True if the host must know the result of the operation, or its shape"""

    def waits(self, args: Any, kwargs: Mapping[str, Any]) -> bool:
        if self.name in ("index", "index_put", "index_put_"):
            return any(on_host(i) or i.dtype in (torch.bool, torch.uint8) for i in args[1] if i is not None)
        if self.name == "copy_":
            return blocks(args[1], args[0], kwargs.get("non_blocking", len(args) > 2 and args[2]))
        return self.shaped


@cache
def kind_of(func: Any) -> Kind:
    """Return the properties of an operation, from its schema and tags."""
    schema, tags = func._schema, func.tags
    name = schema.name.rpartition("::")[2]
    aliases = [r.alias_info for r in schema.returns if r.alias_info is not None]
    view = any(not alias.is_write for alias in aliases) or torch.Tag.inplace_view in tags
    written = (i for i, arg in enumerate(schema.arguments) if arg.alias_info is not None and arg.alias_info.is_write)
    shaped = bool({torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(tags))
    return Kind(
        name,
        view or name in NO_KERNEL,
        torch.Tag.nondeterministic_seeded in tags,
        tuple(written),
        shaped or name in ("_local_scalar_dense", "_linalg_check_errors", "equal"),
    )


def blocks(source: Tensor, target: Tensor, asynchronous: bool) -> bool:
    """Return True if the host waits for a copy. The host does not wait for copies between cards or for asynchronous
    copies that use pinned memory."""
    if on_card(source) and on_card(target):
        return False
    host = target if on_card(source) else source
    return not (asynchronous and host.untyped_storage().data_ptr() in RUNNING[-1].pinned)
