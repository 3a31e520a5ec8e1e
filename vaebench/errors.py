"""A user's mistake, told in words and never as a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LISTED = 20
"""Names that a message lists; of more, it says how many."""


class UserError(Exception):
    """What went wrong, what is known, and what to do next."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'vae'?`, or, where nothing is near, the first names that there are."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f" Did you mean {' or '.join(repr(n) for n in near)}?"
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return f" There are: {', '.join(known[:LISTED])}{more}." if known else " There are none."


class Explained(Exception):
    """An error whose text alone says what happened; its type would add nothing."""
