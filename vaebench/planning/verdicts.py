"""A suite's settings for its verdicts: the metric that ranks models in each, the summary, the floors, and the smallest
relevant differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from vaebench.errors import did_you_mean
from vaebench.planning.suite_reader import Reader
from vaebench.trial import Verdict

RANKED = tuple(verdict for verdict in get_args(Verdict) if verdict not in ("cost", "other"))


@dataclass(frozen=True)
class Verdicts:
    """A suite's settings for its verdicts, which only the suite file can set."""

    headline: Mapping[str, str] = field(default_factory=dict)
    """Verdict -> its headline metric. If the mapping is empty, the headline of each verdict is its first metric in the
    suite's list."""
    summary: tuple[str, ...] = ()
    """Metrics that the summary shows in addition to the headlines."""
    floor_models: tuple[str, ...] = ()
    """Models of the suite that boards show as rows without a rank."""
    floor_metrics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Verdict -> metrics that need no model; boards show them as floor rows in the headline's column."""
    margins: Mapping[str, float] = field(default_factory=dict)
    """Metric -> the smallest difference that matters."""
    prices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Verdict -> metrics that measure the price of its results; boards show them next to the verdict's metrics."""
    untrained: tuple[str, ...] = ()
    """Floors that are not trained; boards show how much better the suite's models are."""

    def paired(self, metrics: Iterable[str]) -> tuple[str, ...]:
        """Return the metrics whose replicates a record keeps, because boards use them to test models against each
        other. If the suite names no headline, any metric may become one."""
        floors = {name for own in self.floor_metrics.values() for name in own}
        return tuple(m for m in metrics if not self.headline or m in floors or m in self.headline.values())


def read_verdicts(data: Mapping[str, Any], reader: Reader, measured: Mapping[str, tuple[str, ...]]) -> Verdicts:
    """Return the verdicts of a suite file. `measured` contains the metrics of each preset, which must include all
    headlines."""
    every = tuple(dict.fromkeys(name for names in measured.values() for name in names))
    headline = data.get("headline", {})
    for verdict, metric in headline.items():
        _check_verdict(verdict, "headline", reader)
        _check_metrics([metric], "headline", verdict, every, reader)
        for preset, names in measured.items():
            if metric not in names:
                lacks = f"the metrics of this preset lack {metric!r}, the headline of {verdict}"
                raise reader.fail(f"presets.{preset}", "metrics", lacks)
    summary = reader.entries(data, "", "summary", str)
    _check_metrics(summary, "", "summary", every, reader)
    models, untrained, metrics = _floors(data, reader, every)
    for metric, margin in data.get("margins", {}).items():
        _check_metrics([metric], "margins", metric, every, reader)
        if not isinstance(margin, int | float) or isinstance(margin, bool) or not 0 < margin < float("inf"):
            raise reader.fail("margins", metric, f"the value must be a number above 0, not {margin!r}")
    prices = {verdict: reader.entries(data["prices"], "prices", verdict, str) for verdict in data.get("prices", {})}
    for verdict, names in prices.items():
        _check_verdict(verdict, "prices", reader)
        _check_metrics(names, "prices", verdict, every, reader)
    return Verdicts(dict(headline), summary, models, metrics, dict(data.get("margins", {})), prices, untrained)


def _floors(
    data: Mapping[str, Any], reader: Reader, every: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...], Mapping[str, tuple[str, ...]]]:
    floors, metrics = data.get("floors", {}), {}
    of_models: dict[str, tuple[str, ...]] = {"models": (), "untrained": ()}
    known = {*data["models"], *(name for preset in data["presets"].values() for name in preset.get("models", ()))}
    for key, value in floors.items():
        if not isinstance(value, list):
            raise reader.fail("floors", key, f"the value must be a list, not {value!r}")
        names = reader.entries(floors, "floors", key, str)
        if key in of_models:
            of_models[key] = names
            for name in names:
                if key == "untrained" and name not in floors.get("models", ()):
                    raise reader.fail("floors", key, f"{name!r} must also be in the list `models` of [floors]")
                if name not in known:
                    raise reader.fail(
                        "floors", key, f"{name!r} is not a model of this suite.{did_you_mean(name, known)}"
                    )
            continue
        _check_verdict(key, "floors", reader, tuple(of_models))
        _check_metrics(names, "floors", key, every, reader)
        if key not in data.get("headline", {}):
            raise reader.fail(
                "floors", key, f"floors are shown in the headline's column, but {key} has no headline; add one"
            )
        metrics[key] = names
    return of_models["models"], of_models["untrained"], metrics


def _check_verdict(verdict: str, table: str, reader: Reader, others: tuple[str, ...] = ()) -> None:
    if verdict not in RANKED:
        near = did_you_mean(verdict, (*RANKED, *others))
        raise reader.fail(table, verdict, f"{verdict!r} is not a ranked verdict.{near}")


def _check_metrics(names: Iterable[Any], table: str, key: str, every: tuple[str, ...], reader: Reader) -> None:
    for name in names:
        if not isinstance(name, str):
            raise reader.fail(table, key, f"the value must be the name of a metric, not {name!r}")
        if name not in every:
            raise reader.fail(table, key, f"{name!r} is not a metric of this suite.{did_you_mean(name, every)}")
