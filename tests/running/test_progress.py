"""`vaebench status` tells what runs say of themselves, whether they live, ended or were killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from hostile_files import FILES, put
from laboratory import Lab, job, run_job
from records_made import record

from vaebench.cli import main
from vaebench.interfaces import Event
from vaebench.records import store
from vaebench.running.progress import ProgressFile, read

pytestmark = pytest.mark.usefixtures("lab")


def status(results: Path, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["status", "--results", str(results)], terminal_width=200)
    assert done.exit_code == code, done.output
    return done.output


def filled(tmp_path: Path) -> Path:
    """A track with one good and one failed record."""
    for model in ("steady", "raising"):
        run_job(job(tmp_path, model))
    return tmp_path / "results"


def test_good_and_failed_trials_with_what_went_wrong(tmp_path: Path) -> None:
    told = status(filled(tmp_path))
    assert "lab@1/tiny/phantom: 1 good, 1 failed (1 exception)" in told
    assert "failed raising on lab-xray, all, seed 0: exception, ValueError: cannot open" in told


def test_a_run_at_work_and_after_it_ended(tmp_path: Path) -> None:
    results = filled(tmp_path)
    track = store.folder_of(results, job(tmp_path).trial)
    slow = job(tmp_path, "slow")
    with ProgressFile(track, total=3) as progress:
        progress.hear(Event("start", slow.job), 90.0)
        event = {"phase": "beat", "stage": "main", "step": 2, "steps": 6, "rate": 95.4, "share": 0.3}
        progress.hear(Event("progress", slow.job, event), 90.0)
        progress.hear(Event("end", job(tmp_path).job, {"record": record(error=("nan", "diverged"))}), 90.0)
        progress.write(90.0)
        told = status(results)
        assert "1 of 3 trials ended, running, 2 min left" in told
        assert "slow on lab-xray, all, seed 0  main 2/6, 95 images/s" in told
    assert "1 of 3 trials ended, finished" in status(results)
    assert "slow on" not in status(results)


@pytest.mark.parametrize("how", FILES)
def test_a_strangers_file_in_place_of_a_progress_file_is_passed_over(tmp_path: Path, how: str) -> None:
    results = filled(tmp_path)
    runs = store.folder_of(results, job(tmp_path).trial) / ".runs"
    runs.mkdir(exist_ok=True)
    put(how, runs / "20250101T000000-0.json")
    (runs / "20250101T000000-1.json").write_text("[" * 100_000)
    assert list(read(runs.parent)) == []
    assert "1 good, 1 failed" in status(results)


def test_a_run_that_was_killed_is_called_cut_off(tmp_path: Path) -> None:
    results = filled(tmp_path)
    track = store.folder_of(results, job(tmp_path).trial)
    child = os.fork()
    if not child:
        with ProgressFile(track, total=3):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert "0 of 3 trials ended, interrupted; run the same command to continue" in status(results)


def test_only_the_last_ended_run_is_remembered_beside_those_alive(tmp_path: Path) -> None:
    track = tmp_path / "track"
    with ProgressFile(track, 1):
        pass
    first = next(read(track)).path
    first.rename(first.with_name("20000101T000000-1.json"))
    with ProgressFile(track, 2):
        (told,) = read(track)
        assert (told.entry["total"], told.state) == (2, "running")


def test_what_is_no_progress_file_is_passed_over(tmp_path: Path) -> None:
    results = filled(tmp_path)
    folder = store.folder_of(results, job(tmp_path).trial) / ".runs"
    folder.mkdir(exist_ok=True)
    (folder / "a.json").write_text("{")
    (folder / "b.json").write_text(json.dumps([1]))
    assert "run of" not in status(results)


def test_an_empty_folder_says_what_to_do(tmp_path: Path, lab: Lab) -> None:
    assert "`vaebench run` creates them" in status(tmp_path, code=2)
