"""CUDA stays untouched where a trial runs on the CPU, and in the server that all trials are forked from.

A process that has asked CUDA anything leaves no GPU to those that it forks, and a context takes memory of the card."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from laboratory import job, run_job

TOUCH = ("_lazy_init", "get_device_name", "get_device_properties", "mem_get_info", "current_device", "synchronize")
"""What starts CUDA, or may make a context."""
SERVER = f"""
import os, torch

def touched(*given, **named):
    raise SystemExit("CUDA was asked")

for name in {(*TOUCH, "is_available", "device_count")}:
    setattr(torch.cuda, name, touched)
import vaebench.running.executors.preload
"""


@pytest.mark.usefixtures("lab")
def test_a_trial_on_the_cpu_of_a_machine_with_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*given: object, **named: object) -> NoReturn:
        raise AssertionError("CUDA was asked")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for name in TOUCH:
        monkeypatch.setattr(torch.cuda, name, touched)
    metrics = ("kid", "kid-floor", "kid-pca64", "copying-alarms", "fid", "svc-accuracy", "svc-pixels-accuracy")
    record = run_job(job(tmp_path, metrics=metrics, samples=24))
    assert record.status == "ok"
    assert not [cell.reason for cell in record.metrics.values() if "CUDA" in cell.reason]
    assert record.metrics["kid-floor"].value is not None, "what is kept on disk was asked for"


def test_the_fork_server() -> None:
    done = subprocess.run([sys.executable, "-c", SERVER], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_what_asks_whether_there_is_a_gpu_does_not_start_cuda_in_the_server() -> None:
    from vaebench.running.executors.forked import server

    server()
    assert torch.cuda._nvml_based_avail()
