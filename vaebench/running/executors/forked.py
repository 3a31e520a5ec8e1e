"""Processes forked from a server that has already loaded torch, and how to proceed if that server is killed."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from vaebench.running import output, processes, scratch
from vaebench.training import devices

STARTS = 3
"""The number of attempts to start a process if the server is killed meanwhile"""
GONE = 5.0
"""Seconds to wait for the exit code of a process whose pipe is closed"""
LOST = 255
"""The exit code that `multiprocessing` makes up if the server has died and cannot report the real one"""


class Forked:
    """A process that runs `target(*args, mouth)`; `mouth` is the sending end of a pipe for its messages. Another pipe
    receives its printed output.

    The process leads a process group, so that processes started by a plugin end with it, and it ends when its parent
    does. The process has the parent's current environment, not the environment in which the server started."""

    def __init__(self, target: Callable[..., None], *args: Any) -> None:
        for last in range(STARTS - 1, -1, -1):
            try:
                self._start(target, args)
                return
            except (OSError, EOFError):  # `multiprocessing` starts another server the next time
                if not last:
                    raise

    def _start(self, target: Callable[..., None], args: tuple[Any, ...]) -> None:
        context = server()
        self.ear, mouth = context.Pipe(duplex=False)
        pipe, printer = context.Pipe(duplex=False)
        self.output = output.Output(pipe)
        try:
            given = (dict(os.environ), target, args, mouth, printer)
            self.process = context.Process(target=_live, args=given, daemon=True)
            self.process.start()
        except BaseException:
            self.ear.close()
            pipe.close()
            raise
        finally:
            mouth.close()
            printer.close()
        self.number: int = self.process.pid
        self.born = processes.born(self.number)
        # The standard library has no public way to ask for the server.
        self.server: int = getattr(multiprocessing.forkserver, "_forkserver")._forkserver_pid  # noqa: B009
        self.server_born = processes.born(self.server)

    @property
    def handles(self) -> tuple[Any, ...]:
        """The objects for `multiprocessing.connection.wait`: the messages, output and end of the process."""
        return (*(pipe for pipe in (self.ear, self.output.pipe) if not pipe.closed), self.process.sentinel)

    def wait(self, seconds: float) -> bool:
        """Wait until the process sends a message or ends. Return whether there is a message."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.ear.poll() and not self.ends():
            wait(self.handles, left)
            self.output.read()
        return self.ear.poll()

    def ends(self) -> bool:
        """Return True if the process has ended, or if the server that would report this has ended."""
        return not self.process.is_alive()

    def orphaned(self) -> bool:
        """Return whether the server was killed before it could report how the process ended."""
        if self.process.exitcode != LOST:
            return False
        until = time.monotonic() + 1.0  # a killed process closes its pipes a moment before it ends
        while processes.lives(self.server, self.server_born):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def fate(self) -> str:
        """Describe how the process ended. The exit code is known a moment after the process's pipes are closed."""
        self.process.join(GONE)
        code = self.process.exitcode
        if code is None:
            return "the process closed its pipe but did not end"
        if code >= 0:
            return f"the process ended with exit code {code}"
        cause = " (out of memory, or killed manually)" if -code == signal.SIGKILL else ""
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"the process was killed by {name}{cause}"

    def interrupt(self, seconds: float = 2.0) -> None:
        """Ask the process to clean up and end, and wait up to `seconds` for it."""
        self.process.terminate()
        self.process.join(seconds)

    def end(self) -> None:
        self.process.kill()
        with suppress(ProcessLookupError, PermissionError):  # its child processes; usually there are none
            os.killpg(self.number, signal.SIGKILL)
        processes.end(self.number, self.born)  # without the server, `kill` believes that a living process has ended
        self.process.join()
        self.ear.close()
        self.output.read()
        self.output.pipe.close()


def _live(
    environment: dict[str, str],
    target: Callable[..., None],
    args: tuple[Any, ...],
    mouth: Connection,
    printer: Connection,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver handles Ctrl-C and ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the server ignores this signal
    os.environ.clear()  # the server's variables are outdated: a cluster may have assigned another GPU since
    os.environ.update(environment)
    os.setsid()
    threading.Thread(target=_die_with_driver, daemon=True).start()
    scratch.inherit()
    output.divert(printer)
    target(*args, mouth)


def _die_with_driver() -> None:
    """End this process group when the driver ends: the driver's end of a pipe closes even after kill -9."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)


def server() -> Any:
    """Return a context that starts processes with torch already loaded; the first start waits until it is loaded."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # read when the server starts: results depend on the number of threads
    for name, value in devices.MEMORY.items():
        os.environ.setdefault(name, value)
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # for bit-identical results on a GPU; read when CUDA starts
    # CUDA must not be initialised in the server: otherwise, the forked processes could not use a GPU.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    os.environ["PYTHONSAFEPATH"] = "1"  # the server must not import a `copy.py` from the user's working folder
    scratch.folder()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vaebench.running.executors.preload"])
    return context
