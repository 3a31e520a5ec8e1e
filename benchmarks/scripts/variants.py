"""Train every variant briefly on the phantom chests: does it learn, beat the mean image, and sample without collapse?

    python benchmarks/scripts/variants.py --size 32 --width 16 --steps 300 --models vae "vae-gan[gamma=0.1]"

Prints, per model: training time; the squared error of test reconstructions relative to mean-image's; the mean MS-SSIM
between pairs of samples, minus that between pairs of real images (collapse is far above zero); the distance of samples
from real images (energy distance on their first 32 principal components, in units of one half of them from the other).
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from vaebench.interfaces import Images, Loss, Model, NotApplicable
from vaebench.parameters import split_spec, typed
from vaebench.registry import registry
from vaebench.training import Diverged, train
from vaebench.trial import Settings, Spec
from vaebench_reconstruction.ms_ssim import ms_ssim


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=sorted(registry().offers("models")))
    parser.add_argument("--loss", help="one reconstruction loss for all models that take one")
    parser.add_argument("--dataset", default="kermany-cxr")
    for name, value in {"size": 32, "width": 16, "steps": 300, "batch": 64, "train": 1000, "seeds": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--sheet", type=Path, help="folder for pictures: originals, reconstructions, samples")
    given = parser.parse_args()
    torch.set_num_threads(1)

    dataset = registry().get("datasets", given.dataset).component()
    splits = dataset.phantom(given.size, {"train": given.train, "test": 400}, 0)
    images, test = Images(torch.from_numpy(splits.train.images)), Images(torch.from_numpy(splits.test.images))[:]
    floor = (images[:].mean(0) - test).square().mean()
    print(f"{given.dataset} phantom, {given.size} px, width {given.width}, {given.steps} steps of {given.batch}\n")
    print("| model | seed | s | error / mean-image | sample likeness - real | sample distance | last losses |")
    print("|---|---|---|---|---|---|---|")
    for text in given.models:
        for seed in range(given.seeds):
            model = create(text, given.loss, test[0].shape, given.width, seed)
            settings = Settings(given.size, given.steps, given.batch)
            curve: list[str] = []
            start = time.perf_counter()
            try:
                order = torch.Generator().manual_seed(seed)
                train(model, images, settings, order, lambda at, terms, curve=curve: curve.append(line(terms)))
            except Diverged as reason:
                print(f"| {text} | {seed} | {reason} |")
                continue
            seconds = time.perf_counter() - start
            with torch.inference_mode():
                rows = [f"{(model.reconstruct(test) - test).square().mean() / floor:.3f}", *generation(model, test)]
                if given.sheet:
                    draw(model, test, given.sheet / f"{model.name}-{seed}.png")
            print(
                f"| {text} | {seed} | {seconds:.0f} | {' | '.join(rows)} | {curve[-1] if curve else ''} |", flush=True
            )


def create(text: str, loss: str | None, shape: tuple[int, int, int], width: int, seed: int) -> Model:
    name, given = split_spec(text)
    kind = registry().get("models", name).component
    torch.manual_seed(int.from_bytes(hashlib.sha256(f"{text} {seed}".encode()).digest()[:4], "big"))
    params = typed(name, kind, given)
    if "width" in kind.__init__.__annotations__:
        params = {"width": width, **params}
    return kind(shape, criterion(loss or kind.default_loss) if kind.default_loss else None, **params)


def criterion(name: str) -> Loss:
    return registry().create("losses", Spec(name))


def generation(model: Model, test: Tensor) -> tuple[str, str]:
    """How alike samples are beyond real images, and how far from them."""
    try:
        samples = model.sample(len(test), torch.Generator().manual_seed(0))
    except NotApplicable:
        return "-", "-"
    half = len(test) // 2
    alike = [ms_ssim(x[:half], x[half : 2 * half]).mean() for x in (samples, test)]
    ruler = distance(test[:half], test[half:], test)
    return f"{alike[0] - alike[1]:+.3f}", f"{distance(samples, test, test) / ruler:.1f}"


def distance(a: Tensor, b: Tensor, real: Tensor) -> float:
    """Energy distance on principal components of real images."""
    mean = real.flatten(1).mean(0)
    axes = torch.linalg.svd(real.flatten(1) - mean, full_matrices=False).Vh[:32].T
    a, b = ((x.flatten(1) - mean) @ axes for x in (a, b))
    return float(2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean())


def line(terms: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in terms.items())


def draw(model: Model, test: Tensor, path: Path) -> None:
    """Ten originals, their reconstructions, ten samples."""
    rows = [test[:10], model.reconstruct(test[:10])]
    with suppress(NotApplicable):
        rows.append(model.sample(10, torch.Generator().manual_seed(0)))
    pixels = torch.cat([torch.cat(list(row), 2) for row in rows], 1).mul(255).round().byte()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.permute(1, 2, 0).squeeze(2).numpy()).save(path)


if __name__ == "__main__":
    main()
