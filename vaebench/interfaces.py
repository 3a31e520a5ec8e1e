"""The classes that plugins implement (Model, Network, Dataset, Loss, Metric, Executor), and the values they
exchange."""

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
"""Channels, height and width of one image."""

Objective = Tensor | Mapping[str, Tensor]
"""The loss of a group: one number per image, or named terms of that shape, which are added up and logged by name."""


class NotApplicable(Explained):
    """Raise this in a model or metric if a question has no answer; boards show a dash and this text as the reason."""


class Component:
    """The base of everything that can be named on the command line."""

    name: ClassVar[str]
    """The name that users type: lower-case letters, digits and `- + . _`."""
    version: ClassVar[int]
    """An integer from 1. Raise it when the component's numbers would change."""


@dataclass(frozen=True)
class Group:
    """Parameters that one optimizer steps together."""

    parameters: Iterable[nn.Parameter]
    """The parameters, each of which belongs to one group only."""
    optimizer: type[torch.optim.Optimizer] = torch.optim.Adam
    """The class of the optimizer."""
    options: Mapping[str, Any] = field(default_factory=lambda: {"lr": 1e-3})
    """Its keyword arguments."""
    schedule: Callable[[float], float] | None = None
    """A function from the progress of the stage, in [0, 1), to a factor on the learning rate; None: the recipe's
    schedule."""
    critic: bool = False
    """True if these parameters only judge images, as those of a discriminator do. Their weights are not averaged."""


@dataclass(frozen=True)
class At:
    """The point that training has reached."""

    stage: str
    """The name of the stage."""
    step: int
    """The step of this stage, from 0."""
    steps: int
    """The number of steps of this stage."""
    images: int = 1
    """The number of training images, which minibatch estimates need (N in beta-TCVAE)."""
    logs: dict[str, Tensor] = field(default_factory=dict, compare=False)
    """Values to show in the curve; `log` adds to them."""

    @property
    def progress(self) -> float:
        """The share of the stage that is done, in [0, 1)."""
        return self.step / max(1, self.steps)

    def log(self, **values: Tensor) -> None:
        """Show values that are not losses, such as a perplexity, in the curve. It does not wait for the GPU."""
        self.logs.update({name: value.detach() for name, value in values.items()})


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution N(mean, exp(logvar)) for each image."""

    mean: Tensor
    """The means, one row per image."""
    logvar: Tensor
    """The logarithms of the variances, of the same shape."""

    def kl(self) -> Tensor:
        """Return the KL divergence from N(0, I) per image: 1/2 sum(mean² + exp(logvar) - logvar - 1) over all
        dimensions after the first."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - self.logvar - 1).flatten(1).sum(1)


class Loss(Component, nn.Module):
    """A reconstruction loss: it compares a network's raw output with the target, and sums over pixels."""

    optimises: ClassVar[tuple[str, ...]] = ()
    """The names of metrics that this loss trains for: for each image, a term of the loss falls as the metric improves.
    Boards mark their numbers with †."""
    likelihood: ClassVar[bool] = False
    """True if the loss is -ln p(target) of a normalised density of pixels, without any constant left out. Only then may
    a model give a bound on ln p(x)."""

    def image(self, raw: Tensor) -> Tensor:
        """Return the image in [0, 1] that a raw output stands for. Override it if outputs are not logits."""
        return raw.sigmoid()

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each image, (B,), from raw outputs (B, C, H, W) and targets of that shape in [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__} must implement forward(), which compares images")

    def facts(self) -> dict[str, float]:
        """Return numbers about the trained loss for the record, such as a learned variance. `error_weight` is the cost
        of one unit of the plain error (squared, absolute, cross-entropy), if it is not 1."""
        return {}


class Network(Component):
    """An encoder and a decoder that any method can train.

    A network is a class that is never instantiated: a model whose parameter `net` is annotated `type[Network]` gets the
    class that the user names with `net=NAME`. It calls `encoder` and `decoder` with `(shape, width, grid)`: the image's
    shape, the width that the preset asks for, and the largest height and width that features should have. A network
    of fixed size ignores `width`; one of fixed depth ignores `grid`. If a network cannot be built for these values,
    raise a ValueError.
    """

    encoder: ClassVar[Callable[[Shape, int, int], nn.Module]]
    """Builds the encoder, which turns images in [0, 1] into features. Its attribute `out` is their shape: channels,
    height and width."""
    decoder: ClassVar[Callable[[Shape, int, int], nn.Module]]
    """Builds the decoder, which turns features into a raw output of the image's shape with any values; the loss makes
    an image of it. Its attribute `entry` is the shape of the features and equals `out`."""


class Model(Component, nn.Module):
    """A method under test. Images are float32 (B, C, H, W) in [0, 1]; a code is (B, D).

    Users may set the keyword parameters of `__init__` on the command line; `vaebench show NAME` prints their
    annotations and defaults. A parameter called `width` is set by the preset. A parameter that must never train has
    `requires_grad = False`; every other belongs to exactly one group."""

    default_loss: ClassVar[str | None] = "bce"
    """The reconstruction loss if the user names none; None for a model that takes none."""
    stages: ClassVar[tuple[str, ...]] = ("main",)
    """The training stages in order; () for a model that is only fitted."""
    native_size: ClassVar[int | None] = None
    """The only image size that the model works with; None for any."""
    optimises: ClassVar[tuple[str, ...]] = ()
    """The names of metrics that the model trains for, whatever its loss. Boards mark their numbers with †."""
    recipe: Recipe = Recipe()
    """The training recipe: on the class, the method's defaults; on an instance, the values in force."""
    tunable: ClassVar[Mapping[str, Range]] = {}
    """The range of each parameter that `vaebench tune` searches in addition to the recipe. A subclass adds to them with
    `{**Parent.tunable, "gamma": Log(0.1, 10)}`."""

    def __init__(self, shape: Shape, loss: Loss | None) -> None:
        super().__init__()
        self.shape = shape
        if loss is not None:
            self.criterion = loss

    def groups(self) -> dict[str, Group]:
        """Return the groups of parameters that are trained together, by name."""
        return {"all": Group([p for p in self.parameters() if p.requires_grad])}

    def fit(self, images: Images) -> None:
        """Fit in closed form on all training images, before the first stage."""

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        """Yield the losses of one training step, as a mapping from groups to objectives.

        After each yield, the training loop computes the gradient of every group from its own objective alone, steps
        these groups together, and resumes here."""
        raise NotImplementedError(f"{type(self).__name__} trains in stages {self.stages} but has no objectives()")

    def constants(self, at: At) -> Hashable:
        """Return the Python numbers that a training step depends on at this point.

        On a GPU, steps with equal constants may be captured once and replayed. A step that reads the value of a tensor
        must not be replayed. By default no two steps have equal constants."""
        return at.step

    def facts(self) -> dict[str, float]:
        """Return numbers about the trained model for the record, by name. By default they are those of its loss."""
        return self.criterion.facts() if hasattr(self, "criterion") else {}

    def encode(self, x: Tensor) -> Tensor:
        """Return the deterministic code of each image, (B, D)."""
        raise NotImplementedError(f"{type(self).__name__} has no encode()")

    def decode(self, code: Tensor) -> Tensor:
        """Return the images of codes, in [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__} has no decode()")

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the deterministic reconstructions, in [0, 1]."""
        return self.decode(self.encode(x))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return `n` images from the prior, in [0, 1]. Draw random numbers from the generator only."""
        raise NotApplicable("the model has no prior to sample from")

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return perturbed reconstructions: decoded draws from the posterior of real images. These are not samples."""
        raise NotApplicable("the model has no posterior to draw from")

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """Return the method's own anomaly scores by name, each (B,), deterministic, higher for more anomalous images.
        The squared residual of `reconstruct` is computed for every model and need not be among them."""
        return {}

    def posterior(self, x: Tensor) -> Gaussian:
        """Return q(z|x) of a model whose prior is N(0, I); mean and logvar are (B, D)."""
        raise NotApplicable("the model has no Gaussian posterior beside a prior N(0, I)")

    def rate(self, x: Tensor) -> Tensor:
        """Return KL(q(z|x) || p(z)) in nats, (B,): the cost of the code under the model's own prior."""
        return self.posterior(x).kl()

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        """Return a lower bound on ln p(x) in nats, (B,), importance-weighted over `draws` draws of the code; or ln p(x)
        itself if it is known. Since p is a density, `x` may exceed [0, 1] by half a grey level."""
        raise NotApplicable("the model gives no bound on ln p(x)")


class Dataset(Component):
    """A source of images. Users may set the keyword parameters of `__init__` on the command line."""

    title: ClassVar[str] = ""
    """A description in a few words."""
    modality: ClassVar[str] = ""
    """The imaging modality, such as `chest X-ray`."""
    licence: ClassVar[str] = ""
    """The licence of the images."""
    citation: ClassVar[str] = ""
    """The publication to cite."""
    homepage: ClassVar[str] = ""
    """The address of the dataset's page."""
    origin: ClassVar[str] = ""
    """A name shared by datasets that contain the same patients; they count as one source."""
    groups_are: ClassVar[str] = ""
    """What the groups of the real images are, a plural noun such as `patients`; empty: boards call them groups."""
    channels: ClassVar[int] = 1
    """1 for grey images, 3 for RGB."""
    classes: ClassVar[tuple[str, ...]] = ()
    """The names of the classes, in the order of the labels."""
    local: ClassVar[tuple[str, ...]] = ()
    """Parameters that depend on the machine, such as a path. They are kept out of trials and records."""
    fetchable: ClassVar[bool] = False
    """True if `prepare` downloads the images. Otherwise `obtain` tells the user how to get them."""

    def present(self, folder: Path) -> bool:
        """Return True if the real images can be loaded from `folder` without fetching anything."""
        return False

    def files(self, folder: Path) -> Iterable[Path]:
        """Return the files in `folder` that the real images come from. If one changes, the images are decoded again."""
        return ()

    def obtain(self) -> str:
        """Return one or two sentences on how to get the real images: from where, under which licence, into which
        folder."""
        return f"there is no real data for {self.name}"

    def prepare(self, folder: Path) -> None:
        """Download the images into `folder`, or raise NotApplicable with how to get them. Two processes may call it at
        once."""
        raise NotApplicable(self.obtain())

    def load(self, folder: Path, size: int, limit: Limit) -> Splits:
        """Return the real images, resized to `size` x `size`.

        `limit` may save work; images beyond it are cut afterwards. Report images that are left out with
        `warnings.warn`, and raise a ValueError that names what cannot be read."""
        raise NotApplicable(self.obtain())

    def verify(self, folder: Path) -> Iterator[str]:
        """Yield a sentence for each fault of the files in `folder`: counts, checksums, readability."""
        return iter(())

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        """Return drawn images that stand in for the real ones. Equal arguments give equal images."""
        raise NotApplicable(f"{self.name} has no phantom")


@dataclass(frozen=True)
class Score:
    """The value of a metric, with its error. `Evidence.resampled` and `Evidence.per_image` return one."""

    value: float
    """The number."""
    error: float | None = None
    """Its standard error from resampling the images by group."""
    n: int | None = None
    """The number of images it was computed from."""
    variant: str = ""
    """An addition to the column's title (scales, extractor, n). Numbers of different variants never share a column."""
    replicates: Sequence[float] = ()
    """The value for each of the draws of patients, which all models and seeds of a dataset share."""
    patients: int | None = None
    """The number of patients it depends on; with several classes, that of the smallest class."""
    classes: int = 1
    """The number of classes that are told apart, or 1."""
    widening: float = 1.0
    """The factor by which the variance over draws is widened, because it is too small if patients are few."""
    freedom: float = 200.0
    """The degrees of freedom of that variance."""
    parts: Mapping[str, Score] = field(default_factory=dict)
    """Scores of parts (one label, one size), by name. They are kept in the record and have no column on boards."""
    warning: str = ""
    """A short warning about the limits of the number; kept in the record."""
    follows: Mapping[str, float] = field(default_factory=dict)
    """The rank correlations, over images, of trivial traits with the score behind the number, by name; boards show them
    in their notes."""
    beside: Mapping[str, float] = field(default_factory=dict)
    """Other numbers of the same model, by name. Boards give their rank correlation with the value over models."""


DECLARED = {"verdict": get_args(Verdict), "better": get_args(Direction), "regime": get_args(Regime)}
"""The values that a metric may declare; a metric with any other value is not offered."""


class Metric(Component):
    """A number computed from the evidence of a trained model."""

    title: ClassVar[str] = ""
    """The title of its column."""
    verdict: ClassVar[Verdict] = "other"
    """The verdict that it belongs to."""
    better: ClassVar[Direction] = "higher"
    """The better direction: `higher` or `lower`."""
    unit: ClassVar[str] = ""
    """The unit shown next to its title."""
    regime: ClassVar[Regime] = "all"
    """`healthy`: computed only for models trained on healthy images. `all`: computed for every model."""
    least_images: ClassVar[int] = 0
    """The number of images below which boards flag the number."""
    range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    """The smallest and the largest possible value. A value outside counts as a failure of the metric, and a record that
    contains one is refused."""

    def compute(self, evidence: Evidence) -> float | Score:
        """Return the value, or raise NotApplicable with the reason why there is none. The evidence raises it if
        something is missing."""
        raise NotImplementedError(f"{type(self).__name__} has no compute()")

    def fetch(self) -> Path:
        """Download a file that the metric needs, and return its path. Only `vaebench data fetch NAME` calls it. Raise a
        ValueError that says what went wrong."""
        raise NotApplicable("it needs no file")


@dataclass(frozen=True)
class Event:
    """A message of an executor about one job."""

    kind: Literal["start", "progress", "end"]
    """The job was started, is in progress, or has ended."""
    job: Job
    """The job that the message is about."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """For `progress`: the phase; during training also stage, step, steps, share of all stages and logs; in the phase
    `measure` also the metric, and its first message means that the GPU is free. For `end`: the record, and the path of
    the trial's printed output (`output`), if there is any."""


class Executor(Component):
    """A way to run trials, here or on other machines. `vaebench.executing` has more for authors of executors."""

    remote: ClassVar[bool] = False
    """True if trials run on other machines, which may have devices that this one lacks."""
    listens: ClassVar[bool] = False
    """True if tracker plugins are called on the machine that runs the trial, instead of in the run that asked for
    it."""

    @classmethod
    def missing(cls) -> str:
        """Return what this machine lacks to use the executor, with the command that installs it; empty if nothing is
        missing."""
        return ""

    def slots(self, devices: Sequence[str]) -> int:
        """Return how many trials train at once on these devices by default."""
        return 1

    def run(self, jobs: Sequence[Job], site: Site, stop_on_failure: bool = False) -> Iterator[Event]:
        """Do the jobs and yield events. Each job leaves one record at the site's sink. Closing the iterator stops the
        remaining jobs and keeps finished work."""
        raise NotImplementedError(f"{type(self).__name__} has no run()")

    def submit(self, jobs: Sequence[Job], site: Site) -> str:
        """Hand over the jobs for `--detach`, and return a line that says what runs them after this process has
        ended."""
        raise NotImplementedError(f"{type(self).__name__} has no submit()")

    @classmethod
    def detaches(cls) -> bool:
        """Return True if the executor's engine keeps running after this process has ended."""
        return cls.submit is not Executor.submit
