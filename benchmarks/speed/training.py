"""Compare training images per second of the harness, bare loops and pythae's trainer, with the same network.

    OMP_NUM_THREADS=1 python benchmarks/speed/training.py [--device cuda] [--rounds 11]

All contenders train a VAE on the same images with the same loss, Adam and batches of 64; on a CPU each in a separate
process, on a GPU in one process. `bare` is the shortest loop that one would write by hand, on images that are stored in
memory as uint8, as in the harness. Three variants of `bare` use PyTorch's fused Adam, weights in `channels_last`, and
both; they also use the memory settings of the harness's workers (`vaebench/training/devices.py`). The harness is
compared with the fastest of the bare loops. Of pythae's trainer, only `train_step` is timed: an epoch without the work
between epochs. Contenders take turns; seconds are those of one CPU thread. If pythae is not installed, its column says
so.
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
from by_turns import Contender, Work, by_turns, times_faster
from gpu_parts.subjects import GRAPHS, layout_of, new_course
from networks import NETWORKS, Net
from stepping import Drive
from torch import Tensor

from vaebench.interfaces import At, Group, Images, Model, Objective
from vaebench.training.devices import MEMORY
from vaebench.trial import Settings

Trainer = Callable[[Net, Tensor, int], Work]

BATCH, RATE = 64, 1e-3
STEPS = {28: 16, 64: 6, 128: 2}
"""Steps in an epoch, which is also a contender's turn, by image side."""
STEPS_ON_GPU = 64


def loss(net: Net, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared error and KL of each image, as in pythae."""
    mean, logvar = net.encode(x)
    z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
    error = 0.5 * F.mse_loss(net.decode(z), x, reduction="none").flatten(1).sum(1)
    return error, -0.5 * (1 + logvar - mean.square() - logvar.exp()).sum(1)


class Judged(Model):
    """A network wrapped for training by the harness."""

    name, version = "judged", 1

    def __init__(self, net: Net) -> None:
        super().__init__((1, 1, 1), None)
        self.net = net

    def groups(self) -> dict[str, Group]:
        return {"all": Group(self.parameters(), options={"lr": RATE})}

    def constants(self, at: At) -> object:
        return ()  # all steps are alike

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        error, divergence = loss(self.net, x)
        yield {"all": {"reconstruction": error, "kl": divergence}}


def harness(net: Net, pixels: Tensor, steps: int, graphs: bool = False) -> Work:
    settings = Settings(size=pixels.shape[-1], steps=5000, batch=BATCH)
    model = Judged(net).to(memory_format=layout_of(pixels.device.type))
    course = new_course(model, Images(pixels), settings, graphs)
    warm = 12 if pixels.is_cuda else 0  # a graph is captured in these steps
    drive = Drive(course, warm, steps)
    return lambda: sum(drive.run().values()) * steps


def bare(net: Net, pixels: Tensor, steps: int, fused: bool = False, last: bool = False) -> Work:
    net = net.to(memory_format=torch.channels_last) if last else net
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=fused)

    def run() -> None:
        for rows in torch.randperm(len(pixels), device=pixels.device).split(BATCH):
            x = pixels[rows].float() / 255
            error, divergence = loss(net, x)
            total = (error + divergence).mean()
            optimizer.zero_grad()
            total.backward()
            optimizer.step()

    return run


BARE: dict[str, Trainer] = {
    "bare": bare,
    "fused": partial(bare, fused=True),
    "channels_last": partial(bare, last=True),
    "both": partial(bare, fused=True, last=True),
}


def pythae(net: Net, pixels: Tensor, steps: int) -> Work:
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
        with contextlib.redirect_stderr(io.StringIO()):  # hides its progress bar
            trainer.train_step(1)

    return run


def trainers_for(device: str) -> dict[str, Trainer]:
    """Return all trainers that can be timed here."""
    captured = {"harness, graphs": partial(harness, graphs=True)} if GRAPHS and device != "cpu" else {}
    return {"harness": harness, **captured, **BARE, **({"pythae": pythae} if find_spec("pythae") else {})}


def steps_for(side: int, device: str) -> int:
    return STEPS[side] if device == "cpu" else STEPS_ON_GPU


def begin(start: Trainer, network: str, side: int, device: str, steps: int) -> Work:
    """Return a contender with the same weights and images as all others."""
    net = NETWORKS[network]((1, side, side)).to(device)
    pixels = torch.randint(0, 256, (steps * BATCH, 1, side, side), dtype=torch.uint8).to(device)
    return start(net, pixels, steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    args = parser.parse_args()
    trainers = trainers_for(args.device)
    ours = [who for who in trainers if who.startswith("harness")]
    print(f"{args.device}, torch {torch.__version__}, images/s, medians of {args.rounds} rounds\n")
    columns = [*ours, *BARE, "pythae", "harness / best bare loop", "harness / pythae"]
    print("| network | px |", " | ".join(columns), "|")
    print("| --- | ---: |", " | ".join("---:" for _ in columns), "|")
    for name in args.networks:
        for side in STEPS:
            steps = steps_for(side, args.device)
            contenders = {
                who: Contender(
                    partial(begin, start, name, side, args.device, steps),
                    MEMORY if who not in ("bare", "pythae") else {},
                )
                for who, start in trainers.items()
            }
            spent = by_turns(contenders, args.rounds, args.device)
            best = min((spent[who] for who in BARE), key=median)
            cells = [f"{steps * BATCH / median(times):,.0f}" for times in spent.values()]
            ratios = [f"{times_faster(spent['harness'], best):.2f}"]
            if "pythae" in spent:
                ratios.append(f"{times_faster(spent['harness'], spent['pythae']):.2f}")
            else:
                cells, ratios = [*cells, "not installed"], [*ratios, "not installed"]
            print(f"| {name} | {side} | {' | '.join([*cells, *ratios])} |", flush=True)


if __name__ == "__main__":
    main()
