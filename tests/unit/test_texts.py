"""The filter before everything that leaves the process as text."""

import json
import sys
import unicodedata

import pytest

from kronkers_batch import texts

LETTERS = [chr(n) for n in range(sys.maxunicode + 1)]
UNSEEN = [c for c in LETTERS if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
IGNORABLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0\ufe00\ufe0f\U000e0100\U000e01ef"
)
"""Letters and marks that leave no trace on a screen, though Unicode does not call them format characters."""

SEEN = "tab\tand\nline; äöüßéñ ¼ € – „ “ 日本語 العربية हिन्दी 🙂 \xa0 e\u0301"


def test_nothing_unseen_is_left():
    for letter in [*UNSEEN, *IGNORABLE]:
        filtered = texts.visible(f"a{letter}b")
        assert filtered == f"a{letter}b" if letter in "\n\t" else filtered.isprintable(), hex(ord(letter))
        assert texts.visible(f"a{letter}b", lines=False).isprintable(), hex(ord(letter))
        assert texts.one_line(f"a{letter}b").isprintable(), hex(ord(letter))


def test_what_is_seen_stays():
    assert texts.visible(SEEN) == SEEN
    changed = [c for c in LETTERS if texts.visible(c) != c]
    kinds = {unicodedata.category(c) for c in set(changed) - set(UNSEEN)}
    assert kinds <= {"Mn", "Lo", "Cn"}
    assert len([c for c in changed if unicodedata.category(c) in ("Mn", "Lo")]) < 300


def test_escapes_say_which_character_it_was_and_are_not_escaped_again():
    raw = "\x1b[31mred\x07 \x9b \u202eevil\u2066 \u200b \ud800 \U000e0041 \r"
    shown = r"\x1b[31mred\x07 \x9b \u202eevil\u2066 \u200b \ud800 \U000e0041 \x0d"
    assert texts.visible(raw) == shown
    assert texts.visible(shown) == shown
    assert texts.visible("a\nb\tc", lines=False) == r"a\nb\tc"


@pytest.mark.parametrize("filtered", [texts.visible, texts.one_line, texts.leaving, texts.in_json])
def test_every_filter_can_be_applied_twice(filtered):
    raw = json.dumps("".join([*UNSEEN, *IGNORABLE, SEEN]), ensure_ascii=False)
    assert filtered(filtered(raw)) == filtered(raw)


def test_json_stays_valid_and_means_what_it_meant():
    value = {"a\u202e": ["|".join(UNSEEN), SEEN, "\U000e0041\x7f"]}
    shown = texts.in_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert texts.visible(shown) == shown
    assert json.loads(shown) == value
    assert texts.in_json(json.dumps({"plain": 1})) == json.dumps({"plain": 1})


def test_one_line():
    assert texts.one_line("a\r\nb\nc\td\re") == "a b c d e"
    assert texts.one_line("x" * 9, 5) == "xxxx…"
    assert texts.one_line("x" * 5, 5) == "xxxxx"
    assert texts.without_colours("\x1b[1;31mred\x1b[0m \x1b]0;t\x07") == "red \x1b]0;t\x07"
