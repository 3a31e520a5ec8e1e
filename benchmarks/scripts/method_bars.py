"""Check whether the built-in methods, with their defaults, reach certain minimum results, their bars.

    OMP_NUM_THREADS=1 python benchmarks/scripts/method_bars.py --data DIR --bar psnr bypass intro gan

`--data` is the folder of the Kermany chest X-rays. The bars:

- psnr, bypass: PSNR of test X-rays at 64 px after 1,000 steps with batches of 32 by `vae[latent=64]` at width 8,
  mean of seeds 0 to 2: at least 25.5 dB, and 26.5 dB with `bypass=true`;
- intro: for `intro-vae`, the KL of samples is at least a tenth larger than that of images not used in training, for
  each of seeds 0 to 2, on phantoms at 28 px after 250 steps; `soft-intro-vae`, and both models on X-rays at 64 px after
  400 steps, are only reported;
- gan: discriminator and decoder of `vae-gan` are each updated in more than half of the steps, on phantoms at 28 px and
  on X-rays at 64 px, in the second half of 400 steps.

Test images are used only for psnr and bypass; defaults are chosen by `validated.py`, on validation images. The script
prints a line per training run, then one per bar; the exit code is 1 if a bar is missed."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable
from statistics import mean

import torch
from validated import SIZES, create, images, measure

from vaebench.data.regimes import training_images
from vaebench.training.loop import train
from vaebench.trial import Settings

SEEDS = range(3)
ALL = 10**6
PHANTOM = "kermany-cxr"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--bar", nargs="+", choices=BARS, default=list(BARS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    missed = [bar for bar in given.bar if not BARS[bar](f"{PHANTOM}[path={given.data}]")]
    raise SystemExit(bool(missed))


def reconstructs(model: str, least: float) -> Callable[[str], bool]:
    def bar(xrays: str) -> bool:
        found = []
        for seed in SEEDS:
            found.append(test_psnr(model, seed, sized(xrays, steps=1000, limit=ALL)))
            print(f"{model}, seed {seed}: test PSNR {found[-1]:.2f} dB", flush=True)
        return told(f"{model}: test PSNR {mean(found):.2f} dB, at least {least}", mean(found) >= least)

    return bar


def test_psnr(model: str, seed: int, given: Namespace) -> float:
    splits = images(given, seed, tested=ALL)
    network = create(model, splits.train.images.shape[1:], given.width, seed)
    settings = Settings(given.size, given.steps, given.batch)
    order = torch.Generator().manual_seed(seed)
    train(network, training_images(splits, "all"), settings, order, lambda at, values: None)
    with torch.inference_mode():
        x = torch.from_numpy(splits.test.images).float() / 255
        return float((-10 * (network.reconstruct(x) - x).square().flatten(1).mean(1).log10()).mean())


def separates(xrays: str) -> bool:
    settings = {"phantom": sized(PHANTOM, size=28, steps=250), "X-rays": sized(xrays)}
    held = True
    for model in ("intro-vae", "soft-intro-vae"):
        for where, given in settings.items():
            rows = [measure(model, seed, given) for seed in SEEDS]
            ratios = [row["kl sampled"] / row["kl real"] for row in rows]
            enough = min(ratios) >= 1.1
            told(f"{model}, {where}: KL of samples over real images' {shown(ratios)}, at least 1.1", enough)
            held &= enough or model != "intro-vae"
    return held


def moves(xrays: str) -> bool:
    held = True
    for where, given in {"phantom": sized(PHANTOM, size=28), "X-rays": sized(xrays)}.items():
        row = measure("vae-gan", 0, given)
        for player in ("decoder", "discriminator"):
            share = row[f"logged {player}_moves"]
            held &= told(f"vae-gan, {where}: the {player} moves in {share:.0%} of steps, more than 50 %", share > 0.5)
    return held


def sized(dataset: str, **sizes: int) -> Namespace:
    return Namespace(**{**SIZES, "dataset": dataset, **sizes})


def shown(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def told(what: str, held: bool) -> bool:
    print(f"{what}: {'held' if held else 'MISSED'}", flush=True)
    return held


BARS = {
    "psnr": reconstructs("vae[latent=64]", 25.5),
    "bypass": reconstructs("vae[latent=64,bypass=true]", 26.5),
    "intro": separates,
    "gan": moves,
}

if __name__ == "__main__":
    main()
