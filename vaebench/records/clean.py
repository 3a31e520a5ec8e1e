"""Make text from a record safe to show: a terminal, a spreadsheet or a web page could execute parts of it."""

from __future__ import annotations

import re
from functools import lru_cache

INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Fillers, joiners and variation selectors: Unicode counts them as printable, but they are invisible, so two names that
look equal could differ."""


@lru_cache(4096)
def clean(text: str, limit: int | None = 120) -> str:
    """Return the text as one line of visible characters, shortened to the limit.

    White space of any kind becomes one space. Control and format characters (escape sequences, bidirectional
    overrides, zero-width characters), lone surrogates and unassigned characters become a replacement character."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(letter if letter.isspace() or letter.isprintable() else "\ufffd" for letter in text)
        text = INVISIBLE.sub("\ufffd", text)
    line = " ".join(text.split())
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def clean_lines(text: str) -> str:
    """Clean each line of a text, and keep its indent."""
    lines = text.split("\n")
    return "\n".join(" " * (len(line) - len(line.lstrip(" "))) + clean(line, None) for line in lines)
