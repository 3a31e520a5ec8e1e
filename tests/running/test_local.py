"""The local executor: whatever kills a trial's process costs that trial alone."""

from __future__ import annotations

import multiprocessing.forkserver
import os
import re
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from laboratory import Lab, Work, job, run_job, site
from msgspec import structs
from slurm_made import wait_for

from vaebench.interfaces import Event
from vaebench.records import store
from vaebench.records.record import Failure, Record
from vaebench.running.executors import local
from vaebench.running.executors.local import Local

pytestmark = pytest.mark.usefixtures("lab")


def run(works: Sequence[Work], slots: int = 2, stop: bool = False) -> tuple[list[Event], dict[str, Record]]:
    """What was told, and the records by model; those on disk are the same."""
    events = list(Local().run([one.job for one in works], site(*works, slots=slots), stop))
    told = {event.job.trial.model.name: event.data["record"] for event in events if event.kind == "end"}
    for one in works:
        path = store.path_of(one.results, one.trial, "cpu")
        assert path.exists() == (one.trial.model.name in told)
        if path.exists():
            assert store.read(path) == told[one.trial.model.name]
    return events, told


def test_whatever_happens_to_a_process_is_one_record_and_the_rest_goes_on(tmp_path: Path) -> None:
    expected = {
        "quitting": ("exception", "the process ended with exit code 3"),
        "exiting": ("exception", "the process ended with exit code 4"),
        "killed": ("signal", "the process was killed by SIGKILL (out of memory, or killed manually)"),
        "faulting": ("signal", "the process was killed by SIGSEGV"),
        "signalled": ("signal", f"the process was killed by signal {signal.SIGRTMIN + 3}"),
        "raising": ("exception", "ValueError: cannot open '…/weights of mine.pt'"),
        "diverging": ("nan", "all became nan at step 0 of stage main"),
    }
    events, told = run([job(tmp_path, model) for model in [*expected, "steady"]])
    assert {model: (record.error.kind, record.error.message) for model, record in told.items()
            if record.error} == expected  # fmt: skip
    assert told["steady"].status == "ok"
    assert next(event.kind for event in events if event.job.trial.model.name == "steady") == "start"
    assert max(event.data["step"] for event in events if event.data.get("phase") == "train") == 6
    assert not list(tmp_path.glob("results/**/*.tmp"))


@pytest.mark.long
def test_a_trial_that_kills_the_fork_server_fails_and_the_others_go_on(tmp_path: Path, lab: Lab) -> None:
    before = len(lab.trained())
    _, told = run([job(tmp_path, "slow", steps=12), job(tmp_path, "patricide")], slots=2)
    error = told["patricide"].error
    assert error and error.kind == "signal"
    assert error.message == "the server that trials are forked from was killed twice during this trial"
    assert told["slow"].status == "ok"
    models = [model for model, _ in lab.trained()[before:]]
    assert sorted(models) == ["patricide"] * 2 + ["slow"] * 2
    assert all(lab.ends(process) for _, process in lab.trained()[before:]), "no process is left"


def test_a_trial_that_says_nothing_more_is_ended(tmp_path: Path, lab: Lab) -> None:
    ends = []
    for one, patience in ((job(tmp_path, "hanging"), 2.0), (job(tmp_path), 900.0)):
        *_, end = Local().run([one.job], replace(site(one), patience=patience))
        ends.append(end.data["record"])
    assert [record.status for record in ends] == ["timeout", "ok"]
    assert ends[0].error == Failure("timeout", "no progress for 2 s")
    assert all(lab.ends(process) for _, process in lab.trained())


def output(work: Work) -> Path:
    return store.artifacts_of(store.path_of(work.results, work.trial, "cpu")) / store.OUTPUT


@pytest.mark.parametrize("options", ["megabytes=0", "megabytes=40", "megabytes=40,fails=yes"])
def test_what_a_trial_prints_is_kept_beside_its_record_and_never_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], options: str
) -> None:
    one = job(tmp_path, f"talkative[{options}]")
    *_, end = Local().run([one.job], site(one))
    assert end.data["record"].status == ("failed" if "fails" in options else "ok")
    assert end.data["output"] == output(one)
    text = output(one).read_text()
    assert text.startswith("from Python in …/mine.py \ufffd[31m\na warning\nfrom C\nfrom a child\n")
    assert "\nthe end\n" in text
    if "40" in options:
        assert re.search(r"\n… 4\d,\d{3},\d{3} bytes left out …\n", text)
        assert len(text) < 70_000
    assert not any(capfd.readouterr())


def test_nothing_is_kept_of_a_trial_that_prints_nothing(tmp_path: Path) -> None:
    one = job(tmp_path)
    output(one).parent.mkdir(parents=True)
    output(one).write_text("of another time")
    *_, end = Local().run([one.job], site(one))
    assert end.data["record"].status == "ok" and end.data["output"] is None
    assert not output(one).exists()


def test_what_a_trial_prints_is_a_sign_of_life(tmp_path: Path) -> None:
    silent, alive = job(tmp_path, "preparing[prints=no]"), job(tmp_path, "preparing[prints=yes]")
    events = list(Local().run([silent.job, alive.job], replace(site(silent, alive, slots=2), patience=4.0)))
    ends = {event.job.trial.id: event.data["record"].status for event in events if event.kind == "end"}
    assert ends == {silent.trial.id: "timeout", alive.trial.id: "ok"}


def test_what_a_trial_started_ends_with_it(tmp_path: Path, lab: Lab) -> None:
    run([job(tmp_path, "parental"), job(tmp_path)])
    children = [process for name, process in lab.trained() if name == "child"]
    assert len(children) == 1 and all(lab.ends(process) for process in children)


def test_an_old_record_does_not_hide_a_failure(tmp_path: Path) -> None:
    killed = job(tmp_path, "killed")
    path = store.path_of(killed.results, killed.trial, "cpu")
    steady = run([job(tmp_path)])[1]["steady"]
    old = structs.replace(steady, id=killed.trial.id, trial=killed.trial)
    store.write(path, old)
    assert run([replace(killed, replaces=store.digest_of(path))])[1]["killed"].error.kind == "signal"


def test_trials_are_spread_over_the_devices_of_a_kind() -> None:
    devices = ("cuda:0", "cuda:1", "cuda:2")
    running: list[Any] = []
    for _ in range(7):
        running.append(SimpleNamespace(device=local.freest(devices, running), holds_slot=True))
    assert [each.device for each in running] == [f"cuda:{i % 3}" for i in range(7)]
    del running[1]
    assert local.freest(devices, running) == "cuda:1"
    running.append(SimpleNamespace(device="cuda:1", holds_slot=True))
    running[1].holds_slot = False  # it is on cuda:2, and measures
    assert local.freest(devices, running) == "cuda:2"


class Scripted:
    """Stands in for a trial's process. It trains until every slot is taken, and measures until as many trials run as
    shall, or until nothing has happened for a while."""

    def __init__(self, most: int, slots: int, jobs: int) -> None:
        self.most, self.slots, self.jobs = most, slots, jobs
        self.started: list[Scripted.Process] = []
        self.peaks = {"training": 0, "running": 0}

    def __call__(self, *given: object) -> Scripted.Process:
        self.started.append(Scripted.Process(self))
        for what in self.peaks:
            self.peaks[what] = max(self.peaks[what], len(self.now(what)))
        return self.started[-1]

    def now(self, what: str) -> list[Scripted.Process]:
        alive = [one for one in self.started if not one.ear.closed]
        return alive if what == "running" else [one for one in alive if not one.measures]

    class Process:
        def __init__(self, script: Scripted) -> None:
            self.script, self.measures, self.asked = script, False, 0
            self.ear, self.mouth = multiprocessing.Pipe(duplex=False)
            self.handles = (self.ear,)
            self.output = SimpleNamespace(read=lambda: False, text=lambda: "", line=lambda: "", length=0)
            self.mouth.send({"phase": "train"})

        def ends(self) -> bool:
            script = self.script
            self.asked += 1
            everybody, patient = len(script.started) == script.jobs, self.asked < 4
            if not self.measures:
                if everybody or not patient or len(script.now("training")) == script.slots:
                    self.measures = True
                    self.mouth.send({"phase": "measure"})
            elif everybody or not patient or len(script.now("running")) == script.most:
                self.mouth.send({"phase": "done", "record": SimpleNamespace(error=None)})
                return True
            self.mouth.send({"phase": "beat"})
            return False

        def orphaned(self) -> bool:
            return False

        def end(self) -> None:
            self.ear.close()


@pytest.mark.parametrize(
    ("device", "slots", "cores", "most"),
    [("cuda:0", 1, 3, 3), ("cuda:0", 2, 4, 4), ("cuda:0", 2, 1, 2), ("cpu", 2, 4, 2), ("cpu", 1, 3, 1)],
)
def test_who_measures_leaves_the_card_to_the_next_and_keeps_a_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, slots: int, cores: int, most: int
) -> None:
    works = [job(tmp_path, seed=seed) for seed in range(7)]
    script = Scripted(most, slots, len(works))
    monkeypatch.setattr(local, "Forked", script)
    monkeypatch.setattr(local.Local, "_record", lambda self, one, site: one.record)
    here = replace(site(*works, slots=slots), devices=(device,), cores=cores)
    events = list(Local().run([one.job for one in works], here))
    assert sum(event.kind == "end" for event in events) == len(works)
    assert script.peaks["training"] <= slots
    assert script.peaks["running"] == most


def test_stop_at_the_first_failure(tmp_path: Path) -> None:
    jobs = [job(tmp_path, "steady"), job(tmp_path, "quitting"), job(tmp_path, "spy"), job(tmp_path, "tied")]
    _, told = run(jobs, slots=1, stop=True)
    assert [(model, record.status) for model, record in told.items()] == [("steady", "ok"), ("quitting", "failed")]


def test_closing_the_iterator_ends_the_workers_and_keeps_what_is_done(tmp_path: Path, lab: Lab) -> None:
    jobs = [job(tmp_path), job(tmp_path, "slow", steps=1000), job(tmp_path, "slow", seed=1, steps=1000)]
    before = len(lab.trained())
    events = Local().run([one.job for one in jobs], site(*jobs, slots=2))
    kinds: list[tuple[str, str]] = []
    while ("end", "steady") not in kinds or ("progress", "slow") not in kinds:
        event = next(events)
        kinds.append((event.kind, event.job.trial.model.name))
    events.close()  # type: ignore[attr-defined]
    assert all(lab.ends(process) for _, process in lab.trained()[before:])
    assert [path.name for path in tmp_path.glob("results/*/*/*/*/*/*.json")] == [f"steady-{jobs[0].trial.id}.json"]


def test_a_scheduler_that_ends_all_processes_at_once_costs_no_training(tmp_path: Path, lab: Lab) -> None:
    """Slurm sends SIGTERM to every process of a job, the server that trials are forked from among them."""
    work, before = replace(job(tmp_path, "held", steps=10), every=1e6), len(lab.trained())
    with lab.holding():
        events = Local().run([work.job], site(work))
        next(event for event in events if event.kind == "progress")
        wait_for(lambda: any(name == "holds" for name, _ in lab.trained()[before:]))
        server: int = multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        os.kill(server, signal.SIGTERM)
        time.sleep(0.5)  # in which it would die
        events.close()  # type: ignore[attr-defined]
    assert work.keeper.path(work.trial).exists()
    _, told = run([work])
    assert told["held"].cost is not None and told["held"].cost.times_resumed == 1


@pytest.mark.parametrize("model", ["steady", "vae[latent=3]"])
def test_records_do_not_depend_on_where_and_beside_what_a_trial_runs(tmp_path: Path, model: str) -> None:
    here = run_job(job(tmp_path / "0", model))
    alone = run([job(tmp_path / "1", model)], slots=1)[1]
    beside = run([job(tmp_path / "2", "spy"), job(tmp_path / "2", model)], slots=2)[1]
    name = here.trial.model.name
    assert here.metrics == alone[name].metrics == beside[name].metrics
    assert here.curve == alone[name].curve
    assert here.device.threads == 1


def test_a_results_folder_that_cannot_be_written_is_an_os_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = job(tmp_path)
    (tmp_path / "results").write_text("a file")
    with pytest.raises(OSError, match="results"):
        list(Local().run([one.job], site(one)))
    assert "Traceback" not in capfd.readouterr().err
    assert (tmp_path / "results").read_text() == "a file"
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
