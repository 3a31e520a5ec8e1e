"""The subjects of the measurements: the built-in models with a preset's settings, as trials or courses of training."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec
import torch
from gpu_parts.sheet import Sheet

from vaebench.checks.drawings import draw
from vaebench.components.discovery import installed
from vaebench.components.registry import registry
from vaebench.data.prepare import prepare
from vaebench.interfaces import Images
from vaebench.planning.jobs import Job, Versions
from vaebench.planning.suite import find
from vaebench.training.build import build
from vaebench.training.devices import choices
from vaebench.training.loop import Course
from vaebench.trial import Settings, Spec, Trial

DATASET = "kermany-cxr"
NEEDED = {"gray-vae": "gray-vae[rec=2048]"}
"""Models that have a parameter without a default, as configured in the suite `references`."""
GRAPHS = "graphs" in inspect.signature(Course).parameters
"""True if this version of the harness can replay its steps as CUDA graphs."""


@dataclass(frozen=True)
class Bench:
    """The settings passed to every part."""

    sheet: Sheet
    device: str
    folder: Path
    """The folder for the output of trials."""
    tiny: bool = False
    data: Path | None = None
    """The folder of the real images."""

    @property
    def eager_and_graphs(self) -> tuple[bool, ...]:
        return (False, True) if GRAPHS and self.device != "cpu" else (False,)

    @property
    def graphs_flag(self) -> list[str]:
        """Return `--no-graphs` if graphs are not available or a model failed with them in `correctness`."""
        known = self.sheet.content["measured"].get("correctness", {})
        failed = [found for name, found in known.items() if "graphs" in name and found.get("error")]
        return [] if self.eager_and_graphs[-1] and not failed else ["--no-graphs"]

    def models(self) -> list[str]:
        """Return all installed models, those of the suite first; only a few with `--tiny`."""
        first = list(find("medical", installed()).presets["standard"].models)
        rest = sorted(name for name in registry().offers("models") if name not in first)
        return ["vae", "pca", "vq-vae"] if self.tiny else first + rest

    def settings(self, preset: str, **changes: Any) -> Settings:
        """Return the settings of a preset of the suite `medical`."""
        given = msgspec.structs.replace(find("medical", installed()).presets[preset].settings, **changes)
        if not self.tiny:
            return given
        limit = {"train": 64, "val": 16, "test": 48}
        return msgspec.structs.replace(given, size=28, batch=8, samples=16, limit=limit, model={"width": 8})


def side_of(name: str, settings: Settings) -> int:
    """Return the fixed image size of a model, if it has one."""
    return registry().get("models", name).component.native_size or settings.size


def trial_of(name: str, regime: str = "all") -> Trial:
    offer, model = registry().spec("models", NEEDED.get(name, name))
    loss = Spec(offer.component.default_loss) if offer.component.default_loss else None
    return Trial("medical@1", "gpu", "phantom", registry().spec("datasets", DATASET)[1], model, loss, regime, 0)


def job_of(name: str, settings: Settings, cache: Path, graphs: bool = False) -> tuple[Job, Path]:
    """Return a job of a model on phantoms, and the folder of the prepared phantoms."""
    settings = msgspec.structs.replace(settings, size=side_of(name, settings))
    trial = trial_of(name, "healthy")
    dataset = registry().create("datasets", trial.dataset)
    ready = prepare(dataset, trial.dataset, "phantom", settings.size, settings.limit, cache, cache)
    versions = Versions(settings, registry())
    job = Job(trial, settings, ready.digest, versions.of(trial), versions.code_of(trial))
    if graphs and "graphs" in {field.name for field in fields(Job)}:
        job = replace(job, graphs=True)
    return job, ready.folder


def course_of(name: str, settings: Settings, device: str, graphs: bool = False) -> Course:
    """Return a model's course of training on synthetic images with one channel, set up as in a worker."""
    side = side_of(name, settings)
    torch.manual_seed(0)
    more = (device,) if "device" in inspect.signature(build).parameters else ()
    model = build(trial_of(name), settings, (1, side, side), registry(), *more).to(device)
    pixels = torch.from_numpy(draw(4 * settings.batch, (1, side, side)).images).to(device)
    course = new_course(model, Images(pixels), settings, graphs)
    course.fit()
    return course


def new_course(model: Any, images: Images, settings: Settings, graphs: bool = False) -> Course:
    more: dict[str, Any] = {"graphs": True} if graphs and GRAPHS else {}
    return Course(model, images, settings, torch.Generator().manual_seed(0), **more)


def layout_of(device: str) -> torch.memory_format:
    """Return the layout of weights that the harness uses on a device."""
    return torch.channels_last if choices(device)["layout"] == "channels_last" else torch.contiguous_format


@contextmanager
def as_a_worker(device: str) -> Iterator[None]:
    """Apply the settings that `vaebench.running.worker.perform` applies before training."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(device != "cpu", warn_only=True)
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 (torch's types lack it)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=True)
