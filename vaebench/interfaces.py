"""What a plugin author implements (Model, Network, Dataset, Loss, Metric, Executor), and the values they exchange."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from vaebench.errors import Explained
from vaebench.images import Images, Limit, Split, Splits
from vaebench.recipe import Recipe
from vaebench.trial import Direction, Regime, Verdict
from vaebench.tunable import Choice, Linear, Log, Range

if TYPE_CHECKING:
    from vaebench.evidence import Evidence
    from vaebench.planning.jobs import Job
    from vaebench.running.site import Site

__all__ = [
    "At", "Choice", "Component", "Dataset", "Event", "Executor", "Gaussian", "Group", "Images", "Limit", "Linear",
    "Log", "Loss", "Metric", "Model", "Network", "NotApplicable", "Objective", "Range", "Recipe", "Score", "Shape",
    "Split", "Splits", "Verdict",
]  # fmt: skip

Shape = tuple[int, int, int]
"""Channels, height, width of one image."""

Objective = Tensor | Mapping[str, Tensor]
"""What a group minimises: one number per image, or named terms of that shape, which are added up and logged by name."""


class NotApplicable(Explained):
    """Raised by a model or a metric where a question has no answer; the text becomes the reason beside the dash."""


class Component:
    """Whatever can be named on the command line; `version` is raised when its numbers would change."""

    name: ClassVar[str]
    version: ClassVar[int]


@dataclass(frozen=True)
class Group:
    """Parameters that are stepped together, and how."""

    parameters: Iterable[nn.Parameter]
    optimizer: type[torch.optim.Optimizer] = torch.optim.Adam
    options: Mapping[str, Any] = field(default_factory=lambda: {"lr": 1e-3})
    schedule: Callable[[float], float] | None = None
    """Progress of the stage in [0, 1) -> factor on the learning rate; None leaves it to the training settings."""
    critic: bool = False
    """Whether these parameters only judge images, as a discriminator does: weight averaging leaves them alone."""


@dataclass(frozen=True)
class At:
    """Where training stands."""

    stage: str
    step: int
    steps: int
    images: int = 1
    """How many images it is trained on, as estimates of minibatches need (the N of beta-TCVAE)."""
    logs: dict[str, Tensor] = field(default_factory=dict, compare=False)

    @property
    def progress(self) -> float:
        return self.step / max(1, self.steps)

    def log(self, **values: Tensor) -> None:
        """Show values that are no loss (a perplexity, a balance) in the curve; costs no device sync."""
        self.logs.update({name: value.detach() for name, value in values.items()})


@dataclass(frozen=True)
class Gaussian:
    """N(mean, exp(logvar)), one row per image; every dimension after the first is summed over."""

    mean: Tensor
    logvar: Tensor

    def kl(self) -> Tensor:
        """The divergence from N(0, I), 1/2 sum(mean² + exp(logvar) - logvar - 1), per image."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - self.logvar - 1).flatten(1).sum(1)


class Loss(Component, nn.Module):
    """A reconstruction loss: a network's raw output against the target, one number per image, summed over pixels."""

    optimises: ClassVar[tuple[str, ...]] = ()
    """Metrics by name that a model is trained on by this loss: image for image, a term of the loss falls as they get
    better. Their numbers are marked † on the board."""
    likelihood: ClassVar[bool] = False
    """Whether the loss is -ln p(target) of a normalised density of pixels, nothing left out: a model may then give a
    bound on ln p(x)."""

    def image(self, raw: Tensor) -> Tensor:
        """The picture in [0, 1] that a raw output stands for. Override it for outputs that are not logits."""
        return raw.sigmoid()

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """(B, C, H, W) raw, (B, C, H, W) in [0, 1] -> (B,)"""
        raise NotImplementedError(f"{type(self).__name__} does not say how it compares images: implement forward()")

    def facts(self) -> dict[str, float]:
        """Numbers about the trained loss that belong in the record, such as a learned variance. `error_weight` is what
        one unit of the plain error (squared, absolute, cross-entropy) costs, if that is not 1."""
        return {}


class Network(Component):
    """An encoder and a decoder that any method can train. It is offered and used as a class, never as an instance: a
    model whose parameter `net` is annotated `type[Network]` gets the class that the user names by `net=NAME`.

    Both are built by `(shape, width, grid)`: the image's shape, the size that the preset asks for, and the largest side
    that features should have. A network of fixed size ignores `width`, one of fixed depth `grid`. What it cannot
    be built for is a ValueError.
    """

    encoder: ClassVar[Callable[[Shape, int, int], nn.Module]]
    """Turns images in [0, 1] into features of the shape `out`, an attribute: channels, height and width."""
    decoder: ClassVar[Callable[[Shape, int, int], nn.Module]]
    """Turns features of the shape `entry`, an attribute and equal to `out`, into a raw output of the image's shape, of
    any size and sign: the loss makes a picture of it."""


class Model(Component, nn.Module):
    """A method under test. Images are float32 (B, C, H, W) in [0, 1]; a code is (B, D).

    The keyword parameters of `__init__` are what users may set on the command line; their annotations and defaults are
    what `vaebench show NAME` prints. A parameter called `width` is set by the preset. A parameter that must never train
    has `requires_grad = False`; every other belongs to exactly one group.
    """

    default_loss: ClassVar[str | None] = "bce"
    """Reconstruction loss when the user names none; None for a model that takes none."""
    stages: ClassVar[tuple[str, ...]] = ("main",)
    """Training stages in order; () for a model that is only fitted."""
    native_size: ClassVar[int | None] = None
    """The one image size a model is made for; None for any."""
    optimises: ClassVar[tuple[str, ...]] = ()
    """Metrics by name that the model is trained on whatever its loss; marked † as a loss's are."""
    recipe: Recipe = Recipe()
    """How its weights are stepped: a class's own defaults, and on an instance what is in force."""
    tunable: ClassVar[Mapping[str, Range]] = {}
    """The range of each parameter that `vaebench tune` searches, beside those of the recipe. A subclass that adds to
    them writes `{**Parent.tunable, "gamma": Log(0.1, 10)}`."""

    def __init__(self, shape: Shape, loss: Loss | None) -> None:
        super().__init__()
        self.shape = shape
        if loss is not None:
            self.criterion = loss

    def groups(self) -> dict[str, Group]:
        """Which parameters are trained together."""
        return {"all": Group([p for p in self.parameters() if p.requires_grad])}

    def fit(self, images: Images) -> None:
        """Closed-form fitting on all training images, before the stages."""

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        """One training step. Each yield maps groups to what they minimise at this point; the engine takes every group's
        gradient of its own objective alone, steps those groups together, and resumes here."""
        raise NotImplementedError(f"{type(self).__name__} trains in stages {self.stages} but has no objectives()")

    def constants(self, at: At) -> Hashable:
        """The Python numbers that a training step depends on at this point. On a GPU, steps with equal constants may be
        captured once and replayed; a step that reads a tensor's value must not be. By default none ever is."""
        return at.step

    def facts(self) -> dict[str, float]:
        """Numbers about the trained model that belong in the record, by name; those of its loss are among them."""
        return self.criterion.facts() if hasattr(self, "criterion") else {}

    def encode(self, x: Tensor) -> Tensor:
        """Deterministic code (B, D)."""
        raise NotImplementedError(f"{type(self).__name__} has no encode()")

    def decode(self, code: Tensor) -> Tensor:
        """Images in [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__} has no decode()")

    def reconstruct(self, x: Tensor) -> Tensor:
        """Deterministic reconstruction in [0, 1]."""
        return self.decode(self.encode(x))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Images from the prior in [0, 1]; random only through the generator."""
        raise NotApplicable("the model has no prior to sample from")

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Perturbed reconstructions: posterior draws of real images, decoded. Not the same as sampling the prior."""
        raise NotApplicable("the model has no posterior to draw from")

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """Anomaly scores of the method's own (B,), deterministic, higher = more anomalous. The squared residual of
        `reconstruct` is added by the harness, for every model alike."""
        return {}

    def posterior(self, x: Tensor) -> Gaussian:
        """q(z|x) of a model whose prior is N(0, I); mean and logvar are (B, D)."""
        raise NotApplicable("the model has no Gaussian posterior beside a prior N(0, I)")

    def rate(self, x: Tensor) -> Tensor:
        """KL(q(z|x) || p(z)) in nats (B,): what the code costs under the model's own prior."""
        return self.posterior(x).kl()

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        """Lower bound on ln p(x) in nats (B,), importance-weighted over so many draws of the code; ln p(x) itself where
        it is known. p is a density, so `x` may overstep [0, 1] by half a grey level."""
        raise NotApplicable("the model gives no bound on ln p(x)")


class Dataset(Component):
    """Where images come from. Keyword parameters of `__init__` may be set on the command line."""

    title: ClassVar[str] = ""
    modality: ClassVar[str] = ""
    licence: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    homepage: ClassVar[str] = ""
    origin: ClassVar[str] = ""
    """Whose images these are, where other datasets show the same patients: together they are one source."""
    channels: ClassVar[int] = 1
    classes: ClassVar[tuple[str, ...]] = ()
    local: ClassVar[tuple[str, ...]] = ()
    """Parameters that say where this machine keeps something (a path); they never enter a trial or a record."""
    fetchable: ClassVar[bool] = False
    """Whether `prepare` downloads it. If not, the user must: `obtain` says where, under which licence, and to where."""

    def present(self, folder: Path) -> bool:
        """Whether the real images can be loaded from below `folder` without fetching anything."""
        return False

    def files(self, folder: Path) -> Iterable[Path]:
        """The files below `folder` that the real images come from; when one changes, they are decoded again."""
        return ()

    def obtain(self) -> str:
        """How a user gets the real images, in a sentence or two."""
        return f"there is no real data for {self.name}"

    def prepare(self, folder: Path) -> None:
        """Fetch what is free, or raise with how to get it. Safe to run twice at once."""
        raise NotApplicable(self.obtain())

    def load(self, folder: Path, size: int, limit: Limit) -> Splits:
        """The real images, resized to `size` x `size`. `limit` is a help; what is over it, the harness cuts. Images
        left out are told with `warnings.warn`; ValueError names what cannot be read."""
        raise NotApplicable(self.obtain())

    def verify(self, folder: Path) -> Iterator[str]:
        """What is wrong with the files below `folder`: counts, checksums, readability; one sentence each."""
        return iter(())

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        """Images drawn by the package that stand in for the real ones, the same for the same arguments."""
        raise NotApplicable(f"{self.name} has no phantom")


@dataclass(frozen=True)
class Score:
    """A metric's answer."""

    value: float
    error: float | None = None
    """Standard error from the images alone, resampled by group."""
    n: int | None = None
    variant: str = ""
    """What the column title must say beside the name (scales, extractor, n): other variants are other columns."""
    replicates: Sequence[float] = ()
    """The value under each of the patient draws that all models and seeds of a dataset share."""
    patients: int | None = None
    """How many patients decide it, of several classes the smallest one's."""
    classes: int = 1
    """How many classes are told apart, or 1."""
    widening: float = 1.0
    """What the draws' variance over patients is multiplied by, because it is too small for few patients."""
    freedom: float = 200.0
    """Degrees of freedom of that variance."""
    parts: Mapping[str, Score] = field(default_factory=dict)
    """The same of a part of what was asked (one label, one size), by name: kept in the record, no column of a board."""
    warning: str = ""
    """Why the number says less than it seems to, in a few words; kept in the record."""
    follows: Mapping[str, float] = field(default_factory=dict)
    """Rank correlation, over images, of the score behind the number with trivial traits, by name; told below boards."""
    beside: Mapping[str, float] = field(default_factory=dict)
    """Other numbers of the same model, by name: boards tell their rank correlation with the value over models."""


DECLARED = {"verdict": get_args(Verdict), "better": get_args(Direction), "regime": get_args(Regime)}
"""What a metric may declare; one that declares anything else is not offered."""


class Metric(Component):
    """A question asked of the evidence a trained model left."""

    title: ClassVar[str] = ""
    verdict: ClassVar[Verdict] = "other"
    better: ClassVar[Direction] = "higher"
    unit: ClassVar[str] = ""
    regime: ClassVar[Regime] = "all"
    """`healthy`: asked only of models trained on healthy images. `all`: asked of every checkpoint."""
    least_images: ClassVar[int] = 0
    """Boards flag a number from fewer images."""
    range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    """The least and the greatest value there can be. A value outside is a failed cell, and a record with one is
    refused."""

    def compute(self, evidence: Evidence) -> float | Score:
        """The answer, or NotApplicable with the reason why there is none. The evidence raises it where something asked
        for is missing."""
        raise NotImplementedError(f"{type(self).__name__} has no compute()")

    def fetch(self) -> Path:
        """Download the file without which it has no answer, to where it looks; `vaebench data fetch NAME` asks for it,
        and nothing else does. ValueError says what went wrong."""
        raise NotApplicable("it needs no file")


@dataclass(frozen=True)
class Event:
    """What an executor tells while it works."""

    kind: Literal["start", "progress", "end"]
    job: Job
    data: Mapping[str, Any] = field(default_factory=dict)
    """progress: phase; while it trains also stage, step, steps, share of all stages, logs; `measure` also names the
    metric, and the first one says that the GPU is free. end: the record, and where what the trial printed is kept
    (`output`, if it is)."""


class Executor(Component):
    """Where trials run. `vaebench.executing` has what an author needs beside this."""

    remote: ClassVar[bool] = False
    """Whether trials run on other machines, which may have devices that this one lacks."""
    listens: ClassVar[bool] = False
    """Whether plugins that listen hear of a trial where it is done, instead of in the run that asked for it."""

    @classmethod
    def missing(cls) -> str:
        """What this machine lacks to use it, and the command that installs it; empty if nothing is missing."""
        return ""

    def slots(self, devices: Sequence[str]) -> int:
        """How many trials train at once on these devices unless the user says so."""
        return 1

    def run(self, jobs: Sequence[Job], site: Site, stop_on_failure: bool = False) -> Iterator[Event]:
        """Do the jobs, each of which leaves one record at the site's sink. Closing the iterator stops the rest and
        keeps what is done."""
        raise NotImplementedError(f"{type(self).__name__} has no run()")

    def submit(self, jobs: Sequence[Job], site: Site) -> str:
        """Hand over the jobs for `--detach`, and return a line that says what will do them without this process."""
        raise NotImplementedError(f"{type(self).__name__} has no submit()")

    @classmethod
    def detaches(cls) -> bool:
        """Whether its engine works on without this process."""
        return cls.submit is not Executor.submit
