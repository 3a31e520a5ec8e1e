"""The check that every component shares: its parameters can be typed on the command line, and refuse nonsense."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from vaebench.checks.outcome import require
from vaebench.parameters import parameters_of

TYPES = (bool, int, float, str, Path)


def check_parameters(component: type, build: Callable[..., Any]) -> None:
    """`build(**params)` makes an instance; every parameter has a known type, and no count below zero is taken."""
    for parameter in parameters_of(component).values():
        require(
            plainly_typed(parameter.kind),
            f"parameter {parameter.name} is annotated {parameter.kind}, which nobody can type: use bool, int, float, "
            "str, Path, Literal[...], or one of them | None",
        )
        if parameter.kind is int and not parameter.required:
            refuses(build, parameter.name, -1)


def plainly_typed(kind: Any) -> bool:
    if get_origin(kind) in (Union, UnionType):
        return all(plainly_typed(inner) for inner in get_args(kind) if inner is not type(None))
    return kind in TYPES or get_origin(kind) is Literal


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
