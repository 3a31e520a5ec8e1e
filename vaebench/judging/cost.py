"""The cost of a trial: time, memory, parameters, the size of the code and the arithmetic of one reconstruction."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress

import torch
from torch.utils.flop_counter import FlopCounterMode

from vaebench.evidence import Evidence
from vaebench.interfaces import Images, Model, NotApplicable
from vaebench.records.record import Cost
from vaebench.training.history import History


def of_training(model: Model, history: History, batch: int) -> Cost:
    steps = sum(max(lines["step"]) + 1 for lines in history.curve.values())
    return Cost(
        train_seconds=round(history.seconds, 3),
        images_per_second=round(steps * batch / history.seconds, 1) if steps else None,
        times_resumed=history.times_resumed,
        parameters=count(model),
        parts={name: size for name, part in model.named_children() if (size := count(part))},
    )


def reconstruction_flops(evidence: Evidence) -> int | None:
    """Return the FLOPs of one reconstruction (a multiply-add counts as two)."""
    image = Images(torch.from_numpy(evidence.split("test").images[:1]))[:]
    # with gradients, since the counter otherwise fails on a parameter that is the input of a module
    with FlopCounterMode(display=False) as counter, torch.enable_grad(), suppress(NotApplicable):
        evidence.model.reconstruct(image.to(evidence.device))
    return counter.get_total_flops() or None


def code_size(evidence: Evidence) -> int | None:
    try:
        return int(evidence.codes("test").shape[1])
    except NotApplicable:
        return None


def peak_memory(device: str) -> int:
    if device != "cpu":
        return int(torch.cuda.max_memory_allocated(device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def count(part: torch.nn.Module) -> int:
    """Return how many numbers a model learned: its parameters, and its stored buffers, which contain the results of
    `fit`. A tensor with two names counts once."""
    stored = part.state_dict(keep_vars=True).values()
    return sum(tensor.numel() for tensor in {id(tensor): tensor for tensor in stored}.values())
