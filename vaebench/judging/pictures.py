"""The pictures of a trial: PNG sheets and plots as separate files, and two files for the page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vaebench.data.splits import examples
from vaebench.evidence import Evidence
from vaebench.interfaces import NotApplicable
from vaebench.judging import code_walk, plot_data
from vaebench.judging.picture_sheet import GAIN, Tiles, grid, png
from vaebench.judging.plots import plots
from vaebench.records.store import write_atomically

SCHEMA = "vaebench/pictures@1"
NUMBERS, SHEET = "pictures.json", "pictures.webp"
"""The files for the page: the numbers of the plots with the positions of all pictures on the sheet, and the sheet."""
FILM = "along.npz"
NEIGHBOURS = 5

Curve = Mapping[str, Mapping[str, list[float]]]


def write_pictures(evidence: Evidence, folder: Path, curve: Curve | None = None, regime: str = "healthy") -> None:
    """Write all pictures; for those that the model or the dataset cannot provide, store the reason instead. Images that
    were saved during training (`along.npz`) are read from the folder, if the file exists. Anomaly scores are shown only
    for models trained on healthy images."""
    shown = examples(evidence.split("test").labels)
    originals = evidence.images("test")[shown]
    tiles, told = Tiles(), about(evidence, shown)
    tiles.add("originals", originals)
    drawers: dict[str, Callable[[], dict[str, Any] | None]] = {}

    def drawer(draw: Callable[[], dict[str, Any] | None]) -> None:
        drawers[draw.__name__] = draw

    @drawer
    def reconstructions() -> None:
        answers = evidence.reconstructions("test")[shown]
        missed = np.abs(originals - answers)
        tiles.add("reconstructions", answers)
        tiles.add("residuals", np.broadcast_to(missed.mean(1, keepdims=True) * GAIN, missed.shape))
        _save(folder, "reconstructions", np.concatenate([originals, answers, missed]), len(shown))

    @drawer
    def masks() -> None:
        truth = evidence.split("test").masks
        if truth is None:
            raise NotApplicable("the dataset has no anomaly masks")
        tiles.add("masks", np.broadcast_to(truth[shown][:, None].astype(np.float32), originals.shape))

    @drawer
    def variations() -> None:
        varied = evidence.variations(shown)
        tiles.add("variations", varied)
        _save(folder, "variations", np.concatenate([originals, varied]), len(shown))

    @drawer
    def samples() -> dict[str, Any]:
        drawn = evidence.samples()[:25]
        tiles.add("samples", drawn)
        _save(folder, "samples", drawn, 5)
        near, distances = plot_data.nearest(evidence, drawn[:NEIGHBOURS])
        tiles.add("neighbours", near)
        return {"neighbours": distances}

    @drawer
    def along() -> dict[str, Any]:
        if not (folder / FILM).exists():
            raise NotApplicable("the model is not trained in steps")
        with np.load(folder / FILM, allow_pickle=False) as film:
            frames = film["images"].astype(np.float32) / 255
            tiles.add("along", frames.reshape(-1, *frames.shape[2:]))
            _save(folder, "along", frames.reshape(-1, *frames.shape[2:]), frames.shape[1])
            return {"along": film["steps"].tolist()}

    @drawer
    def dimensions() -> dict[str, Any]:
        which, values, frames = code_walk.dimensions(evidence)
        tiles.add("dimensions", frames)
        return {"dimensions": [{"index": i, "values": v.round(3).tolist()} for i, v in zip(which, values, strict=True)]}

    @drawer
    def between() -> dict[str, Any]:
        ends = _ends(told["shown"])
        tiles.add("between", code_walk.between(evidence, *(int(shown[end]) for end in ends)))
        return {"between": ends}

    @drawer
    def scores() -> dict[str, Any]:
        if regime != "healthy":
            raise NotApplicable("the model was not trained on healthy images only")
        return {"scores": plot_data.scores(evidence)}

    @drawer
    def maps() -> dict[str, Any]:
        return {"maps": plot_data.maps(evidence)}

    for name, draw in drawers.items():
        try:
            told |= draw() or {}
        except NotApplicable as reason:
            told["without"][name] = str(reason)
        except Exception as error:  # a failing picture must not discard the numbers
            told["without"][name] = f"failed with {type(error).__name__}"
    write_atomically(folder / SHEET, tiles.webp())
    told["tiles"] = tiles.about()
    write_atomically(folder / NUMBERS, json.dumps(told, separators=(",", ":"), allow_nan=False).encode())
    if len(evidence.split("test")) >= plot_data.MAPPED[0]:  # drawing takes seconds, too long for a quick look
        for name, content in plots(told, curve or {}, tiles.images):
            write_atomically(folder / name, content)


def about(evidence: Evidence, shown: np.ndarray) -> dict[str, Any]:
    """Return the label and health of each test image that is shown; the images are the same for all models."""
    test = evidence.split("test")
    health = ["" for _ in shown]
    if test.healthy is not None and test.diseased is not None:
        sides = zip(test.healthy[shown], test.diseased[shown], strict=True)
        health = ["healthy" if well else "diseased" if ill else "" for well, ill in sides]
    labels = [evidence.class_name(int(label)) for label in test.labels[shown]]
    told = [{"label": label, "health": side} for label, side in zip(labels, health, strict=True)]
    return {"schema": SCHEMA, "shown": told, "without": {}}


def _ends(shown: list[dict[str, Any]]) -> list[int]:
    """Return the two images to interpolate between: the first, and the first that differs from it in health or, if none
    does, in its label."""
    for key in ("health", "label"):
        for place, one in enumerate(shown):
            if one[key] != shown[0][key]:
                return [0, place]
    return [0, len(shown) - 1]


def _save(folder: Path, name: str, images: np.ndarray, columns: int) -> None:
    write_atomically(folder / f"{name}.png", png(grid(images, columns)))
