"""benchmarks/speed/gpu.py loses nothing on the day a card is there: failures, kills and slow parts cost themselves."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent
SPEED = ROOT / "benchmarks" / "speed"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(SPEED)
    before = set(sys.modules)
    import gpu

    yield gpu
    for name in set(sys.modules) - before:
        if (SPEED / name.partition(".")[0]).exists() or (SPEED / f"{name}.py").exists():
            del sys.modules[name]


def test_all_that_needs_no_other_process_is_measured(gpu: ModuleType, tmp_path: Path) -> None:
    parts = ["correctness", "launches", "speed", "memory"]
    out = tmp_path / "gpu.json"
    assert gpu.main(["--tiny", "--device", "cpu", "--out", str(out), "--part", *parts]) == 0
    measured = json.loads(out.read_text())["measured"]
    failed = {f"{part} {name}": one for part in parts for name, one in measured[part].items()
              if {"error", "not measured"} & one.keys() or one.get("failed")}  # fmt: skip
    assert failed == {}
    assert {one["equal"] for name, one in measured["correctness"].items() if not name.endswith("first")} == {True}
    assert measured["launches"]["vq-vae, quick"]["stages"].keys() == {"main", "prior"}
    tables = gpu.tables.all_of(out)
    assert "| pca | ok | 4 of 4 | equal | equal | not measured |" in tables
    assert f"| vae | {measured['memory']['vae']['parameters']:,} |" in tables


def test_a_failure_costs_one_measurement(gpu: ModuleType, tmp_path: Path) -> None:
    sheet = gpu.Sheet(tmp_path / "gpu.json", "cpu", 60.0)
    sheet.part = "speed"
    sheet.measure("bad", lambda: {"value": 1 / 0})
    sheet.measure("slow", lambda: time.sleep(30) or {}, limit=1.0)
    sheet.measure("good", lambda: {"value": 3})
    kept = json.loads((tmp_path / "gpu.json").read_text())["measured"]["speed"]
    assert kept["bad"]["error"] == "ZeroDivisionError: division by zero"
    assert any("1 / 0" in line for line in kept["bad"]["trace"])
    assert str(tmp_path.anchor + "tests") not in str(kept["bad"]["trace"])
    assert kept["slow"]["error"].startswith("stopped after")
    assert kept["good"]["value"] == 3


def test_another_run_makes_what_there_was_no_time_for_and_nothing_twice(gpu: ModuleType, tmp_path: Path) -> None:
    made: list[str] = []
    path = tmp_path / "gpu.json"
    for seconds in (0.0, 60.0, 60.0):
        sheet = gpu.Sheet(path, "cpu", seconds)
        sheet.part = "slots"
        if seconds:
            sheet.measure("1", lambda: {"value": made.append("1")})
        sheet.measure("2", lambda: {"value": made.append("2")})
        sheet.finish()
        assert sheet.is_done("slots") == bool(seconds)
    assert made == ["1", "2"]


def test_another_process_goes_on_where_one_was_killed(gpu: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "gpu.json"

    def work(left: float) -> None:
        sheet = gpu.Sheet(path, "cpu", left)
        sheet.part = "launches"
        sheet.measure("before", lambda: {"process": os.getpid()})
        sheet.measure("deadly", lambda: os.kill(os.getpid(), signal.SIGKILL) or {})
        sheet.measure("after", lambda: {"process": os.getpid()})

    assert gpu.supervise(work, 60.0) == 0
    kept = json.loads(path.read_text())["measured"]["launches"]
    assert "killed" in kept["deadly"]["error"]
    assert kept["before"]["process"] != kept["after"]["process"]


def test_a_fault_of_the_script_is_not_repeated(gpu: ModuleType, tmp_path: Path) -> None:
    def work(left: float) -> None:
        (tmp_path / "tries").open("a").write("x")
        raise KeyError("a misspelt name")

    assert gpu.supervise(work, 60.0) == 2
    assert (tmp_path / "tries").read_text() == "x"


def test_every_choice_of_the_harness_is_an_option(gpu: ModuleType) -> None:
    import options

    from vaebench.training.devices import CHOICES

    for kind in CHOICES:
        shipped = options.HARNESS[kind]
        assert shipped in options.OPTIONS[kind].values()
        course = options.course_with(shipped, 8, 16, "cpu")
        (stepper,) = course.steppers.values()
        if kind == "cpu":
            assert stepper.optimizer.defaults["fused"] == CHOICES[kind]["fused"]
            assert shipped.last == (CHOICES[kind]["layout"] == "channels_last")


def test_the_page_has_the_tables_of_the_last_run(gpu: ModuleType) -> None:
    """`benchmarks/speed/gpu.json` is that of the last card; without it nothing was measured."""
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    marker = "<!-- the tables of benchmarks/speed/gpu.py: {} -->"
    shown = page.split(marker.format("begin"))[1].split(marker.format("end"))[0]
    assert shown.strip() == gpu.tables.all_of(SPEED / "gpu.json").strip()
