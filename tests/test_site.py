"""The site of docs/: it builds without a warning, and its pages load nothing from outside."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOADED = re.compile(r"""<(?:script|img|iframe)[^>]*\ssrc=["']?https?:|<link[^>]*\shref=["']?https?:""")


def test_pages_load_nothing_from_outside(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="needs the extra docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    pages = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.html")}
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} < {name.removesuffix(".html") for name in pages}
    assert [name for name, text in pages.items() if LOADED.search(text)] == []
    for name, fields in (("records", ("reconstruction_flops", "replicates")), ("boards", ("mean_rank",))):
        text = (tmp_path / "reference" / f"{name}.html").read_text(encoding="utf-8")
        assert all(f"<code>{field}</code>" in text for field in fields), "pages that follow from code"
