"""What `list` and `data status` print: metrics by verdict, sentences that end where they should, sizes and licences."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from vaebench.cli import main
from vaebench.cli.components import KINDS, documentation, summary
from vaebench.components.registry import registry
from vaebench.errors import did_you_mean


def said(*words: str, width: int = 200) -> list[str]:
    done = CliRunner().invoke(main, words, env={"COLUMNS": str(width)})
    assert done.exit_code == 0, done.output
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_metrics_stand_under_their_verdict_with_direction_and_meaning() -> None:
    lines, verdict, told = said("list", "metrics"), "", {}
    for line in lines:
        if line.startswith("metrics: "):
            verdict = line.removeprefix("metrics: ")
        elif (name := line.split(" ")[0]) in registry().offers("metrics"):
            told[name] = (verdict, line.split(" ")[2])
    offers = {name: own[0].component for name, own in registry().offers("metrics").items()}
    assert told == {name: (metric.verdict, metric.better) for name, metric in offers.items()}
    assert "kid-floor ↓ lower KID floor: Kernel distance (unbiased, so it may be below zero) between test images" in (
        next(line for line in lines if line.startswith("kid-floor "))
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_sentence_is_whole(kind: str) -> None:
    for offers in registry().offers(kind).values():
        text = " ".join(documentation(offers[0].component).partition("\n\n")[0].split())
        told = " ".join(summary(offers[0].component).split())
        rest = text[len(told) :]
        assert text.startswith(told) and told.count("(") == told.count(")") and told.count('"') % 2 == 0
        assert rest in ("", ".") or rest[:2] == ". ", told


def test_initials_and_abbreviations_end_no_sentence() -> None:
    class One:
        """PCA: Tipping, J. R. Statist. Soc. B 61, as Doe et al. Have it. Another sentence."""

    assert summary(One) == "PCA: Tipping, J. R. Statist. Soc. B 61, as Doe et al. Have it"


def test_room_and_licence_of_datasets(tmp_path: Path) -> None:
    for kind, name in (("NORMAL", "IM-0115-0001"), ("PNEUMONIA", "person1_bacteria_1")):
        for split in ("train", "test"):
            folder = tmp_path / "kermany-cxr" / split / kind
            folder.mkdir(parents=True)
            (folder / f"{name}.jpeg").write_bytes(b"0" * 500)
    lines = said("data", "status", "--data", str(tmp_path))
    assert "kermany-cxr present 2.0 kB CC BY 4.0" in lines
    assert "dermamnist fetch – CC BY-NC 4.0" in lines
    assert any(line.startswith("dermamnist: Run `vaebench data fetch dermamnist`") for line in lines)
    assert not any(line.startswith("kermany-cxr: ") for line in lines)
    (folder / "odd.jpeg").touch()
    assert "kermany-cxr present ? CC BY 4.0" in said("data", "status", "kermany-cxr", "--data", str(tmp_path))


def test_no_more_than_twenty_names_are_listed() -> None:
    names = [f"name-{number:02}" for number in range(45)]
    told = did_you_mean("quite another", names)
    assert told.endswith("name-19 and 25 more.") and told.count("name-") == 20
    assert did_you_mean("quite another", names[:20]).endswith("name-19.")
