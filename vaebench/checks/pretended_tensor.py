"""A tensor that says `cuda:0` and computes on the CPU: it refuses what CUDA would refuse, and counts what CUDA would do."""

from __future__ import annotations

import copy
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_map_only

Call = Callable[..., Any]
PLAIN = torch._C.TensorBase
TORCH = str(Path(torch.__file__).parent)
HERE = str(Path(__file__).parent / "pretended_")
MIX = {
    "copy_", "_foreach_copy_", "grad", "backward", "__deepcopy__", "_has_compatible_shallow_copy_type",
    "is_same_size", "is_set_to", "result_type", "broadcast_tensors", "parameters_to_vector",
}  # fmt: skip
"""Functions that take tensors of several devices."""
SET_DATA = PLAIN.data.__set__  # type: ignore[attr-defined]
NO_SCALARS = {"cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "column_stack"}
"""Functions that refuse a CPU tensor without dimensions too, which elementwise ones take as a number."""
NO_KERNEL = {
    "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_unsafe_view", "lift_fresh", "set_",
    "detach_", "record_stream", "is_same_size", "_local_scalar_dense",
}  # fmt: skip


class Refused(RuntimeError):
    """What CUDA would refuse; the text says which operation, which tensors, and where."""


class Card:
    """One pretended GPU: its random numbers, and a count of what it was asked."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.launched: Counter[str] = Counter()
        """kernels launched, by operation; views launch none"""
        self.waited: list[str] = []
        """each time that the host waited for the card: the operation, and where"""
        self.noise = torch._C.Generator()

    @property
    def launches(self) -> int:
        return self.launched.total()

    @property
    def waits(self) -> int:
        return len(self.waited)

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Random numbers come from the card's own generator meanwhile, as on a GPU."""
        host = torch.default_generator
        before = host.get_state()
        host.set_state(self.noise.get_state())
        try:
            yield
        finally:
            self.noise.set_state(host.get_state())
            host.set_state(before)


class Cards:
    """The pretended GPUs of this process."""

    def __init__(self, count: int) -> None:
        self.cards = [Card(number) for number in range(count)]
        self.current = 0
        self.capture: Any = None
        """the CUDA graph that is being captured"""
        self.pinned: dict[int, Any] = {}
        """storages in pinned memory, by address"""
        self.seed(torch.initial_seed())

    def __getitem__(self, number: int) -> Card:
        return self.cards[number]

    def __len__(self) -> int:
        return len(self.cards)

    @property
    def launches(self) -> int:
        return sum(card.launches for card in self.cards)

    @property
    def waits(self) -> int:
        return sum(card.waits for card in self.cards)

    def seed(self, seed: int) -> None:
        for card in self.cards:
            card.noise.manual_seed(seed)

    def number(self, device: Any) -> int | None:
        """The card that a device means; None for one that is no GPU."""
        if device is None:
            return None
        if not isinstance(device, int):
            found = torch.device(device)
            if found.type != "cuda":
                return None
            device = self.current if found.index is None else found.index
        if not 0 <= device < len(self):
            raise Refused(f"there is no cuda:{device}: this machine pretends to have {len(self)} GPUs{place()}")
        return int(device)

    def launch(self, card: int, name: str, work: Call, into: Sequence[Tensor] = ()) -> Any:
        """Do the work of a kernel; `into` are the tensors it writes to."""
        self[card].launched[name] += 1
        return work() if self.capture is None else self.capture.record(work, into)

    def wait(self, card: int, name: str) -> None:
        """The host waits for the card, which it may not while a graph is captured."""
        if self.capture is not None:
            raise Refused(f"{name} waits for the GPU, which is not permitted while a graph is captured{place()}")
        self[card].waited.append(f"{name}{place()}")


RUNNING: list[Cards] = []
"""The pretended cards, while there are any; the last ones count."""


class Gpu(Tensor):
    """A tensor on a pretended card; `inner` is the one on the CPU."""

    inner: Tensor
    card: int

    @staticmethod
    def __new__(cls, inner: Tensor, card: int) -> Gpu:
        return Tensor._make_wrapper_subclass(  # type: ignore[attr-defined, no-any-return]
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            device=inner.device,
        )

    def __init__(self, inner: Tensor, card: int) -> None:
        self.inner, self.card = inner, card

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda", self.card)

    is_cuda, is_cpu = True, False  # type: ignore[assignment]

    @classmethod
    def __torch_function__(cls, func: Call, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        check(func, args, kwargs)
        with torch._C.DisableTorchFunctionSubclass():
            out = func(*args, **kwargs)
        if func == SET_DATA:
            args[0].inner = args[1].inner
        # C++ makes its helper tensors where it believes the arguments to be, on the CPU.
        if type(out) is Tensor and out.device.type == "cpu" and not any(out is arg for arg in flat(args)):
            return Gpu(out, next(arg for arg in flat((args, *kwargs.values())) if isinstance(arg, Gpu)).card)
        return out

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if torch.is_inference_mode_enabled() and torch._C._dispatch_has_kernel_for_dispatch_key(
            func.name(), torch.DispatchKey.CompositeImplicitAutograd
        ):
            return func.decompose(*args, **kwargs)
        cards, kind = RUNNING[-1], kind_of(func)
        given = [arg for arg in flat((args, *kwargs.values())) if isinstance(arg, Tensor)]
        card = next(arg for arg in given if isinstance(arg, Gpu)).card
        if torch._C._current_graph_task_id() != -1:
            check_backward(kind.name, given)
        if kind.waits(args, kwargs):
            cards.wait(card, kind.name)
        if kwargs.get("device") is not None and torch.device(kwargs["device"]).type == "cuda":
            kwargs["device"] = torch.device("cpu")
        inner = tree_map_only(Gpu, lambda arg: arg.inner, (args, kwargs))

        def work() -> Any:
            if kind.seeded and not any(isinstance(arg, torch._C.Generator) for arg in (*args, *kwargs.values())):
                with cards[card].drawing():
                    return func(*inner[0], **inner[1])
            return func(*inner[0], **inner[1])

        into = [arg for arg in (inner[0][i] for i in kind.written if i < len(inner[0])) if arg is not None]
        out = work() if kind.free else cards.launch(card, kind.name, work, flat(into))
        wrapped = tree_map_only(Tensor, lambda one: one if one.is_meta else Gpu(one, card), out)
        return return_and_correct_aliasing(func, args, kwargs, wrapped)

    def __tensor_flatten__(self) -> tuple[list[str], int]:
        return ["inner"], self.card

    @staticmethod
    def __tensor_unflatten__(inner: Mapping[str, Tensor], card: int, size: Any, stride: Any) -> Gpu:
        return Gpu(inner["inner"], card)

    def numpy(self, *, force: bool = False) -> Any:
        if not force:
            raise Refused(f"numpy() of a tensor on {self.device}: call .cpu() first{place()}")
        return self.detach().cpu().numpy()

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise Refused(f"NumPy cannot read a tensor on {self.device}: call .cpu() first{place()}")

    def tolist(self) -> Any:
        return self.detach().cpu().tolist()

    def get_device(self) -> int:
        return self.card

    def data_ptr(self) -> int:
        return self.inner.data_ptr()

    def untyped_storage(self) -> torch.UntypedStorage:
        return self.inner.untyped_storage()

    def storage(self) -> Any:
        return self.inner.storage()

    def record_stream(self, stream: Any) -> None:
        pass

    def is_pinned(self, *args: Any) -> bool:
        return False

    def type_as(self, other: Tensor) -> Tensor:
        return self.to(other.device, other.dtype)

    def __repr__(self, **kwargs: Any) -> str:  # type: ignore[override]
        return f"{self.inner!r:.2000}"[:-1] + f", device='{self.device}')"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.ndim == 0 else object.__format__(self, spec)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Saved as the tensor on the CPU that it is when it is read with `map_location="cpu"`."""
        RUNNING[-1].wait(self.card, "saving")
        return self.inner.__reduce_ex__(protocol)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            made = Gpu(copy.deepcopy(self.inner, memo), self.card).requires_grad_(self.requires_grad)
            made.__dict__ |= {k: copy.deepcopy(v, memo) for k, v in self.__dict__.items() if k not in made.__dict__}
            if self.grad is not None:
                made.grad = copy.deepcopy(self.grad, memo)
            memo[id(self)] = made
        return memo[id(self)]


class Kind(NamedTuple):
    """What an operation is to a GPU."""

    name: str
    free: bool
    """it launches no kernel"""
    seeded: bool
    written: tuple[int, ...]
    """the positions of the arguments it writes to"""
    shaped: bool
    """its answer, or the answer's shape, must be known on the host"""

    def waits(self, args: Any, kwargs: Mapping[str, Any]) -> bool:
        if self.name in ("index", "index_put", "index_put_"):
            return any(on_host(i) or i.dtype in (torch.bool, torch.uint8) for i in args[1] if i is not None)
        if self.name == "copy_":
            return blocks(args[1], args[0], kwargs.get("non_blocking", len(args) > 2 and args[2]))
        return self.shaped


@cache
def kind_of(func: Any) -> Kind:
    """What an operation is, from its schema and tags."""
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
    """Whether the host waits while this is copied: unless both are on cards, or the host's memory is pinned."""
    if isinstance(source, Gpu) and isinstance(target, Gpu):
        return False
    host = target if isinstance(source, Gpu) else source
    return not (asynchronous and host.untyped_storage().data_ptr() in RUNNING[-1].pinned)


def check(func: Call, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse tensors and generators of several devices in one call of torch."""
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
    cards = [arg for arg in tensors if isinstance(arg, Gpu)]
    if host := [arg for arg in tensors if on_host(arg) and (arg.ndim or name in NO_SCALARS)]:
        refuse(name, host[0], cards[0])
    if other := [arg for arg in cards if arg.card != cards[0].card]:
        refuse(name, other[0], cards[0])


def check_index(name: str, target: Tensor, index: Any, value: Any = None) -> None:
    """Indices may lie on the host, and a slice may be filled from anywhere."""
    indices = [arg for arg in flat((index,)) if isinstance(arg, Tensor)]
    for one in indices:
        if one.device != target.device and one.ndim and not (isinstance(target, Gpu) and on_host(one)):
            refuse("indexing", one, target)
    if isinstance(value, Tensor) and indices and value.device != target.device and (value.ndim or not on_host(value)):
        refuse("assigning by an index", value, target)


def check_backward(name: str, given: Sequence[Tensor]) -> None:
    """In a backward pass only constants may lie on the CPU, which the formulas of autograd make for themselves."""
    for arg in given:
        if on_host(arg) and arg.ndim and name != "copy_" and bool((arg != arg.flatten()[:1]).any()):
            refuse(f"{name} in the backward pass", arg, next(one for one in given if isinstance(one, Gpu)))


def check_generator(name: str, given: Sequence[Any], card: int | None = None) -> None:
    """A generator must be of the device on which numbers are drawn: the card, or that of the tensors."""
    dice = [arg for arg in given if isinstance(arg, torch._C.Generator)]
    if card is None:
        card = next((arg.card for arg in given if isinstance(arg, Gpu)), None)
    for one in dice:
        if getattr(one, "card", None) != card:
            there = "the CPU" if card is None else f"cuda:{card}"
            raise Refused(f"{name}() draws on {there} with a generator of {one.device}{place()}")


def refuse(name: str, one: Tensor, other: Tensor) -> None:
    first, second = (f"a tensor {tuple(each.shape)} on {each.device}" for each in (one, other))
    raise Refused(f"{name} mixes devices: {first} and {second}{place()}")


def name_of(func: Call) -> str:
    name = getattr(func, "__name__", str(func))
    return f"setting .{func.__self__.__name__}" if name == "__set__" else name  # type: ignore[attr-defined]


def on_host(arg: Any) -> bool:
    return isinstance(arg, Tensor) and not isinstance(arg, Gpu) and arg.device.type == "cpu"


def flat(args: Any) -> list[Any]:
    """What stands in lists and tuples, however deep."""
    found: list[Any] = []
    for arg in args:
        found.extend(flat(arg)) if isinstance(arg, list | tuple) else found.append(arg)
    return found


def place() -> str:
    """The line outside of PyTorch that is being done, as ", at file.py:3 in function"."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((TORCH, HERE, "<")) and "contextlib" not in name:
            return f", at {Path(name).name}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return ""
