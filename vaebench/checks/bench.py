"""A small model for one image shape, trained once for a few steps and shared by the checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from vaebench.checks.drawings import draw
from vaebench.checks.outcome import require
from vaebench.components.parameters import construct, parameters_of
from vaebench.interfaces import At, Images, Loss, Model, NotApplicable, Shape
from vaebench.training.loop import train
from vaebench.trial import Settings, Value

T = TypeVar("T")
WIDTH = 8
BATCH = 8


class Bench:
    """A model class that is checked with one image shape."""

    def __init__(
        self,
        component: type[Model],
        loss: Callable[[], Loss] | None,
        shape: Shape,
        params: Mapping[str, Value],
        device: str = "cpu",
    ) -> None:
        self.component, self.loss, self.shape, self.device = component, loss, shape, device
        small = {"width": WIDTH} if "width" in parameters_of(component) else {}
        self.params: dict[str, Value] = {**small, **params}
        large = component.native_size is not None  # such a model has a fixed width, and may have fifty million weights
        self.few, self.learning = (2, 12) if large else (4, 60)

    @cached_property
    def images(self) -> Images:
        return Images(torch.from_numpy(draw(16, self.shape).images).to(self.device))

    def make(self, **params: Any) -> Model:
        """Build a model on the default device, without setting a seed."""
        loss = self.loss() if self.loss else None
        made: Model = construct(self.component, self.shape, loss, **{**self.params, **params})
        return made

    def build(self, seed: int = 0, **params: Any) -> Model:
        """Build a model in training mode on the device; equal seeds give equal weights."""
        torch.manual_seed(seed)
        return self.make(**params).to(self.device)

    def generator(self, seed: int) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(seed)

    def noise(self) -> Tensor:
        """Return the state of torch's global generators, which must not change when another generator is used."""
        states = [torch.get_rng_state()] + ([torch.cuda.get_rng_state(self.device)] if self.device != "cpu" else [])
        return torch.cat(states)

    def train(self, model: Model, steps: int | None = None) -> dict[str, list[float]]:
        """Train with the harness's own loop, every stage for `steps` steps (by default, a few); return the losses of
        each stage."""
        totals: dict[str, list[float]] = {stage: [] for stage in model.stages}
        settings = Settings(self.shape[1], steps or self.few, BATCH)
        torch.manual_seed(0)

        def report(at: At, values: Mapping[str, float]) -> None:
            totals[at.stage].append(sum(value for name, value in values.items() if name not in at.logs))

        train(model, self.images, settings, torch.Generator().manual_seed(0), report)
        return totals

    @cached_property
    def _trained(self) -> Model | Exception:
        model = self.build()
        try:
            self.train(model)
        except Exception as error:
            return error
        return model

    @property
    def trained(self) -> Model:
        """The model trained for a few steps. Checks must not change the model, and are skipped if it cannot be
        trained."""
        if isinstance(self._trained, Exception):
            raise NotApplicable(f"the model cannot be trained: {self._trained}")
        return self._trained

    @property
    def x(self) -> Tensor:
        return self.images[:BATCH]


class Half(TorchDispatchMode):
    """A context in which every random number is 0.5."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded in func.tags:
            for tensor in out if isinstance(out, tuple) else (out,):
                tensor.fill_(0.5)
        return out


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread, because bit-identical results are guaranteed only for one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def same(one: Tensor, two: Tensor) -> bool:
    """Return True if two tensors are bit-identical."""
    return one.shape == two.shape and one.dtype == two.dtype and torch.equal(one, two)


def close(one: Tensor, two: Tensor, tolerance: float = 1e-3) -> bool:
    """Return True if two tensors are equal up to rounding, relative to the largest absolute value."""
    scale = max(float(one.abs().max()), float(two.abs().max())) if one.numel() else 0.0
    return one.shape == two.shape and bool((one - two).abs().max() <= tolerance * scale + 1e-6)


def answers(model: Model, x: Tensor) -> dict[str, Tensor]:
    """Return all deterministic outputs of the model for images, by name."""
    said = {"the code": look(model.encode, x), "the reconstruction": look(model.reconstruct, x)}
    said |= {f"score {name}": value for name, value in look(model.scores, x).items()}
    with suppress(NotApplicable):
        said["the rate"] = look(model.rate, x)
    with suppress(NotApplicable):
        posterior = look(model.posterior, x)
        said |= {"the posterior's mean": posterior.mean, "the posterior's log-variance": posterior.logvar}
    return said


def look(ask: Callable[..., T], *args: object) -> T:
    """Call a function in inference mode, as when evidence is gathered."""
    with torch.inference_mode():
        return ask(*args)


def require_equal(one: Mapping[str, Tensor], two: Mapping[str, Tensor], complaint: str) -> None:
    for name, value in one.items():
        require(name in two and same(value, two[name]), f"{name} {complaint}")


def require_images(images: Tensor, shape: tuple[int, ...], what: str) -> None:
    require(tuple(images.shape) == shape, f"{what} has shape {tuple(images.shape)}, not {shape}")
    require(images.is_floating_point(), f"{what} is {images.dtype}, not floating point")
    require(bool(images.isfinite().all()), f"{what} contains NaN or infinite numbers")
    low, high = float(images.min()), float(images.max())
    require(low >= 0 and high <= 1, f"{what} lies in [{low:.4g}, {high:.4g}], not in [0, 1]")
