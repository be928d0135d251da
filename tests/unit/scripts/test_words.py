"""No page uses a word that plain English replaces."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [
    page
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    # What was decided or released is kept in the words of its time.
    if page.name != "CHANGELOG.md" and DECISIONS not in page.parents
]
INSTEAD = {
    "barred": "forbidden",
    "deed": "action",
    "house": "root configuration, or project",
    "lane": "worker thread, or queue",
    "moment": "time, or timestamp",
    "note": "audit entry, or comment",
    "permit": "authorise, or allow",
    "piece": "chunk, or part",
    "settle": "sync, or decide",
    "story": "audit log, or history",
    "thaw": "read",
    "told": "informed, shown, recorded, or said",
}
FORMS = {
    form: word
    for word in INSTEAD
    for form in (word, f"{word}s", f"{word}d", f"{word}ed", f"{word}ted", f"{word[:-1]}ies")
}
QUOTED = re.compile(
    r"""^```.*?^```               # a block of code
      | `(?:[^`\n]|\n(?!\n))*`     # a span of code, inside one paragraph
      | \]\([^)]*\)               # the address of a link""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


def blank(quoted: re.Match[str]) -> str:
    return "\n" * quoted[0].count("\n")


def replaced(text: str) -> list[str]:
    """Each such word outside of code and links' addresses: its line, the word, and what to write instead."""
    return [
        f"{number}: {word}; write {INSTEAD[FORMS[word.lower()]]}"
        for number, line in enumerate(QUOTED.sub(blank, text).splitlines(), 1)
        for word in re.findall(r"\w+", line)
        if word.lower() in FORMS
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_uses_a_word_that_is_replaced(page: Path) -> None:
    found = [f"{page.relative_to(ROOT)}:{line}" for line in replaced(page.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


def test_a_word_is_found_where_people_read_it() -> None:
    assert replaced("x\nThe House rules.\n") == ["2: House; write root configuration, or project"]
    assert replaced("two stories, permitted pieces") == [
        "1: stories; write audit log, or history",
        "1: permitted; write authorise, or allow",
        "1: pieces; write chunk, or part",
    ]
    assert replaced("```\nhouse\n```\n[a moment](house.md)") == ["4: moment; write time, or timestamp"]
    assert replaced("`kronkers sign --house`, noteworthy, [this](house.md), household, output_pieces") == []


# ---------------------------------------------------------------- the program

LEFT = dict.fromkeys(INSTEAD, 0) | {"house": 4, "lane": 5, "piece": 36}
"""How many lines of the program have such a word, in a name or in words: it may only become less.

What stays is stored, or called so by others: the table ``output_pieces``; ``pieces`` in a manifest and in
the layout of filters; ``executor.piece_rows`` in ``conf/``, and the parameters that take it; the kind
"house" of a signature; the lanes of Argon2, also in a sealed key file.
"""
SEGMENT = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def lines_with(text: str) -> dict[str, int]:
    """By word, the lines that have it: alone, or as a part of a name."""
    found = dict.fromkeys(INSTEAD, 0)
    for line in text.splitlines():
        for word in {FORMS[part] for part in map(str.lower, SEGMENT.findall(line)) if part in FORMS}:
            found[word] += 1
    return found


def test_the_program_has_no_more_such_words_than_are_left() -> None:
    there = dict.fromkeys(INSTEAD, 0)
    for folder in ("kronkers_batch", "tasks"):
        for path in (ROOT / folder).rglob("*.py"):
            if "migrations" not in path.parts:  # what a release has migrated stays as it is
                for word, lines in lines_with(path.read_text()).items():
                    there[word] += lines
    assert there == LEFT


def test_a_word_is_found_in_a_name_too() -> None:
    found = lines_with("settled = noteWorthy  # Told\nHOUSE_KEYS = warehouse, footnote, painless\n")
    assert {word: lines for word, lines in found.items() if lines} == {
        "settle": 1,
        "note": 1,
        "told": 1,
        "house": 1,
    }
