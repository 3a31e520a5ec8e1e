"""Ranges that `vaebench tune` searches: what a model declares of its parameters, and what all trained models have."""

from __future__ import annotations

from dataclasses import dataclass

from vaebench.trial import Value, plain


@dataclass(frozen=True)
class Linear:
    """Every number from `low` to `high` is as likely as any other; whole ones where the parameter is one."""

    low: float
    high: float
    rate: bool = False
    """Whether it changes the size of the code: then it is searched with --free-rate only."""

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"a range must begin below its end, not {self.low} and {self.high}")

    @property
    def extremes(self) -> tuple[Value, ...]:
        return self.low, self.high

    def holds(self, value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Log(Linear):
    """As `Linear`, on a log scale: as many trials between 0.1 and 1 as between 1 and 10."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0:
            raise ValueError(f"a range on a log scale must begin above 0, not at {self.low}")

    def __str__(self) -> str:
        return f"{super().__str__()}, log scale"


@dataclass(frozen=True, init=False)
class Choice:
    """One of some values."""

    values: tuple[Value, ...]
    rate: bool = False

    def __init__(self, *values: Value, rate: bool = False) -> None:
        if len(set(values)) < max(2, len(values)):
            raise ValueError(f"a choice needs two values or more, none of them twice, not {values}")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "rate", rate)

    @property
    def extremes(self) -> tuple[Value, ...]:
        return self.values

    def holds(self, value: object) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return f"one of {', '.join(map(plain, self.values))}"


Range = Linear | Choice

TRAINING: dict[str, Range] = {
    "lr": Log(2e-4, 5e-3),
    "schedule": Choice("constant", "cosine"),
    "average": Choice(0.0, 0.9, 0.99, 0.999),
}
"""Ranges of the training recipe, for every model that is trained. `clip` is not among them: which norm of a gradient is
large depends on the loss, so a model that gains from clipping declares its own range."""
