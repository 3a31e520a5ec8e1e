"""Trials on a Ray cluster whose nodes are processes of this machine. Each has a cache of its own, and they share no
results folder. What strikes waits until a trial has left a checkpoint, or is known not to have one."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from killing import changed, finish, start
from laboratory import Lab, Work, answers, job, run_job, site

from vaebench.cli import main
from vaebench.interfaces import Event
from vaebench.records import store
from vaebench_ray import executor
from vaebench_ray.executor import Ray
from vaebench_ray.tasks import Tasks

pytestmark = [pytest.mark.integrations, pytest.mark.usefixtures("lab")]

STORE = 100 * 2**20
SOON = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 500, "health_check_failure_threshold": 6}
"""A dead node is missed after 3 seconds; by default, that takes 15."""
PATIENCE = 400.0
"""Seconds in which something must come to pass."""


@dataclass
class Machines:
    """A cluster: a head that does no trials, and nodes that come and go."""

    cluster: Any
    folder: Path
    nodes: list[Any] = field(default_factory=list)

    def add(self, **environment: str) -> Any:
        cache = str(self.folder / f"node{len(list(self.folder.iterdir()))}")
        Path(cache).mkdir()
        given = {"num_cpus": 2, "num_gpus": 2, "object_store_memory": STORE}
        node = self.cluster.add_node(**given, env_vars={"VAEBENCH_CACHE": cache, **environment})
        self.nodes.append(node)
        return node

    def kill(self, node: Any) -> None:
        self.nodes.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)

    def executor(self, **given: Any) -> Ray:
        return Ray(self.cluster.address, **given)


@pytest.fixture(scope="module")
def machines(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_worker_niceness", "0")
        import ray
        from ray.cluster_utils import Cluster

        spared = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
        head = {"num_cpus": 0, "object_store_memory": STORE, "_system_config": SOON, **spared}
        made = Machines(Cluster(initialize_head=True, head_node_args=head), tmp_path_factory.mktemp("nodes"))
        made.add()
        yield made
        ray.shutdown()
        for node in [*made.nodes, made.cluster.head_node]:
            made.cluster.remove_node(node, allow_graceful=False)


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """Runs an executor while the test looks on. If the test fails meanwhile, the run ends as well."""
    with ThreadPoolExecutor(1) as pool, pytest.MonkeyPatch.context() as patch:
        yield pool
        patch.setattr(Tasks, "hear", lambda self: pytest.fail("the test ended before the run"))
        pool.shutdown()


def until(true: Callable[[], Any], run: Future[Any] | None = None, seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert run is None or not run.done(), run and run.result()
        assert time.monotonic() < end, "it does not come to pass"
        time.sleep(0.02)


def noted(lab: Lab, name: str) -> list[int]:
    return [process for what, process in lab.trained() if what == name]


def notes(events: list[Event], of: Work) -> str:
    return " | ".join(
        event.data["text"]
        for event in events
        if event.kind == "progress" and event.job.trial.id == of.trial.id and event.data["phase"] == "note"
    )


def left(work: Work) -> Mapping[str, Any]:
    """What must be the same wherever, and in however many pieces, a trial was done."""
    record = store.read(work.sink.path(work.trial))
    fields = ("status", "curve", "metrics", "weights", "inputs", "device")
    weights = store.weights_of(work.sink.path(work.trial)).read_bytes()
    return {**{name: getattr(record, name) for name in fields}, "file": weights}


def test_a_suite_gives_the_records_of_this_machine(machines: Machines, tmp_path: Path) -> None:
    def run(*words: str) -> None:
        told = CliRunner().invoke(main, ["run", "--suite", "lab", *words])
        assert told.exit_code == 0, f"{told.output}{told.exception!r}"

    run("--results", str(tmp_path / "there"), "--executor", f"ray[address={machines.cluster.address}]")
    assert list(machines.folder.glob("*/ready/by-digest-*/about.json")), "data were sent to a node"
    run("--results", str(tmp_path / "here"))
    assert len(answers(tmp_path / "here")) == 4
    assert answers(tmp_path / "there") == answers(tmp_path / "here")


@pytest.mark.long
def test_a_trial_sees_the_card_that_it_was_given_and_no_other(
    machines: Machines, lab: Lab, beside: ThreadPoolExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two halves of a card, and later of the other one, in trials forked from the same servers: these were started when
    the first card was given, and know of no other."""
    import ray

    class Holder:
        """Occupies a whole card."""

        def card(self) -> int:
            (card,) = ray.get_gpu_ids()
            return int(card)

    def held() -> tuple[Any, int]:
        holder = ray.remote(num_gpus=1, num_cpus=0)(Holder).remote()
        return holder, ray.get(holder.card.remote(), timeout=PATIENCE)

    def seen(cards: str, first: int) -> set[int]:
        """The servers of two trials at the same time, both of which see these cards."""
        works = [job(tmp_path, "carded", seed=seed, steps=2) for seed in (first, first + 1)]
        known = len(lab.trained())
        with lab.holding():
            jobs = [work.job for work in works]
            run = beside.submit(lambda: list(machines.executor(gpus=0.5).run(jobs, site(*works, slots=2))))
            until(lambda: len([one for one in lab.trained()[known:] if one[0] == "carded"]) == 2, run)
        assert [event.data["record"].error for event in run.result() if event.kind == "end"] == [None, None]
        found = [one for one in lab.trained()[known:] if one[0].startswith("card") and one[0] != "carded"]
        assert {name for name, _ in found} == {f"card{cards}"}
        return {server for _, server in found}

    monkeypatch.setattr(executor, "check_device", lambda *_: None)  # the cards are not there
    executor.connect(machines.cluster.address)
    (one, first), (other, second) = held(), held()
    ray.kill(one)
    servers = seen(str(first), 0)
    one, again = held()
    assert again == first
    ray.kill(other)
    assert seen(str(second), 2) == servers, "the processes of the node are used again"
    ray.kill(one)


@pytest.mark.long
def test_a_node_is_lost_before_and_after_a_checkpoint(
    machines: Machines, lab: Lab, beside: ThreadPoolExecutor, tmp_path: Path
) -> None:
    after, before = (replace(job(tmp_path / "there", name, steps=10), every=0.0) for name in ("held", "slow"))
    undisturbed = [job(tmp_path / "here", name, steps=10) for name in ("held", "slow")]
    for work in undisturbed:
        run_job(work)
    known = len(noted(lab, "slow"))
    keep = tmp_path / "keep"
    with lab.holding():
        jobs = [after.job, before.job]
        run = beside.submit(lambda: list(machines.executor(keep=str(keep)).run(jobs, site(after, before, slots=2))))
        until(lambda: noted(lab, "holds") and len(noted(lab, "slow")) > known, run)
        assert len(list(keep.glob("**/checkpoint"))) == 1
        processes = [noted(lab, "holds")[-1], noted(lab, "slow")[-1]]
        machines.add()
        machines.kill(machines.nodes[0])
        assert all(lab.ends(process) for process in processes)
    events = run.result()
    assert "attempt 1 of 3 was lost" in notes(events, after) and "resumed" in notes(events, after)
    assert "attempt 1 of 3 was lost" in notes(events, before) and "resumed" not in notes(events, before)
    assert [left(work) for work in (after, before)] == [left(work) for work in undisturbed]
    assert not list(keep.glob("**/checkpoint"))


@pytest.mark.long
def test_nodes_that_are_not_fit_are_left_out_and_their_trials_done_elsewhere(
    machines: Machines, beside: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """One has another version of a plugin, the other one no vaebench at all."""
    (tmp_path / "hides").mkdir()
    (tmp_path / "hides" / "sitecustomize.py").write_text("import sys; sys.modules['vaebench'] = None")
    odd = [machines.add(LAB_VERSION="2"), machines.add(PYTHONPATH=str(tmp_path / "hides"))]
    works = [job(tmp_path, "slow", seed=seed, steps=5) for seed in range(8)]
    events = list(machines.executor(retries=0).run([work.job for work in works], site(*works, slots=8)))
    for node in odd:
        machines.kill(node)
    told = " | ".join(notes(events, work) for work in works)
    assert "is left out: model slow is version 2 here and version 1 in the plan" in told
    assert "is left out: it cannot read its task (ModuleNotFoundError: " in told
    assert [left(work)["status"] for work in works] == ["ok"] * 8


def test_a_folder_that_takes_no_record_ends_the_run_and_all_its_trials(
    machines: Machines, lab: Lab, beside: ThreadPoolExecutor, tmp_path: Path
) -> None:
    works = [job(tmp_path, "held", steps=20), job(tmp_path, "restless", steps=60)]
    known = len(noted(lab, "held"))
    with lab.holding():
        works[1].sink.path(works[1].trial).mkdir(parents=True)
        with pytest.raises(OSError):
            jobs = [work.job for work in works]
            beside.submit(lambda: list(machines.executor().run(jobs, site(*works, slots=2)))).result()
        (process,) = noted(lab, "held")[known:]
        assert lab.ends(process)
    assert not list(tmp_path.glob("results/**/*.lease"))


@pytest.mark.long
@pytest.mark.parametrize("strike", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_of_a_driver_that_was_killed_or_interrupted_and_the_next_one_goes_on(
    strike: signal.Signals, machines: Machines, lab: Lab, tmp_path: Path
) -> None:
    """Checkpoints are kept at a URL."""
    keep, results = tmp_path / "keep", tmp_path / "there"
    spec = f"ray[address={machines.cluster.address},keep=file://{keep}]"
    only = ("-m", "held", "--seeds", "0", "-j", "1")
    known = len(noted(lab, "holds"))
    with lab.holding():
        driver = start(results, *only, "--executor", spec)
        until(lambda: driver.poll() is not None or (noted(lab, "holds")[known:] and any(keep.glob("**/checkpoint"))))
        assert driver.poll() is None, driver.communicate()[0]
        process = noted(lab, "holds")[-1]
        processes = [process, server := parent(process), parent(server)]  # the server forked it in a worker of Ray
        driver.send_signal(strike)
        struck, told = time.monotonic(), driver.communicate()[0]
        assert driver.returncode == (130 if strike == signal.SIGINT else -strike), told
        assert strike == signal.SIGKILL or "To continue, run the same command" in told
        ended = time.monotonic() if strike == signal.SIGINT else struck  # an interrupted driver waits for its trials
        assert all(lab.ends(process, ended + 5.0 - time.monotonic()) for process in processes)
        assert any(keep.glob("**/checkpoint"))
    finish(start(results, *only, "--executor", spec))
    finish(start(tmp_path / "here", *only))
    assert changed(results, tmp_path / "here") == []


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
