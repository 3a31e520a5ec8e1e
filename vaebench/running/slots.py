"""Slots: how many trials train at once, and how many processes there may be beside them that only measure."""

from __future__ import annotations

import os
from collections.abc import Sequence

TRIAL_BYTES = 8 * 2**30
"""Memory of a card that is left to each trial on it: the CUDA context of its process, the training images, a step."""
MOST = 4
"""Slots of a card at most. With four, an H100 did 2,169 trials an hour (docs/speed.md); others were not measured."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_slots(devices: Sequence[str]) -> int:
    """On a CPU one slot per core, because a trial uses one thread; on GPUs as many per card as `slots_of_card` says."""
    if devices[0] == "cpu":
        return cores()
    import torch

    # The properties of a card can be read without a CUDA context in this process; its free memory could not.
    memory = min(torch.cuda.get_device_properties(device).total_memory for device in devices)
    return len(devices) * slots_of_card(cores() // len(devices), memory)


def slots_of_card(cores: int, memory: int) -> int:
    """How many trials train on one card at once; `-j` overrides it.

    Small networks wait for launches, not for arithmetic, so one trial leaves most of a card idle. A trial that trains
    keeps a core busy with launching, and another core measures the one that trained before it: hence a slot for every
    two cores. `memory` is the card's, in bytes."""
    return max(1, min(MOST, cores // 2, memory // TRIAL_BYTES))
