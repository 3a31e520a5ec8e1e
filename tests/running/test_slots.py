"""How many trials train at once, by default."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
import torch

from vaebench.running.slots import cores, default_slots, slots_of_card

GIB = 2**30


@pytest.mark.parametrize(
    ("cores", "memory", "slots"),
    [(16, 80, 4), (64, 80, 4), (6, 80, 3), (4, 80, 2), (1, 80, 1), (16, 24, 3), (16, 16, 2), (16, 6, 1)],
)
def test_slots_of_a_card_follow_cores_and_memory(cores: int, memory: int, slots: int) -> None:
    assert slots_of_card(cores, memory * GIB) == slots


def test_on_a_cpu_a_trial_has_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 4, 5}, raising=False)
    assert cores() == default_slots(["cpu"]) == 3


def test_several_cards_share_the_cores_and_the_smallest_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = {"cuda:0": 80 * GIB, "cuda:2": 16 * GIB}
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=memory[device])
    )
    assert default_slots(["cuda:0"]) == 4
    assert default_slots(["cuda:0", "cuda:2"]) == 2 * 2
