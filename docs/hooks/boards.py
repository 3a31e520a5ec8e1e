"""The pages of two boards of the reference results, made from the committed records when the site is built.

MkDocs calls `on_files` once and `on_page_markdown` for every page."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from vaebench.components.discovery import installed
from vaebench.planning.suite import find
from vaebench.report.page import page, shown_runs
from vaebench.report.track import Track

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
BOARDS = {"boards/study.html": ("medical-real", "study"), "boards/compact.html": ("medical", "compact")}
"""The address of each page on the site, and the suite and preset of its track."""


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Link to the pages. In the repository, where they are missing, the gallery only names them."""
    if page.file.src_uri != "gallery.md":
        return markdown
    for address in BOARDS:
        markdown = markdown.replace(f"`{address}`", f"[{address}]({address})")
    return markdown


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for address, (suite, preset) in BOARDS.items():
        track = Track(find(suite, installed()), preset, "real", REFERENCE)
        board = track.board()
        files.append(File.generated(config, address, content=page(board, *shown_runs(board, track.found))))
    return files
