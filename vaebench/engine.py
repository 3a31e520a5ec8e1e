"""How trials train on which kind of device: what docs/speed.md measured, chosen here once and told in every record."""

from __future__ import annotations

from typing import Any

CHOICES: dict[str, dict[str, Any]] = {
    "cpu": {"precision": "float32", "layout": "channels_last", "fused": True},
    "cuda": {"precision": "float32", "layout": "channels_last", "fused": False},
}
"""`fused` is said of Adam. Nothing of this was measured on a GPU yet, so Adam is there as PyTorch has it."""

MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
"""For glibc, read when a process starts: a step's memory is kept for the next, and does not go back to the system."""


def choices(device: str) -> dict[str, Any]:
    return CHOICES[device.partition(":")[0]]
