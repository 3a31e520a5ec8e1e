"""What results/README.md says about reference results and submitting is so."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import records_made
from records_made import field

from vaebench.cli import main
from vaebench.records import store
from vaebench.records.record import Record
from vaebench.report.files import FORMATS, render

ROOT = Path(__file__).parents[2]
COMMANDS = re.findall(r"^ +vaebench (.+)$", (ROOT / "results" / "README.md").read_text(), re.MULTILINE)


def test_it_tells_how_to_compare_and_to_submit() -> None:
    assert {"run", "leaderboard", "status", "verify-results"} == {line.split()[0] for line in COMMANDS}
    assert any("--with results/reference" in line for line in COMMANDS)


@pytest.mark.parametrize("line", COMMANDS)
def test_its_commands_are_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    name, *words = shlex.split(line)
    main.commands[name].make_context(name, words).close()


def made(results: Path) -> dict[str, str]:
    found = [record for _, record in store.scan(results / "demo@1" / "quick" / "phantom") if isinstance(record, Record)]
    whole = records_made.made(found)
    return {form: render(whole, form) for form in FORMATS}


def keep(results: Path, given: list[Record]) -> None:
    for record in given:
        store.write(store.path_of(results, record.trial, record.device.kind), record)


def test_records_merge_by_copying_folders(tmp_path: Path) -> None:
    mine = field({"vae": 0.9, "pca": 0.7}) + field({"vae": 0.9}, dataset="knee")
    yours = field({"yours": 0.8, "pca": 0.7}) + field({"vae": 0.9}, device="cuda-h200")
    keep(tmp_path / "mine", mine)
    keep(tmp_path / "yours", yours)
    keep(tmp_path / "both", mine + yours)
    shutil.copytree(tmp_path / "yours", tmp_path / "mine", dirs_exist_ok=True)
    assert made(tmp_path / "mine") == made(tmp_path / "both")


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="no git checkout")
def test_reference_records_and_boards_are_committed_and_no_more() -> None:
    own = "results/demo@1/quick/phantom"
    track = "results/reference/demo@1/quick/phantom"
    run = f"{track}/cpu/chest/vae-0123456789ab"
    left = [f"{run}/weights.safetensors", f"{run}/samples.png", f"{run}/error.txt", f"{track}/.runs/last.json"]
    left += [f"{track}/leaderboard.tex", f"{track}/boards/generation.tex"]
    left += [f"{own}/cpu/chest/vae-0123456789ab.json", f"{own}/leaderboard.md", f"{own}/.runs/last.json"]
    kept = ["results/README.md", "results/reference/notes.md"]
    kept += [f"{run}.json", f"{track}/leaderboard.md", f"{track}/leaderboard.csv", f"{track}/leaderboard.json"]
    kept += [f"{track}/boards/generation.md"]
    said = subprocess.run(["git", "check-ignore", *left, *kept], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout.split() == left
