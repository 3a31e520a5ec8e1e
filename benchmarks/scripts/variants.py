"""Train every model of the suite `medical` briefly on the chest phantom, and check that it learns, is better than the
mean image, and samples without collapse.

    python benchmarks/scripts/variants.py --jobs 2 --out variants.jsonl

The script prints a line per run, then a line per model with the mean over its seeds and, in brackets, the worst seed:

- error: squared error of test reconstructions, relative to that of `mean-image`;
- likeness: mean MS-SSIM between pairs of samples, minus that between pairs of real images (collapse is far above zero,
  incoherence far below);
- distance of samples from real images: energy distance on the first 32 principal components of the real images,
  relative to the distance between two halves of the real images;
- CPU seconds of a training run, and how many runs failed because of NaN or infinity.

Runs that are already in `--out`, with equal settings and versions, are not repeated.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from vaebench.components.discovery import installed
from vaebench.components.parameters import split_spec, typed
from vaebench.components.registry import registry
from vaebench.interfaces import Images, Loss, Model, NotApplicable
from vaebench.planning.suite import find
from vaebench.training.loop import Diverged, train
from vaebench.trial import Settings, Spec
from vaebench_reconstruction.ms_ssim import ms_ssim

SIZES = {"size": 64, "width": 8, "steps": 500, "batch": 32, "train": 1000}


@dataclass(frozen=True)
class Run:
    model: str
    seed: int
    version: int
    loss: str | None
    dataset: str
    size: int
    width: int
    steps: int
    batch: int
    train: int
    sheet: str | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    suite = find("medical", installed())
    parser.add_argument("--models", nargs="+", default=suite.presets["compact"].models)
    parser.add_argument("--loss", help="one reconstruction loss for all models that take one")
    parser.add_argument("--dataset", default="kermany-cxr")
    for name, value in {**SIZES, "seeds": 5, "jobs": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--out", type=Path, help="file of finished runs, one JSON object per line")
    parser.add_argument("--sheet", help="folder for pictures: originals, reconstructions, samples")
    given = parser.parse_args()

    sizes = {name: getattr(given, name) for name in SIZES}
    runs = [
        Run(text, seed, version(text), given.loss, given.dataset, sheet=given.sheet, **sizes)
        for seed in range(given.seeds)
        for text in given.models
    ]
    print(f"{given.dataset} phantom, {', '.join(f'{name} {value}' for name, value in sizes.items())}\n", flush=True)
    rows = [row for row in finished(given.out) if any(row | asdict(run) == row for run in runs)]
    waiting = [run for run in runs if not any(row | asdict(run) == row for row in rows)]
    with multiprocessing.get_context("spawn").Pool(min(given.jobs, max(1, len(waiting)))) as pool:
        for row in pool.imap_unordered(measure, waiting):
            rows.append(row)
            print(line(row), flush=True)
            if given.out:
                with given.out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    print("\n| model | seeds | error | likeness | distance | CPU s | failed |\n|---|---|---|---|---|---|---|")
    for text in given.models:
        print(summary(text, [row for row in rows if row["model"] == text]))


def version(text: str) -> int:
    return registry().get("models", split_spec(text)[0]).component.version


def finished(out: Path | None) -> Iterator[dict]:
    if out and out.exists():
        yield from map(json.loads, out.read_text().splitlines())


def measure(run: Run) -> dict:
    """Return the measurements of one training run."""
    torch.set_num_threads(1)
    images, test, floor = chests(run.dataset, run.size, run.train)
    model = create(run, test[0].shape)
    last: dict[str, float] = {}
    start = time.process_time()
    row = {**asdict(run), "failed": ""}
    try:
        order = torch.Generator().manual_seed(run.seed)
        train(model, images, Settings(run.size, run.steps, run.batch), order, lambda _, terms: last.update(terms))
    except Diverged as reason:
        return {**row, "failed": str(reason)}
    row |= {"seconds": time.process_time() - start, "last": last}
    with torch.inference_mode():
        row["error"] = float((model.reconstruct(test) - test).square().mean() / floor)
        row |= generation(model, test)
        if run.sheet:
            draw(model, test, Path(run.sheet) / f"{run.model}-{run.seed}.png")
    bad = [
        f"{name} is {row[name]}" for name in ("error", "likeness", "distance") if not math.isfinite(row.get(name, 0))
    ]
    return {**row, "failed": ", ".join(bad)}


@cache
def chests(dataset: str, size: int, count: int) -> tuple[Images, Tensor, Tensor]:
    """Return training images, test images, and the squared error of the training mean on the test images."""
    splits = registry().get("datasets", dataset).component().phantom(size, {"train": count, "test": 400}, 0)
    images, test = Images(torch.from_numpy(splits.train.images)), Images(torch.from_numpy(splits.test.images))[:]
    return images, test, (images[:].mean(0) - test).square().mean()


def create(run: Run, shape: tuple[int, int, int]) -> Model:
    name, given = split_spec(run.model)
    kind = registry().get("models", name).component
    torch.manual_seed(int.from_bytes(hashlib.sha256(f"{run.model} {run.seed}".encode()).digest()[:4], "big"))
    params = typed(name, kind, given)
    if "width" in kind.__init__.__annotations__:
        params = {"width": run.width, **params}
    loss = criterion(run.loss or kind.default_loss) if kind.default_loss else None
    return kind(shape, loss, **params).to(memory_format=torch.channels_last)


def criterion(name: str) -> Loss:
    return registry().create("losses", Spec(name))


def generation(model: Model, test: Tensor) -> dict[str, float]:
    """Return how much more alike samples are than real images, and their distance from real images."""
    try:
        samples = model.sample(len(test), torch.Generator().manual_seed(0))
    except NotApplicable:
        return {}
    half = len(test) // 2
    alike = [ms_ssim(x[:half], x[half : 2 * half]).mean() for x in (samples, test)]
    ruler = distance(test[:half], test[half:], test)
    return {"likeness": float(alike[0] - alike[1]), "distance": distance(samples, test, test) / ruler}


def distance(a: Tensor, b: Tensor, real: Tensor) -> float:
    """Return the energy distance on principal components of real images."""
    mean = real.flatten(1).mean(0)
    axes = torch.linalg.svd(real.flatten(1) - mean, full_matrices=False).Vh[:32].T
    a, b = ((x.flatten(1) - mean) @ axes for x in (a, b))
    return float(2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean())


def line(row: Mapping) -> str:
    numbers = {name: row[name] for name in ("error", "likeness", "distance", "seconds") if name in row} | row["last"]
    return f"{row['model']}, seed {row['seed']}: " + (
        row["failed"] or ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
    )


def summary(text: str, rows: Sequence[Mapping]) -> str:
    def cell(name: str, form: str) -> str:
        values = [row[name] for row in rows if name in row]
        return f"{sum(values) / len(values):{form}} ({max(values):{form}})" if values else "-"

    cells = [cell("error", ".3f"), cell("likeness", "+.3f"), cell("distance", ".1f"), cell("seconds", ".0f")]
    return f"| `{text}` | {len(rows)} | {' | '.join(cells)} | {sum(bool(row['failed']) for row in rows)} |"


def draw(model: Model, test: Tensor, path: Path) -> None:
    """Draw ten originals, their reconstructions, and ten samples."""
    rows = [test[:10], model.reconstruct(test[:10])]
    with suppress(NotApplicable):
        rows.append(model.sample(10, torch.Generator().manual_seed(0)))
    pixels = torch.cat([torch.cat(list(row), 2) for row in rows], 1).mul(255).round().byte()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.permute(1, 2, 0).squeeze(2).numpy()).save(path)


if __name__ == "__main__":
    main()
