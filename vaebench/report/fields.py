"""What `leaderboard.json` and `leaderboard.csv` hold: typed fields, from which the published schema follows."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from vaebench.leaderboard.rules import Role
from vaebench.records.manifest import Tier
from vaebench.trial import Direction, Verdict

Positive = Annotated[int, Meta(ge=1)]


class Row(Struct, forbid_unknown_fields=True):
    """One model in one column of the board. A floor that is not a model has a name in `floor`, and none in `model`."""

    suite: str
    version: str
    preset: str
    source: str
    dataset: str
    regime: str
    model: str
    loss: str
    floor: Annotated[str, Meta(description="the metric or shortcut behind a floor that is not a model")]
    role: Annotated[Role, Meta(description="a model that the suite ranks, one of its floors, or any other model")]
    verdict: Verdict
    metric: str
    metric_version: int | None
    variant: str
    better: Direction
    unit: str
    value: float | None
    low: float | None
    high: float | None
    error: float | None
    seeds: int
    n: int | None
    failed: int
    rank_low: Annotated[int | None, Meta(description="the best rank it may hold; null without a rank")]
    rank_high: Annotated[int | None, Meta(description="the worst rank it may hold")]
    above_all: Annotated[bool | None, Meta(description="a newcomer that is better than every reference")]
    best: Annotated[bool | None, Meta(description="the best mean among the references")]
    marked: Annotated[bool | None, Meta(description="cannot be told from the best")]
    compared: Annotated[str, Meta(description="how a reference compares with the best mean")]
    beats: Annotated[str, Meta(description="the floors it beats, separated by semicolons")]
    few: Annotated[bool | None, Meta(description="from few patients, or from fewer images than the metric needs")]
    warning: Annotated[str, Meta(description="why the value says less than it seems to")]
    tier: Annotated[Tier, Meta(description="how far all records of the model were verified")]
    provisional: bool | None
    optimised: bool | None
    status: Literal["ok", "partial", "failed", "dash", "missing"]
    reason: str


class Place(Struct, forbid_unknown_fields=True):
    """Where a model stands in a verdict, over all datasets."""

    verdict: Verdict
    metric: str
    model: str
    loss: str
    role: Role
    mean_rank: Annotated[float | None, Meta(description="mean rank by means, of references with a rank everywhere")]
    low: Annotated[float | None, Meta(description="mean over datasets of the lower end of its rank interval")]
    high: float | None
    ranks: Annotated[
        dict[str, tuple[Positive, Positive]], Meta(description="dataset -> both ends of the rank interval")
    ]
    lacks: Annotated[str, Meta(description="why it does not rank")]


class GapOf(Struct, forbid_unknown_fields=True):
    """The smallest true difference that a column would have shown with 80 % power, on average over its pairs."""

    verdict: Verdict
    dataset: str
    metric: str
    gap: float


class FrontOf(Struct, forbid_unknown_fields=True):
    """A Pareto front of quality against training time, fastest first."""

    verdict: Verdict
    dataset: str
    quality: str
    cost: str
    place: Annotated[str, Meta(description="class of device")]
    entrants: list[str]


class AgreementOf(Struct, forbid_unknown_fields=True):
    """Kendall's tau-b between the orders that a metric and the one that ranks its verdict give, by means."""

    verdict: Verdict
    dataset: str
    metric: str
    variant: str
    against: Annotated[str, Meta(description="the metric that ranks the verdict")] = field(name="with")
    tau: Annotated[float, Meta(ge=-1, le=1)]
    models: Annotated[int, Meta(ge=3)]


class ShortcutOf(Struct, forbid_unknown_fields=True):
    """A trivial feature of the test images that tells healthy from diseased."""

    dataset: str
    name: str
    auroc: float


class FailureOf(Struct, forbid_unknown_fields=True):
    """Trials that failed in the same way."""

    entrant: str
    dataset: str
    regime: str
    kind: str
    message: str
    seeds: list[int]


class DashOf(Struct, forbid_unknown_fields=True):
    """A metric without a value, and why."""

    dataset: str
    metric: Annotated[str, Meta(description="its title; empty where the reason concerns all")]
    reason: str
    entrants: list[str]


class HiddenOf(Struct, forbid_unknown_fields=True):
    """Records or numbers that are not comparable."""

    dataset: str
    what: Literal["records", "numbers"]
    reason: str
    remedy: Annotated[str, Meta(description="the command that makes them comparable")]
    count: Positive


class OtherSeedsOf(Struct, forbid_unknown_fields=True):
    """Records with seeds that the preset does not name: they count nowhere."""

    entrant: str
    dataset: str
    regime: str
    seeds: list[int]


class Document(Struct, forbid_unknown_fields=True):
    """A leaderboard of vaebench."""

    schema: Literal["vaebench/board@1"]
    title: Annotated[str, Meta(description="the track, and how much of the suite it covers")]
    suite: Annotated[str, Meta(description="name@version")]
    preset: str
    source: str
    datasets: tuple[str, ...]
    expected: Annotated[tuple[str, ...], Meta(description="the suite's datasets")]
    seeds: Annotated[dict[str, list[int]], Meta(description="regime -> seeds of the track")]
    standings: Annotated[list[Place], Meta(description="by verdict, best first; incomplete models come last")]
    gaps: list[GapOf]
    fronts: list[FrontOf]
    agreements: list[AgreementOf]
    rows: list[Row]
    shortcuts: Annotated[list[ShortcutOf], Meta(description="per dataset, the best first")]
    failures: list[FailureOf]
    dashes: list[DashOf]
    hidden: list[HiddenOf]
    other_seeds: list[OtherSeedsOf]
    findings: Annotated[list[str], Meta(description="what training adds and what the scores follow, in words")]
    notes: list[str]
