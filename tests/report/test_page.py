"""The page as a file: what is in it, that it is the same every time, and that nothing from a record is its code."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import records_made
from page_made import EVIL, data_of, field, lay_down, noise, track, written
from records_made import metric, record

from vaebench.leaderboard.runs import Entrant
from vaebench.records import store
from vaebench.records.record import Record
from vaebench.report import page as pages
from vaebench.report.page import page, runs, shown_runs, write_page


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("results")).read_text()


def made(*given: Record, **rules: Any) -> dict:
    return data_of(page(records_made.made(list(given), **rules)))


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path, text: str) -> None:
    shuffled = field()
    random.Random(0).shuffle(shuffled)
    assert written(tmp_path, shuffled).read_text() == text


def test_every_run_of_the_board_is_in_it(text: str) -> None:
    data = data_of(text)
    runs = {(data["models"][r["model"]], data["datasets"][r["dataset"]], r["regime"], r["seed"]) for r in data["runs"]}
    assert len(runs) == len(data["runs"]) == 49
    assert ("zebra[latent=4]", "knee (phantom)", "healthy", 1) in runs
    one = next(r for r in data["runs"] if data["models"][r["model"]] == "vae" and r["regime"] == "all")
    assert one["command"].startswith("vaebench run results/demo@1/quick/phantom/cpu/chest/vae-")
    assert ["main", "kl", [0, 5, 9], [0, 3, 4]] in one["curve"]
    assert ["Settings", "steps", "10"] in one["about"] and ["Effective parameters", "latent", "4"] not in one["about"]
    failed = next(r for r in data["runs"] if r["error"])
    assert failed["picture"] is None and failed["drawn"] is None and "diverged" in failed["error"]


@pytest.mark.parametrize("where", ["", "mine", "results", "results/reference", "reference"])
def test_the_command_names_the_record_from_the_folder_of_results(
    tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record in results/reference is repeated from there, whether it was read by a path from here or from /."""
    home = "results/reference" if where.endswith("reference") else "results"
    found = lay_down(tmp_path / where, [record("vae", {"svc": 0.5})])
    monkeypatch.chdir(tmp_path / where)
    for folder in (tmp_path / where, Path()):
        (shown,), _ = shown_runs(found, track(folder))
        assert shown.told["command"].startswith(f"vaebench run {home}/demo@1/quick/phantom/cpu/chest/vae-")


def test_equal_pictures_are_kept_once(text: str) -> None:
    data = data_of(text)
    assert len(data["pictures"]) == 7 and {r["picture"] for r in data["runs"] if not r["error"]} == set(range(7))
    assert all(base64.b64decode(one.partition(",")[2])[8:12] == b"WEBP" for one in data["pictures"])


def test_runs_that_the_board_hides_are_not_shown(tmp_path: Path) -> None:
    other = record("vae", {"svc": 0.1}, seed=0, digest="d0", started="2027-01-01T00:00:00Z")
    found, more = shown_runs(lay_down(tmp_path, [record("vae", {"svc": 0.5}, seed=1), other]), track(tmp_path))
    assert ([one.told["seed"] for one in found], more) == ([1], 0)


def test_a_number_of_a_run_names_the_metric_of_the_board(tmp_path: Path) -> None:
    cells = {"svc": metric("svc", 0.5, title="older title"), "psnr": metric("psnr", 20.0, version=2)}
    board = lay_down(tmp_path, [record("vae", cells)])
    found, _ = shown_runs(board, track(tmp_path))
    data = data_of(page(board, found))
    told = {one[0]: one[7] for one in data["runs"][0]["metrics"]}
    (number,) = (n for n, one in enumerate(data["metrics"]) if one["name"] == "svc")
    assert told == {"SVC balanced accuracy": number, "PSNR": None}, "a number of another version is not on the board"


def judged() -> dict:
    """Two models of a suite, its floor, and a newcomer that beats them all."""
    values = {"vae": 0.9, "ae": 0.8, "far": 0.5, "new": 0.99}
    records = records_made.field(values, name="auroc", noise=0.003, shortcuts={"sharpness": 0.8512, "size": 0.5})
    references = (Entrant("vae", "bce"), Entrant("ae", "bce"))
    return made(*records, references=references, floors=(Entrant("far", "bce"),))


def test_a_cell_holds_number_interval_rank_floors_and_reason() -> None:
    trained = [metric("ms-ssim", 0.91, seed=seed, optimised=True) for seed in range(3)]
    dash = metric("kid", None, "no <prior>")
    records = [record("vae", {"ms-ssim": one, "kid": dash}, seed=seed) for seed, one in enumerate(trained)]
    data = made(*records, record("pca", {"kid": 1.0}))
    columns = {data["metrics"][c["metric"]]["title"]: c for c in data["columns"]}
    (number, text, mean, low, high, rank, best, beats, reasons), *others = columns["MS-SSIM"]["cells"]
    assert (data["models"][number], mean, rank, best, beats, reasons) == ("vae", 0.91, "1", True, [], "") and not others
    assert text.startswith("0.910 ±") and "°" in text and "†" in text and "(" not in text and low < mean < high
    cells = {data["models"][cell[0]]: cell for cell in columns["KID"]["cells"]}
    assert cells["vae"][1:3] == ["–", None] and cells["vae"][-1] == "no <prior>"


def test_floors_and_newcomers_are_told_apart() -> None:
    data = judged()
    roles = dict(zip(data["models"], data["roles"], strict=True))
    told = ["ae", "far (floor)", "new + bce (new)", "vae", "best shortcut (floor)"]
    assert list(roles.items()) == list(zip(told, ["reference", "floor", "newcomer", "reference", "floor"], strict=True))
    (column,) = (c for c in data["columns"] if data["metrics"][c["metric"]]["title"] == "AUROC")
    cells = {data["models"][cell[0]]: (cell[1], *cell[5:8]) for cell in column["cells"]}
    assert column["floors"] == ["far", "best shortcut"]
    assert cells["best shortcut (floor)"] == ("0.851 sharpness", "", False, [])
    assert cells["far (floor)"][1:] == ("", False, [])
    assert cells["ae"][1:] == ("2", False, ["far"]) and cells["vae"][1:] == ("1", True, ["far", "best shortcut"])
    assert cells["new + bce (new)"][1:3] == ("1, above every reference", False)
    (standing,) = data["standings"]
    at = data["models"].index
    assert [standing["ranks"][at(name)] for name in told[:4]] == [2, None, None, 1]
    assert standing["intervals"][at("new + bce (new)")] == [1, 1]


def test_below_a_column_stands_what_it_could_have_shown() -> None:
    (foot,) = (c["foot"] for c in judged()["columns"] if c["foot"])
    ((label, gap),) = foot
    assert "smallest gap" in label and 0 < float(gap) < 0.1


def test_with_too_few_seeds_no_rank_is_shown() -> None:
    data = made(*records_made.field({"vae": 0.9, "pca": 0.7}, seeds=2), summary=("ms-ssim",))
    assert data["standings"] == [] and data["summary"] != []
    assert not any(cell[5] or cell[6] for column in data["columns"] for cell in column["cells"])
    lines = [line for section in data["notes"] for line in section["lines"]]
    assert sum("fewer than three training runs say little about a method" in line for line in lines) == 1


def test_metrics_that_do_not_rank_say_how_alike_they_order(text: str) -> None:
    """PSNR goes up from model to model, MS-SSIM down."""
    data = data_of(text)
    feet = [c["foot"] for c in data["columns"] if data["metrics"][c["metric"]]["title"] == "PSNR (dB)"]
    assert [[row[1] for row in foot] for foot in feet] == [["-1.00 (4)"]] * 2


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple]] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


def test_what_records_say_adds_no_element(text: str) -> None:
    readers = Tags(), Tags()
    readers[0].feed(text)
    readers[1].feed(page(records_made.made([])))
    assert readers[0].seen == readers[1].seen
    assert EVIL in data_of(text)["models"]


def test_only_its_own_script_and_style_are_allowed(text: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#x27;", "'")
    for tag in ("style", "script"):
        inside = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
        assert len(inside) == 1 and f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "img-src data:;" in policy and "http" not in policy
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    assert not re.search(r"\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|\beval\(|fetch\(", script)


def test_pictures_that_are_too_many_go_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    found = lay_down(tmp_path)
    monkeypatch.setattr(pages, "LARGEST", len(text.encode()) - 1)
    path, folder = write_page(tmp_path / "board.html", found, track(tmp_path))
    data = data_of(path.read_text())
    assert data["folder"] == folder.name == "board-pictures" and len(data["pictures"]) == 7
    assert {p.name for p in folder.iterdir()} == {Path(address).name for address in data["pictures"]}
    assert all((tmp_path / address).read_bytes()[8:12] == b"WEBP" for address in data["pictures"])
    assert (len(data["runs"]), data["left_out"]) == (49, 0)


def test_of_runs_that_are_too_many_the_first_seeds_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = lay_down(tmp_path)
    monkeypatch.setattr(pages, "LARGEST", 110_000)
    path, folder = write_page(tmp_path / "board.html", found, track(tmp_path))
    data = data_of(path.read_text())
    assert path.stat().st_size <= 110_000 and 0 < len(data["runs"]) == 49 - data["left_out"] < 49
    assert {run["seed"] for run in data["runs"]} == {0} and len(list(folder.iterdir())) == len(data["pictures"])
    monkeypatch.setattr(runs, "MOST", 3)
    assert shown_runs(found, track(tmp_path))[1] == 46


def test_what_runs_say_alike_is_told_once(text: str) -> None:
    data = data_of(text)
    labels, pixels = (data["alike"][data["runs"][0]["drawn"]["maps"][key]] for key in ("labels", "pixels"))
    assert labels == ["normal", EVIL] * 3 and pixels[5] == [500, 0] and len(data["alike"]) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"schema": "other"}',
        b'{"schema": "vaebench/pictures@1", "x": 1e999}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_numbers_that_are_none_of_ours_are_left_out(tmp_path: Path, content: bytes) -> None:
    found = lay_down(tmp_path, [record("vae", {"svc": 0.5})])
    next(tmp_path.rglob("pictures.json")).write_bytes(content)
    ((shown,), _) = shown_runs(found, track(tmp_path))
    assert shown.told["drawn"] is None and shown.picture == b"" and data_of(page(found, [shown]))


def test_a_picture_is_a_webp_of_decent_size_and_no_link(tmp_path: Path) -> None:
    one = record("vae", {"svc": 0.5})
    found = lay_down(tmp_path, [one])
    sheet = store.artifacts_of(store.path_of(tmp_path, one.trial, "cpu")) / "pictures.webp"
    good = sheet.read_bytes()
    for content in (b"<svg onload=alert(1)>", noise(2000)):
        sheet.write_bytes(content)
        assert shown_runs(found, track(tmp_path))[0][0].picture == b""
    (tmp_path / "elsewhere").write_bytes(good)
    sheet.unlink()
    sheet.symlink_to(tmp_path / "elsewhere")
    assert shown_runs(found, track(tmp_path))[0][0].picture == b""
