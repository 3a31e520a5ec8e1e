"""What components declare, known without importing them: tables equal the classes, and who has no table is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vaebench.components.declared import FIELDS, Declared, facts_of, table_of, table_path
from vaebench.components.discovery import GROUP, installed
from vaebench.components.registry import registry

PLUGINS = [point for point in installed().points if point.dist and point.dist.name == GROUP]


def offered(entry_point: str) -> dict[str, list[type]]:
    """Kind -> the components of one built-in plugin."""
    found: dict[str, list[type]] = {}
    for kind in FIELDS:
        offers = [one for own in registry().offers(kind).values() for one in own]
        found[kind] = [
            one.component for one in offers if (one.plugin.distribution, one.plugin.entry_point) == (GROUP, entry_point)
        ]
    return found


@pytest.mark.parametrize("point", PLUGINS, ids=lambda point: point.name)
def test_tables_are_what_the_classes_declare(point) -> None:
    """After a change: python benchmarks/scripts/declared.py."""
    path, own = table_path(point.module), offered(point.name)
    if any(own.values()):
        assert path is not None
        assert path.read_text(encoding="utf-8") == table_of(own)


def test_all_built_in_components_stand_in_a_table() -> None:
    known = Declared(installed()).tables
    for kind in FIELDS:
        for name, offers in registry().offers(kind).items():
            if offers[0].plugin.distribution == GROUP:
                assert known[kind, name] == facts_of(kind, offers[0].component), name


def test_tables_need_no_torch() -> None:
    code = (
        "import sys; from vaebench.components.declared import Declared; from vaebench.components.discovery import "
        "installed; d = Declared(installed()); assert d.versions([('models', 'vae')])['model vae']; "
        "assert d.get('metrics', 'ms-ssim')['better'] == 'higher'; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_plugin_without_a_table_is_asked(lab) -> None:
    declared = Declared(installed())
    assert ("models", "steady") not in declared.tables
    assert declared.versions([("models", "steady"), ("models", "nobody")])["model steady"] == 1
    assert "model nobody" not in declared.versions([("models", "nobody")])
    assert declared.known("metrics", ["lab-residual", "no-such"])["lab-residual"]["version"] == 1


def test_a_broken_table_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "odd_plugin"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('a table is read without importing')")
    monkeypatch.syspath_prepend(tmp_path)
    from vaebench.components.declared import _table

    (package / "components.json").write_text("{")
    assert _table("odd_plugin") == {}
    (package / "components.json").write_text(json.dumps({"models": {"x": {"version": 3}}, "losses": 7}))
    assert _table("odd_plugin") == {"models": {"x": {"version": 3}}}
