"""Two folders of results: what differs is found, what is alike is not told, and no text of a record is obeyed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from records_made import EVIL, field, metric, record

from vaebench.cli import main
from vaebench.records import store
from vaebench.records.record import Record
from vaebench.report.differences import by_what, differences


def keep(folder: Path, records: list[Record]) -> Path:
    for one in records:
        store.write(store.path_of(folder, one.trial, one.device.kind), one)
    return folder


def told(records: list[Record]) -> dict[Path, Record]:
    return {store.path_of(Path(), one.trial, one.device.kind): one for one in records}


def test_what_is_alike_but_for_its_time_is_the_same() -> None:
    now = [record("vae", {"svc": 0.5}, cost={"train_seconds": 1.0})]
    later = [record("vae", {"svc": 0.5}, cost={"train_seconds": 9.0}, started="2027-01-01T00:00:00Z")]
    found = differences(told(now), told(later))
    assert found.same == 1 and not found.changed and not found.only_first and not found.only_second


@pytest.mark.parametrize(
    ("given", "what", "before", "after"),
    [
        ({"metrics": {"svc": 0.25}}, "svc", "0.5", "0.25"),
        ({"metrics": {"svc": metric("svc", None, "no <code>")}}, "svc", "0.5", "no <code>"),
        ({"metrics": {"svc": 0.5, "psnr": 20.0}}, "psnr", "–", "20"),
        ({"metrics": {"svc": 0.5}, "digest": "d9"}, "images: digest", "d1", "d9"),
        ({"metrics": {"svc": 0.5}, "components": {"model vae": 2}}, "version: model vae", "1", "2"),
        ({"metrics": {"svc": 0.5}, "settings": {"steps": 99}}, "setting: steps", "10", "99"),
    ],
)
def test_each_thing_that_decides_a_number_is_told(given: dict, what: str, before: str, after: str) -> None:
    found = differences(told([record("vae", {"svc": 0.5})]), told([record("vae", **given)]))
    ((change,),) = found.changed.values()
    assert (change.what, change.before, change.after) == (what, before, after)


def test_a_metric_is_told_once_with_the_record_where_it_differs_most() -> None:
    first, second = field({"vae": 0.9, "ae": 0.7}), field({"vae": 0.9, "ae": 0.7})
    for number, one in enumerate(second[:3]):
        one.metrics["ms-ssim"].value += 0.1 * (number + 1)
    found = differences(told(first), told(second))
    (row,) = by_what(found).rows
    assert row[:2] == ("ms-ssim", "3") and float(row[3]) - float(row[2]) == pytest.approx(0.3, abs=1e-5)
    assert f"-{second[2].id}.json" in row[4] and found.same == len(first) - 3


def test_the_command_shows_both_sides_and_obeys_no_text(tmp_path: Path) -> None:
    evil = EVIL[0]
    one = keep(tmp_path / "one", [record("vae", {"svc": 0.5}), record("gone", {"svc": 0.5})])
    other = keep(
        tmp_path / "other", [record("vae", {"svc": metric("svc", None, evil)}), *field({"new": 0.5}, seeds=30)]
    )
    done = CliRunner().invoke(main, ["compare", str(one), str(other)], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    assert (
        "0 records are the same in both folders, 1 differ, 1 are only in the first, 30 only in the second."
        in done.output
    )
    assert "and 10 more, with --all" in done.output and "\x1b" not in done.output and "[red]" in done.output
    whole = CliRunner().invoke(main, ["compare", str(one), str(other), "--all"], env={"COLUMNS": "300"}).output
    assert whole.count("new-") == 30
    empty = tmp_path / "empty"
    empty.mkdir()
    failed = CliRunner().invoke(main, ["compare", str(one), str(empty)])
    assert failed.exit_code == 2 and "There are no records in" in failed.output
