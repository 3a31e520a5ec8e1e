"""Shell completion for the names of components, suites and presets, and for parameters and their values.

Names come from the tables of `components.json`, so that completing names does not import torch; completing parameters
imports the component's class and, with it, torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args, get_origin

import click
from click.shell_completion import CompletionItem

from vaebench.errors import UserError

Offer = Callable[[click.Context, click.Parameter, str], list[Any]]


def names(*kinds: str) -> Offer:
    """Complete the name of a component of one of these kinds."""

    def offer(_: click.Context, __: click.Parameter, typed: str) -> list[Any]:
        return _starting(typed, (name for kind in kinds for name in _names(kind)))

    return offer


def specs(kind: str) -> Offer:
    """Complete `NAME[param=value,...]`."""

    def offer(_: click.Context, __: click.Parameter, typed: str) -> list[Any]:
        name, bracket, inside = typed.partition("[")
        if not bracket:
            return _starting(typed, _names(kind))
        done, comma, last = inside.rpartition(",")
        try:
            return _starting(typed, (f"{name}[{done}{comma}{text}" for text in _parameters(kind, name, last)))
        except UserError:  # no component of that name
            return []

    return offer


def suites(_: click.Context, __: click.Parameter, typed: str) -> list[Any]:
    """Complete the name of a suite, or the path of a suite file."""
    from vaebench.components.discovery import installed
    from vaebench.planning.suite import suites as known

    return _starting(typed, known(installed())) or [CompletionItem(typed, type="file")]


def presets(context: click.Context, _: click.Parameter, typed: str) -> list[Any]:
    """Complete a preset of the suite that `--suite` names."""
    from vaebench.components.discovery import installed
    from vaebench.planning.suite import find

    try:
        known = find(context.params.get("suite") or "medical", installed()).presets
    except UserError:
        return []
    return _starting(typed, ("auto", *known))


def _starting(typed: str, known: Iterable[str]) -> list[Any]:
    return [text for text in known if text.startswith(typed)]


def _names(kind: str) -> list[str]:
    from vaebench.components.declared import Declared
    from vaebench.components.discovery import installed

    return Declared(installed()).names(kind)


def _parameters(kind: str, name: str, typed: str) -> Iterable[str]:
    """Return a completion such as `latent=` for each parameter, or, once a parameter's name is typed, one such as
    `loss=bce` for each of its values."""
    from vaebench.components.parameters import parameters_of
    from vaebench.components.registry import registry

    component = registry().get(kind, name).component
    known = {parameter.name: _values(parameter.kind) for parameter in parameters_of(component).values()}
    if getattr(component, "default_loss", None):
        known["loss"] = _names("losses")
    key, equals, _ = typed.partition("=")
    return [f"{key}={value}" for value in known.get(key.replace("-", "_"), ())] if equals else [f"{k}=" for k in known]


def _values(kind: Any) -> list[str]:
    """Return the values that a parameter can take, if they are few."""
    from vaebench.components.parameters import names_network

    if names_network(kind):
        return _names("networks")
    if kind is bool:
        return ["true", "false"]
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    return []
