"""Read a suite file (TOML): datasets, models, metrics and rules, with presets of different sizes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vaebench.components.discovery import Plugin, Plugins
from vaebench.errors import UserError, did_you_mean
from vaebench.planning.suite_reader import Reader
from vaebench.planning.verdicts import Verdicts, read_verdicts
from vaebench.records.clean import clean
from vaebench.records.store import read_bounded
from vaebench.trial import Settings, Value

REGIMES = ("all", "healthy")
LISTS = ("datasets", "models", "metrics", "regimes")
DEVICES = ("cpu", "cuda")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
"""The allowed names of suites and presets, which are also names of folders."""
LARGEST, LONGEST_LINE = 2**16, 2**12
"""The largest numbers of bytes of a file and of characters of a line; parsing a key of a hundred thousand parts would
take hours."""

TOP: dict[str, type] = {
    "name": str,
    "version": int,
    "title": str,
    "tuned": str,
    "datasets": list,
    "models": list,
    "metrics": list,
    "regimes": list,
    "headline": dict,
    "summary": list,
    "floors": dict,
    "margins": dict,
    "prices": dict,
    "auto": dict,
    "presets": dict,
}
PRESET: dict[str, type] = {
    "size": int,
    "steps": int,
    "batch": int,
    "seeds": list,
    "stage_steps": dict,
    "limit": dict,
    "samples": int,
    "model": dict,
    "metrics": list,
    "datasets": list,
    "models": list,
    "regimes": list,
}


@dataclass(frozen=True)
class Preset:
    """The size of an experiment: the models, datasets and regimes, the settings of each trial, and the seeds."""

    settings: Settings
    seeds: tuple[int, ...]
    datasets: tuple[str, ...]
    models: tuple[str, ...]
    regimes: tuple[str, ...]


@dataclass(frozen=True)
class Suite:
    """A named, versioned benchmark."""

    name: str
    version: int
    title: str
    presets: Mapping[str, Preset]
    auto: Mapping[str, str]
    """Kind of device (`cpu`, `cuda`) -> the preset that `auto` stands for."""
    verdicts: Verdicts = field(default_factory=Verdicts)
    home: str | None = field(default=None, compare=False)
    """The distribution in which the suite's names are looked up first; None for a user's own file."""
    tuned: str = ""
    """The verdict and the data for which `vaebench tune` chose the models' parameters; boards show this text."""
    text: str = field(default="", compare=False, repr=False)
    """The text of the suite file."""

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    def preset(self, name: str, device: str) -> str:
        """Return the name of the preset, with `auto` resolved for the device."""
        if name == "auto":
            name = self.auto.get(device.partition(":")[0]) or next(iter(self.presets))
        if name not in self.presets:
            raise UserError(f"Suite {self} has no preset {name!r}.{did_you_mean(name, self.presets)}")
        return name


def suites(plugins: Plugins) -> dict[str, tuple[Path, str]]:
    """Return name -> (file, distribution) for every suite that plugins offer; if several plugins offer a name, the
    first takes precedence."""
    found: dict[str, tuple[Path, str]] = {}
    for path, plugin in _offers(plugins):
        if path.stem in found:
            plugins.report(plugin, f"its suite {path.stem!r} has the same name as one from {found[path.stem][1]}")
        else:
            found[path.stem] = (path, plugin.distribution)
    return dict(sorted(found.items()))


def _offers(plugins: Plugins) -> Iterator[tuple[Path, Plugin]]:
    for plugin, paths in plugins.call("vaebench_suites"):
        yield from ((path, plugin) for path in sorted(map(Path, paths or ())))


def find(name: str, plugins: Plugins) -> Suite:
    """Return a suite by name, or by the path of a .toml file. Plugins are imported only until one of them offers the
    suite."""
    if name.endswith(".toml"):
        return load(Path(name))
    for path, plugin in _offers(plugins):
        if path.stem == name:
            return load(path, plugin.distribution)
    near = did_you_mean(name, suites(plugins))
    raise UserError(f"There is no suite {name!r}.{near} You can also give the path of a .toml file.")


def load(path: Path, home: str | None = None) -> Suite:
    """Read a suite file; raise a UserError that names the file, line and key of a mistake."""
    try:
        text = read_bounded(path, LARGEST, "suite file", links=True).decode().replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read the suite file {path}: {error}") from error
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            raise UserError(f"{path}, line {number}: this line has more than {LONGEST_LINE:,} characters; shorten it")
    try:
        return replace(_suite(tomllib.loads(text), Reader(path, text), home), text=text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        shown = f": {clean(lines[int(where[1]) - 1])}" if where else ""
        raise UserError(f"{path} is not valid TOML: {error}{shown}") from error
    except RecursionError as error:
        raise UserError(f"Tables or lists in {path} are nested too deeply") from error


def _suite(data: dict[str, Any], reader: Reader, home: str | None) -> Suite:
    reader.table(data, "", TOP, ("name", "version", "datasets", "models", "metrics", "presets"))
    if data["name"] != reader.path.stem:
        raise reader.fail("", "name", f"the name must be the file's name, {reader.path.stem!r}")
    if not NAME.fullmatch(data["name"]):
        raise reader.fail("", "name", f"{data['name']!r} must consist of letters, digits and - + . _")
    if data["version"] < 1:
        raise reader.fail("", "version", "versions start at 1")
    lists = _lists(data, "", reader)
    if not data["presets"]:
        raise reader.fail("", "presets", "a suite needs at least one preset, as a table [presets.NAME]")
    presets = {name: _preset(name, table, lists, reader) for name, table in data["presets"].items()}
    verdicts = read_verdicts(data, reader, {name: preset.settings.metrics for name, preset in presets.items()})
    for device, preset in data.get("auto", {}).items():
        if device not in DEVICES:
            raise reader.fail("auto", device, f"{device!r} is not a kind of device.{did_you_mean(device, DEVICES)}")
        if not isinstance(preset, str) or preset not in presets:
            raise reader.fail("auto", device, f"there is no preset {preset!r}.{did_you_mean(str(preset), presets)}")
    return Suite(
        name=data["name"],
        version=data["version"],
        title=data.get("title", data["name"]),
        tuned=data.get("tuned", ""),
        presets=presets,
        auto=data.get("auto", {}),
        verdicts=verdicts,
        home=home,
    )


def _lists(data: Mapping[str, Any], table: str, reader: Reader) -> dict[str, tuple[str, ...]]:
    """Read the lists of datasets, models, metrics and regimes; a suite sets them, and a preset may override them."""
    found = {key: reader.entries(data, table, key, str) for key in LISTS if key in data}
    for key, names in found.items():
        if not names:
            raise reader.fail(table, key, "the list must not be empty")
    for regime in found.get("regimes", ()):
        if regime not in REGIMES:
            raise reader.fail(table, "regimes", f"{regime!r} is not a regime.{did_you_mean(regime, REGIMES)}")
    return found


def _preset(name: str, data: Any, suite: Mapping[str, tuple[str, ...]], reader: Reader) -> Preset:
    table = f"presets.{name}"
    if not isinstance(data, dict):
        raise reader.fail("presets", name, f"the value must be a table, not {data!r}")
    if not NAME.fullmatch(name):
        raise reader.fail("presets", name, f"the name {name!r} must consist of letters, digits and - + . _")
    reader.table(data, table, PRESET, ("size", "steps"))
    for key, least in (("size", 8), ("steps", 1), ("batch", 1), ("samples", 0)):
        if key in data and data[key] < least:
            raise reader.fail(table, key, f"the value must be at least {least}, not {data[key]}")
    limit = reader.counts(data, table, "limit")
    for split in limit:
        if split not in ("train", "val", "test"):
            raise reader.fail(table, "limit", f"{split!r} is not a split: use train, val or test")
    for parameter, value in data.get("model", {}).items():
        if not isinstance(value, Value):
            raise reader.fail(table, "model", f"{parameter} must be a single value, not {value!r}")
    stage_steps = reader.counts(data, table, "stage_steps")
    seeds = reader.entries(data, table, "seeds", int) or (0,)
    if bad := [seed for seed in seeds if seed < 0]:
        raise reader.fail(table, "seeds", f"seeds start at 0, so {bad[0]} is not a seed")
    lists: dict[str, tuple[str, ...]] = {"regimes": REGIMES, **suite, **_lists(data, table, reader)}
    metrics = lists.pop("metrics")
    given = {key: data[key] for key in ("batch", "samples", "model") if key in data}
    settings = Settings(data["size"], data["steps"], stage_steps=stage_steps, limit=limit, metrics=metrics, **given)
    return Preset(settings, seeds, **lists)
