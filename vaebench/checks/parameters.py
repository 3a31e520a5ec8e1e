"""The check that all components share: parameters can be set on the command line, and invalid values are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vaebench.checks.outcome import require
from vaebench.components.parameters import TYPABLE, can_be_typed, parameters_of


def check_parameters(component: type, build: Callable[..., Any]) -> None:
    """Require that every parameter has a known type, and that `build(**params)` refuses -1 for integer parameters."""
    for parameter in parameters_of(component).values():
        require(
            can_be_typed(parameter.kind),
            f"parameter {parameter.name} is annotated {parameter.kind}, which cannot be given as text. {TYPABLE}",
        )
        if parameter.kind is int and not parameter.required:
            refuses(build, parameter.name, -1)


def refuses(build: Callable[..., Any], name: str, value: int) -> None:
    """Require that `build` refuses the value with a ValueError that names the parameter."""
    try:
        build(**{name: value})
    except ValueError as error:
        require(name in str(error), f"{name}={value} is refused with {str(error)!r}, which does not name {name!r}")
    except Exception as error:
        require(
            False, f"{name}={value} raises {type(error).__name__} ({error}); raise a ValueError that names {name!r}"
        )
    else:
        require(False, f"{name}={value} is accepted; raise a ValueError that says what is allowed")
