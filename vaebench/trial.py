"""A trial: model, loss, dataset, regime and seed in one track, as a frozen class with an id and a JSON form."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct, convert, field, to_builtins

Value = bool | int | float | str
Verdict = Literal["generation", "reconstruction", "representation", "anomaly", "cost", "other"]
Direction = Literal["higher", "lower"]
Regime = Literal["all", "healthy"]
REGIME_VERSIONS = {"healthy": 2}
"""The versions of regimes; a regime that is not listed has version 1. Raise a version when the regime selects different
training images, so that older trials are rerun."""


class Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """The name of a component with the parameters that the user gave: `vae[beta=0.5,latent=16]`."""

    name: str
    params: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.params:
            return self.name
        return f"{self.name}[{','.join(f'{k}={plain(v)}' for k, v in sorted(self.params.items()))}]"


def plain(value: Value) -> str:
    """Return the value of a parameter as it is typed on the command line."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text}"' if "," in text or text != text.strip() else text


class Trial(Struct, frozen=True, dict=True, forbid_unknown_fields=True):
    """One model trained on one dataset with one seed in one regime."""

    suite: str
    """`name@version`"""
    preset: str
    source: str
    dataset: Spec
    model: Spec
    loss: Spec | None
    regime: str
    seed: int

    @property
    def track(self) -> str:
        return f"{self.suite}/{self.preset}/{self.source}"

    @cached_property
    def id(self) -> str:
        return hashlib.sha256(canonical(self.to_json()).encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = to_builtins(self)
        return found

    @classmethod
    def from_json(cls, data: Any) -> Trial:
        """Return the trial that JSON values describe; raise a ValueError that names the field if one is invalid."""
        return convert(data, cls)

    def __str__(self) -> str:
        loss = f" + {self.loss}" if self.loss else ""
        return f"{self.model}{loss} on {self.dataset}, {self.regime}, seed {self.seed}"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings that a preset gives each trial, such as the image size and the number of steps; they are part of
    every record."""

    size: int
    steps: int
    batch: int = 64
    stage_steps: Mapping[str, int] = field(default_factory=dict)
    """The numbers of steps of later stages, if they differ from `steps`."""
    limit: Mapping[str, int] = field(default_factory=dict)
    """The largest number of images in each split."""
    samples: int = 256
    """The number of images drawn from the prior as evidence."""
    model: Mapping[str, Value] = field(default_factory=dict)
    """Parameters (such as the network's width) for every model that has them, unless the user sets them."""
    metrics: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**to_builtins(self), "metrics": list(self.metrics)}

    @classmethod
    def from_json(cls, data: Any) -> Settings:
        """Return the settings that JSON values describe; raise a ValueError that names the field if one is invalid."""
        return convert(data, cls)


def canonical(data: Any) -> str:
    """Return JSON text that is the same for equal data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def seed_of(text: str) -> int:
    """Return a seed for torch, derived from a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def slug(name: str) -> str:
    """Return the name as a single path segment that is safe on every system."""
    return re.sub(r"[^A-Za-z0-9@._+-]+", "_", name).lstrip(".") or "_"
