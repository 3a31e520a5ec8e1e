"""Find plugins, and keep a broken plugin from breaking the others.

With pluggy's own entry-point loader, one broken plugin would break every command, one of two entry points with the same
name would be lost silently, and a misspelt hook would be ignored. Here, each entry point is therefore loaded in a
separate `try`, under the name `distribution:name`, and only when it is needed: looking up one of vaebench's suites, for
example, imports no other plugin.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from vaebench import hookspecs
from vaebench.errors import did_you_mean

GROUP = "vaebench"
ONLY = "VAEBENCH_PLUGINS"
"""The environment variable that lists the distributions whose plugins are used, separated by commas. If the variable is
unset, all plugins are used."""
SINGULAR = {
    "models": "model",
    "networks": "network",
    "datasets": "dataset",
    "losses": "loss",
    "metrics": "metric",
    "executors": "executor",
}


@dataclass(frozen=True)
class Plugin:
    """One loaded entry point."""

    distribution: str
    version: str
    entry_point: str
    hooks: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.distribution}:{self.entry_point}"


@dataclass(frozen=True)
class Problem:
    """The reason why a part of a plugin is not used, or a change that its author should make."""

    distribution: str
    version: str
    entry_point: str
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.distribution} {self.version} ({self.entry_point}): {self.reason}"


class Unusable(Exception):
    """Raised for a plugin that can be loaded but could never work."""


class Plugins:
    """The plugins of this environment, each imported when it is first needed."""

    def __init__(self, points: list[EntryPoint]) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.problems: list[Problem] = []
        """The problems of the plugins that have been imported so far."""
        self._told = 0
        # vaebench first, then by name: the order never depends on the file system.
        self.points = sorted(points, key=lambda p: (_owner(p)[0] != GROUP, *_owner(p), p.name))
        self._found: dict[int, Plugin | None] = {}
        """The plugin of each entry point, by the index of the entry point; None for a broken plugin."""

    @property
    def loaded(self) -> list[Plugin]:
        """All working plugins. Reading this property imports every plugin."""
        return list(self._one_by_one())

    @property
    def modules(self) -> list[tuple[str, str]]:
        """The distribution and the module of every entry point; no plugin is imported."""
        return [(_owner(point)[0], point.module) for point in self.points]

    def _one_by_one(self) -> Iterator[Plugin]:
        for place, point in enumerate(self.points):
            if place not in self._found:
                self._found[place] = None  # a plugin that asks for plugins during its import must not find itself
                self._found[place] = self._load(point)
            if plugin := self._found[place]:
                yield plugin

    def _load(self, point: EntryPoint) -> Plugin | None:
        distribution, version = _owner(point)
        try:
            module = point.load()
            plugin = Plugin(distribution, version, point.name, self._hooks(module))
            self.manager.register(module, name=plugin.key)
        except (Exception, SystemExit) as error:
            self.problems.append(Problem(distribution, version, point.name, _reason(error)))
            return None
        return plugin

    def _hooks(self, module: Any) -> tuple[str, ...]:
        """Return the names of the hooks that a module implements; raise Unusable if a hook does not exist or is not
        marked with `hookimpl`."""
        known = [name for name in vars(hookspecs) if name.startswith("vaebench_")]
        hooks, faults = [], []
        for name in dir(module):
            marked = self.manager.parse_hookimpl_opts(module, name) is not None
            if marked and name not in known:
                faults.append(f"unknown hook {name!r}.{did_you_mean(name, known)}")
            elif marked:
                hooks.append(name)
            elif name.startswith("vaebench_") and callable(getattr(module, name)):
                faults.append(f"{name} is not marked with @vaebench.hookimpl, so it would never be called")
        if not hooks and not faults:
            faults.append("it implements no hook")
        if faults:
            raise Unusable("; ".join(faults))
        return tuple(hooks)

    def call(self, hook: str, **arguments: Any) -> Iterator[tuple[Plugin, Any]]:
        """Yield each plugin with its answer to a hook; if the caller stops early, the remaining plugins are not
        imported.

        A plugin that raises an exception is reported and left out from then on."""
        for plugin in self._one_by_one():
            if hook not in plugin.hooks:
                continue
            (implementation,) = (
                one for one in getattr(self.manager.hook, hook).get_hookimpls() if one.plugin_name == plugin.key
            )
            try:
                answer = implementation.function(*(arguments[name] for name in implementation.argnames))
                answer = answer if answer is None else list(answer)
            except (Exception, SystemExit) as error:
                self.report(plugin, f"{hook} failed: {_reason(error)}")
                self.manager.unregister(name=plugin.key)
                self._found = {place: None if one is plugin else one for place, one in self._found.items()}
            else:
                yield plugin, answer

    def report(self, plugin: Plugin, reason: str) -> None:
        problem = Problem(plugin.distribution, plugin.version, plugin.entry_point, reason)
        if problem not in self.problems:
            self.problems.append(problem)

    def untold(self) -> list[Problem]:
        """Return the known problems that have not been reported yet. No plugin is imported."""
        new, self._told = self.problems[self._told :], len(self.problems)
        return new


@cache
def installed() -> Plugins:
    """Return the plugins of this environment, each of which is loaded at most once per process."""
    wanted = os.environ.get(ONLY)
    points = entry_points(group=GROUP)
    return Plugins([point for point in points if wanted is None or _owner(point)[0] in wanted.split(",")])


def _owner(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("?", "?")


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, Unusable) else f"{type(error).__name__}: {error}"
