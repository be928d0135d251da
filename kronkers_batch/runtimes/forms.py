"""Sentences in which languages and libraries speak of code, not of data: their names and counts stay.

``No module named 'churnlib'`` quotes a name that somebody wrote into code, ``could not convert 'N12345'`` a
value. Quotation marks alone do not tell them apart; the sentence does. A slot says what may stand in it:

- ``{name}``: a module, package, function, class, type, argument or attribute; ``{names}``: several, each in
  quotation marks; ``{class}``: R's class of an object, one name or ``c('a', 'b')``;
- ``{own}``: texts in quotation marks that may be data: each stays where the model's own code has it;
- ``{call}``: Julia's name and types of a call;
- ``{count}``: how many; ``{shape}``: the dimensions of an array, such as ``(47,)``;
- ``{sign}``: an operator.

Each language's own are ``sentences`` of its builder (``runtimes/languages/``).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from kronkers_batch.runtimes.languages import BUILDERS

_NAME = r"[A-Za-z_.][\w.]*(?:::?:?[A-Za-z_.][\w.]*)?"
_QUOTES = "'\"‘’“”`"
_SLOTS = {
    "name": rf"({_NAME})",
    "names": rf"((?:[{_QUOTES}]{_NAME}[{_QUOTES}](?:, and |, | and )?)+)",
    "own": r"((?:'[^'\n]*'(?:, )?)+)",
    "class": rf"({_NAME}|c\((?:'{_NAME}'(?:, )?)+\))",
    "call": r"([\w.!]+(?:\{[\w.,{} ]*\})?(?:\((?:::[\w.,:{} ]*)?\))?)",
    "count": r"(\d{1,9})",
    "shape": r"(\(\d{0,9},?(?: ?\d{1,9},?)*\))",
    "sign": r"([-+*/%@&|^<>=~()a-z ]{1,12})",
}
_SLOT = re.compile(r"\{(\w+)\}")


def _pattern(form: str) -> str:
    parts = _SLOT.split(form)
    fixed = [re.escape(part) for part in parts[::2]]
    # R writes ‘name’ where it can: either pair of quotation marks will do.
    fixed = [part.replace("'", "['‘’]").replace('"', '["“”]') for part in fixed]
    slots = [_SLOTS[kind] for kind in parts[1::2]]
    return "".join(text + slot for text, slot in zip(fixed, [*slots, ""], strict=True))


def _key(form: str) -> str:
    """The longest part of a form that stands in every text that it fits."""
    return max(re.split(r"\{\w+\}|['\"]", form), key=len)


@dataclass(frozen=True)
class Form:
    """A sentence: ``key`` is a part of every text that it fits, ``slots`` are the kinds of its slots."""

    key: str
    pattern: re.Pattern[str]
    slots: tuple[str, ...]


@functools.cache
def all_forms() -> list[Form]:
    """Those of all languages: one may speak in the words of another, as Python does of R's objects."""
    lines = [line for builder in BUILDERS.values() for line in builder.sentences.strip().splitlines()]
    return [Form(_key(line), re.compile(_pattern(line)), tuple(_SLOT.findall(line))) for line in lines]


def longest(text: str) -> tuple[re.Match[str], tuple[str, ...]] | None:
    """The form that fits most of a text: what it matched, and the kinds of its slots; None without one."""
    found = [
        (match, form.slots)
        for form in all_forms()
        if form.key in text and (match := form.pattern.search(text))
    ]
    return max(found, key=lambda one: len(one[0][0]), default=None)
