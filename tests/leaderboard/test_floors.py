"""Floors: rows without a rank, and which of them a row beats."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from records_made import VAE, cell, field, made, metric, places, record, rules

from vaebench.leaderboard.floors import SHORTCUT
from vaebench.leaderboard.runs import Entrant, Measure


def test_floors_have_no_rank_and_rows_say_which_they_beat():
    values = {"vae": 0.9, "ae": 0.6, "pca": 0.7, "mean-image": 0.3}
    floors = (Entrant("pca", "bce"), Entrant("mean-image", "bce"))
    found = made(field(values), references=(VAE, Entrant("ae", "bce")), floors=floors)
    assert places(found) == {"vae": (1, 1), "ae": (2, 2), "pca": None, "mean-image": None}
    column = found.standings[0].main[0]
    assert {e.model: found.cell(e, column).beats for e in found.entrants} == {
        "vae": ("mean-image", "pca"), "ae": ("mean-image",), "pca": (), "mean-image": ()
    }  # fmt: skip
    assert [e.model for e in found.standings[0].order] == ["vae", "pca", "ae", "mean-image"]
    alone = made(field({"vae": 0.9, "ae": 0.6}))
    assert places(alone) == {"vae": (1, 1), "ae": (2, 2)}, "floors are not counted"


def test_a_floor_that_is_a_metric_stands_in_the_column_of_its_verdict():
    cells = {"svc": 0.8, "pixels": 0.6}
    records = [
        record(
            m, {name: metric(name, v + s / 100, verdict="representation", seed=s) for name, v in cells.items()}, seed=s
        )
        for m in ("vae", "pca")
        for s in range(3)
    ]
    known = {**rules([]).measures, "pixels": Measure("pixels", 1, "higher", "", "all", "representation", "Pixels")}
    found = made(records, measures=known, floor_metrics={"representation": ("pixels",)})
    floor = Entrant("", "", "Pixels")
    assert floor in found.entrants and found.role(floor) == "floor"
    assert cell(found, floor, "svc").estimate.mean == pytest.approx(0.61)
    assert cell(found, VAE, "svc").beats == ("Pixels",) and not cell(found, floor, "svc").place


def test_shortcuts_are_the_median_over_seeds_and_a_row_without_a_rank():
    by_seed = [{"sharpness": v, "contrast": 0.65, "all together": 0.7} for v in (0.79, 0.81, 0.83)]
    plain = field({"vae": 0.9, "pca": 0.6}, name="auroc", seeds=3)
    records = [replace(r, inputs=replace(r.inputs, shortcuts=by_seed[r.trial.seed])) for r in plain]
    stranger = [record("new", {"auroc": 0.5}, regime="healthy", seed=s, shortcuts={"size": 0.99}) for s in range(3)]
    named = {"references": (VAE, Entrant("pca", "bce"))}
    found, without = made([*stranger, *records], **named), made(plain, **named)
    assert found.shortcuts == {"chest": (("sharpness", 0.81), ("all together", 0.7), ("contrast", 0.65))}
    floor = cell(found, SHORTCUT, "auroc")
    assert (floor.estimate.mean, floor.detail, floor.place) == (0.81, "sharpness", None)
    assert places(found)["vae"] == places(without)["vae"] and SHORTCUT not in without.entrants
    beats = {model: cell(found, Entrant(model, "bce"), "auroc").beats for model in ("vae", "pca")}
    assert beats == {"vae": ("best shortcut",), "pca": ()}


def test_shortcuts_belong_to_the_measure_that_ranks_anomaly_detection():
    numbers = {"auroc": 0.9, "rate": metric("rate", 0.5, verdict="anomaly", regime="healthy"), "svc": 0.5}
    found = made([record("vae", numbers, regime="healthy", shortcuts={"contrast": 0.7})])
    assert [column.measure.name for entrant, column in found.cells if entrant == SHORTCUT] == ["auroc"]
    shares = Measure("auroc", 1, "higher", "%", "healthy", "anomaly", "AUROC")
    unit = record("vae", {"auroc": metric("auroc", 9.0, unit="%")}, regime="healthy", shortcuts={"contrast": 0.7})
    assert SHORTCUT not in made([unit], measures={"auroc": shares}).entrants
