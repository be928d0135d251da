"""What a model says, without what its data says.

An exception's message often quotes the value it stumbled on. Before anything a worker wrote reaches an
error or a log, words that could be data are replaced: what is quoted, numbers, codes in capitals or with
digits, words that are not ASCII, and ordinary words that are words of the text that the worker was given;
except those that the model's own code or its declaration contains anyway, numbers that are counts which this
program knows itself, and the names and counts of sentences that speak of code
(:mod:`~kronkers_batch.runtimes.forms`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from kronkers_batch import texts
from kronkers_batch.runtimes.forms import longest
from kronkers_batch.runtimes.given import Said, words

VALUE = "<value>"
MAX_LINE = 400
MAX_MESSAGE = 2000

_QUOTED = r"""(?<!\w)'[^'\n]*'(?!\w)|"[^"\n]*"|`[^`\n]*`|‘[^’\n]*’|“[^”\n]*”|«[^»\n]*»"""
_WORD = re.compile(rf"({_QUOTED})|([^\s'\"`‘’“”«»()\[\]{{}},;:=<>|]+)")
_TOKEN = re.compile(r"[^\W\d]\w*|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ERROR = re.compile(r"[A-Za-z]+(?:Error|Exception|Warning)")
_FUNCTION = re.compile(r"[A-Za-z_.][\w.:]*(?:<-)?(?=\s|\Z)")
_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"[A-Za-z_][\w.:]*")
_PROSE = re.compile(r"[A-Za-z]?[a-z]*(?:[-/'][a-z]+)*[.!?]*")
_HARMLESS = frozenset(
    re.findall(
        r"[^\s.]+",
        """NA NaN NAN NULL None True False TRUE FALSE Inf UTF ASCII CSV JSON API CPU GPU RAM ERROR
        WARNING INFO 1D 2D 3D data.frame
        DataFrame ndarray dtype float32 float64 int32 int64 uint8 Float64 Float32 Int64 Int32 String Bool
        Warning Error X Y I R 0 1 2""",
    )
)
# A text of several words has these too, and they say nothing of it.
_EVERYWHERE = frozenset(
    re.findall(
        r"\S+",
        """a all an and any are as at be been both but by can cannot could did do does each for from had has
        have if in into is it its may more must no nor not of on only or other out same should so such than
        that the their them then there these they this those to too was were what when where which while
        will with would you your""",
    )
)


class Scrubber:
    """Replaces what may be data in the texts of one model.

    Args:
        code: Text of the model's own code; its words are no secret of the data.
        names: Names that its declaration uses: features, outputs, target, parameters.
        given: Words of the text in its data, and the counts that are no secret of it.
        lines: How many lines each file of code beside it has, by the file's name.
        beside: Their texts.

    Attributes:
        hides: Off where no data was given yet: then all that is said is shown, bounded and printable.
    """

    def __init__(
        self,
        code: str,
        names: Iterable[str],
        given: Said | None = None,
        lines: Mapping[str, int] | None = None,
        beside: Iterable[str] = (),
    ) -> None:
        self.hides = True
        self._given: Said = given or Said()
        self._lines = code.count("\n") + 1
        self._files = dict(lines or {})
        self._names = frozenset(names)
        self._known = _HARMLESS | self._names | frozenset(_TOKEN.findall(code))
        for text in beside:
            self._known |= frozenset(_TOKEN.findall(text))
        self._known |= {token for name in self._names for token in _TOKEN.findall(name)}

    def message(self, text: str) -> str:
        """A message of several lines, bounded to the first 5 and to :data:`MAX_MESSAGE` characters."""
        lines = [line for line in text[: 4 * MAX_MESSAGE].splitlines() if line.strip()]
        more = f"\n(and {len(lines) - 5:,} more lines)" if len(lines) > 5 else ""
        return ("\n".join(self.line(line) for line in lines[:5]) + more)[:MAX_MESSAGE]

    def line(self, text: str) -> str:
        """One line, bounded to :data:`MAX_LINE` characters, without control characters."""
        plain = texts.one_line(texts.without_colours(text[: 2 * MAX_LINE]))
        scrubbed = self._scrubbed(plain).rstrip()
        return scrubbed if len(scrubbed) <= MAX_LINE else scrubbed[:MAX_LINE] + "..."

    def _scrubbed(self, text: str) -> str:
        """A text with what may be data replaced; sentences that speak of code keep their names and counts."""
        form = longest(text) if self.hides else None
        if form is None:
            return self._known_only(text)
        match, slots = form
        said, at = "", match.start()
        for number, kind in enumerate(slots, 1):
            said += text[at : match.start(number)] + self._slot(kind, match[number])
            at = match.end(number)
        return (
            self._scrubbed(text[: match.start()])
            + said
            + text[at : match.end()]
            + (self._scrubbed(text[match.end() :]))
        )

    def _known_only(self, text: str) -> str:
        return _WORD.sub(lambda m: self._quoted(m[1]) if m[1] else self._bare(m[2]), text)

    def _slot(self, kind: str, text: str) -> str:
        if kind == "own":
            return self._known_only(text)
        if kind in ("count", "shape"):
            return _NUMBER.sub(lambda m: m[0] if self._is_count(m[0]) else VALUE, text)
        if kind == "call":
            return _TOKEN.sub(lambda m: m[0] if self._is_name(m[0]) or m[0] in "123" else VALUE, text)
        return text if kind == "sign" else _NAME.sub(lambda m: m[0] if self._is_name(m[0]) else VALUE, text)

    def _is_count(self, digits: str) -> bool:
        """Whether so many can be a count: it is one that is known, or not far above those."""
        most = max(self._given.counts, default=0)
        return int(digits) in self._given.counts or int(digits) <= max(10 * most, 99)

    def _is_name(self, text: str) -> bool:
        """Whether this looks like a name of code, and is no word of the data."""
        return self._all_known(text) or not (
            re.search(r"\d{4}", text) or any(w in self._given for w in words(text) if w not in _EVERYWHERE)
        )

    def trace(self, text: str, file: str) -> str:
        """One line of a trace; the number of a line is shown that ``file``, or one beside it, has."""
        for name, lines in {**self._files, file: self._lines}.items():
            found = re.search(rf"{re.escape(name)}:(\d{{1,7}})\b", text[: 2 * MAX_LINE]) if name else None
            if found is not None and 0 < int(found[1]) <= lines:
                return f"{self._called(text[: found.start(1)])}{found[1]}{self.line(text[found.end(1) :])}"
        return self._called(text)

    def _called(self, text: str) -> str:
        """A line that begins with the name of a function."""
        name = _FUNCTION.match(text)
        if name is None or not self._is_name(name[0]):
            return self.line(text)
        return f"{name[0]}{self.line('|' + text[name.end() : 2 * MAX_LINE])[1:]}"  # | keeps a first space

    def error_class(self, text: str) -> str:
        """The name of an error's class. It is no secret of the data, unless somebody made it of data."""
        name = re.sub(r"[^\w.:]", "", text)[:100]
        plain = re.fullmatch(r"[A-Za-z_.:]+", name) and not any(w in self._given for w in words(name))
        return name if name and (plain or self._all_known(name)) else "error"

    def code_line(self, number: object) -> int:
        """The number of a line that the code has; 0 for everything else."""
        return number if type(number) is int and 0 < number <= self._lines else 0

    def _quoted(self, text: str) -> str:
        inside = text[1:-1]
        return (
            text
            if not self.hides or inside in self._names or self._all_known(inside)
            else text[0] + VALUE + text[-1]
        )

    def _bare(self, word: str) -> str:
        return word if not self.hides or self._all_known(word) or self._is_prose(word) else VALUE

    def _is_prose(self, word: str) -> bool:
        if not (_PROSE.fullmatch(word) or _ERROR.fullmatch(word)):
            return False
        return not any(part not in _EVERYWHERE and part in self._given for part in words(word))

    def _all_known(self, text: str) -> bool:
        left = _TOKEN.sub(lambda m: "" if m[0] in self._known or self._is_known_count(m[0]) else m[0], text)
        return not re.search(r"\w", left)

    def _is_known_count(self, token: str) -> bool:
        return re.fullmatch("[0-9]{1,9}", token) is not None and int(token) in self._given.counts


def words_of(tree: Mapping[str, Any] | Iterable[Any]) -> set[str]:
    """Every key and plain value of a declaration's tree, as text."""
    found: set[str] = set()
    for item in tree.items() if isinstance(tree, Mapping) else enumerate(tree):
        key, value = item
        if isinstance(key, str):
            found.add(key)
        if isinstance(value, Mapping | list | tuple):
            found |= words_of(value)
        elif value is not None:
            found.add(str(value))
    return found
