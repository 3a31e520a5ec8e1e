"""The site of docs/: it builds without a warning, its pages load nothing from outside, and its reference is whole."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from vaebench.cli import main

ROOT = Path(__file__).parent.parent
LOADED = re.compile(r"""<(?:script|img|iframe)[^>]*\ssrc=["']?https?:|<link[^>]*\shref=["']?https?:""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


def test_pages_load_nothing_from_outside(site: Path) -> None:
    pages = {str(path.relative_to(site)): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")} < set(pages)
    assert [name for name, text in pages.items() if LOADED.search(text)] == []


@pytest.mark.parametrize(
    ("page", "fields"), [("records", ("reconstruction_flops", "replicates")), ("boards", ("mean_rank",))]
)
def test_fields_follow_from_their_definitions(site: Path, page: str, fields: tuple[str, ...]) -> None:
    text = (site / "reference" / f"{page}.html").read_text(encoding="utf-8")
    assert all(f"<code>{field}</code>" in text for field in fields)


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from commands(command.commands[name], f"{path} {name}")


def test_every_command_and_option_is_in_the_reference(site: Path) -> None:
    text = html.unescape((site / "reference" / "commands.html").read_text(encoding="utf-8"))
    parts = dict(re.findall(r'<h[23] id="([a-z-]+)">(.*?)(?=<h[23] id=|</article>)', text, re.DOTALL))
    known = dict(commands(main, "vaebench"))
    assert {"vaebench run", "vaebench data audit", "vaebench new plugin"} <= known.keys()
    assert set(parts) == {path.replace(" ", "-") for path in known}
    for path, command in known.items():
        part = parts[path.replace(" ", "-")]
        for option in command.params:
            if isinstance(option, click.Option):
                assert all(re.search(rf"(?<![\w-]){name}(?![\w-])", part) for name in option.opts), (path, option)
            else:
                assert option.make_metavar(click.Context(command)) in part, (path, option)
