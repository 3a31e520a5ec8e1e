"""Elements of SVG drawings. All text is escaped; the colours are those of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

from vaebench.judging.colours import BLUE, ORANGE

STYLE = (
    "text{font:11px sans-serif;fill:#222}.best{font-weight:700}.axis{stroke:#666;fill:none}.lead{stroke:#bbb}"
    f".model{{fill:{BLUE}}}.floor{{fill:#fff;stroke:{ORANGE};stroke-width:2}}.far{{fill:{ORANGE}}}"
    f".span{{stroke:{BLUE};stroke-width:2}}.span.of-floor{{stroke:{ORANGE}}}"
    f".reference{{stroke:{ORANGE};stroke-dasharray:4 3}}"
)


def drawing(width: float, height: float, parts: Iterable[str]) -> str:
    """Return the content of a complete SVG file."""
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{STYLE}</style>\n{body}\n</svg>\n'


def scale(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    """Return a function that maps values to pixels, with some room at both ends."""
    return lambda value: first + 0.05 * (last - first) + 0.9 * (last - first) * (value - low) / ((high - low) or 1)


def mark(x: float, y: float, floor: bool) -> str:
    """Return a circle for a model, or a hollow square for a floor."""
    if floor:
        return f'<rect class="floor" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
    return f'<circle class="model" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, told: str, anchor: str = "start", kind: str = "") -> str:
    own = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{own}>{escape(told)}</text>'
