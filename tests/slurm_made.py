"""A simulated Slurm: `sbatch`, `squeue` and `scancel` are small scripts that send their arguments to a process, which
starts the tasks. Tasks are either forked from this process with torch loaded, so that a pilot starts in milliseconds,
or started as by Slurm."""

from __future__ import annotations

import json
import os
import re
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLIENT = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as one:
    one.connect({address!r})
    one.sendall(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]).encode())
    one.shutdown(socket.SHUT_WR)
    code, out, err = json.loads(one.makefile().readline())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""
COMMANDS = ("sbatch", "squeue", "scancel")


@dataclass
class Cluster:
    """A test's access to the simulated cluster."""

    folder: Path

    def ask(self, *words: str) -> str:
        """Return what a command prints. The simulated cluster also has the commands `preempt`, `limit`, `kill` and
        `cancel`, which apply to all tasks or to those with a given number."""
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(self.folder / "slurm"))
            one.sendall(json.dumps(words).encode())
            one.shutdown(socket.SHUT_WR)
            code, out, err = json.loads(one.makefile().readline())
        assert code == 0, err
        return str(out)

    def submitted(self) -> list[list[str]]:
        """Return the arguments of every call of sbatch so far."""
        return [json.loads(line) for line in self.ask("told").splitlines()]


@contextmanager
def cluster(folder: Path, forks: bool = True) -> Iterator[Cluster]:
    """Start a cluster whose commands are in the folder `bin`; its tasks get the current environment."""
    (folder / "bin").mkdir()
    for name in COMMANDS:
        script = folder / "bin" / name
        script.write_text(CLIENT.format(python=sys.executable, address=str(folder / "slurm")))
        script.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as ear:
        ear.bind(str(folder / "slurm"))
        ear.listen(64)
        controller = os.fork()
        if not controller:
            try:
                os.environ["PATH"] = os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))
                Controller(ear, forks).serve()
            finally:
                os._exit(1)
    made = Cluster(folder)
    try:
        yield made
    finally:
        made.ask("end")
        os.waitpid(controller, 0)


@dataclass
class Task:
    job: int
    number: str
    words: list[str]
    process: int = 0
    again: bool = False
    """whether it is requeued after it has ended"""


class Controller:
    """The process that does the work of Slurm's daemons."""

    def __init__(self, ear: socket.socket, forks: bool) -> None:
        self.parent = os.getppid()
        if forks:
            import vaebench.running.executors.preload  # noqa: F401
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.ear, self.tasks, self.history, self.last = ear, list[Task](), list[list[str]](), 100
        self.run, self.over = _run_forked if forks else _run, False

    def serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.ear, selectors.EVENT_READ)
            while not self.over and os.getppid() == self.parent:
                if selector.select(0.05):
                    one = self.ear.accept()[0]
                    with one, one.makefile() as file:
                        words = json.loads(file.read())
                        try:
                            answer: Any = (0, getattr(self, words[0])(*words[1:]) or "", "")
                        except Exception as error:
                            answer = (1, "", f"{words[0]}: error: {error}")
                        one.sendall(json.dumps(answer).encode() + b"\n")  # tasks keep the socket open
                self._collect()

    def sbatch(self, *words: str) -> str:
        if "--qos=closed" in words:
            raise ValueError("this QOS takes no jobs")
        self.last += 1
        self.history.append(list(words))
        (array,) = [word.removeprefix("--array=") for word in words if word.startswith("--array=")]
        first, _, last = array.partition("-")
        for number in range(int(first), int(last or first) + 1):
            self._start(Task(self.last, str(number), list(words)))
        return f"{self.last}\n"

    def squeue(self, *words: str) -> str:
        assert words == ("--me", "--noheader", "--array", "--format=%F %T"), words
        self._collect()
        return "".join(f"{task.job} RUNNING\n" for task in self.tasks)

    def scancel(self, *words: str) -> None:
        self._strike(signal.SIGTERM, False, jobs={int(word) for word in words if not word.startswith("-")})

    def preempt(self, number: str = "") -> None:
        self._strike(signal.SIGTERM, True, number)

    def kill(self, number: str = "") -> None:
        self._strike(signal.SIGKILL, True, number)

    def limit(self, number: str = "") -> None:
        self._strike(signal.SIGUSR1, False, number)

    def cancel(self, number: str = "") -> None:
        self._strike(signal.SIGTERM, False, number)

    def told(self) -> str:
        return "".join(json.dumps(words) + "\n" for words in self.history)

    def _strike(self, sent: signal.Signals, again: bool, number: str = "", jobs: set[int] | None = None) -> None:
        for task in self.tasks:
            if number in ("", task.number) and (jobs is None or task.job in jobs):
                task.again = again
                os.kill(task.process, sent)

    def _start(self, task: Task) -> None:
        task.process = os.fork()
        if not task.process:
            try:
                self.run(task)
            finally:
                os._exit(1)
        self.tasks.append(task)

    def _collect(self) -> None:
        for task in list(self.tasks):
            if os.waitpid(task.process, os.WNOHANG)[0]:
                self.tasks.remove(task)
                if task.again:
                    self._start(Task(task.job, task.number, task.words))

    def end(self) -> None:
        self._strike(signal.SIGKILL, False)
        self.over = True


def _run(task: Task) -> None:
    """Run a task's script in bash."""
    _prepare(task)
    os.execv("/bin/bash", ["bash", task.words[-1]])


def _run_forked(task: Task) -> None:
    """Run all lines of a task's script in bash except the last one, which starts vaebench: run that in this process."""
    import multiprocessing

    from vaebench.cli import main
    from vaebench.running.executors import forked

    _prepare(task)
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    *lines, last = Path(task.words[-1]).read_text().strip().splitlines()
    shown = "\n".join([*lines, "env -0 >&3"])
    reader, writer = os.pipe()
    done = subprocess.run(["bash", "-c", f"exec 3>&{writer}\n{shown}"], pass_fds=[writer], check=False)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read().decode().split("\0")
    if done.returncode:
        os._exit(done.returncode)
    os.environ.update(dict(one.split("=", 1) for one in told if "=" in one))
    # A separate server would load torch again. This process has one thread, so a plain fork is safe.
    forked.server = lambda: multiprocessing.get_context("fork")
    words = shlex.split(last)
    assert words[0] == "exec"
    try:
        main(words[words.index("work") :], prog_name="vaebench")
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)


def _prepare(task: Task) -> None:
    """Give this process the output file and the environment of a task."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    options = dict(re.fullmatch(r"--([^=]+)=?(.*)", word).groups() for word in task.words if word.startswith("--"))
    log = options["output"].replace("%A", str(task.job)).replace("%a", task.number)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ |= {"SLURM_JOB_ID": str(task.job), "SLURM_ARRAY_TASK_ID": task.number, "SLURM_MEM_PER_NODE": "7"}


def wait_for(happens: Any, seconds: float = 120.0) -> None:
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
