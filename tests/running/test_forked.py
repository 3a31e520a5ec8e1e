"""A process forked from the server has the environment of the one that asks for it, not that of the server."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from laboratory import tell_environment

from vaebench.running.executors.forked import Forked

NAMES = ("CUDA_VISIBLE_DEVICES", "A_NAME", "OMP_NUM_THREADS")


def asked() -> tuple[dict[str, Any], int]:
    process = Forked(tell_environment, NAMES)
    try:
        return process.ear.recv(), process.server
    finally:
        process.end()


def test_the_environment_of_a_server_is_not_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("A_NAME", "old")
    first, server = asked()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.delenv("A_NAME")
    second, same = asked()
    assert server == same
    assert first == {"CUDA_VISIBLE_DEVICES": "0", "A_NAME": "old", "OMP_NUM_THREADS": "1"}
    assert second == {"CUDA_VISIBLE_DEVICES": "1", "A_NAME": None, "OMP_NUM_THREADS": "1"}


CUT_OFF = """
import multiprocessing.forkserver as server, os
from vaebench.running.executors import forked
forked.server().Process(target=print).start()  # the server is loaded
status, data = server.connect_to_new_process([])
os.write(data, {sent!r})
os.close(data)
os.read(status, 99)
os.read(status, 99)
"""


@pytest.mark.parametrize(("sent", "told"), [(b"", False), (b"cno_such_module\nx\n.", True)])
def test_a_driver_that_ends_while_it_starts_a_process_leaves_no_traceback(sent: bytes, told: bool) -> None:
    done = subprocess.run([sys.executable, "-P", "-c", CUT_OFF.format(sent=sent)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("Traceback" in done.stderr) == told, done.stderr
