"""The page on datasets says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from vaebench.components.parameters import parameters_of, split_spec, typed
from vaebench_medical import vaebench_datasets
from vaebench_medical.folder import Folder

PAGE = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
DATASETS = {dataset.name: dataset for dataset in vaebench_datasets()}


def rows(heading):
    table = PAGE[PAGE.index(heading) :].split("\n\n")[0]
    return [line.split("|")[1:-1] for line in table.splitlines()[2:]]


def test_every_dataset_is_in_the_table_with_the_way_to_get_it():
    told = {}
    for names, *_, way in rows("| name |"):
        told |= dict.fromkeys(re.findall(r"`([^`]+)`", names), way.strip())
    assert set(told) == set(DATASETS)
    assert {name for name, way in told.items() if way == "fetch"} == {n for n, d in DATASETS.items() if d.fetchable}
    assert {name for name, way in told.items() if way == "account"} == {"vindr-mammo"}


def test_every_parameter_that_is_written_is_understood():
    written = set(re.findall(r"[\w-]+\[[^\]]+=[^\]]+\]", PAGE)) - {"vaebench[dicom]"}
    assert len(written) >= 8
    for text in written:
        name, given = split_spec(text)
        typed(name, DATASETS[name], given)


def test_every_parameter_of_a_folder_is_explained():
    told = {row[0].strip(" `") for row in rows("| parameter |")}
    assert told | {"path", "name"} == set(parameters_of(Folder))
