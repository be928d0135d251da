"""Deciding reaches no database, clock, file or process: by what it imports, and by what it calls."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
PURE = {
    *(
        "__future__",
        "collections",
        "dataclasses",
        "datetime",
        "enum",
        "functools",
        "hashlib",
        "json",
        "typing",
    )
}
CLOCKS = {"now", "today", "utcnow", "open"}
DECIDING = "kronkers_batch.planning.decide"


def file(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported(tree: ast.Module) -> set[str]:
    """The modules that it imports, also of names that are modules."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in inside if file(name).is_file()}
            found |= modules or {str(node.module)}
    return found


def test_deciding_imports_nothing_that_reaches_the_world():
    waiting, seen = [DECIDING], set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        tree = ast.parse(file(module).read_text())
        called = {
            n.func.attr
            for n in ast.walk(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        }
        called |= {
            n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert not called & CLOCKS, module
        for name in imported(tree):
            if name.startswith("kronkers_batch"):
                waiting.append(name)
            else:
                assert name.partition(".")[0] in PURE, f"{module} imports {name}"
    assert seen == {
        DECIDING,
        "kronkers_batch.planning.facts",
        "kronkers_batch.planning.plan",
        "kronkers_batch.planning.reasons",
        "kronkers_batch.planning.training_due",
        "kronkers_batch.data.stated",
        "kronkers_batch.digests",
    }
