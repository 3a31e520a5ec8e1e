"""The built-in suites, from their files, at the end of the page on suite files; MkDocs calls it for every page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from vaebench.planning.suite import Suite, load

FILES = Path(__file__).parents[2] / "benchmarks"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.file.src_uri != "reference/suites.md":
        return markdown
    shown = (part for path in sorted(FILES.glob("*.toml")) for part in section(load(path)))
    return "\n\n".join([markdown.rstrip(), *shown]) + "\n"


def section(suite: Suite) -> Iterator[str]:
    first = next(iter(suite.presets.values()))
    yield f"### {suite.name}\n\n{suite.title} (version {suite.version})."
    if suite.verdicts.headline:
        yield table("verdict | headline metric", ((v, code([m])) for v, m in suite.verdicts.headline.items()))
    presets = suite.presets.items()
    yield table(
        "preset | image size | steps | seeds | images for training",
        (
            (
                f"`{name}`",
                f"{preset.settings.size} px",
                f"{preset.settings.steps:,}",
                ", ".join(map(str, preset.seeds)),
                f"at most {most:,}" if (most := preset.settings.limit.get("train")) else "all",
            )
            for name, preset in presets
        ),
    )
    yield f"Datasets: {code(first.datasets)}"
    yield f"Models: {code(first.models)}"
    if suite.verdicts.floor_models:
        yield f"Floors among them: {code(suite.verdicts.floor_models)}"
    metrics = dict.fromkeys(name for _, preset in presets for name in preset.settings.metrics)
    yield f"Metrics: {code(metrics)}"


def table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, "|".join("---" for _ in head.split("|")), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
