"""A board and its runs as one self-contained HTML page that needs no server and no network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from vaebench.leaderboard.board import Board
from vaebench.records.store import write_atomically
from vaebench.report.found import Found
from vaebench.report.page.about import about
from vaebench.report.page.boards import board_data
from vaebench.report.page.runs import Shown, shown_runs
from vaebench.report.tables import title

__all__ = ["page", "shown_runs", "write_page"]

LARGEST = 25 * 10**6
"""The maximum size in bytes. Pictures that would make the page larger go into a folder next to it. If the page is still
too large, the runs with the last seeds are left out."""
SCRIPTS = (
    *("tools", "tiles", "plots", "boards", "columns", "forests", "scatters", "matrix"),
    *("latent", "numbers", "runs", "address", "paper", "start"),
)
POLICY = (
    "default-src 'none'; img-src data:{beside}; style-src '{style}'; script-src '{script}'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
)
"""The page may run and load only its own content, whatever texts a record contains."""


def page(board: Board, shown: Sequence[Shown] = (), left_out: int = 0) -> str:
    """Return the page of a board and of the runs behind it, if given, with all pictures embedded."""
    pictures = {one.picture: "data:image/webp;base64," + base64.b64encode(one.picture).decode() for one in shown}
    return _page(board, shown, left_out, pictures)


def write_page(path: Path, board: Board, found: Found) -> list[Path]:
    """Write the page of a track, with the records and pictures in `found`; return the paths written."""
    shown, left_out = shown_runs(board, found)
    content = page(board, shown, left_out).encode()
    if len(content) <= LARGEST:
        write_atomically(path, content)
        return [path]
    folder = path.with_name(f"{path.stem}-pictures")
    files = {one.picture: f"{hashlib.sha256(one.picture).hexdigest()[:16]}.webp" for one in shown}
    beside = {picture: f"{folder.name}/{file}" for picture, file in files.items()}
    while len(content := _page(board, shown, left_out, beside, folder.name).encode()) > LARGEST and shown:
        fewer = shown[: len(shown) * 3 // 4]
        shown, left_out = fewer, left_out + len(shown) - len(fewer)
    for picture in {one.picture for one in shown if one.picture}:
        if not (folder / files[picture]).exists():
            write_atomically(folder / files[picture], picture)
    write_atomically(path, content)
    return [path, folder]


def _page(board: Board, shown: Sequence[Shown], left_out: int, pictures: Mapping[bytes, str], folder: str = "") -> str:
    drawn = sorted({one.picture for one in shown if one.picture}, key=pictures.__getitem__)
    number = {picture: place for place, picture in enumerate(drawn)}
    alike = Alike()
    data = board_data(board) | {
        "about": about([one.made for one in shown], board),
        "runs": [
            {**one.told, "drawn": alike.taken_from(one.told["drawn"]), "picture": number.get(one.picture)}
            for one in shown
        ],
        "pictures": [pictures[picture] for picture in drawn],
        "alike": alike.values,
        "folder": folder,
        "left_out": left_out,
    }
    style, script = _asset("page.css"), "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    policy = POLICY.format(beside=" file: 'self'" if folder else "", style=_digest(style), script=_digest(script))
    parts = {
        "policy": escape(policy),
        "title": escape(title(board)),
        "style": style,
        "data": embedded(data),
        "script": script,
    }
    text = _asset("page.html")
    before, *rest = text.split("{{")
    return before + "".join(parts[name] + after for name, _, after in (part.partition("}}") for part in rest))


class Alike:
    """Stores only once what many runs share: labels and the t-SNE map of pixels, which depend on the dataset alone."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.places: dict[str, int] = {}

    def taken_from(self, drawn: dict[str, Any] | None) -> dict[str, Any] | None:
        maps = drawn and drawn.get("maps")
        if not drawn or not isinstance(maps, dict):
            return drawn
        return {**drawn, "maps": maps | {key: self._number_of(maps.get(key)) for key in ("labels", "pixels")}}

    def _number_of(self, value: Any) -> int:
        key = json.dumps(value, sort_keys=True)
        if key not in self.places:
            self.places[key] = len(self.values)
            self.values.append(value)
        return self.places[key]


def embedded(data: Any) -> str:
    """Return JSON that is safe inside a <script> element: `<` is escaped, so no text can close the element."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
