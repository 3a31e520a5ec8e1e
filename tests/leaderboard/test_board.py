"""What a board takes from records."""

from __future__ import annotations

import gc
import random
import subprocess
import sys

import pytest
from records_made import PCA, VAE, cell, field, made, metric, places, record, rules

from vaebench.errors import UserError
from vaebench.leaderboard.board import board
from vaebench.leaderboard.runs import Entrant
from vaebench.trial import Spec


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


def test_a_loss_is_named_where_the_suite_does_not_name_it_so():
    """Other rows never change a label: the suite alone does."""
    alone, twice = Entrant("ae", "mse"), (Entrant("vae", "gaussian"), Entrant("vae", "mse"))
    asked = {"references": (alone, *twice), "floors": (PCA,)}
    others = [record("ae", loss="bce"), record("new", loss="bce")]
    records = [record("ae", loss="mse"), record("vae", loss="gaussian"), record("pca", loss=None)]
    found = made(records + others, **asked)
    labels = [found.label(e) for e in found.entrants]
    assert labels == ["ae + bce", "ae", "new + bce", "pca", "vae + gaussian"]
    assert {found.label(e) for e in made(records, **asked).entrants} == {"ae", "pca", "vae + gaussian"}
    assert [found.role(e) for e in found.entrants] == ["newcomer", "reference", "newcomer", "floor", "reference"]


def test_a_row_is_a_reference_however_its_parameters_are_written():
    given = rules([], references=(Entrant("vae[lr=5e-3,net=r4]", "bce"),))
    assert given.role(Entrant("vae[lr=0.005,net=r4]", "bce")) == "reference"
    assert given.role(Entrant("vae[lr=0.05,net=r4]", "bce")) == "newcomer"
    assert given.role(Entrant("a,b;[c", "bce")) == "newcomer"


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


@pytest.mark.parametrize(("name", "regime"), [("auroc", "healthy"), ("ms-ssim", "all")])
def test_each_metric_comes_from_its_regime(name, regime):
    values = {"healthy": 0.8, "all": 0.6}
    records = [record(metrics={name: value}, regime=trained) for trained, value in values.items()]
    assert cell(made(records), VAE, name).estimate.mean == values[regime]


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


def test_the_summary_is_what_the_suite_names_and_then_the_headlines():
    asked = {"summary": ("psnr", "ms-ssim", "svc")}
    found = made([record("vae", {"ms-ssim": 0.9, "kid": 0.1}, seed=s) for s in range(3)], **asked)
    assert [measure.name for measure in found.summary] == ["psnr", "ms-ssim", "svc", "kid"]
    assert cell(found, VAE, "psnr").status == "missing", "a column of the summary is never left out"


@pytest.mark.parametrize(
    ("expected", "title"),
    [
        ((), "demo@1 / quick / phantom: 2 datasets"),
        (("chest", "knee", "skin"), "demo@1 / quick / phantom: 2 of 3 datasets"),
        (("knee", "skin"), "demo@1 / quick / phantom: 1 of 2 datasets, and 1 more"),
    ],
)
def test_the_title_says_what_is_covered(expected, title):
    found = made([record(metrics={"svc": 0.5}, dataset=d) for d in ("knee", "chest")], datasets=expected)
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


MINE = r"folder[group=(p\d+),healthy=NORMAL,name=mine]"


@pytest.mark.parametrize(
    ("others", "called"),
    [
        (["chest"], "mine"),
        (["folder[name=yours]"], "mine"),
        (["folder[name=mine]"], None),
        (["mine"], None),
        (['folder[name=" mine "]'], None),
        (["folder[name="], "mine"),
    ],
)
def test_data_of_ones_own_has_the_name_that_its_user_gave_it(others, called):
    """Unless another dataset has that name, too."""
    found = made([record(metrics={"psnr": 20.0}, dataset=name) for name in (MINE, *others)])
    assert found.names.get(MINE) == called
    assert MINE in found.datasets and found.narrowed(dataset=MINE).names == found.names


def test_data_of_ones_own_cannot_take_the_name_of_an_installed_dataset():
    records = [record(metrics={"psnr": 20.0}, dataset=MINE)]
    assert not made(records, versions={"dataset mine": 1}).names
    assert made(records, dataset="mine").datasets == (MINE,) == made(records, dataset=MINE).datasets


def test_garbage_is_collected_again_after_a_board():
    def broken():
        yield record(metrics={"svc": 0.5})
        assert not gc.isenabled()
        raise OSError("the folder went away")

    with pytest.raises(OSError):
        board(broken(), rules([]))
    assert gc.isenabled()


def test_a_track_without_records_is_an_empty_board():
    found = made([], datasets=("chest",))
    assert found.title.endswith("0 of 1 datasets") and not found.columns


def test_boards_need_no_torch():
    code = (
        "import sys, vaebench.leaderboard, vaebench.report.files; "
        "assert not {'torch', 'pandas', 'scipy', 'tabulate', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
