"""How often a folder says ``Any``, where it could say what a value is: a count that only goes down."""

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
    "config": 16,
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
    """How many names in a file of Python are ``Any``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return sum(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(tree))


def test_any_is_said_no_more_often_than_it_was() -> None:
    found: Counter[str] = Counter()
    for path in PACKAGE.rglob("*.py"):
        found[path.relative_to(PACKAGE).parts[0]] += uses(path)
    more = {folder: count for folder, count in found.items() if count > MOST.get(folder, 0)}
    assert not more, "say the type: object, Json, a TypeVar, a Protocol, or what a library calls it"
    less = {folder: most for folder, most in MOST.items() if found[folder] < most}
    assert not less, "good: write the smaller number into MOST"
