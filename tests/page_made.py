"""A folder of made-up records and their pictures, and the HTML page of the folder's board."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import records_made
from PIL import Image
from records_made import METRICS, metric, record

from vaebench.judging.picture_sheet import Tiles
from vaebench.leaderboard.board import Board
from vaebench.records import store
from vaebench.records.record import Record
from vaebench.report.found import Found
from vaebench.report.page import write_page
from vaebench.trial import Spec

EVIL = records_made.EVIL[1]
"""A hostile name that a plugin might have."""
CURVE = {"main": {"step": [0, 5, 9], "reconstruction": [90.0, 50.0, 40.0], "kl": [0.0, 3.0, 4.0]}}


def pictures(level: float) -> tuple[dict[str, Any], bytes]:
    """Return tiles of one grey level, except those of the latent space, which get lighter from frame to frame."""
    tiles = Tiles()
    plain = np.full((8, 1, 16, 16), level, np.float32)
    for name in ("originals", "reconstructions", "residuals", "variations"):
        tiles.add(name, plain)
    truth = np.zeros((8, 1, 16, 16), np.float32)
    truth[:, :, 4:12, 4:12] = 1
    tiles.add("masks", truth)
    tiles.add("samples", plain.repeat(4, 0)[:25])
    tiles.add("neighbours", plain[:5])
    tiles.add("along", plain.repeat(2, 0))
    ramp = np.linspace(0, 1, 9, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 16, 16), np.float32)
    tiles.add("dimensions", np.concatenate([ramp, 1 - ramp]))
    tiles.add("between", ramp)
    score = {"roc": [[0, 0.5, 1], [0, 0.8, 1]], "edges": [0, 1], "healthy": [0.9, 0.1], "diseased": [0.4, 0.6]}
    values = np.linspace(-2, 2, 9).tolist()
    told = {
        "schema": "vaebench/pictures@1",
        "shown": [
            {"label": EVIL if i % 2 else "normal", "health": "diseased" if i % 2 else "healthy"} for i in range(8)
        ],
        "without": {},
        "neighbours": [0.1] * 5,
        "along": [1, 10],
        "dimensions": [{"index": 7, "values": values}, {"index": 3, "values": values}],
        "between": [0, 1],
        "scores": {"residual": score},
        "maps": {"labels": ["normal", EVIL] * 3, "pixels": [[i * 100, 0] for i in range(6)], "codes": [[0, 9]] * 6},
        "tiles": tiles.about(),
    }
    return told, tiles.webp()


def field() -> list[Record]:
    """Return records of four models, one with a hostile name, on two datasets and regimes, and one failed record."""
    made = []
    for number, model in enumerate(("vae", "pca", "zebra", EVIL)):
        for dataset in ("chest", "knee"):
            for seed in range(3):
                cells = {"psnr": 20.0 + number, "ms-ssim": 0.9 - number / 10, "svc": 0.5, "kid": 1.0}
                spec = Spec(model, {"latent": 4} if model == "zebra" else {})
                known = {name: metric(name, value, seed=seed) for name, value in cells.items()}
                made.append(record(spec, known, dataset=dataset, seed=seed, shortcuts={"sharpness": 0.8}))
                auroc = {"auroc": metric("auroc", 0.6, seed=seed)}
                made.append(record(spec, auroc, dataset=dataset, seed=seed, regime="healthy"))
    made.append(record("gan", error=("nan", f"diverged {EVIL}")))
    for one in made:
        one.curve = CURVE
    assert set(METRICS) == {"psnr", "ms-ssim", "svc", "kid", "auroc"}
    return made


def lay_down(folder: Path, made: list[Record] | None = None, **rules: Any) -> Board:
    """Write records and their pictures to a results folder, and return their board; `rules` changes its rules."""
    made = field() if made is None else made
    for number, one in enumerate(sorted(made, key=lambda one: one.id)):
        path = store.path_of(folder, one.trial, one.device.kind)
        store.write(path, one)
        if one.status == "ok":
            told, sheet = pictures(number % 7 / 7)
            store.write_atomically(store.artifacts_of(path) / "pictures.json", json.dumps(told).encode())
            store.write_atomically(store.artifacts_of(path) / "pictures.webp", sheet)
    return records_made.made(made, **rules)


def track(folder: Path) -> Found:
    """Return the records in a results folder."""
    return Found("demo@1/quick/phantom", folder / "demo@1" / "quick" / "phantom")


def written(folder: Path, made: list[Record] | None = None, **rules: Any) -> Path:
    path = folder / "leaderboard.html"
    write_page(path, lay_down(folder, made, **rules), track(folder))
    return path


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def noise(side: int) -> bytes:
    """Return a large WebP file."""
    content = io.BytesIO()
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(content, "webp", quality=95)
    return content.getvalue()
