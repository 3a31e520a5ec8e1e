"""Where trials run, chosen on the command line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from laboratory import Lab, answers
from slurm_made import Cluster, cluster

from vaebench.cli import main
from vaebench.errors import UserError
from vaebench.planning.names import chosen_executor
from vaebench.running import sweep
from vaebench.running.executors import slurm
from vaebench_ray.executor import Ray, check_device

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


@pytest.mark.usefixtures("quick")
def test_a_suite_through_pilots_gives_the_records_of_this_machine(there: Cluster, tmp_path: Path) -> None:
    """Left to the pilots, looked at by `status`, and ended by the same command, which finds them by the ledger."""
    asked = ["run", "--suite", "lab", "--results", str(tmp_path / "pilots"), "--executor", "slurm[pilots=2,minutes=5]"]
    told = vaebench(*asked, "--detach")
    (job,) = re.findall(r"4 trials were submitted as the Slurm jobs (\d+)\.", told)
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
        ("--executor local --detach", "the executor local, because its trials end with the command that started them"),
        ("--executor local --device-class cuda-nvidia-h100", "local can use only the devices of this machine"),
        ("--executor ray", "ray needs address: write ray[address=...]"),
        ("--executor ray[address=head:6379]", 'Ray is not installed: pip install "vaebench[ray]"'),
    ],
)
def test_a_mistake_is_answered_in_words(
    words: str, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # there may be a Slurm
    monkeypatch.setitem(sys.modules, "ray", None)  # and a Ray
    monkeypatch.setattr(sweep, "make_ready", lambda *_: pytest.fail("it is answered before data are prepared"))
    assert answer in vaebench("run", "--suite", "lab", "--results", str(tmp_path), *words.split(), code=2)


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("address=auto", "address must be HOST:PORT of the cluster's head node, not 'auto'"),
        ("address=ray://head:10001", "address must be HOST:PORT"),
        ("address=head:6379,gpus=2", "gpus from 0 to 1"),
        ("address=head:6379,cpus=0", "cpus must be 0.01 or more"),
        ("address=head:6379,retries=-1", "retries 0 or more"),
        ("address=head:6379,keep=nosuch://bucket", "nosuch://bucket cannot be reached"),
    ],
)
def test_a_mistake_in_the_parameters_of_ray_is_answered_in_words(
    given: str, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ray, "missing", classmethod(lambda cls: ""))
    with pytest.raises(UserError, match=re.escape(answer)):
        chosen_executor(f"ray[{given}]")


def test_trials_planned_for_a_gpu_get_one_and_others_do_not() -> None:
    check_device("cpu", 0)
    check_device("cuda-nvidia-h100-80gb-hbm3", 0.5)
    with pytest.raises(UserError, match="but get no GPU"):
        check_device("cuda-nvidia-h100-80gb-hbm3", 0)
    with pytest.raises(UserError, match=r"gpus=0\.5 would reserve GPUs"):
        check_device("cpu", 0.5)
