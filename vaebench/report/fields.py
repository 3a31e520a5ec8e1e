"""The typed fields of `leaderboard.json` and `leaderboard.csv`; the published schema is made from them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from vaebench.leaderboard.rules import Role
from vaebench.records.manifest import Tier
from vaebench.trial import Direction, Verdict

Positive = Annotated[int, Meta(ge=1)]


class Row(Struct, forbid_unknown_fields=True):
    """One model in one column of the board. If a floor is not a model, `floor` is its name and `model` is empty."""

    suite: str
    version: str
    preset: str
    source: str
    dataset: str
    regime: str
    model: str
    loss: str
    floor: Annotated[str, Meta(description="the metric or shortcut that serves as a floor; empty for a model")]
    role: Annotated[
        Role, Meta(description="a model that the suite names (reference), another model (newcomer), or a floor")
    ]
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
    rank_low: Annotated[int | None, Meta(description="the best rank that the row may have; null without a rank")]
    rank_high: Annotated[int | None, Meta(description="the worst rank that the row may have")]
    above_all: Annotated[bool | None, Meta(description="whether a newcomer is better than every reference")]
    best: Annotated[bool | None, Meta(description="whether the row has the best mean of the references")]
    marked: Annotated[bool | None, Meta(description="whether the reference is not significantly worse than the best")]
    compared: Annotated[str, Meta(description="how a reference compares with the best mean")]
    beats: Annotated[str, Meta(description="the floors that the row beats, separated by semicolons")]
    few: Annotated[bool | None, Meta(description="whether there are few patients, or too few images for the metric")]
    warning: Annotated[str, Meta(description="why the value should be read with caution")]
    tier: Annotated[Tier, Meta(description="the lowest tier of verification among the model's records")]
    provisional: bool | None
    optimised: bool | None
    status: Literal["ok", "partial", "failed", "dash", "missing"]
    reason: str


class Place(Struct, forbid_unknown_fields=True):
    """The ranks of a model in a verdict, over all datasets."""

    verdict: Verdict
    metric: str
    model: str
    loss: str
    role: Role
    mean_rank: Annotated[
        float | None,
        Meta(description="rank by mean value, averaged over datasets; only for references ranked on every dataset"),
    ]
    low: Annotated[float | None, Meta(description="mean over datasets of the lower end of the rank interval")]
    high: float | None
    ranks: Annotated[
        dict[str, tuple[Positive, Positive]], Meta(description="dataset -> both ends of the rank interval")
    ]
    lacks: Annotated[str, Meta(description="why the model is not ranked")]


class GapOf(Struct, forbid_unknown_fields=True):
    """The true difference that a column would detect in half of the cases, on average over pairs of models."""

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
    place: Annotated[str, Meta(description="device class")]
    entrants: list[str]


class AgreementOf(Struct, forbid_unknown_fields=True):
    """Kendall's tau-b between two rankings of the models by their means: in one metric, and in the headline metric of
    the same verdict."""

    verdict: Verdict
    dataset: str
    metric: str
    variant: str
    against: Annotated[str, Meta(description="the headline metric of the verdict")] = field(name="with")
    tau: Annotated[float, Meta(ge=-1, le=1)]
    models: Annotated[int, Meta(ge=3)]


class ShortcutOf(Struct, forbid_unknown_fields=True):
    """A trivial feature of the test images that separates healthy from diseased ones."""

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
    """A metric without a value, and the reason."""

    dataset: str
    metric: Annotated[str, Meta(description="title of the metric; empty if the reason concerns all metrics")]
    reason: str
    entrants: list[str]


class HiddenOf(Struct, forbid_unknown_fields=True):
    """Records or numbers that are not comparable."""

    dataset: str
    what: Literal["records", "numbers"]
    reason: str
    remedy: Annotated[str, Meta(description="the command that makes the records or numbers comparable")]
    count: Positive


class OtherSeedsOf(Struct, forbid_unknown_fields=True):
    """Records with seeds that the preset does not name; they are not used."""

    entrant: str
    dataset: str
    regime: str
    seeds: list[int]


class Document(Struct, forbid_unknown_fields=True):
    """A leaderboard of vaebench."""

    schema: Literal["vaebench/board@1"]
    title: Annotated[str, Meta(description="the track, and how many of the suite's datasets the board covers")]
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
    shortcuts: Annotated[list[ShortcutOf], Meta(description="per dataset, best first")]
    failures: list[FailureOf]
    dashes: list[DashOf]
    hidden: list[HiddenOf]
    other_seeds: list[OtherSeedsOf]
    findings: Annotated[list[str], Meta(description="sentences on the verdicts and on what training adds")]
    notes: list[str]
