"""How trials train on a kind of device is chosen in one table, done as it says, and told in the record."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from laboratory import job
from msgspec import structs
from torch import nn

from vaebench.interfaces import Group
from vaebench.running.executors.forked import server
from vaebench.running.worker import blank
from vaebench.training import devices
from vaebench.training.stepper import Stepper


def stepper(optimizer: type[torch.optim.Optimizer] = torch.optim.Adam, **options: object) -> Stepper:
    return Stepper(Group([nn.Parameter(torch.zeros(3))], optimizer, {"lr": 0.1, **options}))


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.AdamW])
def test_adam_is_as_the_table_says_unless_its_group_says_otherwise(
    optimizer: type[torch.optim.Optimizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stepper(optimizer).optimizer.defaults["fused"] is devices.choices("cpu")["fused"]
    assert stepper(optimizer, fused=False).optimizer.defaults["fused"] is False
    assert not stepper(optimizer, foreach=True).optimizer.defaults["fused"]
    monkeypatch.setitem(devices.CHOICES["cpu"], "fused", False)
    assert not stepper(optimizer).optimizer.defaults["fused"]


def test_other_optimisers_are_left_alone() -> None:
    assert not stepper(torch.optim.SGD).optimizer.defaults["fused"]
    assert not stepper(torch.optim.NAdam).optimizer.defaults.get("fused")


@pytest.mark.usefixtures("lab")
def test_the_record_tells_the_choices(tmp_path: Path) -> None:
    device = structs.asdict(blank(job(tmp_path).job, "cpu").device)
    assert device["precision"] == "float32"
    assert {name: devices.choices("cpu")[name] for name in ("layout", "fused")}.items() <= device.items()


def test_every_gpu_of_a_machine_has_one_choice() -> None:
    assert devices.choices("cuda") == devices.choices("cuda:1")


def test_workers_start_with_the_memory_settings_unless_the_user_has_others(monkeypatch: pytest.MonkeyPatch) -> None:
    trim, threshold = "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"
    monkeypatch.setenv(trim, "5")
    monkeypatch.delenv(threshold, raising=False)
    server()
    assert (os.environ[trim], os.environ[threshold]) == ("5", devices.MEMORY[threshold])


def test_gradients_are_kept_until_the_next_are_taken() -> None:
    """Freed before a forward pass, their memory would go back to the system and be asked for again."""
    one = stepper()
    (parameter,) = one.parameters
    one.step(one.gradients((parameter + 1).square().sum(), keep_graph=False))
    kept, loss = parameter.grad, (parameter + 1).square().sum()
    assert kept is not None
    (fresh,) = one.gradients(loss, keep_graph=False)
    assert parameter.grad is None
    assert not torch.equal(kept, fresh)


def test_trained_models_are_asked_without_tf32_and_training_goes_on_as_before() -> None:
    backends = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [backend.allow_tf32 for backend in backends]
    with devices.exact_answers():
        assert not any(backend.allow_tf32 for backend in backends)
    assert [backend.allow_tf32 for backend in backends] == before
    assert any(before), "PyTorch rounds convolutions to TF32 by itself"


def test_the_record_tells_what_is_rounded() -> None:
    assert devices.precision("cpu") == "float32"
    assert devices.precision("cuda:0") == "float32, TF32 in convolutions"


def test_on_a_gpu_no_attention_has_gradients_that_vary(monkeypatch: pytest.MonkeyPatch) -> None:
    """On an H100, two training runs of `rq-vae` had different weights until this attention was turned off."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    deterministic, allowed = (
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cuda.mem_efficient_sdp_enabled(),
    )
    try:
        devices.be_deterministic("cuda:0")
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cuda.mem_efficient_sdp_enabled()
    finally:
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cuda.enable_mem_efficient_sdp(allowed)
