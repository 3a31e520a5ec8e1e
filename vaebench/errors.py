"""Errors that users see as a message, without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LISTED = 20
"""The largest number of names that a message lists; the remaining names are only counted."""


class UserError(Exception):
    """A user's error: the message says what is wrong and what to do next."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint such as ` Did you mean 'vae'?`, or, if no known name is similar, the first of the known names."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f" Did you mean {' or '.join(repr(n) for n in near)}?"
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return f" Available: {', '.join(known[:LISTED])}{more}." if known else " None is available."


class Explained(Exception):
    """An error whose message needs no further explanation and is shown without the name of the exception class."""
