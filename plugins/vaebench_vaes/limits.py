"""What values a parameter may have, said in one way."""

from __future__ import annotations


def at_least(low: float, **given: float) -> None:
    """Refuse parameters below `low`, by name."""
    for name, value in given.items():
        if not value >= low:
            raise ValueError(f"{name} must be at least {low}, not {value}")


def between(low: float, high: float, **given: float) -> None:
    """Refuse parameters outside [low, high], by name."""
    for name, value in given.items():
        if not low <= value <= high:
            raise ValueError(f"{name} must lie between {low} and {high}, not {value}")


def above(low: float, **given: float) -> None:
    """Refuse parameters that are not above `low`, by name."""
    for name, value in given.items():
        if not value > low:
            raise ValueError(f"{name} must be above {low}, not {value}")


def one_of(*known: str, **given: str) -> None:
    """Refuse parameters that are none of the known words."""
    for name, value in given.items():
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value}")


def divisible(by: int, **given: int) -> None:
    """Refuse sizes that are no multiple of `by`."""
    for name, value in given.items():
        if value % by:
            raise ValueError(f"{name} of the images must be a multiple of {by} for these networks, not {value}")
