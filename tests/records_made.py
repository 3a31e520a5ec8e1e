"""Records made up for tests from given seeds, patients and devices, in a form that `vaebench.records` accepts."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaebench.leaderboard.board import Board, board
from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.rules import Rules
from vaebench.leaderboard.runs import Entrant, Measure, read
from vaebench.records.record import SCHEMA, Record, from_json
from vaebench.trial import Spec, Trial

METRICS: dict[str, dict[str, Any]] = {
    "psnr": {"title": "PSNR", "verdict": "reconstruction", "better": "higher", "unit": "dB"},
    "ms-ssim": {"title": "MS-SSIM", "verdict": "reconstruction", "better": "higher", "variant": "L3"},
    "svc": {"title": "SVC balanced accuracy", "verdict": "representation", "better": "higher"},
    "kid": {"title": "KID", "verdict": "generation", "better": "lower"},
    "auroc": {"title": "AUROC", "verdict": "anomaly", "better": "higher", "regime": "healthy"},
}
VAE, PCA = Entrant("vae", "bce"), Entrant("pca", "")
DECLARED = {"unit": "", "regime": "all", "version": 1}
HEADLINE = {"reconstruction": "ms-ssim", "representation": "svc", "anomaly": "auroc", "generation": "kid"}
TRACK = "demo@1/quick/phantom"
DRAWS, PATIENTS = 50, 40
MARKUP = "a|b <script>alert(1)</script> [red]x[/red] [l](http://e) *b* _u_ `c` \\ \x1b[31m\n# h $x$ \\input{f} & %"
EVIL = (
    MARKUP,
    "</script><img src=x onerror=\"document.title='broken'\"><b>{{data}}</b>",
    "[red]", "\\input{f}", "$x$", "a & b % c # d", 'quo"ted', "it's", "a,b;c",
    "carriage\rreturn", "line\nfeed", "both\r\nof them", "\ttab", "nul\0", "bell\a", "\x7fdelete",
    "\x9b31mC1", "\x85next",
    "\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\", "\x1b[2J\x1b[H",
    "\u202egpj.exe", "\u2066isolate\u2069", "zero\u200bwidth\u200d\ufeff", "soft\xadhyphen",
    "line\u2028paragraph\u2029",
    "select\ufe0f", "filler\u3164", "tag\U000e0041", "own\ue000", "not a letter \uffff",
    "=1+1", ";=1+1", " =1+1", "\n=1+1", "\t=1+1", '"=1+1', "'=1+1", "a;=1+1", ";;\u200b-1", "\uff1d1+1",
    "@SUM(1)", "-2+3", "+cmd|' /C calc'!A0", "NA", "nan", "1e5", "0x1F", "  ", "long " * 500, "x" * 5000,
)  # fmt: skip
"""Hostile texts that a stranger might use as a name of a model, a metric or a unit, or as a reason."""
LONE = "half a pair \ud800 and \udfff"
"""A text that cannot come from a file of records: it is not valid in UTF-8, so no trial's id can be computed from
it."""


def metric(name: str, value: float | None, reason: str = "", **changes: Any) -> dict[str, Any]:
    """Return a cell of a record; with `seed`, it has replicates over 40 patients, which all models of a test share."""
    seed = changes.pop("seed", None)
    cell = {**DECLARED, **METRICS.get(name, {"title": name, "verdict": "other", "better": "higher"}), **changes}
    if value is None:
        cell.pop("variant", None)
        return {**cell, "value": None, "reason": reason}
    cell = {"variant": "", "error": 0.01, "n": 100, **cell, "value": value}
    if seed is not None and name in HEADLINE.values():
        patients = np.random.default_rng(7).normal(0, 0.05, PATIENTS)
        own = patients + np.random.default_rng(seed).normal(0, 0.01, PATIENTS)
        draws = np.random.default_rng(8).integers(PATIENTS, size=(DRAWS, PATIENTS))
        cell["replicates"] = [float(f"{value + (own - own.mean())[draw].mean():.6g}") for draw in draws]
    return cell


def record(
    model: str | Spec = "vae",
    metrics: dict[str, Any] | None = None,
    *,
    dataset: str = "chest",
    loss: str | None = "bce",
    regime: str = "all",
    seed: int = 0,
    device: str = "cpu",
    digest: str = "d1",
    started: str = "2026-01-01T00:00:00Z",
    error: tuple[str, str] | None = None,
    status: str = "failed",
    components: dict[str, int] | None = None,
    settings: dict[str, Any] | None = None,
    cost: dict[str, Any] | None = None,
    suite: str = "demo@1",
    preset: str = "quick",
    shortcuts: dict[str, float] | None = None,
) -> Record:
    spec = Spec(model) if isinstance(model, str) else model
    trial = Trial(suite, preset, "phantom", Spec(dataset), spec, Spec(loss) if loss else None, regime, seed)
    made = {
        "schema": SCHEMA,
        "id": trial.id,
        "trial": trial.to_json(),
        "settings": {"size": 32, "steps": 10, **(settings or {})},
        "status": status if error else "ok",
        "error": {"kind": error[0], "message": error[1]} if error else None,
        "metrics": {k: v if isinstance(v, dict) else metric(k, v, seed=seed) for k, v in (metrics or {}).items()},
        "cost": {} if error else {"train_seconds": 2.0, "parameters": 1000, "code_size": 16} if cost is None else cost,
        "curve": {},
        "inputs": {"data": digest, "components": {f"model {spec.name}": 1, **(components or {})}}
        | ({"shortcuts": shortcuts} if shortcuts else {}),
        "device": {"class": device, "name": "a processor", "threads": 1, "precision": "float32"},
        "software": {},
        "started": started,
    }
    return from_json(made)


def field(
    values: dict[str, float], seeds: int = 5, name: str = "ms-ssim", noise: float = 0.01, **given: Any
) -> list[Record]:
    """Return a record for each model and seed, with the model's value plus some noise for each seed."""
    regime = given.pop("regime", METRICS[name].get("regime", "all"))
    made = []
    for number, (model, value) in enumerate(values.items()):
        wobble = np.random.default_rng([11, number]).normal(0, noise, seeds)
        for seed in range(seeds):
            cell = metric(name, float(value + wobble[seed]), seed=100 * number + seed)
            made.append(record(model, {name: cell}, seed=seed, regime=regime, **given))
    return made


def made(records: list[Record], **given: Any) -> Board:
    """Return the board of records; its rules name all models and seeds of the records."""
    asked = {key: given.pop(key) for key in ("metrics", "dataset") if key in given}
    return board(read(records, TRACK), rules(records, **given), **asked)


def rules(records: list[Record], **given: Any) -> Rules:
    """Return rules by which every model of these records is a reference."""
    found = read(records, TRACK)
    measures = {name: Measure(name, 1, c["better"], c.get("unit", ""), c.get("regime", "all"), c["verdict"], c["title"])
                for name, c in METRICS.items()}  # fmt: skip
    told = {
        "seeds": tuple(sorted({run.seed for run in found})),
        "references": tuple(sorted({run.entrant for run in found})),
        "headline": HEADLINE,
        "measures": measures,
    }
    return Rules("demo@1", "quick", "phantom", **{**told, **given})


def cell(found: Board, entrant: Entrant, name: str, dataset: str = "chest", variant: str | None = None) -> Cell:
    at = [c for c in found.columns if (c.measure.name, c.dataset) == (name, dataset) and variant in (None, c.variant)]
    assert len(at) == 1
    return found.cell(entrant, at[0])


def places(found: Board, dataset: str = "chest") -> dict[str, tuple[int, int] | None]:
    """Return each model's rank interval in the first verdict."""
    column = next(c for c in found.standings[0].columns if c.dataset == dataset)
    cells = {e.model: found.cell(e, column) for e in found.entrants}
    return {model: (cell.place.low, cell.place.high) if cell.place else None for model, cell in cells.items()}


def everything() -> list[Record]:
    """Return records of every kind: good ones, ties, missing ones, failures, dashes, and one of different images."""
    records = field({"vae": 0.9, "twin": 0.9, "pca": 0.7}) + field({"vae": 0.9, "pca": 0.7}, dataset="knee", seeds=3)
    records += field({"vae": 0.8}, name="auroc")
    records += [record("mean-image", {"kid": metric("kid", None, "no prior"), "psnr": 12.345}, loss=None)]
    records += [record("gan", error=("nan", "diverged at step 7"), seed=s) for s in range(3)]
    return [*records, record("old", {"svc": 0.5}, digest="d0", started="2027-01-01T00:00:00Z")]
