"""The trial: model, loss, dataset, regime and seed in one track; frozen, JSON in and out, with an id."""

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
"""Raised when a regime trains on other images than before, so that older records are done again; 1 where not named."""


class Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """A component as the user named it, with the parameters given: `vae[beta=0.5,latent=16]`."""

    name: str
    params: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.params:
            return self.name
        return f"{self.name}[{','.join(f'{k}={plain(v)}' for k, v in sorted(self.params.items()))}]"


def plain(value: Value) -> str:
    """A parameter as one types it."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f'"{text}"' if "," in text or text != text.strip() else text


class Trial(Struct, frozen=True, dict=True, forbid_unknown_fields=True):
    """One training that the benchmark asks for."""

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
        """ValueError names the field that is wrong."""
        return convert(data, cls)

    def __str__(self) -> str:
        loss = f" + {self.loss}" if self.loss else ""
        return f"{self.model}{loss} on {self.dataset}, {self.regime}, seed {self.seed}"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """How much effort a preset spends on each trial; stands in every record."""

    size: int
    steps: int
    batch: int = 64
    stage_steps: Mapping[str, int] = field(default_factory=dict)
    """Steps of the stages that come after the first, where they differ from `steps`."""
    limit: Mapping[str, int] = field(default_factory=dict)
    """The most images per split."""
    samples: int = 256
    """Images drawn from the prior as evidence."""
    model: Mapping[str, Value] = field(default_factory=dict)
    """Parameters (the trunk's width) for every model that has them, unless the user sets them."""
    metrics: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**to_builtins(self), "metrics": list(self.metrics)}

    @classmethod
    def from_json(cls, data: Any) -> Settings:
        """ValueError names the field that is wrong."""
        return convert(data, cls)


def canonical(data: Any) -> str:
    """JSON that is the same text for the same data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def seed_of(text: str) -> int:
    """A seed for torch, made from a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def slug(name: str) -> str:
    """A name that is one harmless path segment on every system."""
    return re.sub(r"[^A-Za-z0-9@._+-]+", "_", name).lstrip(".") or "_"
