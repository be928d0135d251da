"""The table of the contract: one line a case, one column a language. A case that one language lacks is seen.

The table stands at the end of every verbose run (``pytest -v tests/contract``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kronkers_batch.config.languages import LANGUAGES as _LANGUAGES

FOLDER = "tests/contract/"
LANGUAGES = _LANGUAGES.names
ITEM = re.compile(rf"^{FOLDER}(?P<case>[^\[]+)(?:\[(?P<ids>.*)\])?$")


def case_and_language(node: str) -> tuple[str, str]:
    """The case of a test's node id and its language, which is empty where the test is of all or of none.

    That of ``tests/contract/test_a.py::test_b[r-sandbox]`` is ``test_a.py::test_b[sandbox]`` and ``r``.
    """
    found = ITEM.match(node)
    if found is None:
        return "", ""
    ids = found["ids"].split("-") if found["ids"] else []
    language = next((part for part in ids if part in LANGUAGES), "")
    if language:
        ids.remove(language)
    return found["case"] + (f"[{'-'.join(ids)}]" if ids else ""), language


def table(nodes: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What became of each case in each language, from what became of each test."""
    cases: dict[str, dict[str, str]] = {}
    for node, outcome in nodes.items():
        case, language = case_and_language(node)
        if language:
            cases.setdefault(case, {})[language] = outcome
    return cases


def lacking(nodes: Iterable[str]) -> dict[str, list[str]]:
    """The cases that are there for one language and not for another, with the languages that lack them."""
    cases = table(dict.fromkeys(nodes, ""))
    absent = {case: [x for x in LANGUAGES if x not in seen] for case, seen in cases.items()}
    return {case: languages for case, languages in absent.items() if languages}


def lines(outcomes: Mapping[str, str]) -> list[str]:
    """The table as text; its last line counts the passes of each language."""
    cases = table(outcomes)
    rows = [("", list(LANGUAGES))]
    rows += [(case, [seen.get(x, "-") for x in LANGUAGES]) for case, seen in sorted(cases.items())]
    passes = [sum(seen.get(x) == "passed" for seen in cases.values()) for x in LANGUAGES]
    rows.append((f"passed of {len(cases)}", list(map(str, passes))))
    width = max(len(case) for case, _ in rows)
    texts = ("  ".join([f"{case:<{width}}", *(f"{cell:<6}" for cell in cells)]) for case, cells in rows)
    return [text.rstrip() for text in texts] if cases else []
