"""Early versions of Python 3.12 (seen in 3.12.1 and 3.12.3) inline comprehensions and mix up their names: if a variable
of one has the name of a function that another one in the same body calls, they raise UnboundLocalError."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = [path for room in ("vaebench", "plugins", "benchmarks") for path in sorted((ROOT / room).rglob("*.py"))]
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)
"""Those that are inlined; a generator expression is not."""


def bound(node: ast.AST) -> set[str]:
    """Return the variables of a comprehension."""
    targets = [one.target for one in node.generators] if isinstance(node, COMPREHENSIONS) else []
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def used(node: ast.AST, hidden: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names that are read in a node and are not variables of a comprehension around them."""
    hidden |= bound(node)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in hidden:
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from used(child, hidden)


def assigned(function: ast.FunctionDef) -> set[str]:
    """Return the function's own variables, which hide those of the module anyway."""
    inner = {
        id(name) for one in ast.walk(function) for part in getattr(one, "generators", ()) for name in ast.walk(part)
    }
    names = (one for one in ast.walk(function) if isinstance(one, ast.Name) and id(one) not in inner)
    return {one.id for one in names if isinstance(one.ctx, ast.Store)} | {
        one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)
    }


def mixed_up(source: str) -> set[tuple[str, str]]:
    """Return the functions in which a name is both a comprehension's variable and a name of the module."""
    tree = ast.parse(source)
    imported = {
        (name.asname or name.name) for one in ast.walk(tree) if isinstance(one, ast.ImportFrom) for name in one.names
    }
    known = imported | {one.name for one in tree.body if isinstance(one, (ast.FunctionDef, ast.ClassDef))}
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
    return {
        (function.name, name)
        for function in functions
        for name in {name for one in ast.walk(function) for name in bound(one)} & known
        if name not in assigned(function) and any(name in set(used(part)) for part in function.body)
    }


def test_no_comprehension_hides_what_another_one_uses() -> None:
    found = {str(path.relative_to(ROOT)): mixed_up(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_fault_is_seen() -> None:
    body = "    s = {name for own in x for name in own}\n    return [name(a) for a in y]"
    fault = f"def name(a): return a\ndef f(x, y):\n{body}"
    assert mixed_up(fault) == {("f", "name")}
