"""The tables of the contract: one line a case, one column a kind. A case that one kind lacks is seen.

There is a table for languages, for databases and for tasks. They stand at the end of every verbose run
(``pytest -v tests/contract``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kronkers_batch.config import languages
from kronkers_batch.learning import TASKS
from kronkers_batch.store.databases import DATABASES

FOLDER = "tests/contract/"
LANGUAGES = tuple(languages.LANGUAGES)
FAMILIES = {"language": LANGUAGES, "database": tuple(DATABASES), "task": tuple(TASKS)}
ITEM = re.compile(rf"^{FOLDER}(?P<case>[^\[]+)(?:\[(?P<ids>.*)\])?$")


def case_and_kind(node: str, kinds: tuple[str, ...] = LANGUAGES) -> tuple[str, str]:
    """The case of a test's node id and its kind, which is empty where the test is of all or of none.

    That of ``tests/contract/test_a.py::test_b[r-sandbox]`` is ``test_a.py::test_b[sandbox]`` and ``r``.
    """
    found = ITEM.match(node)
    if found is None:
        return "", ""
    ids = found["ids"].split("-") if found["ids"] else []
    kind = next((part for part in ids if part in kinds), "")
    if kind:
        ids.remove(kind)
    return found["case"] + (f"[{'-'.join(ids)}]" if ids else ""), kind


def table(nodes: Mapping[str, str], kinds: tuple[str, ...] = LANGUAGES) -> dict[str, dict[str, str]]:
    """What became of each case for each kind, from what became of each test."""
    cases: dict[str, dict[str, str]] = {}
    for node, outcome in nodes.items():
        case, kind = case_and_kind(node, kinds)
        if kind:
            cases.setdefault(case, {})[kind] = outcome
    return cases


def lacking(nodes: Iterable[str], kinds: tuple[str, ...] = LANGUAGES) -> dict[str, list[str]]:
    """The cases that are there for one kind and not for another, with the kinds that lack them."""
    cases = table(dict.fromkeys(nodes, ""), kinds)
    absent = {case: [x for x in kinds if x not in seen] for case, seen in cases.items()}
    return {case: without for case, without in absent.items() if without}


def lines(outcomes: Mapping[str, str], kinds: tuple[str, ...] = LANGUAGES) -> list[str]:
    """The table as text; its last line counts the passes of each kind."""
    cases = table(outcomes, kinds)
    rows = [("", list(kinds))]
    rows += [(case, [seen.get(x, "-") for x in kinds]) for case, seen in sorted(cases.items())]
    passes = [sum(seen.get(x) == "passed" for seen in cases.values()) for x in kinds]
    rows.append((f"passed of {len(cases)}", list(map(str, passes))))
    width = max(len(case) for case, _ in rows)
    across = [max(6, len(kind)) for kind in kinds]
    texts = (
        "  ".join([f"{case:<{width}}", *(f"{cell:<{w}}" for cell, w in zip(cells, across, strict=True))])
        for case, cells in rows
    )
    return [text.rstrip() for text in texts] if cases else []
