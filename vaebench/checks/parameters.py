"""The check that every component shares: its parameters can be typed on the command line, and refuse nonsense."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vaebench.checks.outcome import require
from vaebench.components.parameters import TYPABLE, can_be_typed, parameters_of


def check_parameters(component: type, build: Callable[..., Any]) -> None:
    """`build(**params)` makes an instance; every parameter has a known type, and no count below zero is taken."""
    for parameter in parameters_of(component).values():
        require(
            can_be_typed(parameter.kind),
            f"parameter {parameter.name} is annotated {parameter.kind}, which nobody can type. {TYPABLE}",
        )
        if parameter.kind is int and not parameter.required:
            refuses(build, parameter.name, -1)


def refuses(build: Callable[..., Any], name: str, value: int) -> None:
    """A ValueError that names the parameter."""
    try:
        build(**{name: value})
    except ValueError as error:
        require(name in str(error), f"{name}={value} is refused with {str(error)!r}, which does not name {name!r}")
    except Exception as error:
        require(
            False, f"{name}={value} raises {type(error).__name__} ({error}); raise a ValueError that names {name!r}"
        )
    else:
        require(False, f"{name}={value} is accepted; raise a ValueError that says what is")
