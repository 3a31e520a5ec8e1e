"""What the executor `ray` decides by itself, without Ray."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vaebench.errors import UserError
from vaebench_ray.cluster import Cluster, at_once, connect
from vaebench_ray.node import work

NEED = {"CPU": 1.0, "GPU": 0.0}


def nodes(**cores: int) -> SimpleNamespace:
    """Stands in for the module: nodes, by name, that have so many cores; one with none is dead."""
    told = [{"NodeID": name, "Alive": n > 0, "Resources": {"CPU": float(n)}} for name, n in cores.items()]
    return SimpleNamespace(nodes=lambda: told)


def test_room_is_counted_by_node() -> None:
    """Half a core left on each of two nodes is no room for a trial."""
    have = [{"CPU": 1.5, "GPU": 1.0}, {"CPU": 8.0, "GPU": 2.0}, {"CPU": 64.0}]
    assert [at_once(one, NEED) for one in have] == [1, 8, 64]
    assert [at_once(one, {"CPU": 1.0, "GPU": 0.5}) for one in have] == [1, 4, 0]
    assert at_once({"CPU": 1.0, "GPU": 1.0}, {"CPU": 0.1, "GPU": 0.1}) == 10, "whatever 0.1 is in binary"


def test_a_node_that_is_dead_or_not_fit_has_no_room_and_the_last_one_ends_the_run() -> None:
    cluster = Cluster(nodes(first=2, second=3, dead=0), NEED)
    assert cluster.room() == 5
    cluster.leave_out("second", "model vae is version 1 here and version 2 in the plan")
    assert cluster.room() == 2
    with pytest.raises(
        UserError, match=r"No node of the cluster can run(?s:.*)version 2 in the plan\n  node first: no card"
    ):
        cluster.leave_out("first", "no card")


def test_an_address_where_nobody_answers_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: False))
    with pytest.raises(UserError, match=r"not part of a Ray cluster at 127\.0\.0\.1:9 (?s:.*)`ray start"):
        connect("127.0.0.1:9")


@pytest.mark.parametrize("there", [None, SimpleNamespace(Unfit=Exception, fulfil=None)])
def test_a_node_says_that_it_cannot_read_what_it_is_to_do(there: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no vaebench, or another one."""
    context = SimpleNamespace(get_node_id=lambda: "n1")
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get_runtime_context=lambda: context))
    monkeypatch.setitem(sys.modules, "vaebench.executing", there)
    (told,) = work(b"cvaebench.nowhere\nErrand\n.", {}, "")
    assert (told["phase"], told["node"]) == ("unfit", "n1")
    assert told["why"].startswith("it cannot read its task (ModuleNotFoundError")


def test_a_node_names_what_differs_and_gets_the_parts_of_each_file_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaebench.executing import Unfit

    def fulfil(errand: str, fetch: Any, keep: str | None) -> Any:
        fetch(tmp_path)
        assert (errand, keep) == ("errand", None)
        yield {"phase": "note"}
        raise Unfit("another version")

    context = SimpleNamespace(get_node_id=lambda: "n1")
    ray = SimpleNamespace(get_runtime_context=lambda: context, get=lambda part: part.encode())
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setitem(sys.modules, "vaebench.executing", SimpleNamespace(Unfit=Unfit, fulfil=fulfil))

    told = list(work(pickle.dumps("errand"), {"a.npy": ["one", "two"], "b.npy": ["three"]}, ""))
    assert told == [{"phase": "note"}, {"phase": "unfit", "node": "n1", "why": "another version"}]
    assert [(tmp_path / name).read_text() for name in ("a.npy", "b.npy")] == ["onetwo", "three"]
