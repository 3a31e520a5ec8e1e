"""Chooses the devices of a run, and lists the training settings of each kind of device (measured in docs/speed.md,
stored in records)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vaebench.errors import Explained, UserError
from vaebench.records import provenance

if TYPE_CHECKING:
    from vaebench.interfaces import Model

CHOICES: dict[str, dict[str, Any]] = {
    "cpu": {"layout": "channels_last", "fused": True, "capturable": False},
    "cuda": {"layout": "contiguous", "fused": True, "capturable": True},
}
"""The training settings of each kind of device. `fused` applies to Adam, `capturable` to the optimisers that support
it; docs/speed.md shows how much each helps. Precision is PyTorch's default."""
LAYOUTS = {"channels_last": "channels_last", "contiguous": "contiguous_format"}
RESIDENT = 0.25
"""The share of a GPU's memory that training images may take; if they need more, they are read from their memory map,
batch by batch."""
RESIDENT_BYTES = 4 * 2**30
"""The number of bytes of main memory that training images may take."""

MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
"""Environment variables of glibc, read when a process starts: a step's memory is kept for the next step instead of
being returned to the system."""


def choices(device: str) -> dict[str, Any]:
    """Return the training settings of a kind of device."""
    return CHOICES[device.partition(":")[0]]


def precision(device: str) -> str:
    """Return the precision of training: float32, except for operations that a GPU may round to TF32."""
    import torch

    if device == "cpu":
        return "float32"
    rounded = {"convolutions": torch.backends.cudnn.allow_tf32, "products": torch.backends.cuda.matmul.allow_tf32}
    tf32 = [name for name, allowed in rounded.items() if allowed]
    return f"float32, TF32 in {' and '.join(tf32)}" if tf32 else "float32"


def lay_out(model: Model, device: str) -> Model:
    """Return the model with its weights in the layout that is fastest on a device, without moving it there."""
    import torch

    layout = getattr(torch, LAYOUTS[choices(device)["layout"]])
    return model.to(memory_format=layout)  # type: ignore[call-overload]


def be_deterministic(device: str) -> None:
    """Make the results of this process reproducible bit by bit, as far as the device allows. Reproducible results on a
    CPU require a single thread."""
    import torch
    import torch.utils.deterministic

    limit_threads()
    if device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the card is first used
        torch.use_deterministic_algorithms(True, warn_only=True)
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 (torch's types lack it)
        # This attention kernel sums gradients in random order: two runs of `rq-vae` on an H100 gave different weights.
        torch.backends.cuda.enable_mem_efficient_sdp(False)


@contextmanager
def exact_answers() -> Iterator[None]:
    """Use full float32 while a trained model is evaluated. TF32 rounds so much that an output can depend on the other
    images in its batch: on an H100, 2 to 5 of 32 images got different codes from `vq-vae` in batches of 8 than in
    batches of 128."""
    import torch

    backends: list[Any] = [torch.backends.cudnn, torch.backends.cuda.matmul]
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = False
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed


def room_for_images(device: str) -> int:
    """Return how many bytes of training images may be kept on the training device."""
    import torch

    return RESIDENT_BYTES if device == "cpu" else int(RESIDENT * torch.cuda.mem_get_info(device)[1])


def limit_threads() -> None:
    """Limit PyTorch to one thread, since results depend on the number of threads."""
    import torch

    torch.set_num_threads(1)


def check_threads() -> None:
    """Raise an error if a plugin changed the number of threads."""
    import torch

    if (threads := torch.get_num_threads()) != 1:
        limit_threads()
        raise Explained(
            f"a plugin set the number of PyTorch threads to {threads}; results depend on this number, so remove "
            "set_num_threads from the plugin's code"
        )


def choose_devices(asked: str, device_class: str = "") -> list[str]:
    """Return the devices to use: all GPUs of the first GPU's kind for `auto` and `cuda`, or, for `auto` on a machine
    without GPUs, the CPU. Raise a UserError if a device is missing. If a device class is given, its devices are on
    other machines and are not checked here."""
    import torch

    if device_class:
        kind = device_class.partition("-")[0]
        if kind not in CHOICES or (kind == "cpu") != (device_class == "cpu") or asked != "auto":
            raise UserError(
                f"--device-class {device_class}: use cpu, or the class that `vaebench doctor` shows on a machine with "
                "such a GPU, and omit --device."
            )
        return ["cpu" if kind == "cpu" else "cuda:0"]
    if asked == "cpu" or (asked == "auto" and not torch.cuda.is_available()):
        return ["cpu"]
    kind, _, number = asked.partition(":")
    if asked != "auto" and (kind != "cuda" or not (number or "0").isdecimal()):
        raise UserError(f"There is no device {asked!r}: use auto, cpu, cuda or cuda:NUMBER.")
    count = torch.cuda.device_count()
    if int(number or 0) >= count:
        raise UserError(
            f"Device {asked!r} was not found: PyTorch sees {count} CUDA device{'s' * (count != 1)}. "
            "Run `vaebench doctor` for details."
        )
    if number:
        return [f"cuda:{number}"]
    there = [f"cuda:{i}" for i in range(count)]
    # Records are stored by kind of device, and numbers are bit-identical only on one kind.
    return [device for device in there if provenance.device_class(device) == provenance.device_class(there[0])]
