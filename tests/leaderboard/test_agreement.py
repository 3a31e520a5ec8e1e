"""How alike metrics order the models: the number of all pairs, of those who rank, in the direction that is better."""

from __future__ import annotations

import json

import numpy as np
import pytest
from records_made import made, metric, record
from scipy.stats import kendalltau

from vaebench.leaderboard.agreement import kendall
from vaebench.leaderboard.board import Board
from vaebench.records.record import Record
from vaebench.report import export, files, tables


@pytest.mark.parametrize("levels", [3, 8, 1000], ids=["many ties", "some ties", "hardly a tie"])
@pytest.mark.parametrize("count", [3, 7, 40])
def test_tau_is_that_of_scipy(count: int, levels: int) -> None:
    """Ties of one side are no disagreement, nor an agreement; where a side is all ties, there is no tau."""
    for seed in range(5):
        x, y = np.random.default_rng([seed, count, levels]).integers(levels, size=(2, count))
        expected, found = kendalltau(x, y, variant="b").statistic, kendall(x.tolist(), y.tolist())
        assert found is None if np.isnan(expected) else found == pytest.approx(expected, abs=1e-12)


def test_known_orders() -> None:
    assert kendall([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1)
    assert kendall([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert kendall([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6), "five pairs of six alike, one reversed"
    assert kendall([1, 2, 3], [5, 5, 5]) is None


KID = {"vae": 0.1, "pca": 0.2, "gan": 0.3, "mean-image": 0.4}
FD = {"vae": 1.0, "pca": 3.0, "gan": 2.0, "mean-image": 4.0}
RECALL = {"vae": 0.9, "pca": 0.6, "gan": 0.3, "mean-image": 0.0}


def generated(model: str, dataset: str = "chest", seed: int = 0) -> dict:
    def cell(name: str, value: float, better: str) -> dict:
        return metric(name, value, title=name.upper(), verdict="generation", better=better)

    numbers = {
        "kid": metric("kid", KID[model], seed=seed),
        "fd": cell("fd", FD[model], "lower"),
        "floor": cell("floor", 0.5, "lower"),
        "recall": cell("recall", RECALL[model], "higher"),
    }
    return record(model, numbers, dataset=dataset, seed=seed)


@pytest.fixture
def board() -> Board:
    """On the knee, two models only."""
    records = [generated(model, seed=seed) for model in KID for seed in (0, 1, 2)]
    return made([*records, *(generated(model, "knee", seed) for model in ("vae", "pca") for seed in (0, 1, 2))])


def chest() -> list[Record]:
    return [generated(model, seed=seed) for model in KID for seed in (0, 1, 2)]


def told(board: Board) -> dict[tuple[str, str], tuple[float, int]]:
    return {(c.dataset, c.measure.name): (round(one.tau, 6), one.models) for c, one in board.agreements.items()}


def test_metrics_of_a_verdict_are_held_against_the_one_that_ranks() -> None:
    """Recall orders as KID does, higher being better; a floor orders nobody, nor do metrics of other verdicts."""
    assert told(made(chest())) == {("chest", "fd"): (round(4 / 6, 6), 4), ("chest", "recall"): (1, 4)}


def test_whoever_ranks_is_what_others_are_held_against() -> None:
    assert told(made(chest(), metrics=["fd", "kid"])) == {("chest", "kid"): (round(4 / 6, 6), 4)}
    assert told(made(chest(), metrics=["fd"])) == {}


def test_only_who_ranks_counts_and_two_are_too_few(board: Board) -> None:
    """Two models cover both datasets."""
    assert told(board) == {}
    lacking = [r for r in chest() if (r.trial.model.name, r.trial.seed) != ("mean-image", 1)]
    assert told(made(lacking))["chest", "fd"] == (round(1 / 3, 6), 3)


def test_it_stands_below_the_models_in_every_text() -> None:
    found = made(chest())
    (table,) = tables.by_dataset(found)[:1]
    assert table.header[:2] == ("Model", "KID ↓") and len(table.rows) == 4
    assert table.drawn()[-1] == (f"{tables.AGREEMENT} KID", "", "0.67 (4)", "", "1.00 (4)")
    fd = next(table for table in tables.by_metric(found) if table.title.startswith("FD"))
    assert fd.drawn()[-1] == (f"{tables.AGREEMENT} KID", "0.67 (4)")
    for form in ("md", "tex", "table"):
        text = " ".join(files.render(found, form).split())
        assert "0.67 (4)" in text, form
        assert "Kendall's tau compares two orders of the suite's models" in text, form


def test_machines_read_it_and_nothing_takes_it_for_a_model() -> None:
    found = made(chest())
    document = json.loads(export.to_json(found))
    assert document["agreements"][0] == {
        "verdict": "generation",
        "dataset": "chest",
        "metric": "fd",
        "variant": "",
        "with": "kid",
        "tau": pytest.approx(4 / 6),
        "models": 4,
    }
    assert {row["model"] for row in document["rows"]} == set(KID)


def test_parts_of_a_board_keep_what_is_theirs() -> None:
    found = made(chest())
    assert told(found.narrowed(verdict="generation")) == told(found.narrowed(dataset="chest")) == told(found) != {}
    assert told(found.narrowed(verdict="reconstruction")) == {}
