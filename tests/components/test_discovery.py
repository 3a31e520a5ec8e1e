"""A broken plugin is reported once, with distribution, version and reason, and everything else goes on working."""

from __future__ import annotations

import textwrap
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path

import pytest
from records_made import record

from vaebench.components import discovery
from vaebench.components.discovery import Plugins, installed
from vaebench.components.registry import Registry
from vaebench.errors import UserError
from vaebench.planning.suite import find, suites
from vaebench.records import store
from vaebench.report.track import Track

METRIC = """
    from vaebench import hookimpl
    from vaebench.interfaces import Metric

    class Mine(Metric):
        name, version = "{name}", {version}

    @hookimpl
    def vaebench_metrics():
        return [Mine]
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes an installed distribution whose only module has this source; its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(source: str, distribution: str = "acme", version: str = "1.2") -> EntryPoint:
        module = f"{distribution}_of_{tmp_path.name}"
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        about = tmp_path / f"{distribution}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (about / "entry_points.txt").write_text(f"[vaebench]\nmain = {module}\n")
        (point,) = Distribution.at(about).entry_points
        return point

    return make


def metric(name: str, version: int = 1) -> str:
    return METRIC.format(name=name, version=version)


GOOD = metric("good")

BROKEN = {
    "import error": ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
    "syntax error": ("def (", "SyntaxError"),
    "exit at import": ("raise SystemExit('no licence')", "SystemExit: no licence"),
    "key error": ("{}['colour']", "KeyError: 'colour'"),
    "bare lookup error": ("raise LookupError", "LookupError"),
    "misspelt and unmarked": (
        "from vaebench import hookimpl\n@hookimpl\ndef vaebench_model(): return []\ndef vaebench_losses(): return []",
        "with @vaebench.hookimpl, so it would never be called; unknown hook 'vaebench_model'",
    ),
    "misspelt hook": (
        "from vaebench import hookimpl\n@hookimpl\ndef vaebench_model(): return []",
        "unknown hook 'vaebench_model'. Did you mean 'vaebench_models'",
    ),
    "unmarked hook": ("def vaebench_models(): return []", "vaebench_models is not marked with @vaebench.hookimpl"),
    "no hook": ("x = 1", "it implements no hook"),
    "wrong argument": (
        "from vaebench import hookimpl\n@hookimpl\ndef vaebench_losses(): return []\n"
        "@hookimpl\ndef vaebench_models(device): return []",
        "device",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_loaded_is_a_problem_and_the_rest_loads(plugin, source, reason):
    plugins = Plugins([plugin(source, "broken", "0.3"), plugin(GOOD, "zebra")])
    assert [p.distribution for p in plugins.loaded] == ["zebra"]
    (problem,) = plugins.problems
    assert (problem.distribution, problem.version, problem.entry_point) == ("broken", "0.3", "main")
    assert reason in problem.reason
    registry = Registry(plugins)
    assert {kind: list(registry.offers(kind)) for kind in ("models", "losses", "metrics")} == {
        "models": [],
        "losses": [],
        "metrics": ["good"],
    }
    assert len(plugins.problems) == 1


CALLED = {
    "raises": ("raise RuntimeError('no data')", "vaebench_metrics failed: RuntimeError: no data"),
    "exits": ("raise SystemExit(3)", "vaebench_metrics failed: SystemExit: 3"),
    "lazy import": ("from nowhere_to_be_found import X", "vaebench_metrics failed: ModuleNotFoundError"),
    "generator": ("yield from [1 / 0]", "vaebench_metrics failed: ZeroDivisionError"),
    "not a list": ("return 7", "vaebench_metrics failed: TypeError"),
    "a text": ("return ['psnr']", "metric psnr: is not a subclass of vaebench.interfaces.Metric"),
    "another kind": (
        "from vaebench.interfaces import Loss\n    return [type('A', (Loss,), dict(name='a', version=1))]",
        "metric A: is not a subclass of vaebench.interfaces.Metric",
    ),
    "no name": ("return [type('A', (Metric,), dict(version=1))]", "metric A: needs a class attribute `name`"),
    "shouted": ("return [type('A', (Metric,), dict(name='PSNR', version=1))]", "metric A: needs a class attribute"),
    "no version": ("return [type('A', (Metric,), dict(name='a'))]", "metric A: needs a class attribute `version`"),
    "no direction": (
        "return [type('A', (Metric,), dict(name='a', version=1, better='up'))]",
        "metric A: `better` is 'up', not one of higher, lower",
    ),
    "no verdict": (
        "return [type('A', (Metric,), dict(name='a', version=1, verdict='beauty'))]",
        "`verdict` is 'beauty', not one of",
    ),
    "a truth": ("return [type('A', (Metric,), dict(name='a', version=True))]", "attribute `version`, a whole number"),
}


@pytest.mark.parametrize(("body", "reason"), CALLED.values(), ids=CALLED)
def test_what_a_hook_does_wrong_is_reported_once_and_the_rest_answers(plugin, body, reason):
    source = f"""
from vaebench import hookimpl
from vaebench.interfaces import Metric

@hookimpl
def vaebench_metrics():
    {body}
"""
    plugins = Plugins([plugin(source, "broken", "0.3"), plugin(GOOD, "zebra")])
    registry = Registry(plugins)
    assert list(registry.offers("metrics")) == ["good"]
    assert list(registry.offers("metrics")) == list(Registry(plugins).offers("metrics"))
    (problem,) = plugins.problems
    assert str(problem).startswith("plugin broken 0.3 (main): ")
    assert reason in problem.reason


def test_good_components_of_a_plugin_stay_when_another_is_refused(plugin):
    source = metric("fine").replace("return [Mine]", "return [Mine, int]")
    plugins = Plugins([plugin(source)])
    assert list(Registry(plugins).offers("metrics")) == ["fine"]
    assert len(plugins.problems) == 1


def test_what_was_removed_is_told_once_with_its_replacement_and_the_component_is_used(plugin):
    source = metric("old").replace("name, version", "needs = ('reconstructions',)\n        name, version")
    plugins = Plugins([plugin(source, "aged"), plugin(GOOD, "zebra")])
    registry = Registry(plugins)
    for _ in range(2):
        assert list(registry.offers("metrics")) == ["good", "old"]
    assert registry.get("metrics", "old").component.needs == ("reconstructions",)
    (problem,) = plugins.untold()
    assert problem.distribution == "aged"
    assert problem.reason.startswith("metric old: `needs` is no longer read: in compute(), call the evidence's methods")
    assert plugins.untold() == []


def test_problems_are_told_once(plugin):
    plugins = Plugins([plugin("1 / 0")])
    assert plugins.untold() == [] and plugins.loaded == [], "nothing is imported before it is asked"
    assert [p.reason for p in plugins.untold()] == ["ZeroDivisionError: division by zero"]
    assert plugins.untold() == []


def test_two_distributions_may_name_their_entry_points_alike(plugin):
    plugins = Plugins([plugin(metric("one"), "alpha"), plugin(metric("two"), "beta")])
    assert [p.key for p in plugins.loaded] == ["alpha:main", "beta:main"]
    assert list(Registry(plugins).offers("metrics")) == ["one", "two"]


def test_vaebench_comes_first_and_the_rest_in_the_order_of_names(plugin):
    points = [plugin(metric(f"m{i}"), name) for i, name in enumerate(("zebra", "vaebench", "ant"))]
    assert [p.distribution for p in Plugins(points).loaded] == ["vaebench", "ant", "zebra"]
    assert [p.distribution for p in Plugins(points[::-1]).loaded] == ["vaebench", "ant", "zebra"]


SUITES = """
    from pathlib import Path
    from vaebench import hookimpl

    (Path(__file__).parent / "{mark}").write_text("imported")

    @hookimpl
    def vaebench_suites():
        return [Path(__file__).parent / "{suite}.toml"]
"""
BUILT_IN = installed().points
"""Asked before a test makes a distribution of the same name."""
SUITE = """
name = "{name}"
version = 1
datasets = ["chestmnist"]
models = ["vae"]
metrics = ["psnr"]

[presets.quick]
size = 32
steps = 10
"""


@pytest.fixture
def shelves(plugin, tmp_path) -> Plugins:
    """Three plugins, each with a suite and a mark that it leaves when it is imported."""
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.toml").write_text(SUITE.format(name=name))
    owners = {"vaebench": "one", "ant": "two", "zebra": "three"}
    return Plugins([plugin(SUITES.format(mark=f"{suite}.mark", suite=suite), owner) for owner, suite in owners.items()])


@pytest.mark.parametrize(("name", "imported"), [("one", 1), ("two", 2), ("three", 3)])
def test_plugins_are_imported_until_a_suite_is_found(shelves, tmp_path, name, imported):
    assert [*tmp_path.glob("*.mark")] == []
    for _ in range(2):
        assert find(name, shelves).home == ("vaebench", "ant", "zebra")[imported - 1]
        assert shelves.untold() == [] and len([*tmp_path.glob("*.mark")]) == imported
    assert list(suites(shelves)) == ["one", "three", "two"] and len([*tmp_path.glob("*.mark")]) == 3


def test_an_unknown_suite_is_looked_for_in_every_plugin(shelves, tmp_path):
    with pytest.raises(UserError, match=r"no suite 'thre'\. Did you mean 'three'"):
        find("thre", shelves)
    assert len([*tmp_path.glob("*.mark")]) == 3


def test_the_board_of_a_suite_of_ours_imports_no_strangers_plugin(shelves, tmp_path, monkeypatch):
    """What the suite names, vaebench's own plugins declare."""
    one = record("vae", {"psnr": 20.0}, suite="one@1", dataset="chestmnist")
    store.write(store.path_of(tmp_path / "results", one.trial, "cpu"), one)
    monkeypatch.setattr("vaebench.report.track.installed", lambda: Plugins([*BUILT_IN, *shelves.points]))
    track = Track(find("one", shelves), "quick", "phantom", tmp_path / "results")
    assert track.write(track.board())
    assert [path.name for path in tmp_path.glob("*.mark")] == ["one.mark"]


def test_a_plugin_that_asks_for_plugins_while_it_is_imported_does_not_meet_itself(plugin, monkeypatch):
    asks = "from vaebench.components import discovery\nassert discovery.waiting.loaded == []\n"
    plugins = Plugins([plugin(asks + textwrap.dedent(GOOD))])
    monkeypatch.setattr(discovery, "waiting", plugins, raising=False)
    assert [p.distribution for p in plugins.loaded] == ["acme"] and plugins.problems == []


class TestClash:
    """Two distributions offer a metric named `same`."""

    @pytest.fixture
    def registry(self, plugin) -> Registry:
        points = [plugin(metric("same", 1), "vaebench", "0.1"), plugin(metric("same", 2), "rival", "9")]
        return Registry(Plugins(points))

    def test_is_reported_once_with_both_owners(self, registry):
        registry.offers("metrics")
        registry.offers("metrics")
        (problem,) = registry.plugins.problems
        assert (problem.distribution, problem.version) == ("rival", "9")
        assert "vaebench 0.1" in problem.reason
        assert "'rival:same'" in problem.reason and "'vaebench:same'" in problem.reason

    def test_the_bare_name_is_an_error_that_names_both(self, registry):
        with pytest.raises(UserError, match=r"'vaebench:same' \(version 0.1\) or 'rival:same' \(version 9\)"):
            registry.get("metrics", "same")

    @pytest.mark.parametrize(("owner", "version"), [("vaebench", 1), ("rival", 2)])
    def test_a_prefix_resolves_it(self, registry, owner, version):
        assert registry.get("metrics", f"{owner}:same").component.version == version

    @pytest.mark.parametrize(("home", "version"), [("vaebench", 1), ("rival", 2)])
    def test_at_home_no_prefix_is_needed(self, registry, home, version):
        assert registry.at(home).get("metrics", "same").component.version == version

    def test_a_home_that_offers_nothing_resolves_nothing(self, registry):
        with pytest.raises(UserError, match="offered by several plugins"):
            registry.at("elsewhere").get("metrics", "same")

    def test_a_trial_keeps_the_prefix_where_it_is_needed(self, registry):
        at_home = registry.at("vaebench")
        assert at_home.spec("metrics", "rival:same")[1].name == "rival:same"
        assert at_home.spec("metrics", "vaebench:same")[1].name == "same"
        assert registry.spec("metrics", "vaebench:same")[1].name == "vaebench:same", "the view changed nothing else"


def test_unknown_names_answer_with_the_nearest(plugin):
    registry = Registry(Plugins([plugin(metric("sharpness"))]))
    with pytest.raises(UserError, match=r"There is no metric 'sharpnes'\. Did you mean 'sharpness'\?"):
        registry.get("metrics", "sharpnes")
    with pytest.raises(UserError, match=r"There is no metric 'acmee:sharpness'\. Did you mean 'acme:sharpness'\?"):
        registry.get("metrics", "acmee:sharpness")
