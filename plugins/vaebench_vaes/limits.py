"""Checks of parameter values, with uniform error messages."""

from __future__ import annotations


def at_least(low: float, **given: float) -> None:
    """Raise ValueError with the parameter's name if a value is below `low`."""
    for name, value in given.items():
        if not value >= low:
            raise ValueError(f"{name} must be at least {low}, not {value}")


def between(low: float, high: float, **given: float) -> None:
    """Raise ValueError with the parameter's name if a value is outside [low, high]."""
    for name, value in given.items():
        if not low <= value <= high:
            raise ValueError(f"{name} must lie between {low} and {high}, not {value}")


def above(low: float, **given: float) -> None:
    """Raise ValueError with the parameter's name if a value is not above `low`."""
    for name, value in given.items():
        if not value > low:
            raise ValueError(f"{name} must be above {low}, not {value}")


def one_of(*known: str, **given: str) -> None:
    """Raise ValueError with the parameter's name if a value is not one of the known words."""
    for name, value in given.items():
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value}")


def divisible(by: int, **given: int) -> None:
    """Raise ValueError with the name of the side if a side of the images is not a multiple of `by`."""
    for name, value in given.items():
        if value % by:
            raise ValueError(f"{name} of the images must be a multiple of {by} for these networks, not {value}")
