"""The command line as a user types it: answers, exit codes, resuming, interrupting, two at once."""

from __future__ import annotations

import json
import multiprocessing.forkserver
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from laboratory import Lab
from records_made import metric, record

from vaebench.cli import main
from vaebench.records import store
from vaebench.records.record import Record, to_json
from vaebench.report.track import Track

pytestmark = pytest.mark.usefixtures("lab")
PROGRAM = [sys.executable, "-P", "-c", "from vaebench.cli import main; main(prog_name='vaebench')"]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands of this test leave and find records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAEBENCH_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


def vaebench(*words: str, code: int = 0) -> str:
    """What a command printed, errors after the rest; its exit code is as expected and there is no traceback."""
    result: Result = CliRunner().invoke(main, words)
    told = result.stdout + result.stderr
    assert result.exit_code == code, f"{told}{result.exception!r}"
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in told
    return told


def lab_run(*words: str, code: int = 0) -> str:
    return vaebench("run", "--suite", "lab", *words, code=code)


def found(results: Path) -> dict[str, Record]:
    """File name -> record; every one must be whole."""
    return {path.name: store.read(path) for path in sorted(results.glob("*/*/*/*/*/*.json"))}


def answers(results: Path) -> dict[str, str]:
    return {name: json.dumps(to_json(record)["metrics"]) for name, record in found(results).items()}


def commands(group: click.Group, *way: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *way, name)
        else:
            yield (*way, name), command


def test_a_record_is_shown_with_the_parts_of_its_numbers(tmp_path: Path) -> None:
    parts = {"viral [?]": {"value": 0.71, "error": 0.025, "n": 40}}
    made = record(metrics={"svc": metric("svc", 0.5, parts=parts, variant="hardest")})
    store.write(tmp_path / "made.json", made)
    lines = [" ".join(line.split()) for line in vaebench("show", str(tmp_path / "made.json")).splitlines()]
    assert lines[lines.index("svc[hardest] 0.5 0.01 100 higher") + 1] == "viral [?] 0.71 0.025 40 higher"


@pytest.mark.parametrize("command", ["show", "status", "leaderboard", "verify-results", "warning"])
def test_nothing_that_a_record_says_reaches_the_terminal_as_a_command(tmp_path: Path, command: str) -> None:
    evil = "a\x1b[31m\x1b]8;;http://e\x07b\u202ec\x9b2Jd"
    made = record(evil, {"svc": metric("svc", 0.5)}, suite="medical@1", dataset=evil)
    failed = record(evil, error=("nan", evil), suite="medical@1", seed=1)
    paths = [store.path_of(tmp_path, one.trial, "cpu") for one in (made, failed)]
    for path, one in zip(paths, (made, failed), strict=True):
        store.write(path, one)
    if command == "warning":
        paths[0].with_name(f"x\x1b[31m-{made.id}.json").write_text("{")
    words = {
        "show": ["show", str(paths[1])],
        "status": ["status", "--results", str(tmp_path)],
        "verify-results": ["verify-results", str(tmp_path)],
    }.get(command, ["leaderboard", "--suite", "medical", "--results", str(tmp_path), "--all"])
    done = CliRunner().invoke(main, words)
    assert done.exit_code in (0, 1) and (command == "verify-results" or "a\ufffd[31m" in done.output), done.output
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(done.output)


@pytest.mark.parametrize("way", [way for way, _ in commands(main)], ids=" ".join)
def test_every_command_has_help_with_an_example_and_says_what_each_option_is(way: tuple[str, ...]) -> None:
    told = vaebench(*way, "--help")
    assert re.search(rf"Examples?:\n\s+vaebench {' '.join(way)}", told)
    command = dict(commands(main))[way]
    assert command.short_help
    assert not [p.name for p in command.params if isinstance(p, click.Option) and not p.help]


def test_help_of_the_whole_names_every_command() -> None:
    told = vaebench("--help")
    assert all(f"  {name} " in told for name in main.commands)
    assert vaebench("-h") == told
    assert re.fullmatch(r"vaebench \d+\.\d+\.\d+\n", vaebench("--version"))


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("run -m stedy", "no model 'stedy'. Did you mean 'steady'"),
        ("run -d lab-xrays", "no dataset 'lab-xrays'. Did you mean 'lab-xray'"),
        ("run --suite labb", "no suite 'labb'. Did you mean 'lab'"),
        ("run --suite none.toml", "Cannot read the suite file none.toml"),
        ("run --preset tyny", "has no preset 'tyny'. Did you mean 'tiny'"),
        ("run -m vae[loss=bec]", "no loss 'bec'. Did you mean 'bce'"),
        ("run -m vae[latent=abc]", "latent=abc is not a whole number. vae accepts beta: a number = 1.0, "),
        ("run -m vae[latent=-3]", "latent"),
        ("run -m vae[latent", "'vae[latent' is not of the form NAME or NAME[param=value,...]"),
        ("run -m vae[lattent=1]", "no parameter 'lattent'. Did you mean 'latent'? vae accepts beta: a number"),
        ("run --seeds x", "--seeds 'x' is not a list of integers such as 0,1,2"),
        ("run --seeds 1,1", "distinct integers"),
        ("run --seeds -1", "distinct integers, 0 or larger"),
        ("run --device cuda:9", "Device 'cuda:9' was not found: PyTorch sees"),
        ("run --device gpu", "There is no device 'gpu': use auto, cpu, cuda or cuda:NUMBER"),
        ("run --source real", "There is no real data for these datasets in "),
        ("run -j 0", "-j"),
        ("run --sed 1", "--seeds"),
        ("run none.json", "none.json"),
        ("leaderboard", "There are no records of lab@1"),
        ("leaderboard --preset tyny", "no preset 'tyny'. Did you mean 'tiny'"),
        ("show vea", "no component or suite 'vea'. Did you mean 'vae'"),
        ("show none.json", "There is no file none.json"),
        ("check vea", "no component or suite 'vea'. Did you mean 'vae'"),
        ("list model", "'models'"),
        ("data status lab-xrays", "no dataset 'lab-xrays'. Did you mean 'lab-xray'"),
        ("data fetch lab-residual", "lab-residual cannot be fetched: the metric needs no file"),
        ("data fetch lab-xray", "ask [bold]the lab[/bold]"),
        ("data audit lab-xray", "The real images of lab-xray are not in"),
        ("rn", "run"),
    ],
)
def test_a_mistake_is_answered_in_words_with_exit_code_2(results: Path, words: str, answer: str) -> None:
    command, *rest = words.split()
    suite = ["--suite", "lab"] if command in ("run", "leaderboard") and "--suite" not in rest else []
    assert answer in " ".join(vaebench(command, *suite, *rest, code=2).split())
    assert not results.exists()


def test_a_run_its_board_and_a_second_run_that_trains_nothing(results: Path, lab: Lab) -> None:
    told = lab_run()
    assert "lab@1 / tiny / phantom: 4 trials on 1 dataset, 8 px, device cpu" in told
    assert "No real data in" in told
    assert "Estimated time: " in told
    assert "[4/4] " in told
    assert {(record.status, record.trial.regime) for record in found(results).values()} == {
        ("ok", "all"),
        ("ok", "healthy"),
    }
    assert len(found(results)) == 4
    track = results / "lab@1" / "tiny" / "phantom"
    assert {"leaderboard.md", "leaderboard.csv", "leaderboard.json"} <= {path.name for path in track.iterdir()}
    wrote, *last = told.splitlines()[-6:]
    assert re.match(rf"Wrote \d+ files to {re.escape(str(track))}: leaderboard \(.*\.html.*\), boards/", wrote)
    assert [line.partition(": ")[0] for line in last] == ["Best", "Beats every floor", "Failed", "Time", "Page"]
    assert last[2] == "Failed: none of 4 trials"
    assert last[4] == f"Page: {(track / 'leaderboard.html').as_uri()}"
    assert "steady" in (track / "leaderboard.md").read_text()

    trained, before = lab.trained(), {path: path.stat().st_mtime_ns for path in results.glob("*/*/*/*/*/*.json")}
    told = lab_run()
    assert "Nothing to train: every trial has a good record." in told
    assert "steady" in told.partition("Nothing to train")[2], "the board comes all the same"
    assert lab.trained() == trained
    assert {path: path.stat().st_mtime_ns for path in before} == before

    first = answers(results)
    gone = next(path for path in before if store.read(path).trial.model.params)
    gone.unlink()
    told = lab_run()
    assert "3 done already, 1 to do" in told
    assert len(lab.trained()) == len(trained) + 1
    assert answers(results) == first, "the same bytes again"

    other = results.parent / "other"
    assert "[1/1] steady[gain=2.0] on lab-xray" in vaebench("run", str(gone), "--results", str(other))
    assert answers(other) == {gone.name: first[gone.name]}
    assert "already determines the trial" in " ".join(vaebench("run", str(gone), "-m", "steady", code=2).split())

    count = len(lab.trained())
    assert "Trials are repeated" in lab_run("--force", "-m", "steady")
    assert len(lab.trained()) == count + 2
    assert answers(results) == first

    for words in (["--suite", "lab"], ["--suite", "lab", "--preset", "tiny", "--source", "phantom", "--format", "csv"]):
        assert "steady" in vaebench("leaderboard", *words)
    assert "steady[gain=2.0]" in vaebench("show", str(gone))
    assert f"repeat this trial: vaebench run {gone}" in vaebench("show", str(gone))

    gone.write_text("{}")
    told = lab_run()
    assert f"{gone} is not a valid record" in told.replace("\n", "")
    assert "3 done already, 1 to do" in told
    assert answers(results) == first


def test_failures_are_told_and_done_again_when_asked(results: Path, lab: Lab) -> None:
    (lab.folder / "cure").unlink(missing_ok=True)
    told = lab_run("-m", "flaky", "-m", "steady", "-m", "quitting", code=1)
    assert "flaky on lab-xray, all, seed 0: failed (exception): RuntimeError: not yet" in told
    assert "Failed: 4 of 6 trials; `vaebench status` shows why" in told
    count = len(lab.trained())
    (lab.folder / "cure").touch()
    told = lab_run("-m", "flaky", "-m", "steady", "--lf")
    assert {model for model, _ in lab.trained()[count:]} == {"flaky"}
    assert len(lab.trained()) == count + 2
    assert "Nothing to train" in lab_run("-m", "flaky", "-m", "steady", "--lf")
    count = len(lab.trained())
    lab_run("-m", "quitting", "-m", "spy", "-x", "-j", "1", code=1)
    assert len(lab.trained()) == count + 1


def test_a_dry_run_of_many_trials_is_a_summary(results: Path) -> None:
    seeds = ",".join(map(str, range(2500)))
    told = lab_run("--dry-run", "--seeds", seeds, "-m", "steady", "-m", "steady[gain=2]")
    assert len(told.splitlines()) < 12
    assert "steady: 5000 trials, ~" in told and "steady[gain=2.0]: 5000 trials, ~" in told
    assert "  lab-xray: 10000 trials, ~" in told and "Seeds: 2500 in total; regimes: all, healthy" in told
    assert f"Records would be written to {results / 'lab@1/tiny/phantom'}" in told


def test_a_dry_run_trains_nothing_and_writes_nothing(results: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = len(lab.trained())
    monkeypatch.setenv("VAEBENCH_CACHE", str(results.parent / "cache"))
    told = lab_run("--dry-run", "--seeds", "7")
    assert "steady[gain=2.0]: 2 trials, ~" in told and "Seeds: 7; regimes: all, healthy" in told
    assert len(lab.trained()) == trained
    assert not list(results.parent.iterdir())


def test_names_are_never_read_as_markup(results: Path) -> None:
    told = vaebench("run", "--suite", "lab", "-m", "steady[gain=3]", "-d", "lab-xray[diseased=yes]", "--dry-run")
    assert "  steady[gain=3.0]: " in told and "  lab-xray[diseased=true]: " in told
    assert "'[bold]vae' is not of the form" in vaebench("run", "--suite", "lab", "-m", "[bold]vae", code=2)
    assert "ask [bold]the lab[/bold]" in vaebench("data", "status", "lab-xray")


def test_colour_only_where_it_is_wanted(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in vaebench("list", "suites")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1" in vaebench("data", "status", "lab-xray") or "\x1b[3" in vaebench("data", "status", "lab-xray")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", vaebench("data", "status", "lab-xray"))


def start(*words: str, **options: object) -> subprocess.Popen[str]:
    """A run of the suite `lab` as a program of its own, in a group of its own."""
    return subprocess.Popen(
        [*PROGRAM, "run", "--suite", "lab", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options,  # type: ignore[call-overload]
    )  # fmt: skip


def until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if true():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    raise AssertionError("it never came")


SLOW = ("-m", "steady", "-m", "slow", "--seeds", "0,1,2", "-j", "2")


def test_kill_9_of_the_whole_run_and_the_next_run(results: Path, lab: Lab) -> None:
    before = len(lab.trained())
    with lab.holding():
        driver = start(*SLOW)
        until(lambda: len(found(results)) >= 1 and lab.trained()[-1][0] == "slow", driver)
        driver.kill()
        driver.communicate()
    assert all(lab.ends(process) for _, process in lab.trained()[before:]), "no orphan is left"
    kept = answers(results)
    assert 1 <= len(kept) < 12

    count = len(lab.trained())
    told = lab_run(*SLOW)
    assert f"{len(kept)} done already, {12 - len(kept)} to do" in told
    assert len(lab.trained()) == count + 12 - len(kept)
    everything = answers(results)
    assert len(everything) == 12
    assert {name: everything[name] for name in kept} == kept


@pytest.mark.parametrize("asked", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_being_asked_to_stop_is_answered_as_ctrl_c_is(results: Path, lab: Lab, asked: signal.Signals) -> None:
    before = len(lab.trained())
    with lab.holding():
        driver = start(*SLOW)
        until(lambda: len(found(results)) >= 1 and lab.trained()[-1][0] == "slow", driver)
        driver.send_signal(asked)
        _, errors = driver.communicate()
    assert driver.returncode == 130
    assert "of 12 trials ended. Finished work is kept" in errors and "Traceback" not in errors
    assert all(lab.ends(process) for _, process in lab.trained()[before:])
    assert not list(results.glob("**/*.lease"))


@pytest.mark.long
def test_being_asked_to_stop_while_data_are_prepared(results: Path, lab: Lab, tmp_path: Path) -> None:
    before = len(lab.trained())
    driver = start("-d", "lab-trouble[does=hang]")
    until(lambda: len(lab.trained()) > before, driver)
    driver.send_signal(signal.SIGTERM)
    _, errors = driver.communicate()
    assert driver.returncode == 130
    assert "Interrupted. Finished work is kept" in errors and "Traceback" not in errors
    assert lab.ends(lab.trained()[before][1])


@pytest.mark.long
def test_ctrl_c_in_a_folder_with_a_copy_py(results: Path, lab: Lab) -> None:
    """A `copy.py` where the user works must not be taken for Python's."""
    (results.parent / "copy.py").write_text("raise SystemExit('taken for the real one')")
    before = len(lab.trained())
    with lab.holding():
        driver = start(*SLOW)
        until(lambda: len(found(results)) >= 1 and lab.trained()[-1][0] == "slow", driver)
        os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to all of them
        _, errors = driver.communicate()
    assert driver.returncode == 130
    assert "Traceback" not in errors, errors
    assert re.search(r"Interrupted: \d+ of 12 trials ended\. Finished work is kept\.", errors), errors
    assert f"  vaebench run --suite lab {shlex.join(SLOW)}\n" in errors, "the command that continues"
    assert all(lab.ends(process) for _, process in lab.trained()[before:])
    assert 1 <= len(found(results)) < 12


@pytest.mark.long
def test_two_runs_in_one_folder_share_the_work(results: Path, lab: Lab) -> None:
    count = len(lab.trained())
    other = start(*SLOW)
    until(lambda: len(lab.trained()) > count, other)
    lab_run(*SLOW)
    told, errors = other.communicate()
    assert (other.returncode, errors) == (0, "")
    assert "\x1b" not in told, "plain lines when piped"
    assert len(found(results)) == 12
    assert len(lab.trained()) == count + 12, "no trial was trained twice"
    assert not list(results.glob("**/.*.tmp"))


def test_a_folder_that_is_only_to_be_read(results: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(lab.trained())
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    told = lab_run(code=1)
    assert "Records cannot be written" in told and str(results) in told.replace("\n", "")
    assert "Traceback" not in told
    assert len(lab.trained()) == before


def test_a_full_disk_costs_nothing_that_is_there(results: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lab_run()
    everything = answers(results)
    server = multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    room = resource.getrlimit(resource.RLIMIT_FSIZE)
    for process in (server, 0):  # files of at most 1 KiB: no record fits, in no process
        resource.prlimit(process, resource.RLIMIT_FSIZE, (1024, room[1]))
    try:
        told = lab_run("--seeds", "0,9", code=1)
    finally:
        for process in (server, 0):
            resource.prlimit(process, resource.RLIMIT_FSIZE, room)
    assert "File too large" in told
    assert "Finished work is kept." in told
    assert "Traceback" not in capfd.readouterr().err
    assert answers(results) == everything
    assert not list(results.glob("**/.*.tmp"))
    assert "4 done already, 4 to do" in lab_run("--seeds", "0,9")


def test_a_board_is_written_as_soon_as_a_seed_is_complete(results: Path) -> None:
    told = lab_run("--seeds", "3,4", "-m", "steady", "-j", "1")
    early, _ = told.split("Seed 3 is complete: Wrote ")
    assert "Wrote" not in early
    assert "Seed 4" not in told, "the last seed's board is the board"
    assert (results / "lab@1/tiny/phantom/leaderboard.md").exists()


def test_a_board_that_fails_after_a_seed_does_not_stop_the_trials(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, calls = Track.board, []

    def fails_once(track: Track) -> Any:
        calls.append(track)
        if len(calls) == 1:
            raise RuntimeError("a planted fault")
        return board(track)

    monkeypatch.setattr(Track, "board", fails_once)
    told = lab_run("--seeds", "3,4", "-m", "steady", "-j", "1")
    assert "The board after seed 3 could not be made (RuntimeError: a planted fault); the trials continue." in told
    assert "Wrote" in told and len(answers(results)) == 4
