"""Every rule has a sentence, a test, and a change of the program that turns its test red."""

from __future__ import annotations

import re

import pytest

from tests.faults.mutations import MUTATIONS
from tests.rules.page import FOLDER, PAGE, SECTIONS, page, rules


def test_the_page_of_the_rules_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.rules.page"


def test_every_module_is_a_section() -> None:
    assert {path.stem for path in FOLDER.glob("test_*.py")} == {f"test_{name}" for name in SECTIONS}


@pytest.mark.parametrize("name", SECTIONS)
def test_each_test_states_its_rule(name: str) -> None:
    heading, sentences = rules(name)
    assert re.fullmatch(r"[A-Z][^.]*", heading)
    wrong = [test for test, sentence in sentences.items() if not re.fullmatch(r"[A-Z`].{20,}\.", sentence)]
    assert not wrong, "a sentence each, as docstring"


def test_each_rule_is_broken_by_a_mutation() -> None:
    broken = {test.partition("[")[0] for mutation in MUTATIONS for test in mutation.tests}
    tests = {f"tests/rules/test_{name}.py::{test}" for name in SECTIONS for test in rules(name)[1]}
    assert not sorted(tests - broken), "add what breaks it to tests/faults/mutations/rules.py"
