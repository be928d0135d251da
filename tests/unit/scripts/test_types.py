"""How often a folder says ``Any``, where it could say what a value is: a count that may only go down."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import kronkers_batch

PACKAGE = Path(kronkers_batch.__file__).parent
MOST = {
    "access": 2,
    "audit": 4,
    "cli": 16,
    "config": 17,
    "data": 20,
    "declared": 3,
    "events": 4,
    "frames": 4,
    "ledger": 8,
    "pipeline": 2,
    "policy": 1,
    "queries": 6,
    "redaction.py": 2,
    "registry": 15,
    "runtimes": 20,
    "session": 1,
    "store": 19,
    "system.py": 4,
    "vault": 9,
    "warehouse": 9,
}
"""By folder or module of the package; one that is not named here says it nowhere."""


def uses(path: Path) -> int:
    """How many names in a file of Python are ``Any``, however it is imported."""
    count = 0
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        count += isinstance(node, ast.Name) and node.id == "Any"
        count += isinstance(node, ast.Attribute) and node.attr == "Any"
        count += isinstance(node, ast.alias) and node.name == "Any" and node.asname is not None
    return count


def test_any_is_said_no_more_often_than_it_was() -> None:
    found: Counter[str] = Counter()
    for path in PACKAGE.rglob("*.py"):
        found[path.relative_to(PACKAGE).parts[0]] += uses(path)
    more = {folder: count for folder, count in found.items() if count > MOST.get(folder, 0)}
    assert not more, "say the type: object, Json, a TypeVar, a Protocol, or what a library calls it"
