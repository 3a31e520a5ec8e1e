"""Trials through pilots on a stand-in for Slurm: equal to those done here, whatever strikes the pilots."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from laboratory import Lab, Work, job, run_job, site
from slurm_made import Cluster, cluster, wait_for

from vaebench.components.parameters import split_spec
from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.interfaces import Event
from vaebench.records import store
from vaebench.records.record import Record
from vaebench.running import batch
from vaebench.running.claims import Claims, folder_of
from vaebench.running.executors import slurm
from vaebench.running.executors.slurm import Slurm


@pytest.fixture(scope="module")
def there(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("slurm")) as made:
        yield made


@pytest.fixture(autouse=True)
def quick(there: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(there.folder / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(slurm, "PAUSE", 0.1)


@dataclass
class Hold:
    """Holds the model `held` in the middle of its training."""

    lab: Lab
    before: int

    def until_training(self) -> None:
        """Wait until it is there."""
        wait_for(lambda: any(name == "holds" for name, _ in self.lab.trained()[self.before :]))

    def end(self) -> None:
        (self.lab.folder / "hold").unlink(missing_ok=True)


@pytest.fixture
def hold(lab: Lab) -> Iterator[Hold]:
    (lab.folder / "hold").touch()
    made = Hold(lab, len(lab.trained()))
    yield made
    made.end()


def held(folder: Path, **options: Any) -> Work:
    return replace(job(folder, "held", steps=10), **options)


def stored(work: Work) -> Record:
    return store.read(work.sink.path(work.trial))


def same(work: Work, expected: Work) -> bool:
    """Whether two folders hold the same answer to a trial, to the bit."""
    one, two = stored(work), stored(expected)
    fields = ("status", "metrics", "curve", "weights", "inputs", "settings", "device")
    paths = [store.weights_of(each.sink.path(each.trial)) for each in (work, expected)]
    return (
        all(getattr(one, name) == getattr(two, name) for name in fields)
        and len({path.read_bytes() for path in paths}) == 1
    )


def run(made: Slurm, works: Sequence[Work]) -> Iterator[Event]:
    return made.run([work.job for work in works], site(*works, slots=made.slots(("cpu",))))


def leases(work: Work) -> list[Path]:
    return list(folder_of(store.folder_of(work.results, work.trial)).glob("*.lease"))


def test_pilots_do_what_this_machine_does(there: Cluster, tmp_path: Path) -> None:
    works = [job(tmp_path / "a", "talkative"), job(tmp_path / "a", seed=1), job(tmp_path / "a", "raising")]
    setup = f"export MADE=yes; touch {tmp_path}/$MADE"
    made = Slurm(pilots=2, cpus=2, partition="long", minutes=3, memory=4, setup=setup, options="--qos=low --nice")
    events = list(run(made, works))
    for kind in ("start", "end"):
        assert sorted(event.job.trial.id for event in events if event.kind == kind) == sorted(w.trial.id for w in works)
    for work in works:
        expected = replace(work, results=tmp_path / "b")
        run_job(expected)
        if stored(work).error:
            assert stored(work).error == stored(expected).error
        else:
            assert same(work, expected)
    ends = {event.job.trial.id: event.data for event in events if event.kind == "end"}
    assert "from a child" in ends[works[0].trial.id]["output"].read_text()
    assert ends[works[1].trial.id] == {"record": stored(works[1]), "output": None}
    assert (tmp_path / "yes").exists()
    words = there.submitted()[-1]
    assert {"--parsable", "--partition=long", "--mem=4G", "--time=3", "--signal=B:USR1@45", "--requeue", "--qos=low",
            "--nice", "--cpus-per-task=2", "--array=0-1"} < set(words)  # fmt: skip


def test_what_is_done_ends_at_once_without_a_pilot(there: Cluster, tmp_path: Path) -> None:
    work = job(tmp_path)
    asked = work.job
    run_job(work)
    before = there.submitted()
    (end,) = Slurm().run([asked], site(work))
    assert (end.kind, end.data["record"]) == ("end", stored(work))
    assert there.submitted() == before


@pytest.mark.parametrize(("strike", "submissions"), [("preempt", 1), ("limit", 2), ("kill", 1), ("cancel", 2)])
def test_a_pilot_that_is_struck_goes_on_from_a_checkpoint(
    there: Cluster, lab: Lab, hold: Hold, tmp_path: Path, strike: str, submissions: int
) -> None:
    """A pilot saves first, but for one whose node dies: that has what was saved before. One that was cancelled by hand
    is replaced by the driver."""
    work = held(tmp_path / "a", every=0.0 if strike == "kill" else 1e6)
    known = len(there.submitted())
    events = run(Slurm(), [work])
    assert next(events).kind == "start"
    hold.until_training()
    there.ask(strike)
    if strike == "kill":
        hold.end()
    (end,) = [event for event in events if event.kind == "end"]
    assert end.data["record"].error is None and end.data["record"].cost.times_resumed == 1
    assert len(there.submitted()) - known == submissions
    hold.end()
    expected = replace(work, results=tmp_path / "b")
    run_job(expected)
    assert same(work, expected) and not leases(work)


def test_a_driver_that_was_killed_is_followed_by_one_that_submits_nothing(
    there: Cluster, hold: Hold, tmp_path: Path
) -> None:
    """A detached run is one whose driver ended without a word."""
    work, known = held(tmp_path), len(there.submitted())
    asked = work.job
    told = Slurm().submit([asked], site(work))
    assert told.startswith("1 trials were submitted as the Slurm jobs ")
    hold.until_training()
    events = Slurm().run([asked], site(work))
    assert next(events).kind == "start"
    hold.end()
    (end,) = events
    assert end.data["record"] == stored(work) and stored(work).error is None
    assert len(there.submitted()) - known == 1 and stored(work).cost.times_resumed == 0


def test_closing_cancels_the_pilots_and_keeps_what_was_trained(hold: Hold, tmp_path: Path) -> None:
    work = held(tmp_path, every=1e6)
    events = run(Slurm(), [work])
    next(events)
    hold.until_training()
    events.close()
    hold.end()
    assert batch.states() == {} and not leases(work)
    assert work.keeper.path(work.trial).exists() and not work.sink.path(work.trial).exists()
    *_, end = run(Slurm(), [work])
    assert end.data["record"].cost.times_resumed == 1


def test_pilots_that_cannot_work_are_told_with_their_words(tmp_path: Path) -> None:
    work = job(tmp_path)
    with pytest.raises(UserError, match=r"(?s)All pilots ended without completing a trial\. .*no such module"):
        list(run(Slurm(setup="echo no such module; exit 3"), [work]))
    assert not work.sink.path(work.trial).exists()


def test_what_sbatch_refuses_is_told_in_its_words_and_leaves_nothing(tmp_path: Path) -> None:
    work = job(tmp_path)
    with pytest.raises(UserError, match=r"sbatch .* failed: .*this QOS takes no jobs"):
        list(run(Slurm(options="--qos=closed"), [work]))
    assert not list(batch.batches(store.folder_of(work.results, work.trial)))


def test_a_queue_that_does_not_answer_is_waited_for_and_nothing_is_submitted_meanwhile(
    there: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, known = job(tmp_path), len(there.submitted())
    events = run(Slurm(), [work])
    with monkeypatch.context() as silent:
        silent.setattr(batch, "states", lambda: None)
        with pytest.raises(UserError, match="squeue does not respond"):
            next(run(Slurm(), [work]))
        assert len(there.submitted()) == known
    assert next(events).kind == "start"
    monkeypatch.setattr(batch, "states", lambda: None)
    monkeypatch.setattr(slurm, "ENDING", 0.2)
    assert [event.kind for event in events] == ["end"]
    assert len(there.submitted()) == known + 1


def test_a_trial_that_takes_its_machine_along_is_tried_three_times(tmp_path: Path) -> None:
    work = job(tmp_path)
    for _ in range(3):  # each claims it and dies
        with Claims(work.sink) as claims:
            claim = claims.take(work.trial)
        assert claim
        dead = replace(claim.lease, process=2**30)  # of this machine, and gone
        claim.path.write_bytes(dead.packed())
    (end,) = [event for event in run(Slurm(), [work]) if event.kind == "end"]
    assert end.data["record"].error.kind == "lost"


def test_the_script_starts_this_vaebench(tmp_path: Path) -> None:
    done = subprocess.run([*slurm.START, "work", "--help"], capture_output=True, text=True, check=True)
    assert "Slurm starts this command" in done.stdout


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("slurm[pilots=0]", "1 or more"), ("slurm[per_gpus=2]", "Did you mean 'per_gpu'"), ("slurm[minutes=-1]", "1 or")],
)
def test_a_mistake_is_told_before_anything_is_submitted(text: str, complaint: str) -> None:
    from vaebench.planning.names import chosen_executor

    with pytest.raises(UserError, match=complaint):
        chosen_executor(text)


def test_the_example_of_the_page_is_understood() -> None:
    text = 'slurm[pilots=100,partition=gpu,gpus=1,per_gpu=2,minutes=240,memory=16,setup="module load cuda"]'
    assert split_spec(text)[1]["setup"] == "module load cuda"
    made = registry().create("executors", registry().spec("executors", text)[1])
    assert made.slots(("cuda:0",)) == 200 and made.cpus == 4
    assert made.options == ["--partition=gpu", "--gres=gpu:1", "--mem=16G"]
