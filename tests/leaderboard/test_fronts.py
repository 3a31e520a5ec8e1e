"""Who is not beaten in quality and training time at once."""

from __future__ import annotations

import pytest
from records_made import field, made

from vaebench.leaderboard.runs import Entrant
from vaebench.report.tables import on_fronts


def test_the_front_is_who_is_not_beaten_in_quality_and_time():
    quality = {"best": 0.9, "slow": 0.8, "fast": 0.7, "fastest": 0.5, "waste": 0.4, "twin": 0.7}
    seconds = {"best": 90, "slow": 95, "fast": 20, "fastest": 1, "waste": 30, "twin": 20}
    records = [r for m, v in quality.items() for r in field({m: v}, noise=0, cost={"train_seconds": seconds[m]})]
    records += field({"half": 0.99}, seeds=2, cost={"train_seconds": 0.1})
    (front,) = made(records).fronts
    assert [e.model for e in front.entrants] == ["fastest", "fast", "twin", "best"]
    assert (front.quality.measure.name, front.cost.variant) == ("ms-ssim", "cpu")


def test_where_lower_is_better_the_front_turns():
    records = [r for m, v in {"a": 0.1, "b": 0.5}.items() for r in field({m: v}, name="kid")]
    assert [[e.model for e in front.entrants] for front in made(records).fronts] == [["a"]]


def test_fronts_compare_what_one_training_gave():
    """Times are of models trained on all images, anomaly scores of others; and two machines are two fronts."""
    assert not made(field({"vae": 0.9, "pca": 0.7}, name="auroc")).fronts
    both = [field({"vae": 0.9, "pca": 0.7}, device=d, dataset=s) for d in ("cpu", "cuda") for s in ("chest", "knee")]
    found = made([r for records in both for r in records])
    assert {(f.quality.dataset, f.cost.dataset, f.cost.variant) for f in found.fronts} == {
        (s, s, d) for d in ("cpu", "cuda") for s in ("chest", "knee")
    }


@pytest.mark.parametrize(
    ("value", "seconds", "left"),
    [
        (0.85, 5, ["fast", "best"]),
        (0.85, 30, ["fast", "middle", "best"]),
        (0.95, 5, ["fast"]),
        (0.95, 0.5, []),
        (0.9, 90, ["fast", "middle", "best"]),
    ],
    ids=["beats the middle", "slower", "beats two", "beats all", "equals the best"],
)
def test_a_model_that_a_floor_beats_in_both_is_not_on_the_front(value, seconds, left):
    quality = {"fast": (0.7, 1), "middle": (0.8, 20), "best": (0.9, 90), "low": (value, seconds)}
    records = [r for m, (v, s) in quality.items() for r in field({m: v}, noise=0, cost={"train_seconds": s})]
    models = tuple(Entrant(name, "bce") for name in quality if name != "low")
    board = made(records, references=models, floors=(Entrant("low", "bce"),))
    (front,) = board.fronts
    assert [e.model for e in front.entrants] == left
    (table,) = on_fronts(board)
    assert ("(no model: floors are better and faster)", "1 of 1") in table.rows or left
