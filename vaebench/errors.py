"""A user's mistake, told in words and never as a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """What went wrong, what is known, and what to do next."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'vae'?`, or, where nothing is near, what there is."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f" Did you mean {' or '.join(repr(n) for n in near)}?"
    return f" There are: {', '.join(known)}." if known else " There are none."


class Explained(Exception):
    """An error whose text alone says what happened; its type would add nothing."""
