"""Train models briefly and judge them on validation images, to choose the defaults of methods.

    python benchmarks/scripts/validated.py vae "vae[latent=64]" --dataset "kermany-cxr[path=DIR]"

The script prints a line per training run and one per model, with the mean over its seeds: PSNR of validation
reconstructions in dB; their rate in nats; the KL of real images, of reconstructions and of samples, if the model has
one; energy distance of samples from validation images (defined in `variants.py`); CPU seconds; the model's facts; and
the mean of every logged value over the last half of training. Without a path, the images are the dataset's phantom."""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from variants import distance

from vaebench.components.parameters import construct, parameters_of, split_spec, typed
from vaebench.components.registry import registry
from vaebench.data.folders import cache_folder
from vaebench.data.prepare import open_splits, prepare
from vaebench.data.regimes import training_images
from vaebench.data.splits import limited
from vaebench.interfaces import At, Model, NotApplicable, Splits
from vaebench.training.devices import lay_out
from vaebench.training.loop import train
from vaebench.trial import Settings, Spec

SIZES = {"size": 64, "width": 8, "steps": 400, "batch": 32, "limit": 2000, "seeds": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--dataset", default="kermany-cxr")
    for name, value in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for text in given.models:
        rows = [measure(text, seed, given) for seed in range(given.seeds)]
        for seed, row in enumerate(rows):
            print(line(f"{text}, seed {seed}", row), flush=True)
        print(line(text, {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}), flush=True)


def measure(text: str, seed: int, given: argparse.Namespace) -> dict[str, float]:
    splits = images(given, seed)
    model = create(text, splits.train.images.shape[1:], given.width, seed)
    logged: dict[str, list[float]] = defaultdict(list)

    def report(at: At, values: Mapping[str, float]) -> None:
        if at.progress >= 0.5:
            for name, value in values.items():
                logged[name].append(value)

    settings = Settings(given.size, given.steps, given.batch)
    start = time.process_time()
    train(model, training_images(splits, "all"), settings, torch.Generator().manual_seed(seed), report)
    row = {"seconds": time.process_time() - start}
    with torch.inference_mode():
        row |= judged(model, torch.from_numpy(splits.val.images).float() / 255)
    return row | model.facts() | {f"logged {name}": sum(values) / len(values) for name, values in logged.items()}


def judged(model: Model, x: Tensor) -> dict[str, float]:
    reconstructed = model.reconstruct(x)
    error = (reconstructed - x).square().flatten(1).mean(1)
    row = {"psnr": float((-10 * error.log10()).mean())}
    with suppress(NotApplicable):
        row["rate"] = float(model.rate(x).mean())
        sampled = model.sample(len(x), torch.Generator().manual_seed(0))
        half = len(x) // 2
        row["distance"] = distance(sampled, x, x) / distance(x[:half], x[half:], x)
        for name, each in {"real": x, "reconstructed": reconstructed, "sampled": sampled}.items():
            row[f"kl {name}"] = float(model.posterior(each).kl().mean())
    return row


def images(given: argparse.Namespace, seed: int, tested: int = 1) -> Splits:
    name, params = split_spec(given.dataset)
    dataset = made("datasets", given.dataset)
    limit = {"train": given.limit, "val": given.limit // 5, "test": tested}
    source = "real" if params else "phantom"
    ready = prepare(dataset, Spec(name, params), source, given.size, limit, Path(), cache_folder())
    return limited(open_splits(ready.folder), limit, name, seed)


def create(text: str, shape: tuple[int, int, int], width: int, seed: int) -> Model:
    name, given = split_spec(text)
    kind = registry().get("models", name).component
    torch.manual_seed(seed)
    loss = given.pop("loss", kind.default_loss)
    params = {"width": width} if "width" in parameters_of(kind) else {}
    params |= typed(name, kind, given)
    criterion = made("losses", loss) if loss else None
    model: Model = construct(kind, shape, criterion, **params)
    return lay_out(model, "cpu")


def made(kind: str, text: str) -> Any:
    name, given = split_spec(text)
    return registry().create(kind, Spec(name, typed(name, registry().get(kind, name).component, given)))


def line(what: str, row: Mapping[str, float]) -> str:
    return f"{what}: " + ", ".join(f"{name} {value:.4g}" for name, value in row.items())


if __name__ == "__main__":
    main()
