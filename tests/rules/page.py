"""The page of the rules, made from the sentences of the tests in this folder.

``python -m tests.rules.page`` writes docs/reference/rules.md. A test's sentence is its docstring, a section's
heading that of its module.
"""

from __future__ import annotations

import ast
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs/reference/rules.md"
SECTIONS = (
    "training", "reading", "training_data", "trained", "promotion", "scoring", "thresholds", "outputs",
    "retention", "snapshots", "graph", "together", "clocks", "refusals", "installation",
)  # fmt: skip
"""The modules, ``test_NAME.py``, in the order of the page."""

_HEAD = """\
# The rules

*Made from the tests: `python -m tests.rules.page`.*

A test in `tests/rules/` proves each sentence, and for each sentence a change in `tests/faults/mutations/`
breaks the rule and turns its test red. Dates are logical dates: the day that a run is for.
"""


def rules(name: str) -> tuple[str, dict[str, str]]:
    """A module's heading, and the sentence of each of its tests by name."""
    tree = ast.parse((FOLDER / f"test_{name}.py").read_text())
    tests = (
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )
    return _words(tree), {test.name: _words(test) for test in tests}


def page() -> str:
    """The page as Markdown."""
    lines = [_HEAD]
    for name in SECTIONS:
        heading, sentences = rules(name)
        lines += [f"## {heading}", "", f"`tests/rules/test_{name}.py`", ""]
        lines += [f"- {sentence}" for sentence in sentences.values()] + [""]
    return "\n".join(lines)


def _words(node: ast.Module | ast.FunctionDef) -> str:
    return " ".join((ast.get_docstring(node) or "").split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
