"""Training images a second: the harness beside bare loops and pythae's trainer, with the same network, in one run.

    OMP_NUM_THREADS=1 python benchmarks/speed/training.py [--device cuda] [--rounds 7]

All train a VAE on the same images with the same loss, Adam and batches of 64. `bare` is the shortest loop that one
would write by hand, on images that lie in memory as uint8 as the harness keeps them; `fused` the same with PyTorch's
fused Adam. Of pythae's trainer its `train_step` is timed, an epoch without what it does between epochs. Contenders
take turns; seconds are those of one CPU thread. Where pythae is not installed, its column says so.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from statistics import median

import torch
import torch.nn.functional as F
from by_turns import by_turns, times_faster
from networks import NETWORKS, Net
from torch import Tensor

from vaebench.interfaces import At, Group, Images, Model, Objective
from vaebench.training import train
from vaebench.trial import Settings

BATCH, RATE = 64, 1e-3
STEPS = {28: 48, 64: 24, 128: 8}
"""by side: an epoch, and what a contender does in its turn"""


def loss(net: Net, x: Tensor) -> tuple[Tensor, Tensor]:
    """Squared error and divergence of each image, as pythae has them."""
    mean, logvar = net.encode(x)
    z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
    error = 0.5 * F.mse_loss(net.decode(z), x, reduction="none").flatten(1).sum(1)
    return error, -0.5 * (1 + logvar - mean.square() - logvar.exp()).sum(1)


class Judged(Model):
    """A network as the harness trains it."""

    name, version = "judged", 1

    def __init__(self, net: Net) -> None:
        super().__init__((1, 1, 1), None)
        self.net = net

    def groups(self) -> dict[str, Group]:
        return {"all": Group(self.parameters(), options={"lr": RATE})}

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        error, divergence = loss(self.net, x)
        yield {"all": {"reconstruction": error, "kl": divergence}}


def harness(net: Net, pixels: Tensor, steps: int) -> Callable[[], None]:
    settings, order = Settings(size=pixels.shape[-1], steps=steps, batch=BATCH), torch.Generator()
    return lambda: train(Judged(net), Images(pixels), settings, order, lambda at, values: None)


def bare(net: Net, pixels: Tensor, steps: int, fused: bool = False) -> Callable[[], None]:
    def run() -> None:
        optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=fused)
        for rows in torch.randperm(len(pixels), device=pixels.device).split(BATCH):
            x = pixels[rows].float() / 255
            error, divergence = loss(net, x)
            total = (error + divergence).mean()
            optimizer.zero_grad()
            total.backward()
            optimizer.step()

    return run


def pythae(net: Net, pixels: Tensor, steps: int) -> Callable[[], None]:
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    class Down(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = net.encoder

        def forward(self, x: Tensor) -> ModelOutput:
            mean, logvar = self.net(x).chunk(2, dim=1)
            return ModelOutput(embedding=mean, log_covariance=logvar)

    class Up(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = net.decoder

        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.net(z))

    logging.disable(logging.INFO)
    latent = next(p for p in net.decoder.parameters()).shape[1]
    model = VAE(VAEConfig(input_dim=tuple(pixels.shape[1:]), latent_dim=latent), encoder=Down(), decoder=Up())
    data = BaseDataset(pixels.cpu().float() / 255, torch.zeros(len(pixels)))
    config = BaseTrainerConfig(
        per_device_train_batch_size=BATCH, learning_rate=RATE, no_cuda=pixels.device.type == "cpu"
    )
    trainer = BaseTrainer(model, data, training_config=config)
    trainer.set_optimizer()
    trainer._setup_callbacks()

    def run() -> None:
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            trainer.train_step(1)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    trainers = {"harness": harness, "bare": bare, "fused": partial(bare, fused=True)}
    if find_spec("pythae"):
        trainers["pythae"] = pythae
    print(f"{args.device}, torch {torch.__version__}, medians of {args.rounds} rounds\n")
    print("| network | px | harness, images/s | bare | bare, fused Adam | pythae | of the best bare | of pythae |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, build in NETWORKS.items():
        for side, steps in STEPS.items():
            pixels = torch.randint(0, 256, (steps * BATCH, 1, side, side), dtype=torch.uint8, device=args.device)
            runs = {
                who: start(build((1, side, side)).to(args.device), pixels, steps) for who, start in trainers.items()
            }
            spent = by_turns(runs, args.rounds, args.device)
            speeds = {who: f"{len(pixels) / median(times):,.0f}" for who, times in spent.items()}
            best = [min(pair) for pair in zip(spent["bare"], spent["fused"], strict=True)]
            ratios = [f"{times_faster(spent['harness'], best):.2f}", "not installed"]
            if "pythae" in spent:
                ratios[1] = f"{times_faster(spent['harness'], spent['pythae']):.2f}"
            cells = [speeds.get(who, "not installed") for who in ("harness", "bare", "fused", "pythae")]
            print(f"| {name} | {side} | {' | '.join([*cells, *ratios])} |", flush=True)


if __name__ == "__main__":
    main()
