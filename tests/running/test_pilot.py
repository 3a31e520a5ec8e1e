"""A pilot compares its machine with the one that wrote the order, before anything runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from laboratory import Lab, job, site

from vaebench.errors import UserError
from vaebench.running import order, pilot


def test_what_differs_is_named_and_nothing_runs(lab: Lab, tmp_path: Path) -> None:
    work = job(tmp_path)
    asked, here = work.job, order.order_of(site(work), False, 0, 1, 1)
    old = replace(asked, components=dict.fromkeys(asked.components, 7))
    moved = replace(here, ready={asked.data: str(tmp_path / "elsewhere")})
    for told, jobs, complaint in (
        (here, [old], "version 1 here and version 7 in the plan"),
        (moved, [asked], "cannot read the prepared data"),
        (replace(here, device_class="cuda-nvidia-made"), [asked], "no device of class cuda-nvidia-made"),
    ):
        with pytest.raises(UserError, match=complaint):
            list(pilot.work(told, jobs))
    assert not lab.trained() and not list(work.results.glob("**/*.lease"))


def test_an_order_is_read_as_it_was_written(lab: Lab, tmp_path: Path) -> None:
    works = [job(tmp_path, seed=seed) for seed in (0, 1)]
    told, jobs = order.order_of(site(*works), True, 0, 2, 3), [work.job for work in works]
    order.write(tmp_path, told, jobs)
    assert order.read(tmp_path) == (told, jobs)
    (tmp_path / order.JOBS).write_text("{}\n")
    with pytest.raises(UserError, match="contains no valid description"):
        order.read(tmp_path)
