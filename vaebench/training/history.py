"""The history of a training run: its losses, reconstructions of eight validation images along the way, and its time."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaebench.data.splits import examples
from vaebench.interfaces import At, Model, NotApplicable, Split

BEAT = 1.0
"""A training run that has sent no message for this many seconds reports that it is still running."""


class History:
    """The history of a training run, which is stored in checkpoints, so that a resumed run has a complete history."""

    def __init__(self, model: Model, shown: Split, batch: int, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self.model, self.batch, self.tell = model, batch, tell
        self.examples = torch.from_numpy(shown.images[examples(shown.labels)])
        self.curve: dict[str, dict[str, list[float]]] = {}
        self.frames: dict[int, Tensor] = {}
        """step -> the examples, reconstructed after that step, uint8"""
        self.before, self.times_resumed = 0.0, 0
        self.started = self.heard = time.perf_counter()
        self.ended: float | None = None
        self.steps = 0
        """The number of steps done in this process."""

    @property
    def seconds(self) -> float:
        """The training time in seconds, in this process and in earlier ones that were killed."""
        return self.before + (self.ended or time.perf_counter()) - self.started

    def close(self) -> None:
        self.ended = time.perf_counter()

    def film(self) -> bytes:
        """Return the reconstructed examples as the content of an .npz file with `images`, uint8 (steps, 8, C, H, W),
        and `steps`."""
        steps = sorted(self.frames)
        buffer = io.BytesIO()
        np.savez(buffer, images=torch.stack([self.frames[step] for step in steps]).numpy(), steps=np.array(steps))
        return buffer.getvalue()

    def report(self, at: At, values: Mapping[str, float]) -> None:
        lines = self.curve.setdefault(at.stage, {"step": []})
        lines["step"].append(at.step)
        for name, value in values.items():
            lines.setdefault(name, []).append(float(f"{value:.6g}"))
        self._word(at, "train", logs=dict(values))

    def after(self, at: At) -> None:
        """Count a step, and save pictures or send a sign of life when due; called after every step."""
        self.steps += 1
        if at.stage == self.model.stages[0] and at.step + 1 in (1, at.steps // 4, at.steps // 2, at.steps):
            self._picture(at.step + 1)
        if time.perf_counter() - self.heard > BEAT:
            self._word(at, "beat")

    def state(self) -> dict[str, Any]:
        return {
            "curve": self.curve, "frames": self.frames, "seconds": self.seconds, "resumed": self.times_resumed
        }  # fmt: skip

    def resume(self, state: Mapping[str, Any]) -> None:
        self.curve, self.frames, self.before = state["curve"], state["frames"], state["seconds"]
        self.times_resumed = state["resumed"] + 1

    def _word(self, at: At, phase: str, **more: Any) -> None:
        self.heard = time.perf_counter()
        stages = self.model.stages
        share = (stages.index(at.stage) + (at.step + 1) / at.steps) / len(stages)
        rate = self.steps * self.batch / (self.heard - self.started)
        where = {"stage": at.stage, "step": at.step + 1, "steps": at.steps, "share": share, "rate": rate}
        self.tell({"phase": phase, **where, **more})

    def _picture(self, step: int) -> None:
        device = next((tensor.device for tensor in self.model.state_dict().values()), torch.device("cpu"))
        with suppress(NotApplicable), torch.inference_mode():
            shown = self.model.eval().reconstruct(self.examples.to(device).float() / 255)
            self.frames[step] = shown.float().nan_to_num().clamp(0, 1).mul(255).round().byte().cpu().clone()
        self.model.train()
