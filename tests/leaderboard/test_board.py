"""What a board takes from records, what it hides, and who ranks on it."""

from __future__ import annotations

import gc
import random
import subprocess
import sys

import pytest
from msgspec.structs import replace
from records_made import field, metric, record

from vaebench.errors import UserError
from vaebench.leaderboard.board import Board, board
from vaebench.leaderboard.cells import Cell
from vaebench.leaderboard.runs import Entrant
from vaebench.trial import Spec

VAE, PCA = Entrant("vae", "bce"), Entrant("pca", "")


def made(records, **given) -> Board:
    return board(records, **{"suite": "demo@1", "preset": "quick", "source": "phantom", **given})


def cell(found: Board, entrant: Entrant, name: str, dataset: str = "chest", variant: str | None = None) -> Cell:
    at = [c for c in found.columns if (c.measure.name, c.dataset) == (name, dataset) and variant in (None, c.variant)]
    assert len(at) == 1
    return found.cell(entrant, at[0])


def column_names(found: Board) -> set[tuple[str, str]]:
    return {(column.measure.name, column.variant) for column in found.columns if column.measure.verdict != "cost"}


def places(found: Board, dataset: str = "chest") -> dict[str, tuple[int | None, bool]]:
    column = next(c for c in found.standings[0].columns if c.dataset == dataset)
    return {e.model: (found.cell(e, column).rank, found.cell(e, column).tied) for e in found.entrants}


def test_a_cell_is_the_mean_over_seeds():
    found = cell(
        made([record(metrics={"psnr": value}, seed=s) for s, value in enumerate((20.0, 21.0, 25.0))]), VAE, "psnr"
    )
    assert found.estimate.mean == pytest.approx(22) and found.estimate.seeds == 3 and found.estimate.provisional
    assert found.estimate.low < 20 < 25 < found.estimate.high and found.n == 100 and found.status == "ok"


def test_parameters_and_losses_make_rows_of_their_own():
    specs = [Spec("vae", {"latent": 4}), Spec("vae", {"latent": 16}), Spec("vae")]
    records = [record(spec, {"psnr": 20.0}) for spec in specs]
    found = made([*records, record("vae", {"psnr": 20.0}, loss="mse"), record("pca", {"psnr": 20.0}, loss=None)])
    assert len(found.entrants) == 5 and len({found.label(e) for e in found.entrants}) == 5


def test_a_loss_is_named_where_a_model_stands_there_with_several():
    vaes = [record("vae", loss="gaussian"), record(Spec("vae", {"latent": 4}), loss="mse")]
    alone = [record("ae", loss="mse"), record("pca", loss=None), record(Spec("ae", {"latent": 4}), loss="mse")]
    found = made(vaes + alone)
    assert [found.label(e) for e in found.entrants] == [
        "ae",
        "ae[latent=4]",
        "pca",
        "vae + gaussian",
        "vae[latent=4] + mse",
    ]
    assert [made([r]).label(made([r]).entrants[0]) for r in vaes] == ["vae", "vae[latent=4]"]


def test_a_part_of_a_board_keeps_ranks_labels_and_reasons():
    records = field({"vae": 0.9, "pca": 0.7}) + field({"vae": 0.9, "pca": 0.7}, dataset="knee") + field({"half": 0.99})
    records += [record("vae", {"kid": metric("kid", None, "no prior")}, loss="mse", dataset="knee")]
    records += [record("gan", error=("nan", "diverged"), dataset="knee")]
    whole = made(records)
    knee, generation = whole.narrowed(dataset="knee"), whole.narrowed(verdict="generation")
    assert {c.dataset for c in knee.columns} == set(knee.datasets) == {"knee"} and knee.entrants == whole.entrants
    assert knee.cells == {at: cell for at, cell in whole.cells.items() if at[1].dataset == "knee"}
    assert places(knee, "knee") == places(whole, "knee") and "half" not in knee.standings[0].mean_rank
    assert knee.failures and not whole.narrowed(dataset="chest").failures and not whole.narrowed(dataset="chest").dashes
    assert {c.measure.name for c in generation.columns} == {"kid"} and generation.dashes == whole.dashes
    assert whole.narrowed() == whole


def test_the_order_of_records_changes_nothing():
    records = field({"vae": 0.9, "pca": 0.7, "ae": 0.9}) + field({"vae": 0.9}, name="auroc", dataset="knee", seeds=2)
    records += [record("gan", error=("nan", "diverged"), seed=s) for s in range(3)]
    records += [record("old", {"svc": 0.5}, digest="d0", started="2025-01-01T00:00:00Z")]
    first = made(records)
    for seed in range(3):
        random.Random(seed).shuffle(records)
        assert made(records) == first


def test_tracks_never_mix():
    found = made([record(metrics={"psnr": 20.0}), record(metrics={"psnr": 90.0}, suite="demo@2", seed=1)])
    assert cell(found, VAE, "psnr").estimate.mean == 20 and not found.hidden


@pytest.mark.parametrize(("name", "regime"), [("auroc", "healthy"), ("ms-ssim", "all")])
def test_each_metric_comes_from_its_regime(name, regime):
    values = {"healthy": 0.8, "all": 0.6}
    records = [record(metrics={name: value}, regime=trained) for trained, value in values.items()]
    assert cell(made(records), VAE, name).estimate.mean == values[regime]


def test_other_images_are_hidden_and_counted():
    records = [record(metrics={"psnr": 10.0}, digest="old", started="2026-01-01T00:00:00Z", seed=s) for s in range(3)]
    records += [record("pca", {"psnr": 20.0}, loss=None, digest="new", started="2026-01-02T00:00:00Z")]
    found = made(records)
    assert found.entrants == (PCA,)
    assert [(key.dataset, key.what, n) for key, n in found.hidden.items()] == [("chest", "records", 3)]
    assert "other images" in next(iter(found.hidden)).reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ({"components": {"model vae": 1}}, {"components": {"model vae": 2}}, "model vae version 1, the newest is 2"),
        ({"components": {"dataset chest": 3}}, {"components": {"dataset chest": 4}}, "dataset chest version 3"),
        ({"settings": {"steps": 5}}, {"settings": {"steps": 6}}, "other settings"),
    ],
)
def test_older_components_and_other_settings_are_hidden(old, new, reason):
    records = [record(metrics={"psnr": 10.0}, seed=0, **old)]
    records += [record(metrics={"psnr": 20.0}, seed=1, started="2026-02-01T00:00:00Z", **new)]
    found = made(records)
    assert cell(found, VAE, "psnr").estimate.mean == 20
    assert [(key.what, n) for key, n in found.hidden.items()] == [("records", 1)]
    assert reason in next(iter(found.hidden)).reason


def test_a_longer_list_of_metrics_hides_nothing():
    longer = {"settings": {"metrics": ["psnr", "svc"]}, "components": {"metric svc": 1}}
    found = made([record(metrics={"psnr": 10.0}), record("pca", {"psnr": 9.0, "svc": 0.5}, **longer)])
    assert len(found.entrants) == 2 and not found.hidden


def test_older_metric_versions_are_hidden_number_by_number():
    records = [record(metrics={"psnr": metric("psnr", 10.0), "svc": 0.7}, seed=0)]
    records += [record(metrics={"psnr": metric("psnr", 20.0, version=2), "svc": 0.9}, seed=1)]
    found = made(records)
    assert cell(found, VAE, "psnr").estimate.mean == 20
    assert cell(found, VAE, "svc").estimate.mean == pytest.approx(0.8)
    assert {(k.what, k.reason): n for k, n in found.hidden.items()} == {
        ("numbers", "metric psnr version 1, the newest is 2"): 1
    }


def test_the_same_version_cannot_turn_round():
    records = [record(metrics={"psnr": 20.0}, seed=s) for s in range(2)]
    found = made([*records, record("pca", {"psnr": metric("psnr", 1.0, better="lower")})])
    assert found.columns[0].measure.better == "higher" and sum(found.hidden.values()) == 1


def test_variants_never_share_a_column():
    variants = {"vae": "L3", "pca": "L5"}
    found = made([record(m, {"ms-ssim": metric("ms-ssim", 0.9, variant=v)}) for m, v in variants.items()])
    assert column_names(found) == {("ms-ssim", "L3"), ("ms-ssim", "L5")}
    assert cell(found, VAE, "ms-ssim", variant="L5").status == "missing"


def test_quality_comes_from_the_gpu_and_cost_from_each():
    later = "2026-09-01T00:00:00Z"
    cpu = record(metrics={"svc": 0.6}, cost={"train_seconds": 90.0, "parameters": 7}, started=later)
    gpu = record(metrics={"svc": 0.8}, cost={"train_seconds": 3.0, "parameters": 7}, device="cuda-h200")
    found = made([gpu, cpu, record("pca", {"svc": 0.5}, started="2026-05-01T00:00:00Z")])
    assert cell(found, VAE, "svc").estimate.mean == 0.8 and cell(found, VAE, "svc").both
    assert not cell(found, Entrant("pca", "bce"), "svc").both
    assert cell(found, VAE, "train_seconds", variant="cpu").estimate.mean == 90
    assert cell(found, VAE, "train_seconds", variant="cuda-h200").estimate.mean == 3
    assert cell(found, VAE, "parameters").estimate.seeds == 1


def test_of_two_copies_the_newer_counts():
    """Results merge by copying folders, so a trial may come twice from one class of device."""
    times = {"2026-01-01T00:00:00Z": 1.0, "2026-03-01T00:00:00Z": 3.0, "2026-02-01T00:00:00Z": 2.0}
    copies = [record(metrics={"svc": v / 10}, cost={"train_seconds": v}, started=t) for t, v in times.items()]
    for records in (copies, copies[::-1]):
        assert cell(made(records), VAE, "svc").estimate.mean == pytest.approx(0.3)
        assert cell(made(records), VAE, "train_seconds").estimate.mean == 3.0
    twins = [record(metrics={"svc": value}, cost={"train_seconds": value}) for value in (0.4, 0.5)]
    assert made(twins) == made(twins[::-1])


def test_a_good_cpu_run_beats_a_failed_gpu_run():
    found = made([record(metrics={"svc": 0.6}), record(error=("oom", "no memory"), device="cuda-h200")])
    assert cell(found, VAE, "svc").estimate.mean == 0.6 and not found.failures and not cell(found, VAE, "svc").both


def test_failures_and_dashes_are_counted_with_reasons():
    records = [record(metrics={"kid": 0.1, "svc": 0.9}, seed=0)]
    records += [record(error=("nan", "diverged"), seed=s) for s in (1, 2)]
    records += [record("pca", {"kid": metric("kid", None, "no prior"), "svc": 0.8}, loss=None)]
    found = made(records)
    assert (cell(found, VAE, "kid").failed, cell(found, VAE, "kid").status) == (2, "partial")
    assert (cell(found, PCA, "kid").reasons, cell(found, PCA, "kid").status) == (("no prior",), "dash")
    assert [(f.kind, f.message, seeds) for f, seeds in found.failures.items()] == [("nan", "diverged", (1, 2))]
    assert {(d.metric, d.reason): who for d, who in found.dashes.items()} == {("KID", "no prior"): (PCA,)}


def test_no_number_is_made_up():
    records = [record(metrics={"svc": 0.9}, seed=0), record(error=("nan", "diverged"), seed=1)]
    assert cell(made(records), VAE, "svc").estimate.mean == 0.9


def test_equal_models_tie_and_a_gap_ranks():
    found = made(field({"best": 0.9, "twin-a": 0.8, "twin-b": 0.8, "last": 0.5}))
    assert places(found) == {"best": (1, False), "twin-a": (2, True), "twin-b": (2, True), "last": (4, False)}
    assert [e.model for e in found.standings[0].order][0::3] == ["best", "last"]


def test_lower_is_better_where_the_metric_says_so():
    found = made(field({"good": 0.1, "bad": 0.5}, name="kid"))
    assert places(found) == {"good": (1, False), "bad": (2, False)}


def test_only_full_coverage_ranks():
    records = field({"vae": 0.9, "pca": 0.7}) + field({"vae": 0.9, "pca": 0.7}, dataset="knee")
    records += field({"one-set": 0.99}) + field({"few-seeds": 0.99}, seeds=3)
    records += field({"few-seeds": 0.99}, seeds=3, dataset="knee")
    found = made(records)
    standing = found.standings[0]
    assert {e.model: rank for e, rank in standing.mean_rank.items()} == {"vae": 1, "pca": 2}
    assert {e.model: why for e, why in standing.lacks.items()} == {
        "one-set": "1 of 2 datasets with every seed",
        "few-seeds": "0 of 2 datasets with every seed",
    }
    assert {e.model for e in standing.order[:2]} == {"vae", "pca"}


def test_a_failed_seed_costs_the_rank():
    records = field({"vae": 0.9, "pca": 0.7})
    records[2] = record("vae", error=("oom", "no memory"), seed=2)
    assert places(made(records)) == {"vae": (None, False), "pca": (1, False)}


def test_a_dataset_without_the_question_costs_nobody_the_rank():
    """Nobody can be asked for anomalies where no image is known to be healthy."""
    found = made(field({"vae": 0.9, "pca": 0.7}, name="auroc") + field({"vae": 0.9, "pca": 0.7}, dataset="knee"))
    ranked = {one.measure.name: {e.model for e in one.mean_rank} for one in found.standings}
    assert ranked["auroc"] == {"vae", "pca"} and {c.dataset for c in found.standings[1].columns} == {"chest"}


def test_mean_rank_over_datasets():
    found = made(field({"vae": 0.9, "pca": 0.7}) + field({"vae": 0.7, "pca": 0.9}, dataset="knee"))
    standing = found.standings[0]
    assert set(standing.mean_rank.values()) == {1.5} and standing.spread == 1, "±1 covers both ranks"
    assert [standing.interval(e) for e in found.entrants] == [(1, 2), (1, 2)], "no rank is below 1 or above the count"
    assert standing.interval(Entrant("gan", "bce")) == (None, None)
    assert made(field({"vae": 0.9, "pca": 0.7})).standings[0].spread is None


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


def test_costs_do_not_rank():
    standing = made(field({"vae": 0.9, "pca": 0.7})).standings[-1]
    assert standing.measure.name == "train_seconds" and not standing.ranks and not standing.mean_rank


@pytest.mark.parametrize(
    ("expected", "title"),
    [
        ((), "demo@1 / quick / phantom: 2 datasets"),
        (("chest", "knee", "skin"), "demo@1 / quick / phantom: 2 of 3 datasets"),
        (("knee", "skin"), "demo@1 / quick / phantom: 1 of 2 datasets, and 1 more"),
    ],
)
def test_the_title_says_what_is_covered(expected, title):
    found = made([record(metrics={"svc": 0.5}, dataset=d) for d in ("knee", "chest")], expected=expected)
    assert found.title == title
    assert found.datasets[0] == (expected[0] if expected else "chest")


def test_one_may_ask_for_a_metric_or_a_dataset():
    records = [record(metrics={"psnr": 20.0, "ms-ssim": 0.9, "svc": 0.5}, dataset=d) for d in ("knee", "chest")]
    found = made(records, metrics=["psnr"], dataset="knee")
    assert [(c.dataset, c.measure.name) for c in found.columns] == [("knee", "psnr")]
    assert found.standings[0].measure.name == "psnr"
    with pytest.raises(UserError, match="Did you mean 'psnr'"):
        made(records, metrics=["psnt"])
    with pytest.raises(UserError, match="There is no dataset 'skin'"):
        made(records, dataset="skin")


def test_shortcuts_are_the_median_over_seeds_and_rank_nowhere():
    by_seed = [{"sharpness": v, "contrast": 0.65, "all together": 0.7} for v in (0.79, 0.81, 0.83)]
    plain = field({"vae": 0.9, "pca": 0.6}, name="auroc", seeds=3)
    records = [replace(r, inputs=replace(r.inputs, shortcuts=by_seed[r.trial.seed])) for r in plain]
    older = record("pca", {"auroc": 0.5}, regime="healthy", started="2025-01-01T00:00:00Z", shortcuts={"size": 0.99})
    found, without = made([older, *records]), made(plain)
    assert found.shortcuts == {"chest": (("sharpness", 0.81), ("all together", 0.7), ("contrast", 0.65))}
    assert (found.cells, found.standings, found.entrants) == (without.cells, without.standings, without.entrants)
    assert found.shortcut(found.standings[0].columns[0]).name == "sharpness"


def test_shortcuts_belong_to_the_measure_that_ranks_anomaly_detection():
    numbers = {"auroc": 0.9, "rate": metric("rate", 0.5, verdict="anomaly", regime="healthy"), "svc": 0.5}
    found = made([record("vae", numbers, regime="healthy", shortcuts={"contrast": 0.7})])
    assert [c.measure.name for c in found.columns if found.shortcut(c)] == ["auroc"]
    unit = metric("auroc", 9.0, unit="%")
    found = made([record("vae", {"auroc": unit}, regime="healthy", shortcuts={"contrast": 0.7})])
    assert not any(map(found.shortcut, found.columns))


def test_garbage_is_collected_again_after_a_board():
    def broken():
        yield record(metrics={"svc": 0.5})
        assert not gc.isenabled()
        raise OSError("the folder went away")

    with pytest.raises(OSError):
        made(broken())
    assert gc.isenabled()


def test_a_track_without_records_is_an_empty_board():
    found = made([], expected=("chest",))
    assert found.title.endswith("0 of 1 datasets") and not found.columns


def test_boards_need_no_torch():
    code = (
        "import sys, vaebench.leaderboard, vaebench.report.files; "
        "assert not {'torch', 'pandas', 'scipy', 'tabulate', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
