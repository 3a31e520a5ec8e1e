"""Every model that is shipped goes through the worker on a pretended GPU, and a training step launches little and never
waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from laboratory import Work, job
from torch import nn

from vaebench.checks.drawings import draw
from vaebench.checks.pretended_cuda import pretended_cuda
from vaebench.components.parameters import parameters_of
from vaebench.components.registry import Offer, registry
from vaebench.data import regimes
from vaebench.interfaces import At, Images, Model
from vaebench.records.record import Record
from vaebench.running.keeper import CheckpointKeeper
from vaebench.running.sink import ResultsSink
from vaebench.running.worker import perform
from vaebench.training.loop import Course
from vaebench.trial import Settings
from vaebench_measures.features import compared, inception

SIDE = 28
NEEDED = {"rec": 400}
MODELS = {
    name: offer
    for name, (offer, *_) in registry().offers("models").items()
    if offer.component.native_size in (None, SIDE)
}
METRICS = tuple(registry().offers("metrics"))
CEILINGS = {
    "ae": {"main": 125},
    "beta-vae": {"main": 180},
    "cxr-vae": {"main": 180},
    "gray-vae": {"main": 180},
    "intro-vae": {"main": 450},
    "ms-ssim-vae": {"main": 320},
    "soft-intro-vae": {"main": 530},
    "spatial-vae": {"main": 190},
    "vae": {"main": 180},
    "vae-gan": {"main": 600},
    "vpga": {"main": 740},
    "vq-vae": {"main": 165, "prior": 300},
}
"""Launches in a training step, the optimiser's included, at 28 px: what was counted, and a few more."""
"""model -> stage -> launches"""


class Killed(Exception):
    pass


def work(folder: Path, name: str, **more: Any) -> Work:
    needed = [p.name for p in parameters_of(MODELS[name].component).values() if p.required]
    given = ",".join(f"{key}={NEEDED[key]}" for key in needed)
    usual = {"size": SIDE, "steps": 3, "batch": 16, "samples": 16, "limit": {"train": 64, "val": 12, "test": 24}}
    return job(
        folder, f"{name}[{given}]" if given else name, dataset="kermany-cxr", regime="healthy", preset={"width": 8},
        **{**usual, "metrics": METRICS, **more},
    )  # fmt: skip


def done(work: Work, device: str, killed_at: int | None = None) -> Record:
    """The record of a trial, killed at a step the first time, if it has as many."""

    def attempt(last: int | None) -> Record:
        def tell(event: Mapping[str, Any]) -> None:
            if event["phase"] == "train" and event["step"] == last:
                raise Killed

        sink, keeper = (kind(work.results, "pretended", *more) for kind, more in
                        ((ResultsSink, ()), (CheckpointKeeper, (0.0, False))))  # fmt: skip
        return perform(work.job, work.data, device, sink, keeper, tell)

    if killed_at is not None:
        attempt(killed_at)
    return attempt(None)


@pytest.fixture
def weightless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A small network stands for Inception, whose weights are not here."""

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 8)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            return (self.layer(x.float().mean((2, 3))),)

    monkeypatch.setattr(inception, "published", lambda: b"")
    monkeypatch.setattr(inception, "network", lambda content: Small())
    compared.instance.cache_clear()
    yield
    compared.instance.cache_clear()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("weightless")
@pytest.mark.parametrize("name", MODELS)
def test_the_whole_trial_stays_on_its_card(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are read from a memory map, and a trained model is killed once and resumes from its checkpoint."""
    monkeypatch.setattr(regimes, "RESIDENT_BYTES", 0)
    with pretended_cuda(cards=2) as cards:
        record = done(work(tmp_path, name), "cuda:1", killed_at=2)
    assert record.status == "ok", record.error
    assert not {key: cell.reason for key, cell in record.metrics.items() if cell.reason.startswith("failed")}
    assert sum(cell.value is not None for cell in record.metrics.values()) > 40
    assert record.metrics["fid"].value is not None or record.metrics["fid"].reason.startswith("the model")
    assert record.cost.times_resumed == (1 if MODELS[name].component.stages else 0)
    assert cards[1].launches > 100
    assert (cards[0].launches, cards[0].waited) == (0, [])
