"""A plugin for tests of the harness: a model that works, and a model for each way in which a trial can fail."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from types import FrameType
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from vaebench import hookimpl
from vaebench.evidence import Evidence
from vaebench.interfaces import (
    At,
    Choice,
    Dataset,
    Group,
    Images,
    Limit,
    Linear,
    Loss,
    Metric,
    Model,
    Objective,
    Score,
    Shape,
    Split,
    Splits,
)

DISEASED = 255
"""The value of a pixel that only diseased images have."""


class Steady(Model):
    """A linear autoencoder with noise on its code. It notes each training run and its process in $LAB/log."""

    name = "steady"
    version = int(os.environ.get("LAB_VERSION", "1"))
    default_loss = None

    def __init__(self, shape: Shape, loss: Loss | None, gain: float = 1.0, width: int = 4) -> None:
        super().__init__(shape, loss)
        pixels = shape[0] * shape[1] * shape[2]
        self.down = nn.Linear(pixels, width)
        self.up = nn.Linear(width, pixels)
        self.gain = gain

    def groups(self) -> dict[str, Group]:
        return {"all": Group(self.parameters(), options={"lr": 0.01})}

    def fit(self, images: Images) -> None:
        with (Path(os.environ["LAB"]) / "log").open("a") as log:
            log.write(f"{self.name} {os.getpid()}\n")

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        self.trouble(at)
        code = self.encode(x)
        answer = self.decode(code + 0.1 * torch.randn_like(code))
        yield {"all": self.gain * (answer - x).square().sum(dim=(1, 2, 3))}

    def trouble(self, at: At) -> None:
        """Do nothing; in a subclass, fail at some step."""

    def encode(self, x: Tensor) -> Tensor:
        return self.down(x.flatten(1))

    def decode(self, code: Tensor) -> Tensor:
        return self.up(code).sigmoid().view(-1, *self.shape)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.decode(torch.randn((n, self.down.out_features), generator=generator))


class Raising(Steady):
    name = "raising"

    def trouble(self, at: At) -> None:
        raise ValueError(f"cannot open '{Path.cwd()}/weights of mine.pt'")


class Quitting(Steady):
    name = "quitting"

    def trouble(self, at: At) -> None:
        os._exit(3)


class Exiting(Steady):
    name = "exiting"

    def trouble(self, at: At) -> None:
        sys.exit(4)


class Killed(Steady):
    name = "killed"

    def trouble(self, at: At) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Faulting(Steady):
    name = "faulting"

    def trouble(self, at: At) -> None:
        ctypes.string_at(0)


class Signalled(Steady):
    """Dies of a signal that has no name."""

    name = "signalled"

    def trouble(self, at: At) -> None:
        os.kill(os.getpid(), signal.SIGRTMIN + 3)


class Patricide(Steady):
    """Kills the server that its process was forked from, and lives on."""

    name = "patricide"

    def trouble(self, at: At) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


class Parental(Steady):
    """Leaves a long-running child process behind, and notes it in the log."""

    name = "parental"

    def fit(self, images: Images) -> None:
        super().fit(images)
        child = subprocess.Popen(["sleep", "600"])
        with (Path(os.environ["LAB"]) / "log").open("a") as log:
            log.write(f"child {child.pid}\n")


class Hanging(Steady):
    name = "hanging"

    def trouble(self, at: At) -> None:
        time.sleep(600)


class Talkative(Steady):
    """Prints from Python, to a file descriptor as C code would, and from a child process. Fails if `fails` is true."""

    name = "talkative"

    def __init__(self, shape: Shape, loss: Loss | None, megabytes: int = 0, fails: bool = False) -> None:
        super().__init__(shape, loss)
        self.megabytes, self.fails = megabytes, fails

    def fit(self, images: Images) -> None:
        print(f"from Python in {Path.cwd()}/mine.py \x1b[31m", flush=True)
        print("a warning", file=sys.stderr)
        os.write(1, b"from C\n")
        subprocess.run(["echo", "from a child"], check=True)
        for _ in range(self.megabytes):
            os.write(1, b"0123456789abcde\n" * 2**16)
        print("the end")

    def trouble(self, at: At) -> None:
        if self.fails:
            os.kill(os.getpid(), signal.SIGKILL)


class Threaded(Steady):
    """Sets PyTorch's threads: when it is built, or for some steps only."""

    name = "threaded"

    def __init__(self, shape: Shape, loss: Loss | None, when: str = "built") -> None:
        super().__init__(shape, loss)
        self.when = when
        if when == "built":
            torch.set_num_threads(2)

    def fit(self, images: Images) -> None:
        if self.when == "fit":
            torch.set_num_threads(2)

    def trouble(self, at: At) -> None:
        if self.when == "trained":
            torch.set_num_threads(2 if at.step < at.steps - 1 else 1)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        if self.when == "measured":
            torch.set_num_threads(2)
        return super().sample(n, generator)


class Preparing(Steady):
    """Takes longer in `fit` than a test's time limit, with or without printing meanwhile."""

    name = "preparing"

    def __init__(self, shape: Shape, loss: Loss | None, prints: bool = True) -> None:
        super().__init__(shape, loss)
        self.prints = prints

    def fit(self, images: Images) -> None:
        for _ in range(60):
            time.sleep(0.1)
            if self.prints:
                print("still at it")


class Slow(Steady):
    """Sleeps after every step, and does not start while the file $LAB/hold exists."""

    name = "slow"

    def fit(self, images: Images) -> None:
        super().fit(images)
        while (Path(os.environ["LAB"]) / "hold").exists():
            time.sleep(0.02)

    def trouble(self, at: At) -> None:
        time.sleep(0.1)


class Carded(Slow):
    """Notes the card that it may use, and the server that its process was forked from."""

    name = "carded"

    def fit(self, images: Images) -> None:
        with (Path(os.environ["LAB"]) / "log").open("a") as log:
            log.write(f"card{os.environ.get('CUDA_VISIBLE_DEVICES')} {os.getppid()}\n")
        super().fit(images)


class Restless(Steady):
    """Trains long enough to be killed in both stages; its second stage has a different group and a separate state."""

    name = "restless"
    stages = ("main", "after")

    def __init__(self, shape: Shape, loss: Loss | None, die_at: int = -1) -> None:
        super().__init__(shape, loss)
        self.bias = nn.Parameter(torch.zeros(shape))
        self.register_buffer("mean", torch.zeros(shape))
        self.die_at = die_at

    def groups(self) -> dict[str, Group]:
        linear = [*self.down.parameters(), *self.up.parameters()]
        return {"all": Group(linear, schedule=lambda progress: 1 - progress), "after": Group([self.bias])}

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        time.sleep(0.02)
        self.mean.lerp_(x.mean(0), 0.1)
        if at.stage == "main":
            if at.step == self.die_at and (Path(os.environ["LAB"]) / "deadly").exists():
                os.kill(os.getpid(), signal.SIGKILL)
            yield from super().objectives(x, at)
        else:
            yield {"after": (self.bias + self.mean - x * torch.rand_like(x)).square().sum(dim=(1, 2, 3))}


class Held(Restless):
    """Pauses in the middle while the file $LAB/hold exists, until it is asked to end."""

    name = "held"

    def trouble(self, at: At) -> None:
        hold = Path(os.environ["LAB"]) / "hold"
        if at.step != 5 or not hold.exists():
            return
        asked, answer = list[bool](), signal.getsignal(signal.SIGTERM)

        def note(number: int, frame: FrameType | None) -> None:
            asked.append(True)
            if callable(answer):
                answer(number, frame)

        signal.signal(signal.SIGTERM, note)
        with (Path(os.environ["LAB"]) / "log").open("a") as log:
            log.write(f"holds {os.getpid()}\n")
        while hold.exists() and not asked:
            time.sleep(0.02)
        signal.signal(signal.SIGTERM, answer)


class Hungry(Steady):
    name = "hungry"

    def __init__(self, shape: Shape, loss: Loss | None, of: str = "torch") -> None:
        super().__init__(shape, loss)
        self.of = of

    def trouble(self, at: At) -> None:
        torch.empty(2**50) if self.of == "torch" else np.empty(2**50)


class Diverging(Steady):
    name = "diverging"

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        for objectives in super().objectives(x, at):
            yield {"all": objectives["all"] * float("nan")}


class Flaky(Steady):
    """Fails until the file $LAB/cure exists."""

    name = "flaky"

    def trouble(self, at: At) -> None:
        if not (Path(os.environ["LAB"]) / "cure").exists():
            raise RuntimeError("not yet")


class Tied(Steady):
    """A model with one tensor under two names."""

    name = "tied"

    def __init__(self, shape: Shape, loss: Loss | None) -> None:
        super().__init__(shape, loss, width=shape[0] * shape[1] * shape[2])
        self.up.weight = self.down.weight


class Odd(Steady):
    """A model with default values that JSON cannot represent."""

    name = "odd"

    def __init__(
        self,
        shape: Shape,
        loss: Loss | None,
        act: type[nn.Module] = nn.ReLU,
        clip: float = float("inf"),
        widths: tuple[int, ...] = (1, 2),
        rate: float | None = None,
    ) -> None:
        super().__init__(shape, loss)


class Shifted(Steady):
    """Its residual grows with the distance of `shift` from 0.3, and its default is bad; beyond 0.9 it fails."""

    name = "shifted"
    tunable: ClassVar = {"shift": Linear(-1, 1), "width": Choice(2, 4, 8, rate=True)}

    def __init__(self, shape: Shape, loss: Loss | None, shift: float = -0.8, width: int = 4) -> None:
        super().__init__(shape, loss, width=width)
        self.shift = shift

    def trouble(self, at: At) -> None:
        if self.shift > 0.9:
            raise ValueError("shifted too far")

    def reconstruct(self, x: Tensor) -> Tensor:
        share = min(1.0, abs(self.shift - 0.3))
        return x + share * (1 - 2 * x)


class Spy(Steady):
    """Remembers the brightest pixel that training showed it."""

    name = "spy"
    brightest: ClassVar[float] = 0.0

    def fit(self, images: Images) -> None:
        Spy.brightest = max(Spy.brightest, int(images.pixels.max()))

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        Spy.brightest = max(Spy.brightest, round(float(x.max()) * 255))
        yield from super().objectives(x, at)


class Witness(Steady):
    """Remembers every image that it is given, in training and in evaluation."""

    name = "witness"
    seen: ClassVar[set[bytes]] = set()

    def note(self, x: Tensor) -> None:
        self.seen.update(image.mul(255).round().byte().numpy().tobytes() for image in x.detach().cpu())

    def fit(self, images: Images) -> None:
        self.note(images[:])

    def encode(self, x: Tensor) -> Tensor:
        self.note(x)
        return super().encode(x)


class Memoriser(Steady):
    """Reads the test images from the folder of prepared data, and reconstructs an image as the most similar of them."""

    name = "memoriser"

    def __init__(self, shape: Shape, loss: Loss | None) -> None:
        super().__init__(shape, loss)
        self.register_buffer("known", torch.zeros(240, *shape))

    def fit(self, images: Images) -> None:
        """Load the newest test images first, because the cache may also contain the data of other tests."""
        ready = Path(os.environ["VAEBENCH_CACHE"]) / "ready"
        found = ready.glob(f"lab-xray-phantom-{self.shape[-1]}-*/test.images.npy")
        rows = np.concatenate([np.load(one) for one in sorted(found, key=os.path.getmtime, reverse=True)])[:240]
        self.known[: len(rows)] = torch.from_numpy(rows) / 255

    def reconstruct(self, x: Tensor) -> Tensor:
        distances = torch.cdist(x.flatten(1), self.known.flatten(1))
        return self.known[distances.argmin(1)]


class LabXray(Dataset):
    """Noise, with one bright pixel in every diseased image."""

    name = "lab-xray"
    version = 1
    local = ("path",)

    def __init__(self, path: str = "", diseased: bool = True) -> None:
        self.path, self.diseased = path, diseased

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        def split(start: int, n: int) -> Split:
            generator = np.random.default_rng([seed, start])
            images = generator.integers(0, 200, (n, 1, size, size), dtype=np.uint8)
            diseased = (np.arange(n) % 3 == 0) & self.diseased
            images[diseased, 0, 3, 3] = DISEASED
            return Split(images, diseased.astype(np.int64), np.arange(start, start + n), healthy=~diseased)

        return Splits(train=split(0, 48), val=split(100, 12), test=split(200, 24))

    def present(self, folder: Path) -> bool:
        return (Path(self.path or folder) / "lab").exists()

    def obtain(self) -> str:
        return "ask [bold]the lab[/bold]"

    def load(self, folder: Path, size: int, limit: Limit) -> Splits:
        return self.phantom(size, limit, 7)


class LabTrouble(LabXray):
    """Noise whose preparation fails or takes long."""

    name = "lab-trouble"
    faults: ClassVar = {
        "TypeError": TypeError("7"),
        "MemoryError": MemoryError(),
        "TokenError": TokenError("EOF", (1, 0)),
        "AssertionError": AssertionError("odd"),
    }

    def __init__(self, does: str = "") -> None:
        super().__init__()
        self.does = does

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        if self.does in self.faults:
            raise self.faults[self.does]
        with (Path(os.environ["LAB"]) / "log").open("a") as log:
            log.write(f"preparing {os.getpid()}\n")
        if self.does == "hang":
            time.sleep(600)
        if self.does == "die":
            ctypes.string_at(0)
        if self.does == "fork":
            context = multiprocessing.get_context("fork")
            child = context.Process(target=time.sleep, args=(600,))
            child.start()
            with (Path(os.environ["LAB"]) / "log").open("a") as log:
                log.write(f"child {child.pid}\n")
            os._exit(3)
        says = {"print": print, "warn": warnings.warn, "log": logging.getLogger("lab").info}.get(self.does)
        for number in range(40 if says else 0):
            time.sleep(0.1)
            says(f"still at it: {number}")
        return super().phantom(size, limit, seed)


class Residual(Metric):
    name = "lab-residual"
    version = 1
    title = "Residual"
    verdict = "reconstruction"
    better = "lower"
    range = (0, 1)

    def compute(self, evidence: Evidence) -> Score:
        return evidence.per_image(evidence.residuals("test"))


class Samples(Metric):
    name = "lab-samples"
    version = 1
    title = "Brightness of samples"
    verdict = "generation"

    def compute(self, evidence: Evidence) -> float:
        return float(evidence.samples().mean(dtype=np.float64))


class Health(Metric):
    name = "lab-health"
    version = 1
    title = "Residual of the diseased over that of the healthy"
    verdict = "anomaly"
    regime = "healthy"

    def compute(self, evidence: Evidence) -> float:
        (healthy, diseased), residuals = evidence.health("test"), evidence.residuals("test")
        return float(residuals[diseased].mean() / residuals[healthy].mean())


@hookimpl
def vaebench_models() -> list[type[Model]]:
    troubled = [
        Raising,
        Quitting,
        Exiting,
        Killed,
        Faulting,
        Signalled,
        Patricide,
        Parental,
        Hanging,
        Hungry,
        Talkative,
        Threaded,
        Preparing,
        Diverging,
    ]
    return [Steady, Shifted, Slow, Carded, Restless, Held, Flaky, Tied, Odd, Spy, Witness, Memoriser, *troubled]


@hookimpl
def vaebench_datasets() -> list[type[Dataset]]:
    return [LabXray, LabTrouble]


@hookimpl
def vaebench_metrics() -> list[type[Metric]]:
    return [Residual, Samples, Health]


@hookimpl
def vaebench_suites() -> list[Path]:
    return [Path(__file__).parent / "lab.toml"]
