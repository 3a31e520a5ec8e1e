"""A board and its runs as one self-contained HTML page: no server, no network, nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from vaebench.leaderboard import Board
from vaebench.records import write_atomically
from vaebench.report.page.boards import told
from vaebench.report.page.runs import Shown, shown_runs

__all__ = ["page", "shown_runs", "write_page"]

LARGEST = 25 * 10**6
"""Bytes; pictures that would make a page larger than this go beside it."""
SCRIPTS = ("tools", "tiles", "plots", "boards", "latent", "runs", "start")
POLICY = (
    "default-src 'none'; img-src data:{beside}; style-src '{style}'; script-src '{script}'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
)
"""The page may run and load what it brought, and nothing else, whatever a record says."""


def page(board: Board, shown: Sequence[Shown] = ()) -> str:
    """The board, with the runs behind it where they are given, all pictures within."""
    pictures = {one.picture: "data:image/webp;base64," + base64.b64encode(one.picture).decode() for one in shown}
    return _page(board, shown, pictures)


def write_page(path: Path, board: Board, track: Path) -> list[Path]:
    """The page of the records in the track's folder and of what lies beside them; the files that were written."""
    shown = shown_runs(board, track)
    text = page(board, shown)
    if len(text) <= LARGEST:
        write_atomically(path, text.encode())
        return [path]
    folder = path.with_name(f"{path.stem}-pictures")
    beside: dict[bytes, str] = {}
    for one in shown:
        name = f"{hashlib.sha256(one.picture).hexdigest()[:16]}.webp"
        beside[one.picture] = f"{folder.name}/{name}" if one.picture else ""
        if one.picture and not (folder / name).exists():
            write_atomically(folder / name, one.picture)
    write_atomically(path, _page(board, shown, beside, folder.name).encode())
    return [path, folder]


def _page(board: Board, shown: Sequence[Shown], pictures: dict[bytes, str], folder: str = "") -> str:
    addresses = sorted({address for picture, address in pictures.items() if picture})
    number = {address: place for place, address in enumerate(addresses)}
    data = told(board) | {
        "runs": [{**one.told, "picture": number.get(pictures[one.picture])} for one in shown],
        "pictures": addresses,
        "folder": folder,
    }
    style, script = _asset("page.css"), "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    policy = POLICY.format(beside=" file: 'self'" if folder else "", style=_digest(style), script=_digest(script))
    parts = {
        "policy": escape(policy),
        "title": escape(board.title),
        "style": style,
        "data": embedded(data),
        "script": script,
    }
    text = _asset("page.html")
    before, *rest = text.split("{{")
    return before + "".join(parts[name] + after for name, _, after in (part.partition("}}") for part in rest))


def embedded(data: Any) -> str:
    """JSON that no text in it can end: a browser looks for nothing but < in it."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
