"""Find components by name, together with the plugins that offer them, and explain clashes and unknown names."""

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
        "needs": "`needs` is no longer read: in compute(), call the evidence's methods (labels, health, masks, "
        "boxes, ...), which raise NotApplicable if something is missing",
    },
}
"""Attributes that older plugins may still set, by kind of component, with advice on how to replace each."""
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
    """All components of all plugins. The components of the distribution `home`, which `at` sets, take precedence."""

    def __init__(self, plugins: Plugins) -> None:
        self.plugins = plugins
        self.home: str | None = None
        self._offers: dict[str, dict[str, list[Offer]]] = {}

    def at(self, home: str | None) -> Registry:
        """Return a view of the same components in which those of the distribution `home` take precedence and need no
        prefix. A suite's names are looked up with the suite's own distribution as `home`, so that another plugin's
        component of the same name cannot change or break the suite."""
        view = copy(self)  # a shallow copy, which shares the offers
        view.home = home
        return view

    def offers(self, kind: str) -> dict[str, list[Offer]]:
        """Return the offers by name; several offers of one name are a clash."""
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
                            f"its {SINGULAR[kind]} {mine.name!r} has the same name as one from "
                            f"{first.plugin.distribution} {first.plugin.version}; "
                            f"use {mine.qualified!r} or {first.qualified!r}",
                        )
                    others.append(Offer(component, plugin))
            self._offers[kind] = dict(sorted(found.items()))
        return self._offers[kind]

    def get(self, kind: str, name: str) -> Offer:
        """Return the component of that name, with its plugin."""
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
            raise UserError(f"{SINGULAR[kind].capitalize()} {bare!r} is offered by several plugins: use {choices}.")
        return owners[0]

    def canonical(self, kind: str, offer: Offer) -> str:
        """Return the component's name in trials, which has no prefix if the name is unambiguous without it."""
        alone = len(self.offers(kind)[offer.name]) == 1
        return offer.name if alone or offer.plugin.distribution == self.home else offer.qualified

    def spec(self, kind: str, text: str) -> tuple[Offer, Spec]:
        """Return the component that `NAME[param=value,...]` names, and its spec with checked and converted
        parameters."""
        name, params = split_spec(text)
        offer = self.get(kind, name)
        values = typed(name, offer.component, params)
        chosen = {
            key: self.canonical("networks", found) for key, found in self.networks(offer.component, values).items()
        }
        return offer, Spec(self.canonical(kind, offer), values | chosen)

    def networks(self, component: type, params: Mapping[str, Value]) -> dict[str, Offer]:
        """Return the networks that a component's parameters name, by parameter."""
        known = parameters_of(component)
        return {
            key: self.get("networks", str(value))
            for key, value in params.items()
            if key in known and names_network(known[key].kind)
        }

    def resolved(self, component: type, params: Mapping[str, Value]) -> dict[str, Any]:
        """Return the parameters, with networks in place of their names."""
        return {**params, **{key: found.component for key, found in self.networks(component, params).items()}}

    def create(self, kind: str, spec: Spec, *args: Any, **extra: Value) -> Any:
        """Return an instance of the component that a spec names; `extra` are parameters that are not part of the
        trial."""
        component = self.get(kind, spec.name).component
        return construct(component, *args, **self.resolved(component, {**extra, **spec.params}))

    def version(self, kind: str, name: str) -> tuple[str, int]:
        """Return a component's kind and name, and its version, as in `("model vae", 1)`."""
        return f"{SINGULAR[kind]} {name}", self.get(kind, name).component.version


@cache
def registry() -> Registry:
    """Return the registry of this environment."""
    return Registry(installed())


@contextmanager
def only(distributions: Collection[str]) -> Iterator[None]:
    """Use only the plugins of these distributions, in this process and in the processes that it starts within this
    context."""
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
    """Clear the caches, so that the plugins of this environment are looked up again."""
    installed.cache_clear()
    registry.cache_clear()


def _fault(component: Any, interface: type) -> str:
    """Return the fault of a component that a hook returned; empty if the component has no fault."""
    if not (isinstance(component, type) and issubclass(component, interface)):
        return f"is not a subclass of vaebench.interfaces.{interface.__name__}"
    if not NAME.fullmatch(str(getattr(component, "name", ""))):
        return "needs a class attribute `name` of lower-case letters, digits and - + . _"
    version = getattr(component, "version", None)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        return "needs a class attribute `version`, a whole number of 1 or more"
    if issubclass(component, interfaces.Network):
        for part in ("encoder", "decoder"):
            if not callable(getattr(component, part, None)):
                return f"needs `{part}`, a module class that takes (shape, width, grid)"
    if issubclass(component, interfaces.Metric):
        for field, known in interfaces.DECLARED.items():
            if (value := getattr(component, field)) not in known:
                return f"`{field}` is {value!r}, not one of {', '.join(known)}"
    return ""
