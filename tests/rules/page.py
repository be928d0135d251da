"""The page of the rules, made from the docstrings of the tests in this folder.

``python -m tests.rules.page`` writes docs/reference/rules.md. A test's docstring states its rule, one
bullet a sentence. A module's docstring is the heading of its section.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs/reference/rules.md"
SECTIONS = (
    "training", "reading", "training_data", "trained", "promotion", "scoring", "series", "thresholds",
    "outputs", "retention", "snapshots", "graph", "together", "clocks", "refusals", "installation",
)  # fmt: skip
"""The modules, ``test_NAME.py``, in the order of the page."""

_SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z`])")

_HEAD = """\
# The rules

*Made from the tests: `python -m tests.rules.page`.*

Each rule is proved by a test in `tests/rules/`. For each test, `tests/faults/mutations/` has a change of the
program that breaks the rule; with this change the test must fail. Dates are logical dates: the day for which
a run is made.
"""


def rules(name: str) -> tuple[str, dict[str, str]]:
    """A module's heading, and the docstring of each of its tests by name."""
    tree = ast.parse((FOLDER / f"test_{name}.py").read_text())
    tests = (
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )
    return _words(tree), {test.name: _words(test) for test in tests}


def page() -> str:
    """The page as Markdown."""
    lines = [_HEAD]
    for name in SECTIONS:
        heading, docstrings = rules(name)
        lines += [f"## {heading}", "", f"`tests/rules/test_{name}.py`", ""]
        for sentences in docstrings.values():
            lines += [f"- {sentence}" for sentence in _SENTENCE_END.split(sentences)]
        lines.append("")
    return "\n".join(lines)


def _words(node: ast.Module | ast.FunctionDef) -> str:
    return " ".join((ast.get_docstring(node) or "").split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
