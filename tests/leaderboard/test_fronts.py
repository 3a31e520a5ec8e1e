"""Who is not beaten in quality and training time at once."""

from __future__ import annotations

from records_made import field, made


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
