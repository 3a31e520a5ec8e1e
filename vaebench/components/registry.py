"""From a name to a component, with its owner; clashes and unknown names are errors in words."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

from vaebench import interfaces
from vaebench.components.discovery import ONLY, SINGULAR, Plugin, Plugins, installed
from vaebench.components.parameters import construct, names_network, parameters_of, split_spec, typed
from vaebench.errors import UserError, did_you_mean
from vaebench.trial import Spec, Value

KINDS: dict[str, type] = {
    "models": interfaces.Model,
    "networks": interfaces.Network,
    "datasets": interfaces.Dataset,
    "losses": interfaces.Loss,
    "metrics": interfaces.Metric,
    "executors": interfaces.Executor,
}
REMOVED: dict[str, dict[str, str]] = {
    "metrics": {
        "needs": "`needs` is no longer read: ask the evidence in compute() (labels, health, masks, boxes, ...), "
        "which raises NotApplicable where something is missing",
    },
}
"""Attributes that older plugins may still set, by kind, and what takes their place."""
NAME = re.compile(r"[a-z0-9][a-z0-9+._-]*")


@dataclass(frozen=True)
class Offer:
    """A component and the plugin it comes from."""

    component: Any
    plugin: Plugin

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def qualified(self) -> str:
        return f"{self.plugin.distribution}:{self.name}"


class Registry:
    """All components of all plugins, seen from one distribution (`at`) or from none."""

    def __init__(self, plugins: Plugins) -> None:
        self.plugins = plugins
        self.home: str | None = None
        self._offers: dict[str, dict[str, list[Offer]]] = {}

    def at(self, home: str | None) -> Registry:
        """The same components, seen from the distribution `home`: its own need no prefix. A suite names its models from
        where it was written, so a stranger's component of the same name cannot change or break it."""
        view = copy(self)  # what plugins offer is shared
        view.home = home
        return view

    def offers(self, kind: str) -> dict[str, list[Offer]]:
        """Name -> those who offer it (more than one is a clash)."""
        if kind not in self._offers:
            found: dict[str, list[Offer]] = {}
            for plugin, components in self.plugins.call(f"vaebench_{kind}"):
                for component in components or ():
                    if fault := _fault(component, KINDS[kind]):
                        self.plugins.report(
                            plugin, f"{SINGULAR[kind]} {getattr(component, '__name__', component)}: {fault}"
                        )
                        continue
                    for attribute, advice in REMOVED.get(kind, {}).items():
                        if hasattr(component, attribute):
                            self.plugins.report(plugin, f"{SINGULAR[kind]} {component.name}: {advice}")
                    others = found.setdefault(component.name, [])
                    if others:
                        mine, first = Offer(component, plugin), others[0]
                        self.plugins.report(
                            plugin,
                            f"its {SINGULAR[kind]} {mine.name!r} has the name of one of {first.plugin.distribution} "
                            f"{first.plugin.version}; say {mine.qualified!r} or {first.qualified!r}",
                        )
                    others.append(Offer(component, plugin))
            self._offers[kind] = dict(sorted(found.items()))
        return self._offers[kind]

    def get(self, kind: str, name: str) -> Offer:
        """The component of that name."""
        offers = self.offers(kind)
        owner, _, bare = name.rpartition(":")
        owners = [o for o in offers.get(bare, []) if not owner or o.plugin.distribution == owner]
        if len(owners) > 1:
            owners = [o for o in owners if o.plugin.distribution == self.home] or owners
        if not owners:
            names = [o.qualified for many in offers.values() for o in many] if owner else list(offers)
            raise UserError(f"There is no {SINGULAR[kind]} {name!r}.{did_you_mean(name, names)}")
        if len(owners) > 1:
            choices = " or ".join(f"{o.qualified!r} (version {o.plugin.version})" for o in owners)
            raise UserError(f"{SINGULAR[kind].capitalize()} {bare!r} is offered twice: say {choices}.")
        return owners[0]

    def canonical(self, kind: str, offer: Offer) -> str:
        """The name a trial gets: without prefix wherever that is understood."""
        alone = len(self.offers(kind)[offer.name]) == 1
        return offer.name if alone or offer.plugin.distribution == self.home else offer.qualified

    def spec(self, kind: str, text: str) -> tuple[Offer, Spec]:
        """What `NAME[param=value,...]` means, its parameters checked and typed."""
        name, params = split_spec(text)
        offer = self.get(kind, name)
        values = typed(name, offer.component, params)
        chosen = {
            key: self.canonical("networks", found) for key, found in self.networks(offer.component, values).items()
        }
        return offer, Spec(self.canonical(kind, offer), values | chosen)

    def networks(self, component: type, params: Mapping[str, Value]) -> dict[str, Offer]:
        """The networks that these parameters of a component name, by parameter."""
        known = parameters_of(component)
        return {
            key: self.get("networks", str(value))
            for key, value in params.items()
            if key in known and names_network(known[key].kind)
        }

    def resolved(self, component: type, params: Mapping[str, Value]) -> dict[str, Any]:
        """The parameters with networks in the place of their names."""
        return {**params, **{key: found.component for key, found in self.networks(component, params).items()}}

    def create(self, kind: str, spec: Spec, *args: Any, **extra: Value) -> Any:
        """An instance of the component a spec names; `extra` are parameters a trial does not carry."""
        component = self.get(kind, spec.name).component
        return construct(component, *args, **self.resolved(component, {**extra, **spec.params}))

    def version(self, kind: str, name: str) -> tuple[str, int]:
        """`("model vae", 1)`"""
        return f"{SINGULAR[kind]} {name}", self.get(kind, name).component.version


@cache
def registry() -> Registry:
    """The registry of this environment."""
    return Registry(installed())


@contextmanager
def only(distributions: Collection[str]) -> Iterator[None]:
    """Use the plugins of these distributions alone, in this process and in those that it starts first meanwhile."""
    before = os.environ.get(ONLY)
    os.environ[ONLY] = ",".join(sorted(distributions))
    forget()
    try:
        yield
    finally:
        if before is None:
            del os.environ[ONLY]
        else:
            os.environ[ONLY] = before
        forget()


def forget() -> None:
    """Have the plugins of this environment looked for anew."""
    installed.cache_clear()
    registry.cache_clear()


def _fault(component: Any, interface: type) -> str:
    """What is wrong with what a hook returned; empty when nothing is."""
    if not (isinstance(component, type) and issubclass(component, interface)):
        return f"is no subclass of vaebench.interfaces.{interface.__name__}"
    if not NAME.fullmatch(str(getattr(component, "name", ""))):
        return "needs a class attribute `name` of lower-case letters, digits and - + . _"
    version = getattr(component, "version", None)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        return "needs a class attribute `version`, a whole number from 1"
    if issubclass(component, interfaces.Network):
        for part in ("encoder", "decoder"):
            if not callable(getattr(component, part, None)):
                return f"needs `{part}`, a module class that takes (shape, width, grid)"
    if issubclass(component, interfaces.Metric):
        for field, known in interfaces.DECLARED.items():
            if (value := getattr(component, field)) not in known:
                return f"`{field}` is {value!r}, not one of {', '.join(known)}"
    return ""
