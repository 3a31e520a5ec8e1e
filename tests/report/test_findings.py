"""The sentences above the tables, in every format."""

from __future__ import annotations

import json
import re

import pytest
from records_made import EVIL, field, made, metric, record

from vaebench.leaderboard.board import Board
from vaebench.leaderboard.runs import Entrant
from vaebench.report import files
from vaebench.report.findings import findings, followed

RAW = Entrant("raw", "bce")


def drawn(vae: float = 0.8, dataset: str = "chest") -> Board:
    records = field({"vae": vae, "ae": 0.7, "raw": 0.6}, name="svc", dataset=dataset)
    for name, psnr in zip(("vae", "ae", "gan"), (20.0, 21.0, 22.0), strict=True):
        cell = metric("auroc", psnr / 40, follows={"contrast": 0.3}, beside={"PSNR": -psnr})
        records.append(record(name, {"auroc": cell}, regime="healthy", dataset=dataset))
    references = tuple(Entrant(name, "bce") for name in ("vae", "ae", "gan"))
    return made(records, references=references, floors=(RAW,), untrained=(RAW,))


def test_each_dataset_has_a_sentence_even_if_it_is_nothing():
    (best, _, gain), (told,) = findings(drawn()), followed(drawn())
    assert best.startswith("Representation: vae has the best mean (SVC balanced accuracy 0.8"), "the verdicts first"
    assert gain.startswith("SVC balanced accuracy on chest (phantom): the suite's 2 trained models are on average 0.1")
    assert "better than the floor 'raw'" in gain and "may be zero" not in gain and gain.endswith("; both beat it.")
    assert "over the suite's 3 models, PSNR -1.00; over healthy test images" in told and "contrast 0.30." in told
    nothing = findings(drawn(0.5))[-1]
    assert "0.0" in nothing and ", a difference that may be zero; 1 of 2 beat it." in nothing


@pytest.mark.parametrize("form", files.FORMATS)
def test_they_stand_in_every_format(form: str):
    text = " ".join(files.render(drawn(), form).split()).replace("\\\\_", "_")
    if form == "csv":
        return
    assert "trained models are on average" in text
    assert "over healthy test images (medians over models and seeds)" in text
    if form == "md":
        assert text.index("trained models are on average") < text.index("## ")
    if form == "json":
        assert json.loads(files.render(drawn(), form))["findings"] == findings(drawn())


@pytest.mark.parametrize("name", EVIL[:6])
def test_a_strangers_words_stay_words(name: str):
    cell = metric("auroc", 0.5, follows={name: 0.3})
    found = made([record("vae", {"auroc": cell}, regime="healthy")])
    assert all("\x1b" not in line and "\n" not in line for line in followed(found))
    assert (
        "<script>alert"
        not in files.render(found, "md") + files.render(found, "html").split("<body>")[1].split("<script")[0]
    )


def both_splits(held: float, test: float) -> list[str]:
    """Return the sentences of a board on which `svc` is `auroc` on images held out of the training split."""
    one = field({"vae": held, "ae": held - 0.2}, name="svc")
    two = field({"vae": test, "ae": test - 0.2}, name="ms-ssim")
    for each, other in zip(one, two, strict=True):
        each.metrics.update(other.metrics)
    found = made(one, on_test_split={"svc": "ms-ssim"}, headline={"representation": "svc"})
    return [told for told in findings(found) if "the two splits differ" in told]


def test_a_test_split_unlike_the_training_split_is_pointed_out() -> None:
    (told,) = both_splits(held=0.95, test=0.7)
    assert re.fullmatch(
        r"Representation on chest \(phantom\): the two splits differ, so do not compare their values\. "
        r"vae has MS-SSIM 0\.70\d ±0\.0\d\d "
        r"on the test split, and SVC [^0-9]*0\.95\d ±0\.0\d\d on groups held out of the training split\.",
        told,
    ), told
    assert both_splits(held=0.9, test=0.9) == []
