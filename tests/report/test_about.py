"""The top of the page: how runs were made, and on which images each verdict was judged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from records_made import made, metric, record

from vaebench.report.documents import sheets
from vaebench.report.findings import findings
from vaebench.report.page.about import about, made_of
from vaebench.report.tables import tables
from vaebench.report.terminal import plain


def told(
    source: str = "real",
    seeds: tuple[int, ...] = (0, 1, 2),
    held: tuple[int, ...] = (40, 41, 42),
    described: dict | None = None,
) -> dict:
    """Runs whose classifier was judged on held-out images, of which each seed has another number."""
    records = []
    for seed, images in zip(seeds, held, strict=True):
        cells = {
            "ms-ssim": metric("ms-ssim", 0.9, patients=60),
            "svc": metric("svc", 0.8, n=images, patients=7, classes=2),
            "accuracy": metric("accuracy", 0.8, verdict="representation", n=images, patients=images - 10),
            "kid": metric("kid", 0.1, n=50),
        }
        records.append(record("vae", cells, seed=seed))
    board = made(records, described=described or {})
    board = replace(board, rules=replace(board.rules, source=source))
    return dict(about([made_of(one) for one in records], board))


def test_a_verdict_judged_on_other_images_than_the_test_split_says_so() -> None:
    """The patients are all of them, not those of the smallest class; samples (KID) are no images of patients."""
    assert told()["Judged on"] == (
        "chest: 100 real test images of 60 groups; but representation (SVC balanced accuracy): "
        "40 to 42 images of 30 to 32 groups, held out of the training split, different for each seed"
    )
    same = told("phantom", held=(40,) * 3)["Judged on"]
    assert same.startswith("chest (phantom): 100 test images of 60") and same.endswith("40 images of 30 groups")
    assert "representation" not in told(held=(100, 100, 100))["Judged on"]


def test_groups_and_images_are_called_what_the_dataset_declares() -> None:
    chest = {"chest": {"version": 1, "title": "Chest X-rays\nof children", "groups_are": "patients"}}
    shown = told(described=chest)
    assert shown["Judged on"].count(" patients") == 2 and "groups" not in shown["Judged on"]
    assert shown["Images"] == "chest: Chest X-rays of children"
    phantom = told("phantom", described=chest)
    assert "60 groups" in phantom["Judged on"], "nobody is behind a phantom"
    assert phantom["Drawn in place of"] == "chest (phantom): Chest X-rays of children" and "Images" not in phantom
    assert "Images" not in told() and "Images" not in told(described={"knee": chest["chest"]})


def test_data_of_ones_own_is_called_by_its_name() -> None:
    cells = {"ms-ssim": metric("ms-ssim", 0.9, patients=60)}
    records = [record("vae", cells, dataset="folder[healthy=NORMAL,name=mine]", seed=seed) for seed in range(3)]
    board = made(records, described={"folder": {"version": 2, "title": "Pictures of your own"}})
    top = dict(about([made_of(one) for one in records], board))
    assert top["Judged on"].startswith("mine (phantom): 100 test")
    assert top["Drawn in place of"] == "mine (phantom): Pictures of your own (folder[healthy=NORMAL,name=mine])"
    titles = [table.title for table in tables(board)] + [sheet.title for sheet in sheets(board)]
    assert "Reconstruction on mine (phantom)" in titles and "demo@1 / quick / phantom: mine (phantom)" in titles
    assert not any("folder[" in text for text in [*titles, plain(board), *findings(board)])


@pytest.mark.parametrize(
    ("seeds", "shown"), [((0, 1, 2), "0–2"), ((7, 8, 1), "1, 7, 8"), ((1, 2, 3, 5, 9), "1–3, 5, 9"), ((4,), "4")]
)
def test_seeds_in_a_row_are_a_range(seeds: tuple[int, ...], shown: str) -> None:
    assert told(seeds=seeds, held=(40,) * len(seeds))["Seeds"] == shown
