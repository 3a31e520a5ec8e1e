"""Every metric with direction and range, at the end of the page on metrics; MkDocs calls it for every page."""

from __future__ import annotations

import math
from inspect import cleandoc
from itertools import groupby

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from vaebench.interfaces import DECLARED
from vaebench_measures import vaebench_metrics

HEAD = "| metric | title | better | range | meaning |\n|---|---|---|---|---|"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.file.src_uri != "metrics.md":
        return markdown
    order = DECLARED["verdict"].index
    parts = [markdown.rstrip(), "## All metrics"]
    metrics = sorted(vaebench_metrics(), key=lambda metric: (order(metric.verdict), metric.name))
    for verdict, own in groupby(metrics, lambda metric: metric.verdict):
        rows = (
            f"| `{metric.name}` | {metric.title} | {metric.better} | {interval(*metric.range)} | {meaning(metric)} |"
            for metric in own
        )
        parts.append("\n".join([f"### Verdict: {verdict}\n", HEAD, *rows]))
    return "\n\n".join(parts) + "\n"


def interval(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "any"
    if math.isinf(high):
        return f"from {low:g}"
    return f"up to {high:g}" if math.isinf(low) else f"{low:g} to {high:g}"


def meaning(metric: type) -> str:
    """The first paragraph of its docstring, on one line of a table."""
    return " ".join(cleandoc(metric.__doc__ or "").split("\n\n")[0].split()).replace("|", "\\|")
