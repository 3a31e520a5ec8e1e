"""Records in a stranger's folder: no read blocks or fills the memory, and errors say what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_files import FILES, put
from page_made import lay_down, track
from records_made import EVIL, made, record

from vaebench.records import store
from vaebench.records.record import BadRecord, to_json
from vaebench.report.page import shown_runs
from vaebench.verification.records import board_faults, examine

OPEN = Path("/proc/self/fd")
"""The files that this process has open, on Linux."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a good record lies, with pictures beside it."""
    one = record("vae", {"psnr": 20.0}, digest="d" * 64, components={"metric psnr": 1})
    lay_down(tmp_path, [one])
    return store.path_of(tmp_path, one.trial, "cpu")


@pytest.mark.parametrize("how", FILES)
def test_a_record_that_is_no_file(path: Path, tmp_path: Path, how: str) -> None:
    put(how, path)
    with pytest.raises(BadRecord, match=r"cannot be read as a record .*; delete it to run the trial again"):
        store.read(path)
    ((_, found),) = store.scan(path.parents[2])
    assert isinstance(found, BadRecord)
    seen = examine(tmp_path)
    assert seen.found == {} and (len(seen.problems) == 1 or how == "a folder")


@pytest.mark.parametrize("how", FILES)
@pytest.mark.parametrize("name", ["pictures.json", "pictures.webp"])
def test_pictures_that_are_no_file(path: Path, tmp_path: Path, name: str, how: str) -> None:
    put(how, store.artifacts_of(path) / name)
    ((shown,), _) = shown_runs(made([store.read(path)]), track(tmp_path))
    assert shown.picture == b""


@pytest.mark.parametrize("how", FILES)
def test_weights_that_are_no_file(path: Path, tmp_path: Path, how: str) -> None:
    put(how, store.weights_of(path))
    seen = examine(tmp_path)
    assert seen.weighed == [] and list(seen.found) == [path]
    told = [what for _, what in seen.problems if "its file of weights cannot be read" in what]
    assert len(told) == (how in ("a pipe", "a folder", "20 GB")), "links are passed over"


@pytest.mark.parametrize("how", FILES)
def test_a_board_that_is_no_file(tmp_path: Path, how: str) -> None:
    for name in ("leaderboard.md", "leaderboard.csv"):
        put(how, tmp_path / name)
    told = list(board_faults(tmp_path, {"leaderboard.md": "a board\n"}))
    assert [path.name for path, _ in told] == ["leaderboard.md"] and "`vaebench leaderboard` recreates it" in told[0][1]


def test_a_record_is_read_through_a_link_and_a_picture_is_not(path: Path) -> None:
    elsewhere = path.rename(path.parents[3] / "elsewhere")
    path.symlink_to(elsewhere)
    assert store.read(path).id
    with pytest.raises(OSError, match="must be a regular file"):
        store.read_bounded(path, 100, "record")


def test_a_file_that_is_exchanged_for_a_pipe_is_not_waited_for(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, real = path.lstat(), Path.lstat
    put("a pipe", path)
    monkeypatch.setattr(Path, "lstat", lambda self: good if self == path else real(self))
    opened = len([*OPEN.iterdir()]) if OPEN.exists() else 0
    with pytest.raises(OSError, match="must be a regular file"):
        store.read_bounded(path, 10**6, "record")
    assert not opened or len([*OPEN.iterdir()]) == opened


def test_a_file_that_grows_is_not_read_to_its_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = path.stat()
    path.write_bytes(b" " * 10**6)
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result((*small[:6], 10, *small[7:10])))
    with pytest.raises(OSError, match="while it was read"):
        store.read_bounded(path, 10**5, "record")


def spoiled(key: str, value: str) -> Callable[[str], str]:
    """The same record with one more key, or with another value there."""
    return lambda text: text.replace("{", f'{{\n "{key}": {value},', 1)


HUGE, DEEP = "9" * 5000, "[" * 5000 + "]" * 5000
SPOILED: dict[str, tuple[Callable[[str], str], str]] = {
    "deep": (lambda text: text.replace('"curve": {}', f'"curve": {DEEP}'), "Expected `object`"),
    "deep where anything may stand": (spoiled("more", DEEP), "recursion"),
    "deep in what is kept": (
        lambda text: text.replace('"software": {', '"software": {"x": ' + "[" * 400 + "]" * 400),
        "software",
    ),
    "NaN": (lambda text: text.replace("20.0", "NaN"), "malformed"),
    "infinite": (lambda text: text.replace("20.0", "1e999"), "out of range"),
    "a huge seed": (lambda text: text.replace('"seed": 0', '"seed": ' + "9" * 400), "trial.seed"),
    "a huge n": (lambda text: text.replace('"n": 100', '"n": ' + "9" * 400), "metrics"),
    "a huge cost": (lambda text: text.replace('"parameters": 1000', '"parameters": ' + "9" * 30), "cost.parameters"),
    "a huge step": (
        lambda text: text.replace('"curve": {}', '"curve": {"a": {"step": [1' + "0" * 400 + "]}}"),
        "curve",
    ),
    "thousands of digits": (lambda text: text.replace('"n": 100', f'"n": {HUGE}'), "out of range"),
    "no UTF-8": (lambda text: text.replace('"a processor"', '"\udcff"'), "utf-8"),
    "half a pair": (lambda text: text.replace('"a processor"', '"\\ud800"'), "surrogate pair"),
    "escape codes": (lambda text: text.replace('"ok"', '"\\u001b[31m"'), "status"),
    "cut": (lambda text: text[:100], "truncated"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_what_is_wrong_with_a_record_is_said_in_words(path: Path, tmp_path: Path, how: str) -> None:
    spoil, told = SPOILED[how]
    text = path.read_text()
    assert spoil(text) != text
    path.write_bytes(spoil(text).encode("utf-8", "surrogateescape"))
    with pytest.raises(BadRecord) as caught:
        store.read(path)
    assert told in str(caught.value) and str(caught.value).isprintable() and len(str(caught.value)) < 500
    assert [told in what for _, what in examine(tmp_path).problems] == [True]


UNSEEN: dict[str, tuple[Callable[[str], str], str]] = {
    "twice": (
        lambda text: text.replace('"status"', '"status": "failed",\n "status"', 1),
        "occurs twice: 'status'",
    ),
    "twice within": (lambda text: text.replace('"seed"', '"seed": 1, "seed"', 1), "occurs twice: 'seed'"),
    "thousands of digits": (spoiled("more", HUGE), "not JSON as vaebench writes it"),
    "infinite": (spoiled("more", "1e999"), "not JSON as vaebench writes it"),
    "no UTF-8": (spoiled("more", '"\udcff"'), "not JSON as vaebench writes it"),
    "spaces": (lambda text: text + " ", "edited by hand"),
}


@pytest.mark.parametrize("how", UNSEEN)
def test_what_a_board_passes_over_is_found_by_verification(path: Path, tmp_path: Path, how: str) -> None:
    spoil, told = UNSEEN[how]
    path.write_bytes(spoil(path.read_text()).encode("utf-8", "surrogateescape"))
    found = [what for _, what in examine(tmp_path).problems]
    assert len(found) == 1 and told in found[0], found


@pytest.mark.parametrize("text", EVIL)
def test_a_record_of_a_nasty_text_is_written_as_it_is_read(tmp_path: Path, text: str) -> None:
    one = record(text, error=("exception", text), digest="d" * 64)
    path = store.path_of(tmp_path, one.trial, "cpu")
    store.write(path, one)
    assert to_json(store.read(path)) == to_json(one) and examine(tmp_path).problems == []


def test_an_error_that_names_a_file_of_another_encoding_is_kept(tmp_path: Path) -> None:
    one = record("vae", error=("exception", "cannot read \udcff.png"))
    store.write(tmp_path / "a.json", one)
    found = store.read(tmp_path / "a.json").error
    assert found is not None and found.message == "cannot read ?.png"
