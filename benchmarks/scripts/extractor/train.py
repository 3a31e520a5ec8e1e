"""Train the extractor that comes with the package. Developers ran this script once; users never need to run it.

    OMP_NUM_THREADS=1 python benchmarks/scripts/extractor/train.py \
        --to plugins/vaebench_measures/features/extractor.safetensors

The training images are grey images of five phantoms at 64 px, with random blur and noise. The network predicts which
phantom an image shows, its class, its factors, its blur and its noise, so its features represent all of these. The
shipped file contains the first three blocks with batch norm folded in, and the projection of their pooled channels to
64 features, each of which has variance 1 over clean and degraded phantoms together. New weights define a new extractor:
set `SHA256` in extractor.py to the printed value."""

from __future__ import annotations

import argparse
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy, pad
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vaebench_measures.features.extractor import Network, pooled, standard
from vaebench_medical.phantoms import chest, fundus, gland, knee, mammogram

PHANTOMS = (chest, fundus, gland, knee, mammogram)
SEED = 5
CLEAN = 0.25
"""The share of pictures without blur, and also of pictures without noise."""
MOST_BLUR, MOST_NOISE = 3.0, 0.2
"""The largest blur in pixels (of 64), and the largest noise on a scale from 0 to 1."""


@dataclass
class Pictures:
    """Phantoms with their targets: a class number that is unique over all phantoms, and standardised factors, which are
    NaN if a phantom does not have a factor."""

    images: Tensor
    classes: Tensor
    factors: Tensor

    @property
    def count(self) -> int:
        return int(self.classes.max()) + 1


def draw(per_phantom: int, first: int) -> Pictures:
    names = sorted({key for p in PHANTOMS for key in p.draw(SEED, np.arange(1), np.zeros(1, int), 64).factors})
    images, classes, factors, known = [], [], [], 0
    for phantom in PHANTOMS:
        label = np.arange(per_phantom) % len(phantom.CLASSES)
        drawing = phantom.draw(SEED, first + np.arange(per_phantom), label, 64)
        images.append((standard(torch.from_numpy(drawing.images)) * 255).round().to(torch.uint8))
        classes.append(torch.from_numpy(label + known))
        table = np.full((per_phantom, len(names)), np.nan, np.float32)
        for name, value in drawing.factors.items():
            table[:, names.index(name)] = (value - value.mean()) / value.std()
        factors.append(torch.from_numpy(table))
        known += len(phantom.CLASSES)
    return Pictures(torch.cat(images), torch.cat(classes), torch.cat(factors))


def degrade(x: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return pictures with random Gaussian blur and noise, and the amount of both, in [0, 1]."""
    amount = torch.rand(2, len(x), generator=random)
    amount[torch.rand(2, len(x), generator=random) < CLEAN] = 0
    reach = int(2.5 * MOST_BLUR)
    place = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-0.5 * (place / (amount[0, :, None] * MOST_BLUR).clamp(min=0.05)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True))[:, None, None]
    y = pad(x.transpose(0, 1), [reach] * 4, mode="replicate")
    y = conv2d(conv2d(y, kernel, groups=len(x)), kernel.transpose(2, 3), groups=len(x)).transpose(0, 1)
    noise = torch.randn(y.shape, generator=random) * (MOST_NOISE * amount[1] ** 2)[:, None, None, None]
    return ((y + noise).clamp(0, 1) * 255).round() / 255, amount.T


def block(before: int, after: int, kernel: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.LeakyReLU(0.1))


class Student(nn.Module):
    """The shipped blocks with batch norm, deeper blocks after them, and a head that predicts all targets."""

    def __init__(self, classes: int, factors: int) -> None:
        super().__init__()
        self.shipped = nn.Sequential(block(1, 24, 5, 2), block(24, 48, 3, 2), block(48, 64, 3, 1))
        self.deeper = nn.Sequential(block(64, 96, 3, 2), block(96, 128, 3, 2))
        self.sizes = (classes, factors, 2)
        self.deep = nn.Linear(128 * 16, sum(self.sizes))
        self.texture = nn.Linear(128, sum(self.sizes))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = self.shipped(x)
        answer = self.deep(self.deeper(maps).flatten(1)) + self.texture(pooled(maps))
        return answer.split(self.sizes, 1)


def fit(pictures: Pictures, steps: int, batch: int) -> Student:
    torch.manual_seed(SEED)
    random = torch.Generator().manual_seed(SEED)
    student = Student(pictures.count, pictures.factors.shape[1]).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(student.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    start = time.process_time()
    for step in range(steps):
        rows = torch.randint(len(pictures.images), (batch,), generator=random)
        x, amount = degrade(pictures.images[rows].float() / 255, random)
        loss = sum(losses(student(x), pictures, rows, amount))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(
                f"step {step} of {steps}, loss {loss.item():.3f}, {time.process_time() - start:.0f} s CPU", flush=True
            )
    return student.eval()


def losses(answer: tuple[Tensor, ...], pictures: Pictures, rows: Tensor, amount: Tensor) -> list[Tensor]:
    classes, factors, degradation = answer
    known = ~pictures.factors[rows].isnan()
    return [
        cross_entropy(classes, pictures.classes[rows]),
        (factors - pictures.factors[rows])[known].square().mean(),
        10 * (degradation - amount).square().mean(),
    ]


def shipped(student: Student, pictures: Pictures) -> Network:
    """Return the network to ship, with batch norm folded in and a projection fitted to clean and degraded phantoms."""
    network = Network()
    for i, (conv, norm, _) in enumerate(student.shipped):
        network.blocks[2 * i].load_state_dict(fuse_conv_bn_eval(conv, norm).state_dict())
    with torch.no_grad():
        rows = torch.randperm(len(pictures.images), generator=torch.Generator().manual_seed(SEED))[:4000]
        clean = pictures.images[rows].float() / 255
        degraded, _ = degrade(clean, torch.Generator().manual_seed(SEED))
        seen = torch.cat([pooled(network.blocks(x)) for x in torch.cat([clean, degraded]).split(256)]).double()
        values, vectors = torch.linalg.eigh(seen.T.cov())
        network.centre.copy_(seen.mean(0))
        network.projection.copy_(vectors[:, -64:] / values[-64:].sqrt())
        shares = values / values.sum()
        effective = 1 / shares.square().sum()
        print(f"64 of 128 directions explain {shares[-64:].sum():.4f} of the variance, effective {effective:.1f}")
    return network


def report(student: Student, pictures: Pictures) -> None:
    """Print how well the student predicts the targets of unseen pictures, clean and degraded."""
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        x = pictures.images.float() / 255
        rows = torch.arange(len(x))
        for name, (y, amount) in {"clean": (x, torch.zeros(len(x), 2)), "degraded": degrade(x, random)}.items():
            answers = [student(part) for part in y.split(256)]
            answer = tuple(torch.cat([a[i] for a in answers]) for i in range(3))
            found = losses(answer, pictures, rows, amount)
            right = (answer[0].argmax(1) == pictures.classes).float().mean()
            print(f"unseen, {name}: class right {right:.3f}, factors unexplained {found[1]:.3f}, ", end="")
            print(f"error of blur and noise {(found[2] / 10).sqrt():.3f} of the range")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--pictures", type=int, default=4000, help="number of training images of each phantom")
    given = parser.parse_args()
    torch.set_num_threads(1)
    pictures = draw(given.pictures, 0)
    student = fit(pictures, given.steps, given.batch)
    report(student, draw(400, 10**6))
    content = save({key: value.contiguous() for key, value in shipped(student, pictures).state_dict().items()})
    given.to.write_bytes(content)
    print(f"{given.to.name}: {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
