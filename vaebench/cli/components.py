"""Look up components by name, and read their documentation."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

from vaebench.components.discovery import installed
from vaebench.errors import UserError, did_you_mean
from vaebench.planning.suite import suites

SHORT = ("[A-Z]", "al", "vs", "Soc", "Statist", "Proc", r"e\.g", r"i\.e")
SENTENCE = re.compile("".join(rf"(?<!\b{word})" for word in SHORT) + r"\. +(?=[A-Z0-9`])")
"""The end of a sentence; a full stop after an initial or an abbreviation does not match"""
KINDS = ("models", "networks", "datasets", "losses", "metrics", "executors")


def find_offers(name: str) -> list[tuple[str, Any]]:
    """Return (kind, offer) of every component of that name; raise a UserError that suggests names if none exists."""
    from vaebench.components.registry import registry

    owner, _, bare = name.rpartition(":")
    found = [
        (kind, offer)
        for kind in KINDS
        for offer in registry().offers(kind).get(bare, [])
        if not owner or offer.plugin.distribution == owner
    ]
    if not found:
        known = [*suites(installed()), *(n for kind in KINDS for n in registry().offers(kind))]
        raise UserError(f"There is no component or suite {name!r}.{did_you_mean(name, known)}")
    return found


def documentation(component: type) -> str:
    """Return the docstring of the class or, if it has none, of its file (the file of a method starts with the paper and
    the equation)."""
    return inspect.cleandoc(component.__doc__ or sys.modules[component.__module__].__doc__ or "")


def summary(component: type) -> str:
    """Return the first sentence of the documentation, without its full stop."""
    text = documentation(component).partition("\n\n")[0].replace("\n", " ")
    end = SENTENCE.search(text)
    return (text[: end.start()] if end else text).rstrip(".") or component.__name__
