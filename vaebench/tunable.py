"""Ranges that `vaebench tune` searches: those that a model declares, and those that all trained models share."""

from __future__ import annotations

from dataclasses import dataclass

from vaebench.trial import Value, plain


@dataclass(frozen=True)
class Linear:
    """A range of numbers on a linear scale; integers if the parameter is an integer."""

    low: float
    """The smallest value."""
    high: float
    """The largest value."""
    rate: bool = False
    """True if the parameter changes the size of the code. Such a parameter is searched only with `--free-rate`."""

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(
                f"the low end of a range must be below its high end, but the ends are {self.low} and {self.high}"
            )

    @property
    def extremes(self) -> tuple[Value, ...]:
        """The values that `vaebench check` tries."""
        return self.low, self.high

    def holds(self, value: object) -> bool:
        """Return True if the value lies in the range."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Log(Linear):
    """A range on a log scale: values between 0.1 and 1 are as likely as values between 1 and 10."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0:
            raise ValueError(f"a range on a log scale must begin above 0, not at {self.low}")

    def __str__(self) -> str:
        return f"{super().__str__()}, log scale"


@dataclass(frozen=True, init=False)
class Choice:
    """A list of values to choose from."""

    values: tuple[Value, ...]
    """The values."""
    rate: bool = False
    """True if the parameter changes the size of the code. Such a parameter is searched only with `--free-rate`."""

    def __init__(self, *values: Value, rate: bool = False) -> None:
        if len(set(values)) < max(2, len(values)):
            raise ValueError(f"a choice needs two or more different values, not {values}")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "rate", rate)

    @property
    def extremes(self) -> tuple[Value, ...]:
        """The values that `vaebench check` tries."""
        return self.values

    def holds(self, value: object) -> bool:
        """Return True if `value` is one of the choices."""
        return value in self.values

    def __str__(self) -> str:
        return f"one of {', '.join(map(plain, self.values))}"


Range = Linear | Choice

TRAINING: dict[str, Range] = {
    "lr": Log(2e-4, 5e-3),
    "schedule": Choice("constant", "cosine"),
    "average": Choice(0.0, 0.9, 0.99, 0.999),
}
"""The ranges of parameters of the training recipe, for every model that is trained. `clip` is not listed: a sensible
norm depends on the loss, so a model that gains from clipping declares its own range."""
