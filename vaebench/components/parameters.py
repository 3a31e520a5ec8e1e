"""Read `NAME[param=value,...]` as typed by a user, and check it against the component's constructor."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from vaebench.errors import UserError, did_you_mean
from vaebench.trial import Value
from vaebench.tunable import TRAINING, Range

SHAPE = re.compile(r"(?P<name>[^\[\]]+)(\[(?P<inside>.*)\])?", re.DOTALL)
PAIR = re.compile(r'\s*(?P<key>[\w-]+)\s*=\s*("(?P<quoted>[^"]*)"|(?P<bare>[^,"]*))\s*(,|$)')
WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}

TYPABLE = "The component's author can use bool, int, float, str, Path, Literal[...], or any of these with `| None`."


@dataclass(frozen=True)
class Parameter:
    """One keyword parameter of a component."""

    name: str
    kind: Any
    default: Any

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty

    def __str__(self) -> str:
        return f"{self.name}: {describe(self.kind)}" + ("" if self.required else f" = {_shown(self.default)}")


def split_spec(text: str) -> tuple[str, dict[str, str]]:
    """Split `vae[latent=16]` into ("vae", {"latent": "16"}). A value with a comma must be in double quotes."""
    match = SHAPE.fullmatch(text.strip())
    if not match:
        raise UserError(f"{text!r} is not of the form NAME or NAME[param=value,...]")
    params: dict[str, str] = {}
    rest = (match["inside"] or "").strip()
    while rest:
        pair = PAIR.match(rest)
        if not pair:
            raise UserError(f"cannot read {rest!r} in {text!r}: write NAME[param=value,...]")
        key = pair["key"].replace("-", "_")
        if key in params:
            raise UserError(f"{key!r} is given twice in {text!r}")
        params[key] = pair["quoted"] if pair["quoted"] is not None else pair["bare"].strip()
        rest = rest[pair.end() :]
    return match["name"].strip(), params


def parameters_of(component: type) -> dict[str, Parameter]:
    """Return the parameters that a user can set: those of the constructor and, if it accepts arbitrary keyword
    arguments, those of the inherited constructor, and so on; for a trained model, also those of the recipe. A
    component's own default replaces an inherited default."""
    found = _of_constructor(component)
    return found | {name: own for name, own in recipe_of(component).items() if name not in found}


def _of_constructor(component: type) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for owner in component.__mro__:
        if (constructor := vars(owner).get("__init__")) is not None:
            found |= {name: own for name, own in _own_parameters(constructor).items() if name not in found}
            kinds = {parameter.kind for parameter in inspect.signature(constructor).parameters.values()}
            if inspect.Parameter.VAR_KEYWORD not in kinds:
                break
    return found


def recipe_of(component: type) -> dict[str, Parameter]:
    """Return the parameters of a model's training recipe; none if the model is not trained."""
    recipe = getattr(component, "recipe", None)
    if recipe is None or not getattr(component, "stages", ()):
        return {}
    hints = typing.get_type_hints(type(recipe))
    return {one.name: Parameter(one.name, hints[one.name], getattr(recipe, one.name)) for one in fields(recipe)}


def tunable_of(component: type) -> dict[str, Range]:
    """Return the ranges in which a model's parameters are searched: its own ranges, and those of its recipe."""
    own: Mapping[str, Range] = getattr(component, "tunable", {})
    recipe = recipe_of(component).keys() - _of_constructor(component).keys()
    return {**own, **{name: range_ for name, range_ in TRAINING.items() if name in recipe and name not in own}}


def construct(component: type, *args: Any, **params: Value) -> Any:
    """Return an instance of a component. Parameters that the constructor does not accept are set in the recipe."""
    own = _of_constructor(component)
    recipe = {name: params.pop(name) for name in recipe_of(component) if name in params and name not in own}
    made = component(*args, **params)
    if recipe:
        made.recipe = replace(made.recipe, **recipe)
    return made


def _own_parameters(constructor: Callable[..., None]) -> dict[str, Parameter]:
    """Return the parameters that a constructor names, except `self`, `shape` and `loss`."""
    signature = inspect.signature(constructor)
    try:
        hints = typing.get_type_hints(constructor)
    except NameError:  # a name imported for type checkers only; use the types of the defaults
        hints = {p.name: type(p.default) for p in signature.parameters.values() if p.default not in (p.empty, None)}
    return {
        p.name: Parameter(p.name, hints.get(p.name, str), p.default)
        for p in list(signature.parameters.values())[1:]
        if p.name not in ("shape", "loss") and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }


def typed(name: str, component: type, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return the given parameters, converted to the types that the constructor declares; if one is invalid, raise a
    UserError that lists the parameters that are accepted."""
    known = parameters_of(component)
    accepts = f"{name} accepts {', '.join(map(str, known.values()))}." if known else f"{name} has no parameters."
    values: dict[str, Value] = {}
    for key, value in given.items():
        if key not in known:
            raise UserError(f"{name} has no parameter {key!r}.{did_you_mean(key, known) if known else ''} {accepts}")
        if not can_be_typed(known[key].kind):
            raise UserError(
                f"{name}: {key} cannot be given as text, because it is annotated {known[key].kind}. {TYPABLE}"
            )
        try:
            values[key] = convert(value, known[key].kind)
        except ValueError as error:
            raise UserError(f"{name}: {key}={value} is not {describe(known[key].kind)}. {accepts}") from error
    if missing := [p.name for p in known.values() if p.required and p.name not in values]:
        raise UserError(f"{name} needs {', '.join(missing)}: write {name}[{missing[0]}=...]. {accepts}")
    return values


def convert(value: Value, kind: Any) -> Any:
    """Return a string (or a TOML value) as the declared type; raise ValueError if that is impossible."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        for choice in inner:
            if str(value) == str(choice):
                return choice
        raise ValueError(value)
    if origin in (typing.Union, types.UnionType):
        if type(None) in inner and str(value).lower() == "none":
            return None
        for choice in inner:
            if choice is not type(None):
                try:
                    return convert(value, choice)
                except ValueError:
                    continue
        raise ValueError(value)
    if kind is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if str(value).lower() not in words:
            raise ValueError(value)
        return words[str(value).lower()]
    if kind in (int, float) and isinstance(value, bool):
        raise ValueError(value)
    if kind is int and isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    if kind is float and not float("-inf") < float(value) < float("inf"):
        raise ValueError(value)
    return kind(value) if kind in (int, float) else str(value)


def can_be_typed(kind: Any) -> bool:
    """Return True if a string on the command line can be converted to this annotation."""
    if names_network(kind):
        return True
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return all(can_be_typed(inner) for inner in typing.get_args(kind) if inner is not type(None))
    return kind in WORDS or typing.get_origin(kind) is Literal


def names_network(kind: Any) -> bool:
    """Return True if the annotation is `type[Network]`, so that the parameter takes the name of a network."""
    if typing.get_origin(kind) is not type:
        return False
    from vaebench.interfaces import Network  # imports torch

    (inner,) = typing.get_args(kind)
    return isinstance(inner, type) and issubclass(inner, Network)


def describe(kind: Any) -> str:
    if names_network(kind):
        return "a network"
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe(k) if k is not type(None) else "none" for k in inner)
    return WORDS.get(kind, "text")


def _shown(default: Any) -> str:
    if isinstance(default, type):  # a network
        return str(getattr(default, "name", default))
    return str(default).lower() if isinstance(default, bool) or default is None else str(default)
