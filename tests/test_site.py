"""The site of docs/: it builds without a warning, its pages load nothing from outside, and its reference is whole."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import vaebench
from vaebench import evidence, hookspecs, interfaces
from vaebench.cli import main
from vaebench.planning.suite import PRESET, TOP
from vaebench.results import Result
from vaebench_measures import vaebench_metrics

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


def test_every_metric_is_shown_with_its_direction_and_range(site: Path) -> None:
    text = (site / "metrics.html").read_text(encoding="utf-8").split('<h2 id="all-metrics">')[1]
    rows = {row[0]: row[1:] for row in re.findall(r"<tr>\n<td><code>(.*?)</code></td>" + 3 * r"\n<td>(.*?)</td>", text)}
    assert set(rows) == {metric.name for metric in vaebench_metrics()}
    assert rows["psnr"][1:] == ("higher", "0 to 58.93")
    assert rows["ms-ssim"][1:] == ("higher", "0 to 1") and rows["l1-error"][1:] == ("lower", "0 to 1")


def public(*owners: object) -> Iterator[str]:
    """The address of each name that a plugin author meets, and of each public member of a class."""
    for owner in owners:
        names = {*vars(owner), *getattr(owner, "__annotations__", {})} if isinstance(owner, type) else set()
        whole = f"{owner.__module__}.{owner.__qualname__}"  # type: ignore[attr-defined]
        yield whole
        yield from (f"{whole}.{name}" for name in names if not name.startswith("_"))


NAMES = {
    "hooks": [hook for name, hook in vars(hookspecs).items() if name.startswith("vaebench_")],
    "interfaces": [getattr(interfaces, name) for name in interfaces.__all__],
    "evidence": [evidence.Evidence, evidence.Health],
    "results": [vaebench.load, Result],
}


@pytest.mark.parametrize("page", NAMES)
def test_every_name_has_a_docstring_that_is_in_the_reference(site: Path, page: str) -> None:
    """A name without one would be left out in silence."""
    text = (site / "reference" / f"{page}.html").read_text(encoding="utf-8")
    shown = set(re.findall(r'<h[34] id="(vaebench[\w.]*)"', text))
    owners = [one for one in NAMES[page] if getattr(one, "__module__", "").startswith("vaebench")]
    assert len(owners) >= 2 and set(public(*owners)) - shown == set()


def test_every_key_of_a_suite_is_explained() -> None:
    text = (ROOT / "docs" / "reference" / "suites.md").read_text(encoding="utf-8")
    for title, keys in (("Keys of the file", TOP), ("Keys of a preset", PRESET)):
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", text.split(f"## {title}\n")[1].split("\n## ")[0], re.MULTILINE)
        kinds = {"text": str, "integer": int, "list": list, "table": dict}
        assert {key: kinds[kind] for key, kind in rows} == keys


def test_every_suite_is_shown_with_its_presets(site: Path) -> None:
    text = (site / "reference" / "suites.html").read_text(encoding="utf-8")
    for file in (ROOT / "benchmarks").glob("*.toml"):
        part = text.split(f'<h3 id="{file.stem}">')[1].split("<h3 ")[0]
        presets = tomllib.loads(file.read_text(encoding="utf-8"))["presets"]
        assert all(f"<code>{name}</code>" in part and f"{one['steps']:,}" in part for name, one in presets.items())
