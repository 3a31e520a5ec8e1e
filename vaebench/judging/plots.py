"""Plots of one trial for a paper, as PNG with 300 dpi and as SVG; equal numbers give identical files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vaebench.judging.colours import BLUE, COLOURS, DISEASED, HEALTHY
from vaebench.judging.picture_sheet import GAIN, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES = ("-", "--", ":", "-.")
MARKERS = "osD^vPX*"
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "vaebench",  # makes ids reproducible
    "svg.fonttype": "path",
}
DPI = 300
ROWS = {
    "originals": "original",
    "masks": "truth",
    "reconstructions": "reconstruction",
    "residuals": f"residual × {GAIN}",
    "variations": "posterior draw",
}
"""The rows of the labelled sheet; rows without pictures are left out."""
WIDTH, HEIGHT = 3.4, 2.6
"""The size of a plot in inches, for one column of a paper."""
MARGINS = (0.75, 0.1, 0.45, 0.25)
"""The margins on the left, right, bottom and top in inches, with room for axis labels."""


def plots(
    told: Mapping[str, Any], curve: Mapping[str, Mapping[str, list[float]]], images: Sequence[np.ndarray] = ()
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each plot file, drawn from these numbers and the images on the page's sheet."""
    import matplotlib as mpl

    draw: dict[str, Callable[[Figure], None]] = {}
    if curve:
        draw["losses"] = lambda figure: _losses(figure, curve)
    if found := told.get("scores"):
        draw["roc"] = lambda figure: _roc(figure.add_subplot(), found)
        draw["scores"] = lambda figure: _scores(figure.add_subplot(), found["residual"])
    if mapped := told.get("maps"):
        draw["t-sne"] = lambda figure: _maps(figure, mapped)
    if images:
        draw["sheet"] = lambda figure: _sheet(figure, told, images)
    with mpl.rc_context(STYLE):
        for name, fill in draw.items():
            yield from _saved(name, fill)


def _saved(name: str, fill: Callable[[Figure], None]) -> Iterator[tuple[str, bytes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT))
    fill(figure)
    width, height = figure.get_size_inches()
    left, right, bottom, top = MARGINS  # fixed, since matplotlib would draw everything twice to compute them
    figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height, wspace=0.08, hspace=0.15)
    for form, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        content = io.BytesIO()
        figure.savefig(content, format=form, dpi=DPI, metadata=metadata)
        yield f"{name}.{form}", content.getvalue()


def _sheet(figure: Figure, told: Mapping[str, Any], images: Sequence[np.ndarray]) -> None:
    """Draw a labelled column for each test image, with the image and the model's outputs for it in rows."""
    where = told["tiles"]["where"]
    rows = [(label, where[name][0]) for name, label in ROWS.items() if name in where]
    count = where["originals"][1]
    picture = grid(np.stack([images[first + i] for _, first in rows for i in range(count)]), count)
    height, width = picture.shape[:2]
    left, right, bottom, top = MARGINS
    figure.set_size_inches(2 * WIDTH, (2 * WIDTH - left - right) * height / width + bottom + top)
    axes = figure.add_subplot()
    axes.imshow(picture, interpolation="none")
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=6)
    axes.set_xticks([(i + 0.5) * width / count for i in range(count)], [_cut(one["label"]) for one in told["shown"]])
    axes.set_yticks([(i + 0.5) * height / len(rows) for i in range(len(rows))], [label for label, _ in rows])
    for text in axes.get_xticklabels():
        text.set_parse_math(False)


def _cut(label: str) -> str:
    return label if len(label) <= 14 else f"{label[:13]}…"


def _losses(figure: Figure, curve: Mapping[str, Mapping[str, list[float]]]) -> None:
    """Draw one panel per loss term, because the scales of terms differ; the stages of training follow one another."""
    names = list(dict.fromkeys(name for lines in curve.values() for name in lines if name != "step"))
    figure.set_size_inches(WIDTH, 0.7 + 0.9 * len(names))
    panels = np.atleast_1d(figure.subplots(len(names), sharex=True))
    for panel, name in zip(panels, names, strict=True):
        start = 0.0
        for lines in curve.values():
            if len(lines.get(name, ())) == len(lines["step"]):
                panel.plot(np.array(lines["step"]) + start, lines[name], color=BLUE, linewidth=1)
            start += max(lines["step"], default=0)
        panel.set_ylabel(name, parse_math=False)
    panels[-1].set_xlabel("step")


def _roc(axes: Axes, found: Mapping[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color="#888888", linewidth=0.8, linestyle=":")
    for number, (name, score) in enumerate(found.items()):
        label = f"{name}, AUROC {score['auroc']:.3f}"
        axes.plot(*score["roc"], label=label, color=BLUE, linestyle=DASHES[number % len(DASHES)], linewidth=1.2)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    for text in axes.legend(frameon=False).get_texts():
        text.set_parse_math(False)


def _scores(axes: Axes, score: Mapping[str, Any]) -> None:
    low, high = score["edges"]
    edges = np.linspace(low, high, len(score["healthy"]) + 1)
    for side, colour, line in (("healthy", HEALTHY, "-"), ("diseased", DISEASED, "--")):
        axes.stairs(score[side], edges, label=side, color=colour, linestyle=line, linewidth=1.2)
    axes.set(xlabel="mean squared residual", ylabel="share of images")
    axes.legend(frameon=False)


def _maps(figure: Figure, mapped: Mapping[str, Any]) -> None:
    labels = np.array(mapped["labels"])
    figure.set_size_inches(2 * WIDTH, WIDTH)
    for axes, name in zip(figure.subplots(1, 2), ("pixels", "codes"), strict=True):
        points = np.array(mapped[name])
        for number, label in enumerate(np.unique(labels)):
            own = points[labels == label]
            colour, marker = COLOURS[number % len(COLOURS)], MARKERS[(number + number // 8) % len(MARKERS)]
            axes.scatter(*own.T, s=5, linewidths=0, label=str(label), color=colour, marker=marker)
        axes.set(title=name, xticks=[], yticks=[])
    for text in figure.axes[-1].legend(frameon=False, fontsize=7).get_texts():
        text.set_parse_math(False)
