"""A real Slurm with three nodes on this machine, for the tests that are marked `slurm`:

    apt-get install slurm-wlm munge && pytest -n0 -m slurm tests/running/test_slurm_real.py

It needs Linux and root, but no systemd. All files are written to one folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from slurm_made import wait_for

NODES = ("n1", "n2", "n3")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol")
CONFIG = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=30
SlurmdTimeout=10
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
"""
PARTITIONS = """\
PartitionName=main Nodes=ALL Default=YES PriorityTier=1
PartitionName=urgent Nodes=ALL PriorityTier=10
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=2000\n"
SBATCH = """#!/bin/sh
echo "$@" >> {folder}/submitted
exec {sbatch} "$@"
"""


def missing() -> str:
    """Return why such a cluster cannot run on this machine; empty if it can."""
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    return f"needs {', '.join(absent)}" if absent else "needs root" if os.getuid() else ""


@dataclass
class Cluster:
    """A test's access to the cluster, as in `slurm_made`."""

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def ask(self, strike: str) -> str:
        """Interrupt all pilots: `strike` is limit, cancel, kill or preempt."""
        for line in call("squeue", "--me", "--noheader", "--format=%i %N %M").splitlines():
            id_, node, elapsed = line.split()
            if strike == "limit":  # one to two minutes are left
                call("scontrol", "update", f"JobId={id_}", f"TimeLimit={int(elapsed.split(':')[-2]) + 2}")
            elif strike == "cancel":
                call("scancel", id_)
            elif strike == "kill":
                self.kill(node)
            elif strike == "preempt":
                urgent = (
                    "--partition=urgent",
                    f"--nodelist={node}",
                    "--exclusive",
                    "--output=/dev/null",
                    "--wrap=true",
                )
                call(_path_of("sbatch"), *urgent)
        return ""

    def kill(self, node: str) -> None:
        """Kill a node: its daemon, and all processes that the daemon started."""
        self.daemons[node].kill()
        self.daemons[node].wait()
        for process in _steps(self.folder, node):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def submitted(self) -> list[list[str]]:
        """Return the arguments of every call of sbatch so far."""
        with suppress(OSError):
            return [line.split() for line in (self.folder / "submitted").read_text().splitlines()]
        return []


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster. The folder `bin` contains a wrapper of the installed sbatch that notes the arguments."""
    made, host, ports = Cluster(folder), socket.gethostname().partition(".")[0], _free_ports(1 + len(NODES))
    nodes = "".join(NODE.format(name=name, host=host, port=port) for name, port in zip(NODES, ports[1:], strict=True))
    config, key, wrapper = folder / "slurm.conf", folder / "munge.key", folder / "bin" / "sbatch"
    config.write_text(CONFIG.format(folder=folder, host=host, port=ports[0]) + nodes + PARTITIONS)
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    for each in ("bin", "state"):
        (folder / each).mkdir()
    wrapper.write_text(SBATCH.format(folder=folder, sbatch=_path_of("sbatch")))
    wrapper.chmod(0o755)
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    commands = {
        "munged": ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge],
        "slurmctld": ["slurmctld", "-D", "-f", str(config)],
        **{name: ["slurmd", "-D", "-N", name, "-f", str(config)] for name in NODES},
    }
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(config)
    with ExitStack() as stack:
        stack.callback(_restore, before)
        for name, words in commands.items():
            if name == "slurmctld":
                wait_for((folder / "munge.socket").exists)
            log = stack.enter_context((folder / f"{name}.out").open("wb"))
            made.daemons[name] = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            stack.callback(_end, made.daemons[name])
        asked = ("sinfo", "--noheader", "--partition=main", "--format=%D %t")
        wait_for(lambda: call(*asked, fails=True).split() == ["3", "idle"])
        yield made
        call("scancel", "--me", fails=True)
        for process in [process for name in NODES for process in _steps(folder, name)]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def call(*words: str, fails: bool = False) -> str:
    """Return what a command of Slurm prints."""
    return subprocess.run(words, capture_output=True, text=True, check=not fails).stdout


def _steps(folder: Path, node: str) -> Iterator[int]:
    """Yield the processes that a node's daemon started, beginning with those that would report how the others end."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (place / "environ").read_bytes().split(b"\0")
            steps = (place / "comm").read_text().startswith("slurmstepd")
            mine = f"SLURM_CONF={folder}/slurm.conf".encode() in environment
            if mine and (steps or f"SLURMD_NODENAME={node}".encode() in environment):
                found.append((not steps, int(place.name)))
    yield from (process for _, process in sorted(found))


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        ears = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [ear.getsockname()[1] for ear in ears]


def _path_of(name: str) -> str:
    """Return the path of the installed command, ignoring the folder `bin`."""
    places = [place for place in os.environ["PATH"].split(os.pathsep) if not (Path(place) / "../slurm.conf").exists()]
    return str(shutil.which(name, path=os.pathsep.join(places)))


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _restore(config: str | None) -> None:
    os.environ.pop("SLURM_CONF")
    if config is not None:
        os.environ["SLURM_CONF"] = config
