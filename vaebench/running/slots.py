"""The default number of slots, which is the number of trials that train at once."""

from __future__ import annotations

import os
from collections.abc import Sequence

TRIAL_BYTES = 8 * 2**30
"""The bytes of a card's memory that each trial needs for the CUDA context of its process, the images and a step"""
MOST = 4
"""The maximum number of slots per card. With four slots, an H100 ran 2,169 trials an hour (docs/speed.md); other cards
were not measured."""


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_slots(devices: Sequence[str]) -> int:
    """Return one slot per core on a CPU (a trial uses one thread), or `slots_of_card` slots per GPU."""
    if devices[0] == "cpu":
        return cores()
    import torch

    # Unlike its free memory, the properties of a card can be read without a CUDA context in this process.
    memory = min(torch.cuda.get_device_properties(device).total_memory for device in devices)
    return len(devices) * slots_of_card(cores() // len(devices), memory)


def slots_of_card(cores: int, memory: int) -> int:
    """Return the default number of trials that train on one card at once; `-j` sets another number.

    Small networks are limited by kernel launches, not by arithmetic, so one trial leaves most of a card idle. A
    training trial keeps one core busy with launching, while another core measures the previous trial: hence one slot
    per two cores. `memory` is the card's memory in bytes."""
    return max(1, min(MOST, cores // 2, memory // TRIAL_BYTES))
