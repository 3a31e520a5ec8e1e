"""The columns of a table for the plain fields of a typed class, with their pandas types."""

from __future__ import annotations

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

KINDS = {str: "str", bool: "boolean", int: "Int64", float: "float64"}
"""The pandas types that support missing values, so that integers stay integers and booleans stay booleans."""


def columns(component: type) -> dict[str, str]:
    """Return the fields whose value is one text or number, with their pandas types; lists and tables are left out."""
    found = {name: _kind(hint) for name, hint in get_type_hints(component).items() if not name.startswith("__")}
    return {name: kind for name, kind in found.items() if kind}


def _kind(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "str"
    if get_origin(hint) in (Union, UnionType):
        inner = [one for one in get_args(hint) if one is not type(None)]
        return _kind(inner[0]) if len(inner) == 1 else ""
    return KINDS.get(hint, "")
