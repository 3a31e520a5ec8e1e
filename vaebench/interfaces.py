"""The classes that plugins implement (Model, Network, Dataset, Loss, Metric, Executor), and the values that they
exchange with vaebench."""

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
"""The loss of a parameter group: one number per image, or named terms of the same shape, which are added up and logged
by name."""


class NotApplicable(Explained):
    """The error that a model or metric raises if it cannot provide a value; boards show a dash, with the message as the
    reason."""


class Component:
    """The base class of everything that can be named on the command line."""

    name: ClassVar[str]
    """The name that users type: lower-case letters, digits and `- + . _`."""
    version: ClassVar[int]
    """An integer, 1 or more. Raise the version when a change to the component alters its results."""


@dataclass(frozen=True)
class Group:
    """Parameters that one optimizer updates together."""

    parameters: Iterable[nn.Parameter]
    """The parameters, each of which belongs to one group only."""
    optimizer: type[torch.optim.Optimizer] = torch.optim.Adam
    """The class of the optimizer."""
    options: Mapping[str, Any] = field(default_factory=lambda: {"lr": 1e-3})
    """The optimizer's keyword arguments."""
    schedule: Callable[[float], float] | None = None
    """A function from the progress of the stage, in [0, 1), to a factor for the learning rate; None means the recipe's
    schedule."""
    critic: bool = False
    """True if these parameters only judge images, as those of a discriminator do. Such parameters are left out of the
    running average of the weights."""


@dataclass(frozen=True)
class At:
    """The point that training has reached."""

    stage: str
    """The name of the stage."""
    step: int
    """The step of this stage, counted from 0."""
    steps: int
    """The number of steps of this stage."""
    images: int = 1
    """The number of training images, which minibatch estimates need (N in beta-TCVAE)."""
    logs: dict[str, Tensor] = field(default_factory=dict, compare=False)
    """Values to show in the training curve; `log` adds values."""

    @property
    def progress(self) -> float:
        """The fraction of the stage that is complete, in [0, 1)."""
        return self.step / max(1, self.steps)

    def log(self, **values: Tensor) -> None:
        """Show values that are not losses, such as a perplexity, in the training curve. The call does not wait for the
        GPU."""
        self.logs.update({name: value.detach() for name, value in values.items()})


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution N(mean, exp(logvar)) for each image."""

    mean: Tensor
    """The means, one row per image."""
    logvar: Tensor
    """The logarithms of the variances, of the same shape as `mean`."""

    def kl(self) -> Tensor:
        """Return the KL divergence from N(0, I) per image: 1/2 sum(mean² + exp(logvar) - logvar - 1), where the sum
        includes all dimensions except the first."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - self.logvar - 1).flatten(1).sum(1)


class Loss(Component, nn.Module):
    """A reconstruction loss: it compares a network's raw output with the target, and sums over pixels."""

    optimises: ClassVar[tuple[str, ...]] = ()
    """The names of the metrics that this loss optimises directly: for each image, a term of the loss falls as the
    metric improves. Boards mark the values of these metrics with †."""
    likelihood: ClassVar[bool] = False
    """True if the loss is -ln p(target) of a normalised density of pixels, including all constants. Only then may a
    model give a bound on ln p(x)."""

    def image(self, raw: Tensor) -> Tensor:
        """Return the image in [0, 1] that a raw output represents. Override this method if raw outputs are not
        logits."""
        return raw.sigmoid()

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each image, (B,), from raw outputs (B, C, H, W) and targets of the same shape, in
        [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__} must implement forward(), which compares images")

    def facts(self) -> dict[str, float]:
        """Return numbers about the trained loss, such as a learned variance, by name; they are kept in the record. The
        fact `error_weight` is the loss per unit of the plain error (squared, absolute or cross-entropy); it may be
        omitted if it is 1."""
        return {}


class Network(Component):
    """An encoder and a decoder that any method can train.

    A network is a class that is never instantiated: a model whose parameter `net` is annotated `type[Network]` gets the
    class that the user names with `net=NAME`. The model calls `encoder` and `decoder` with `(shape, width, grid)`: the
    image's shape, the width that the preset sets, and the largest height and width that features should have. A network
    of fixed size ignores `width`; a network of fixed depth ignores `grid`. If a network cannot be built for these
    values, it must raise a ValueError.
    """

    encoder: ClassVar[Callable[[Shape, int, int], nn.Module]]
    """Builds the encoder, which turns images in [0, 1] into features. The encoder's attribute `out` is the shape of the
    features: channels, height and width."""
    decoder: ClassVar[Callable[[Shape, int, int], nn.Module]]
    """Builds the decoder, which turns features into a raw output of the image's shape, whose values are not restricted;
    the loss turns this output into an image. The decoder's attribute `entry` is the shape of the features and equals
    the encoder's `out`."""


class Model(Component, nn.Module):
    """A method that vaebench trains and evaluates. Images are float32 (B, C, H, W) with values in [0, 1]; codes have
    the shape (B, D).

    Users may set the keyword parameters of `__init__` on the command line; `vaebench show NAME` prints their
    annotations and defaults. A parameter called `width` is set by the preset. A network parameter that must never be
    trained has `requires_grad = False`; every other network parameter belongs to exactly one group."""

    default_loss: ClassVar[str | None] = "bce"
    """The reconstruction loss if the user does not name one; None for a model without a reconstruction loss."""
    stages: ClassVar[tuple[str, ...]] = ("main",)
    """The training stages in order; () for a model that is only fitted."""
    native_size: ClassVar[int | None] = None
    """The only image size that the model works with; None if any size is possible."""
    optimises: ClassVar[tuple[str, ...]] = ()
    """The names of the metrics that the model optimises directly, whatever its loss. Boards mark the values of these
    metrics with †."""
    recipe: Recipe = Recipe()
    """The training recipe: on the class, the method's defaults; on an instance, the values in force."""
    tunable: ClassVar[Mapping[str, Range]] = {}
    """The range of each parameter that `vaebench tune` searches in addition to the recipe. A subclass adds ranges with
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
        """Fit the model in closed form on all training images, before the first stage."""

    def objectives(self, x: Tensor, at: At) -> Iterator[Mapping[str, Objective]]:
        """Yield the losses of one training step, as a mapping from groups to objectives.

        After each yield, the training loop computes the gradient of every group from that group's objective alone,
        updates these groups together, and resumes the generator."""
        raise NotImplementedError(f"{type(self).__name__} trains in stages {self.stages} but has no objectives()")

    def constants(self, at: At) -> Hashable:
        """Return the Python numbers that a training step depends on at this point.

        On a GPU, steps with equal constants may be captured once and replayed. A step that reads the value of a tensor
        must not be replayed. By default, no two steps have equal constants, so no step is replayed."""
        return at.step

    def facts(self) -> dict[str, float]:
        """Return numbers about the trained model, by name; they are kept in the record. By default, the facts of the
        model's loss are returned."""
        return self.criterion.facts() if hasattr(self, "criterion") else {}

    def encode(self, x: Tensor) -> Tensor:
        """Return the deterministic code of each image, (B, D)."""
        raise NotImplementedError(f"{type(self).__name__} has no encode()")

    def decode(self, code: Tensor) -> Tensor:
        """Return the images decoded from codes, in [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__} has no decode()")

    def reconstruct(self, x: Tensor) -> Tensor:
        """Return the deterministic reconstructions, in [0, 1]."""
        return self.decode(self.encode(x))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return `n` images sampled from the prior, in [0, 1]. Take random numbers only from the generator."""
        raise NotApplicable("the model has no prior to sample from")

    def vary(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return perturbed reconstructions: images decoded from codes that are sampled from the posteriors of real
        images. Perturbed reconstructions do not count as samples."""
        raise NotApplicable("the model has no posterior to sample from")

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        """Return the method's own anomaly scores by name, each of shape (B,). Scores are deterministic, and higher for
        more anomalous images. The squared residual of `reconstruct` is computed for every model and need not be
        included."""
        return {}

    def posterior(self, x: Tensor) -> Gaussian:
        """Return q(z|x) of a model whose prior is N(0, I); mean and logvar have the shape (B, D)."""
        raise NotApplicable("the model has no Gaussian posterior with the prior N(0, I)")

    def rate(self, x: Tensor) -> Tensor:
        """Return KL(q(z|x) || p(z)) in nats, (B,): the cost of the code under the model's own prior."""
        return self.posterior(x).kl()

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        """Return a lower bound on ln p(x) in nats, (B,), from `draws` importance-weighted samples of the code, or ln
        p(x) itself if it is known. The caller adds noise of up to half a grey level to `x`, whose values may therefore
        lie outside [0, 1]."""
        raise NotApplicable("the model gives no bound on ln p(x)")


class Dataset(Component):
    """A dataset: real images, synthetic images that replace them, or both. Users may set the keyword parameters of
    `__init__` on the command line."""

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
    """A plural noun for the groups of the real images, such as `patients`; if it is empty, boards say "groups"."""
    channels: ClassVar[int] = 1
    """1 for grey images, 3 for RGB."""
    classes: ClassVar[tuple[str, ...]] = ()
    """The names of the classes, in the order of the labels."""
    local: ClassVar[tuple[str, ...]] = ()
    """Parameters that depend on the machine, such as a path. Such parameters are kept out of trials and records."""
    fetchable: ClassVar[bool] = False
    """True if `prepare` downloads the images. If False, `obtain` tells the user how to get the images."""

    def present(self, folder: Path) -> bool:
        """Return True if the real images can be loaded from `folder` without fetching anything."""
        return False

    def files(self, folder: Path) -> Iterable[Path]:
        """Return the files in `folder` from which the real images are read. If one of these files changes, the images
        are decoded again."""
        return ()

    def obtain(self) -> str:
        """Return one or two sentences on how to get the real images: from where, under which licence, into which
        folder."""
        return f"there is no real data for {self.name}"

    def prepare(self, folder: Path) -> None:
        """Download the images into `folder`, or raise NotApplicable with instructions for getting them. Two processes
        may call this method at the same time."""
        raise NotApplicable(self.obtain())

    def load(self, folder: Path, size: int, limit: Limit) -> Splits:
        """Return the real images, resized to `size` x `size`.

        The method may use `limit` to read fewer images; vaebench removes images beyond the limit afterwards. Report
        skipped images with `warnings.warn`, and raise a ValueError that names any files that cannot be read."""
        raise NotApplicable(self.obtain())

    def verify(self, folder: Path) -> Iterator[str]:
        """Yield a sentence about each fault in the files of `folder`, such as a wrong number of images, a wrong
        checksum or an unreadable file."""
        return iter(())

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        """Return synthetic images that replace the real ones. Equal arguments give equal images."""
        raise NotApplicable(f"{self.name} has no phantom")


@dataclass(frozen=True)
class Score:
    """The value of a metric, with its error. `Evidence.resampled` and `Evidence.per_image` return scores."""

    value: float
    """The value of the metric."""
    error: float | None = None
    """The standard error of the value, from resampling the images by group."""
    n: int | None = None
    """The number of images from which the value was computed."""
    variant: str = ""
    """An addition to the column's title, such as the number of scales or the feature extractor. Numbers of different
    variants never share a column."""
    replicates: Sequence[float] = ()
    """The value on each resample of the patients; all models and seeds of a dataset share the resamples."""
    patients: int | None = None
    """The number of patients that the value depends on; with several classes, the number of patients of the smallest
    class."""
    classes: int = 1
    """The number of classes that the metric compares; 1 if it does not compare classes."""
    widening: float = 1.0
    """The factor by which the variance over resamples is multiplied, because this variance is too small if patients are
    few."""
    freedom: float = 200.0
    """The degrees of freedom of the variance over resamples."""
    parts: Mapping[str, Score] = field(default_factory=dict)
    """Scores of parts of the metric, such as one label or one lesion size, by name. These scores are kept in the record
    and have no column on boards."""
    warning: str = ""
    """A short warning about the limits of the number; kept in the record."""
    follows: Mapping[str, float] = field(default_factory=dict)
    """For each trivial trait, by name, its rank correlation over images with the anomaly score from which the value is
    computed. Boards show these correlations in their notes."""
    beside: Mapping[str, float] = field(default_factory=dict)
    """Other numbers of the same model, by name. Boards show the rank correlation of each of these numbers with the
    value, computed over models."""


DECLARED = {"verdict": get_args(Verdict), "better": get_args(Direction), "regime": get_args(Regime)}
"""The values that a metric may declare; a metric with any other value is not registered."""


class Metric(Component):
    """A number computed from the evidence of a trained model."""

    title: ClassVar[str] = ""
    """The title of the metric's column."""
    verdict: ClassVar[Verdict] = "other"
    """The verdict that the metric belongs to."""
    better: ClassVar[Direction] = "higher"
    """The better direction: `higher` or `lower`."""
    unit: ClassVar[str] = ""
    """The unit shown next to the title."""
    regime: ClassVar[Regime] = "all"
    """`healthy`: computed only for models trained on healthy images. `all`: computed for every model."""
    least_images: ClassVar[int] = 0
    """The number of images below which boards flag the value."""
    on_test_split: ClassVar[str] = ""
    """The name of the metric that computes the same quantity on the test split, if this metric uses images held out of
    the training split. Boards point out a model whose values of the two differ significantly."""
    chance: ClassVar[float | None] = None
    """The value that a method without any information reaches, such as 0.5 for an AUROC. Boards point out ranked
    models that are significantly worse."""
    range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    """The smallest and the largest possible value. A value outside this range counts as a failure of the metric, and a
    record that contains such a value is refused."""

    def compute(self, evidence: Evidence) -> float | Score:
        """Return the value, or raise NotApplicable with the reason why the metric has no value. The evidence raises
        NotApplicable itself if an output is missing."""
        raise NotImplementedError(f"{type(self).__name__} has no compute()")

    def fetch(self) -> Path:
        """Download a file that the metric needs, and return its path. Only `vaebench data fetch NAME` calls this
        method. If the download fails, raise a ValueError with the reason."""
        raise NotApplicable("the metric needs no file")


@dataclass(frozen=True)
class Event:
    """A message from an executor about one job."""

    kind: Literal["start", "progress", "end"]
    """The job was started, is in progress, or has ended."""
    job: Job
    """The job that the message is about."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """For `progress`: the phase; during training also stage, step, steps, share (of all stages) and logs; in the phase
    `measure` also the metric. The first message of the phase `measure` means that the GPU is free. For `end`: the
    record, and the path of the trial's printed output (`output`), if there is any."""


class Executor(Component):
    """A way to run trials, on this machine or on others. `vaebench.executing` contains more tools for authors of
    executors."""

    remote: ClassVar[bool] = False
    """True if trials run on other machines, which may have devices that this one lacks."""
    listens: ClassVar[bool] = False
    """True if tracker plugins are called on the machine that runs the trial, instead of in the process that started the
    run."""

    @classmethod
    def missing(cls) -> str:
        """Return a description of what the executor needs and this machine lacks, with the command that installs it; an
        empty string means that nothing is missing."""
        return ""

    def slots(self, devices: Sequence[str]) -> int:
        """Return the default number of trials that train at the same time on these devices."""
        return 1

    def run(self, jobs: Sequence[Job], site: Site, stop_on_failure: bool = False) -> Iterator[Event]:
        """Run the jobs and yield events. Each job delivers one record to the site's sink. Closing the iterator stops
        the remaining jobs and keeps finished work."""
        raise NotImplementedError(f"{type(self).__name__} has no run()")

    def submit(self, jobs: Sequence[Job], site: Site) -> str:
        """Submit the jobs for `--detach`, and return one line of text that explains what runs them after this process
        has ended."""
        raise NotImplementedError(f"{type(self).__name__} has no submit()")

    @classmethod
    def detaches(cls) -> bool:
        """Return True if the executor can run jobs after this process has ended."""
        return cls.submit is not Executor.submit
