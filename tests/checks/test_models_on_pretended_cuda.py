"""Every model that is shipped goes through the worker on a pretended GPU, and a training step launches little and never
waits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from laboratory import Work, job, run_job
from torch import nn

from vaebench import evidence as asking
from vaebench.checks.bench import Bench
from vaebench.checks.on_card import count_steps
from vaebench.checks.pretended_cuda import pretended_cuda
from vaebench.components.parameters import parameters_of
from vaebench.components.registry import registry
from vaebench.evidence import Evidence
from vaebench.interfaces import Images
from vaebench.judging import cost
from vaebench.records.record import Record
from vaebench.running.keeper import CheckpointKeeper
from vaebench.running.sink import ResultsSink
from vaebench.running.worker import perform
from vaebench.training import devices
from vaebench_measures.features import compared, inception

SIDE = 28
NEEDED = {"rec": 400}
WEIGHTLESS = {"thumbnail"}
"""Models with neither parameters nor buffers: they are on no card, and evidence asks them on the CPU."""
MODELS = {
    name: offer
    for name, (offer, *_) in registry().offers("models").items()
    if offer.component.native_size in (None, SIDE)
}
METRICS = tuple(registry().offers("metrics"))
FEW = ("ms-ssim", "svc-balanced-accuracy", "mmd", "fid", "anomaly-auroc-combined", "anomaly-auroc-own")
"""What most models are judged by here. Metrics ask all models alike; `vae`, `vq-vae` and `pca` meet every metric."""
THOROUGH = {"vae", "vq-vae", "pca"}
CEILINGS = {
    "ae": {"main": 125},
    "ae-two-stage": {"main": 125, "prior": 95},
    "beta-vae": {"main": 180},
    "coarse-dae": {"main": 195},
    "cxr-vae": {"main": 155},
    "factor-vae": {"main": 310},
    "fsq-vae": {"main": 165, "prior": 165},
    "gray-vae": {"main": 160},
    "info-vae": {"main": 385},
    "intro-vae": {"main": 450},
    "iwae": {"main": 740},
    "kl-ae": {"main": 305, "prior": 125},
    "ladder-vae": {"main": 335},
    "ms-ssim-vae": {"main": 315},
    "rae": {"main": 325, "prior": 95},
    "rq-vae": {"main": 250, "prior": 175},
    "soft-intro-vae": {"main": 530},
    "spatial-vae": {"main": 186},
    "tc-vae": {"main": 230},
    "vae": {"main": 180},
    "vae-gan": {"main": 605},
    "vamp-vae": {"main": 295},
    "vpga": {"main": 740},
    "vq-vae": {"main": 165, "prior": 155},
    "wae-mmd": {"main": 325},
}
"""model -> stage -> the most launches of a training step, the optimiser's included: as many as were counted, and a few
more. They depend on the depth of the networks, which the side of the images decides, not on the batch or the width."""


class Killed(Exception):
    pass


def work(folder: Path, name: str, **more: Any) -> Work:
    needed = [p.name for p in parameters_of(MODELS[name].component).values() if p.required]
    given = ",".join(f"{key}={NEEDED[key]}" for key in needed)
    usual = {"size": SIDE, "steps": 3, "batch": 16, "samples": 16, "limit": {"train": 64, "val": 12, "test": 24}}
    return job(
        folder, f"{name}[{given}]" if given else name, dataset="kermany-cxr", regime="healthy", preset={"width": 8},
        **{**usual, "metrics": METRICS if name in THOROUGH else FEW, **more},
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
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A small network stands for Inception, whose weights are not here; and patients are resampled a few times only."""

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 8)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            return (self.layer(x.float().mean((2, 3))),)

    monkeypatch.setattr(asking, "patient_draws", partial(asking.patient_draws, draws=4))
    monkeypatch.setattr(inception, "published", lambda: b"")
    monkeypatch.setattr(inception, "network", lambda content: Small())
    compared.instance.cache_clear()
    yield
    compared.instance.cache_clear()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] * (".zoo." in of.component.__module__))
        for name, of in MODELS.items()
    ],
)
def test_the_whole_trial_stays_on_its_card(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are read from a memory map, and a trained model is killed once and resumes from its checkpoint."""
    monkeypatch.setattr(devices, "RESIDENT", 0)
    with pretended_cuda(cards=2) as cards:
        record = done(work(tmp_path, name), "cuda:1", killed_at=2)
    assert record.status == "ok", record.error
    assert not {key: cell.reason for key, cell in record.metrics.items() if cell.reason.startswith("failed")}
    assert sum(cell.value is not None for cell in record.metrics.values()) > (40 if name in THOROUGH else 1)
    assert record.metrics["fid"].value is not None or record.metrics["fid"].reason.startswith("the model")
    assert record.cost.times_resumed == (1 if MODELS[name].component.stages else 0)
    assert (cards[1].launches > 100) == (name not in WEIGHTLESS)
    assert (cards[0].launches, cards[0].waited) == (0, [])


@pytest.mark.parametrize(
    ("name", "stage"), [(name, stage) for name, offer in MODELS.items() for stage in offer.component.stages]
)
def test_a_training_step_launches_little_and_never_waits(name: str, stage: str) -> None:
    assert stage in CEILINGS.get(name, {}), "count them with `vaebench check NAME --device pretended-cuda`"
    component = MODELS[name].component
    loss = registry().get("losses", component.default_loss).component if component.default_loss else None
    given = {key: value for key, value in NEEDED.items() if key in parameters_of(component)}
    with pretended_cuda(cards=2) as cards:
        for step in count_steps(Bench(component, loss, (1, SIDE, SIDE), given, "cuda:1"), stage):
            assert not step.waits
            assert step.launches <= CEILINGS[name][stage]
        assert cards[0].launches == 0


def test_a_killed_and_streamed_training_on_another_card_ends_in_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pretended_cuda():
        straight = done(work(tmp_path / "straight", "vae", metrics=("psnr",)), "cuda:0")
    monkeypatch.setattr(devices, "RESIDENT", 0)
    with pretended_cuda(cards=2):
        resumed = done(work(tmp_path / "resumed", "vae", metrics=("psnr",)), "cuda:1", killed_at=2)
    assert (straight.cost.times_resumed, resumed.cost.times_resumed) == (0, 1)
    assert straight.weights == resumed.weights
    assert straight.metrics == resumed.metrics


def test_what_draws_nothing_gets_the_numbers_of_the_cpu(tmp_path: Path) -> None:
    asked = work(tmp_path, "pca", metrics=("psnr", "ms-ssim", "anomaly-auroc"))
    expected = run_job(asked)
    with pretended_cuda():
        found = done(asked, "cuda:0")
    assert found.status == expected.status == "ok"
    assert found.metrics == expected.metrics


def test_the_guard_finds_what_it_was_made_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pca has buffers only, and the image whose FLOPs are counted was sent to where the first parameter is."""

    def flops(evidence: Evidence) -> None:
        image = Images(torch.from_numpy(evidence.split("test").images[:1]))[:]
        evidence.model.reconstruct(image.to(next(evidence.model.parameters(), image).device))

    monkeypatch.setattr(cost, "reconstruction_flops", flops)
    with pretended_cuda():
        record = done(work(tmp_path, "pca", metrics=("psnr",)), "cuda:0")
    assert record.status == "failed"
    assert re.match(r"sub mixes devices: .* cuda:0.* at pca.py:\d+ in project", record.error.message)
