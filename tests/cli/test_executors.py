"""Where trials run, chosen on the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from laboratory import Lab
from slurm_made import Cluster, cluster

from vaebench.cli import main
from vaebench.records import store
from vaebench.running.executors import slurm

pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture(scope="module")
def there(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("slurm")) as made:
        yield made


@pytest.fixture
def quick(there: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(there.folder / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(slurm, "PAUSE", 0.1)


def vaebench(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, words)
    told = " ".join((result.stdout + result.stderr).split())
    assert result.exit_code == code and "Traceback" not in told, f"{told}{result.exception!r}"
    return told


def answers(results: Path) -> dict[str, tuple[object, ...]]:
    """What must be the same wherever trials run: file -> what its record holds but for costs, and the weights."""
    fields = ("status", "trial", "settings", "inputs", "device", "curve", "metrics", "weights")
    found = {}
    for path in results.glob("*/*/*/*/*/*.json"):
        record = store.read(path)
        held = (getattr(record, field) for field in fields)
        found[path.relative_to(results).as_posix()] = (*held, store.weights_of(path).read_bytes())
    return found


@pytest.mark.usefixtures("quick")
def test_a_suite_through_pilots_gives_the_records_of_this_machine(there: Cluster, tmp_path: Path) -> None:
    """Left to the pilots, looked at by `status`, and ended by the same command, which finds them by the ledger."""
    asked = ["run", "--suite", "lab", "--results", str(tmp_path / "pilots"), "--executor", "slurm[pilots=2,minutes=5]"]
    told = vaebench(*asked, "--detach")
    (job,) = re.findall(r"4 trials are left to Slurm's jobs (\d+)\.", told)
    assert f"Slurm's jobs {job}: " in vaebench("status", "--results", str(tmp_path / "pilots"))
    assert "leaderboard.html" in vaebench(*asked)
    vaebench("run", "--suite", "lab", "--results", str(tmp_path / "here"))
    assert len(answers(tmp_path / "here")) == 4
    assert answers(tmp_path / "pilots") == answers(tmp_path / "here")
    assert "Nothing to train" in vaebench(*asked)
    assert len(there.submitted()) == 1


@pytest.mark.usefixtures("quick")
def test_a_card_that_this_machine_lacks_is_planned_for(tmp_path: Path) -> None:
    kind = "cuda-nvidia-h100-80gb-hbm3"
    told = vaebench("run", "--suite", "lab", "--device-class", kind, "--executor", "slurm[gpus=1]", "--dry-run",
                    "--results", str(tmp_path))  # fmt: skip
    assert "4 trials" in told


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("--executor slrm", "Did you mean 'slurm'"),
        ("--executor slurm", "run the command on a login node of the cluster"),
        ("--executor local --detach", "local"),
        ("--executor local --device-class cuda-nvidia-h100", "local has only the devices of this machine"),
    ],
)
def test_a_mistake_is_answered_in_words(
    words: str, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # there may be a Slurm
    assert answer in vaebench("run", "--suite", "lab", "--results", str(tmp_path), *words.split(), code=2)
