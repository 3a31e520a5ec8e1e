"""Devices: which ones a run uses, and how trials train on each kind (measured in docs/speed.md, kept in records)."""

from __future__ import annotations

from typing import Any

from vaebench.errors import UserError
from vaebench.records import provenance

CHOICES: dict[str, dict[str, Any]] = {
    "cpu": {"precision": "float32", "layout": "channels_last", "fused": True},
    "cuda": {"precision": "float32", "layout": "channels_last", "fused": True},
}
"""`fused` is said of Adam. Nothing of this was measured on a GPU yet, so Adam is there as PyTorch has it."""

MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
"""For glibc, read when a process starts: a step's memory is kept for the next, and does not go back to the system."""


def choices(device: str) -> dict[str, Any]:
    return CHOICES[device.partition(":")[0]]


def choose_devices(asked: str) -> list[str]:
    """`auto` -> the GPUs of one kind where there are any, `cuda` -> those; a UserError where a device is not there."""
    import torch

    if asked == "cpu" or (asked == "auto" and not torch.cuda.is_available()):
        return ["cpu"]
    kind, _, number = asked.partition(":")
    if asked != "auto" and (kind != "cuda" or not (number or "0").isdecimal()):
        raise UserError(f"There is no device {asked!r}: say auto, cpu, cuda or cuda:NUMBER.")
    count = torch.cuda.device_count()
    if int(number or 0) >= count:
        raise UserError(
            f"Device {asked!r} is not there: PyTorch sees {count} CUDA devices. `vaebench doctor` says more."
        )
    if number:
        return [f"cuda:{number}"]
    there = [f"cuda:{i}" for i in range(count)]
    # Records lie by kind of device, and numbers repeat to the bit on one kind only.
    return [device for device in there if provenance.device_class(device) == provenance.device_class(there[0])]
