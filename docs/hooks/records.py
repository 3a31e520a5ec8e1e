"""The reference of records and board files, from their typed definitions; MkDocs calls it when it collects docs/."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from vaebench.records import record
from vaebench.report import export

INTRODUCTIONS = {
    "records.md": (
        "# Records\n\nA record is what one trial leaves behind: a JSON file. This page follows from the typed "
        "definition in `vaebench/records/record.py`; `vaebench show record` prints it as a JSON schema.",
        record.json_schema,
    ),
    "boards.md": (
        "# Board files\n\nThe fields of `leaderboard.json`; the rows of `leaderboard.csv` are its `Row`. "
        "`vaebench show board` prints the JSON schema.",
        export.json_schema,
    ),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, (introduction, schema) in INTRODUCTIONS.items():
        text = "\n\n".join([introduction, *sections(schema())])
        files.append(File.generated(config, f"reference/{name}", content=text + "\n"))
    return files


def sections(schema: dict[str, Any]) -> Iterator[str]:
    """The whole first, then each part."""
    for name, about in {"The whole": schema, **schema["$defs"]}.items():
        required = about.get("required", ())
        rows = [
            f"| `{field}` | {kind(told)} | {'yes' if field in required else ''} | {told.get('description', '')} |"
            for field, told in about.get("properties", {}).items()
        ]
        head = "| field | type | always there | meaning |\n|---|---|---|---|"
        yield "\n\n".join([f"## {name}", about.get("description", ""), "\n".join([head, *rows])])


def kind(about: dict[str, Any]) -> str:
    """A type as a person reads it, with a link to the part that it names."""
    if "$ref" in about:
        name = about["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in about:
        return f"`{about['const']}`"
    if "enum" in about:
        return ", ".join(f"`{value}`" for value in about["enum"])
    if "anyOf" in about and "type" not in about:
        return " or ".join(kind(inner) for inner in about["anyOf"])
    if about.get("type") == "array":
        inner = about.get("items") or next(iter(about.get("prefixItems", ())), {})
        return f"list of {kind(inner)}"
    if about.get("type") == "object" and isinstance(about.get("additionalProperties"), dict):
        return f"name → {kind(about['additionalProperties'])}"
    return str(about.get("type", "any"))
