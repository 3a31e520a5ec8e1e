"""What shares a column, what is hidden and why, and which run counts of several."""

from __future__ import annotations

import pytest
from records_made import PCA, VAE, cell, field, made, metric, places, record, rules

from vaebench.leaderboard.comparable import complete_digests
from vaebench.leaderboard.runs import Entrant, read


def test_tracks_never_mix():
    found = made([record(metrics={"psnr": 20.0}), record(metrics={"psnr": 90.0}, suite="demo@2", seed=1)])
    assert cell(found, VAE, "psnr").estimate.mean == 20 and not found.hidden


def test_other_images_are_hidden_and_counted():
    records = [record(metrics={"psnr": 10.0}, digest="old", started="2026-01-01T00:00:00Z", seed=s) for s in range(3)]
    records += [record("pca", {"psnr": 20.0}, loss=None, digest="new", started="2026-01-02T00:00:00Z")]
    found = made(records, data={"chest": "new"})
    assert found.entrants == (PCA,)
    assert [(key.dataset, key.what, key.remedy, n) for key, n in found.hidden.items()] == [
        ("chest", "records", "repin", 3)
    ]
    assert "images other than the track's" in next(iter(found.hidden)).reason
    assert made(records).entrants == (VAE,), "nothing is pinned: the first reference's images count, not the newest"
    assert made(records, references=(PCA,)).entrants == (PCA,), "a newcomer's images never do, however early"


def test_the_first_complete_reference_pins_its_images():
    early = [record(metrics={"psnr": 1.0}, digest="a", seed=0, started="2026-01-01T00:00:00Z")]
    whole = [record("pca", {"psnr": 1.0}, digest="b", seed=s, started="2026-01-02T00:00:00Z") for s in range(3)]
    later = [record("ae", {"psnr": 1.0}, digest="c", seed=s, started="2026-01-03T00:00:00Z") for s in range(3)]
    stranger = [record("new", {"psnr": 1.0}, digest="d", seed=s, started="2025-01-01T00:00:00Z") for s in range(3)]
    asked = rules(early + whole + later)
    runs = read([*early, *whole, *later, *stranger], asked.track)
    assert complete_digests(runs, asked) == {"chest": "b"}
    assert complete_digests(runs, asked, newest=True) == {"chest": "c"}
    assert complete_digests(read(early + stranger, asked.track), asked) == {}


def test_while_a_sweep_goes_on_the_seeds_that_are_done_count():
    """Seed 3 has begun: what it has said so far stands apart, and ranks are of seeds 0 to 2."""
    references = tuple(Entrant(model, "bce") for model in ("vae", "ae", "gan", "pca"))
    records = field({"vae": 0.9, "ae": 0.6, "gan": 0.5, "pca": 0.4}, seeds=3)
    early = record("vae", {"ms-ssim": 0.1}, seed=3)
    before, found = (made(own, references=references, seeds=(0, 1, 2, 3, 4)) for own in (records, [*records, early]))
    assert found.cells == before.cells and found.seeds == {"all": (0, 1, 2)} and places(found)["vae"] == (1, 1)
    assert [(key.reason, n) for key, n in found.hidden.items()] == [("seed 3 is not complete yet", 1)]


def test_one_that_lags_behind_does_not_hold_the_others_up_and_strangers_have_no_say():
    models = [f"m{number}" for number in range(9)]
    references = tuple(Entrant(model, "bce") for model in (*models, "gan"))
    whole = field(dict.fromkeys(models, 0.9), seeds=5)
    found = made(whole + field({"gan": 0.5}, seeds=3), references=references, seeds=(0, 1, 2, 3, 4))
    assert found.seeds == {"all": (0, 1, 2, 3, 4)} and places(found)["gan"] is None
    few = field(dict.fromkeys(models, 0.9), seeds=3) + field({"new": 0.7}, seeds=5)
    assert made(few, references=references, seeds=(0, 1, 2, 3, 4)).seeds == {"all": (0, 1, 2)}


def test_seeds_that_the_preset_does_not_name_stand_apart():
    records = field({"vae": 0.9, "pca": 0.7}, seeds=3)
    found = made([*records, record("vae", {"ms-ssim": 0.1}, seed=7)], seeds=(0, 1, 2))
    assert found.cells == made(records).cells and found.seeds == {"all": (0, 1, 2)}
    assert {(key.entrant.model, key.dataset): seeds for key, seeds in found.other_seeds.items()} == {
        ("vae", "chest"): (7,)
    }


@pytest.mark.parametrize(
    ("component", "old", "new", "installed", "reason"),
    [
        ("model vae", 1, 2, 2, "model vae version 1, but version 2 is installed"),
        ("model vae", 7, 2, 2, "model vae version 7, but version 2 is installed"),
        ("dataset chest", 3, 4, 4, "dataset chest version 3, but version 4 is installed"),
        ("loss own", 3, 4, None, "loss own version 3, but the newest is 4"),
    ],
)
def test_other_components_are_hidden(component, old, new, installed, reason):
    """The installed version counts; of what is not installed, the newest that the same entrant has."""
    records = [record(metrics={"psnr": 10.0}, seed=0, components={component: old})]
    records += [record(metrics={"psnr": 20.0}, seed=1, components={component: new})]
    found = made(records, versions={component: installed} if installed else {})
    assert cell(found, VAE, "psnr").estimate.mean == 20
    assert {(key.what, key.reason, key.remedy): n for key, n in found.hidden.items()} == {("records", reason, "run"): 1}


def test_settings_of_the_preset_count():
    records = [record(metrics={"psnr": 10.0 * steps}, seed=steps, settings={"steps": steps}) for steps in (1, 2)]
    wanted = read(records[1:], "demo@1/quick/phantom")[0].settings
    found = made(records, settings=wanted)
    assert cell(found, VAE, "psnr").estimate.mean == 20
    assert [key.reason[:8] for key in found.hidden] == ["settings"]


def test_a_longer_list_of_metrics_hides_nothing():
    longer = {"settings": {"metrics": ["psnr", "svc"]}, "components": {"metric svc": 1}}
    found = made([record(metrics={"psnr": 10.0}), record("pca", {"psnr": 9.0, "svc": 0.5}, **longer)])
    assert len(found.entrants) == 2 and not found.hidden


def test_older_metric_versions_are_hidden_number_by_number():
    records = [record(metrics={"psnr": metric("psnr", 10.0), "svc": 0.7}, seed=0)]
    records += [record(metrics={"psnr": metric("psnr", 20.0, version=2), "svc": 0.9}, seed=1)]
    found = made(records)
    assert cell(found, VAE, "psnr").estimate.mean == 10
    assert cell(found, VAE, "svc").estimate.mean == pytest.approx(0.8)
    assert {(k.what, k.reason, k.remedy): n for k, n in found.hidden.items()} == {
        ("numbers", "metric psnr version 2, but version 1 is installed", "score"): 1
    }


def test_versions_of_a_metric_that_is_not_installed_hide_nobody():
    numbers = {"vae": metric("own", 0.5, version=1), "pca": metric("own", 0.7, version=2)}
    found = made([record(model, {"own": number}) for model, number in numbers.items()])
    columns = [column for column in found.columns if column.measure.name == "own"]
    assert {column.measure.version for column in columns} == {1, 2} and not found.hidden


def test_the_same_version_cannot_turn_round():
    records = [record(metrics={"psnr": 20.0}, seed=s) for s in range(2)]
    turned = [record("pca", {"psnr": metric("psnr", 1.0, better="lower")}, seed=s) for s in range(2)]
    found = made([*records, *turned])
    assert found.columns[0].measure.better == "higher" and sum(found.hidden.values()) == 2


def test_variants_never_share_a_column():
    variants = {"vae": "L3", "pca": "L5"}
    found = made([record(m, {"ms-ssim": metric("ms-ssim", 0.9, variant=v)}) for m, v in variants.items()])
    quality = [column for column in found.columns if column.measure.verdict != "cost"]
    assert [(column.measure.name, column.variant) for column in quality] == [("ms-ssim", "L3"), ("ms-ssim", "L5")]
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
