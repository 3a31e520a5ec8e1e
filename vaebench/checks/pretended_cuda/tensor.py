"""A tensor whose device is a GPU, such as `cuda:0`, but which computes on the CPU."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import return_and_correct_aliasing

from vaebench.checks.pretended_cuda.cards import RUNNING, Call, Refused, place
from vaebench.checks.pretended_cuda.operations import kind_of
from vaebench.checks.pretended_cuda.rules import check, check_backward, each, flat, on_host

PLAIN = torch._C.TensorBase
SET_DATA = PLAIN.data.__set__  # type: ignore[attr-defined]


class Gpu(Tensor):
    """A tensor on a pretended card; `inner` is the tensor on the CPU that contains its numbers."""

    inner: Any
    card: int

    @staticmethod
    def __new__(cls, inner: Tensor, card: int) -> Gpu:
        return Tensor._make_wrapper_subclass(
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

    is_cuda, is_cpu = True, False

    @classmethod
    def __torch_function__(cls, func: Call, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        check(func, args, kwargs)
        with torch._C.DisableTorchFunctionSubclass():
            out = func(*args, **kwargs)
        if func == SET_DATA:
            args[0].inner = args[1].inner
        # PyTorch's C++ code creates helper tensors on the CPU, because it assumes that the arguments are there.
        if type(out) is Tensor and out.device.type == "cpu" and not any(out is arg for arg in flat(args)):
            return Gpu(out, next(arg for arg in flat((args, *kwargs.values())) if isinstance(arg, Gpu)).card)
        return out

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
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
        inner = each(args, lambda arg: arg.inner if isinstance(arg, Gpu) else arg)
        named = {key: value.inner if isinstance(value, Gpu) else value for key, value in kwargs.items()}

        def work() -> Any:
            if kind.seeded and not any(isinstance(arg, torch._C.Generator) for arg in (*args, *kwargs.values())):
                with cards[card].drawing():
                    return func(*inner, **named)
            return func(*inner, **named)

        into = [arg for arg in (inner[i] for i in kind.written if i < len(inner)) if arg is not None]
        out = work() if kind.free else cards.launch(card, kind.name, work, flat(into))
        wrapped = each(out, lambda one: Gpu(one, card) if on_host(one) else one)
        return return_and_correct_aliasing(func, args, kwargs, wrapped)

    def __tensor_flatten__(self) -> tuple[list[str], int]:
        return ["inner"], self.card

    @staticmethod
    def __tensor_unflatten__(inner: Mapping[str, Tensor], card: int, size: Any, stride: Any) -> Gpu:
        return Gpu(inner["inner"], card)

    def numpy(self, *, force: bool = False) -> Any:
        if not force:
            raise Refused(f"numpy() was called on a tensor on {self.device}: call .cpu() first{place()}")
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
        """Pickle the inner CPU tensor, which is what `map_location="cpu"` would give."""
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
