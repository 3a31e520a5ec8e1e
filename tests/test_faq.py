"""docs/faq.md and docs/glossary.md say what is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from vaebench.cli import main
from vaebench.components.discovery import SINGULAR, installed
from vaebench.leaderboard.rules import Role
from vaebench.leaderboard.runs import VERDICTS
from vaebench.planning.suite import find
from vaebench.records.manifest import TIERS
from vaebench.trial import Regime

DOCS = Path(__file__).parent.parent / "docs"
FAQ, GLOSSARY = ((DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("faq", "glossary"))


def test_the_presets_are_those_of_the_suite() -> None:
    suite = find("medical", installed())
    told = re.findall(r"^\| `(\w+)` \| (\d+) px \| ([\d,]+) \| ([\d, ]+) \|", FAQ, re.MULTILINE)
    assert told == [
        (name, str(preset.settings.size), f"{preset.settings.steps:,}", ", ".join(map(str, preset.seeds)))
        for name, preset in suite.presets.items()
    ]
    assert f"is `{suite.auto['cpu']}` on a CPU and `{suite.auto['cuda']}` on a GPU" in FAQ


def test_the_three_questions_are_answered_and_commands_exist() -> None:
    titles = re.findall(r"^## (.+)$", FAQ, re.MULTILINE)
    assert titles[:3] == ["Why is PCA first?", "Why is everything tied?", "Which preset?"]
    assert set(re.findall(r"`vaebench ([a-z-]+)", FAQ)) <= set(main.commands)


def test_the_glossary_explains_every_word_of_the_code_in_order() -> None:
    words = re.findall(r"^\| ([a-z-]+) \|", GLOSSARY, re.MULTILINE)[1:]
    assert words == sorted(words)
    roles = set(get_args(Role))
    assert {"component", "executor", "floor", "newcomer", "reference", "regime", "tier", "trial", "verdict"} <= set(
        words
    )
    assert roles <= set(words)
    for name in (*VERDICTS, *TIERS, *get_args(Regime)):
        assert f"`{name}`" in GLOSSARY, name
    assert all(kind in GLOSSARY for kind in SINGULAR.values())
