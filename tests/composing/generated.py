"""Models drawn by a seeded generator, of what Hydra and this program both know.

What is listed in :mod:`tests.composing.differences` is not drawn: a name always holds a value of one shape,
so that no list meets a mapping; what a text refers to is text or a number; and so on. All else may meet:
files of templates that overlap, references in values of any of them, and overrides of every kind.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable

from tests.composing.both import Written

_WORDS = (
    "1", "0", "-7", "+3", "1_000", "12345678901", "1.5", "-0.25", ".5", "1.", "1e3", "1E-3", "2.5e+10",
    "1_000.25", "true", "True", "TRUE", "false", "null", "~", "Null", "''", '""', "text", "two words",
    "a-b_c", "x/y.z", "2013-06-01", "2013-06-01T05:00:00Z", "02:30", "1.2.3", "90d", "1%", "é",
    "'quoted'", "it's", '"tab\\there"', "'it''s'", "'1'", "'true'", "'null'", "'#no comment'", "a:b",
    "a#b", ".nan", ".inf", "-.INF", ".NaN", "'~'", "e3", "08:15x", "$5", "{}", "[]", "'a\\b'",
    '"\\u00e9\\n"', "s3://bucket/x",
)  # fmt: skip
_TEXTS = ("text", "two words", "'1'", "7", "-3", "2.5", "1e3", "'quoted'", "x", '"a b"')  # in a text too
_DEFAULTS = (
    "x", "'a b'", "x-y", "a/b", "''", "7", "'}'", "'it\\'s'", "null", "${.w}", "'x${.w}'",
    "${oc.env:NAME}",
)  # fmt: skip
_GIVEN = (
    "1", "-2", "1.5", "1e3", "true", "false", "null", "text", "'two words'", '"two words"', "a/b", "x-y",
    "''", "a:b", "2013-06-01", "02:30", "[]", "{}", "'it\\'s'", "'1'", "'true'", "a\\,b", "'a,b'",
    "1_000", "007x", "é", "${.w}", "'x${.w}y'", "'\\${.w}'", "${seed}",
)  # fmt: skip
_PARTS = (
    "0", "1", "7", "12", "90", "_", ".", "-", "+", "e", "E", ":", "x", "b", "inf", "nan", "true", "no", "Y",
)  # fmt: skip
_KNOWN = (
    "y", "Y", "n", "N", "yes", "no", "tRUE", "nULL", "NULL", "nil", "None", "none", "NA", "+.inf", "-.Inf",
    ".NAN", ".Nan", "nan", "Infinity", "0o17", "0O17", "0X1f", "1e400", "1_000.5", "-1_000", "1,000",
    "123456789012345678901234567890", "0", "-0", "+0.0", "1e", "e1", "..", "1..2", "1.2.3", "0.1e-7", "~1",
    "2013-06", "4!",
)  # fmt: skip
"""Plain words that one YAML or another takes for more than text."""
_CHANGES = (
    "model.m.parameters.a=%(given)s",
    "model.m.parameters.b=%(given)s",
    "model.m.parameters.w=%(flat)s",
    "model.m.parameters.d.a=%(given)s",
    "model.m.parameters.l=[%(flat)s, {q: %(flat)s}, [%(flat)s]]",
    "model.m.parameters.l.0=%(flat)s",
    "model.m.parameters.d={a: %(flat)s}",
    "model.m.parameters.d={a: {x: %(flat)s}}",
    "+model.m.parameters.new=%(given)s",
    "+model.m.parameters.new.deep.er=%(given)s",
    "+model.m.parameters.d={new: %(flat)s}",
    "+model.m.parameters.d.newer={x: [%(flat)s]}",
    "+model.m.parameters.n=%(given)s",
    "+model.m.parameters.m.below=%(flat)s",
    "++model.m.parameters.a=%(given)s",
    "++model.m.parameters.fresh=%(given)s",
    "++model.m.parameters.d.fresh=%(given)s",
    "~model.m.parameters.w",
    "~model.m.parameters.l",
    "model.m.seed=%(number)d",
    "model.m.owner=%(flat)s",
)
_REFUSED = (
    "model.m.parameters.absent=%(flat)s",
    "model.m.parameters.d.absent=%(flat)s",
    "model.m.parameters.d={absent: %(flat)s}",
    "model.m.parameters.d={a: 1, d: {absent: %(flat)s}}",
    "model.m.parameters.w.x=%(flat)s",
    "model.m.parameters.l.9=%(flat)s",
    "+model.m.parameters.w=%(flat)s",
    "+model.m.parameters.d=%(flat)s",
    "~model.m.parameters.absent",
    "~model.m.parameters.w=other",
    "model.m.parameters.a=1,2",
    "model.m.parameters.a=[1",
    "model.m.parameters.a@x=1",
    "model.m.sead=1",
)
"""What neither takes, unless another file or override has made it right."""
_BASE = """\
seed: 3
owner: ada
parameters:
  w: word
  a: 1
  b: two
  n: null
  m: null
  l: [5, six]
  d: {a: 3, w: inner}
"""
_SCALARS, _LISTS, _MAPPINGS = ("a", "b", "c"), ("l", "k"), ("d", "e")


def models(seed: int, number: int) -> list[Written]:
    """So many models."""
    made = _Maker(random.Random(seed))
    return [made.model() for _ in range(number)]


def refused() -> list[Written]:
    """Each override that neither takes, of one model."""
    return [Written(_BASE, {}, [text % {"flat": "1"}]) for text in _REFUSED]


def words(seed: int, number: int) -> list[str]:
    """Plain words of what numbers, times and constants are made of; none that YAML takes for more."""
    rng = random.Random(seed)
    found = ["".join(rng.choices(_PARTS, k=rng.randint(1, 5))) for _ in range(number)]
    more = re.compile(r"- |-:|:|-\Z|.*:\Z")
    return list(dict.fromkeys(word for word in (*_KNOWN, *found) if not more.match(word)))


class _Maker:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.deck: list[str] = []

    def one(self, *these: Callable[[], str]) -> str:
        return self.rng.choice(these)()

    def maybe(self, share: float) -> bool:
        return self.rng.random() < share

    # ------------------------------------------------------------ files

    def model(self) -> Written:
        names = string.ascii_lowercase[: self.rng.choice((0, 1, 1, 2, 3))]
        templates = {}
        for i, name in enumerate(names):
            below = [n for n in names[:i] if self.maybe(0.5)]
            templates[name] = self.file(below, seed=self.maybe(0.3))
        # At least what overrides and references are about.
        templates["base"] = _BASE
        mine = ["base", *(n for n in names if self.maybe(0.6) or n == names[-1])]
        text = self.file(mine, seed=self.maybe(0.4))
        return Written(text, templates, [self.override() for _ in range(self.rng.choice((0, 0, 1, 1, 2, 3)))])

    def file(self, templates: list[str], *, seed: bool) -> str:
        lines = []
        if templates:
            listed = [f"/template/{name}" for name in templates] + ["_self_"] * self.maybe(0.3)
            flow = self.maybe(0.5)
            lines += (
                [f"defaults: [{', '.join(listed)}]"] if flow else ["defaults:", *(f"  - {n}" for n in listed)]
            )
        if self.maybe(0.2):
            lines.append("# a comment: with a colon")
        lines += [f"seed: {self.rng.randint(0, 99)}"] if seed else []
        lines += ["description: >-", "  a text", "  of two lines"] if self.maybe(0.2) else []
        if self.maybe(0.15):
            lines += ["tags: &shared [one, 2, {three: 3}]", "again: *shared"]
        lines += ["parameters:", *self.mapping(2, depth=0)]
        return "\n".join(lines) + "\n"

    def mapping(self, indent: int, depth: int) -> list[str]:
        """Entries in block style; a reference in one is to what stands beside it."""
        space = " " * indent
        names = [n for n in (*_SCALARS, *_LISTS, *_MAPPINGS, "w") if self.maybe(0.3)] or ["a"]
        self.rng.shuffle(names)
        lines: list[str] = []
        for name in names:
            if name in _LISTS:
                lines += self.list(name, space)
            elif name in _MAPPINGS:
                deeper = depth < 2 and self.maybe(0.4)
                lines += (
                    [f"{space}{name}:", *self.mapping(indent + 2, depth + 1)]
                    if deeper
                    else [f"{space}{name}: {{{self.flow()}}}"]
                )
            elif name == "w":
                lines.append(f"{space}w: {self.rng.choice(_TEXTS)}")
            else:
                lines += self.scalar(name, space, depth)
        return lines

    def list(self, name: str, space: str) -> list[str]:
        if self.maybe(0.5):
            return [f"{space}{name}: [{', '.join(self.in_flow() for _ in range(self.rng.randint(0, 4)))}]"]
        items = [self.one(self.in_flow, lambda: f"{{{self.flow()}}}", lambda: "[1, [two]]") for _ in "12"]
        return [f"{space}{name}:", *(f"{space}  - {item}" for item in items)]

    def scalar(self, name: str, space: str, depth: int) -> list[str]:
        if self.maybe(0.12):
            return [
                f"{space}{name}: |",
                f"{space}  first",
                f"{space}    second",
                f"{space}  third # no comment",
            ]
        if name == "c" and self.maybe(0.7):
            return [f"{space}c: {self.reference(depth)}"]
        comment = "   # why" if self.maybe(0.1) else ""
        return [f"{space}{name}: {self.rng.choice(_WORDS)}{comment}"]

    def flow(self) -> str:
        return ", ".join(f"{n}: {self.in_flow()}" for n in ("a", "w", "b") if n == "a" or self.maybe(0.4))

    def in_flow(self) -> str:
        """A word that may stand between brackets, and within a text."""
        return self.rng.choice(_TEXTS)

    # ------------------------------------------------------------ references

    def reference(self, depth: int) -> str:
        up = "." * (depth + 1)
        absolute = (
            "${seed}",
            "${parameters.a}",
            "${parameters.d.a}",
            "${parameters.l.0}",
            "${ parameters.w }",
        )
        beside = (f"${{{up}w}}", f"${{{up}d.w}}", f"${{{up}.seed}}", f"${{{up}l}}", "${.missing}")
        target = self.rng.choice((*absolute, *beside, "${parameters.l}", "${parameters.d}"))
        text = self.one(
            lambda: target,
            lambda: target,
            lambda: f"x-${{{up}w}}",
            lambda: f"${{{up}w}}/${{parameters.w}} and ${{seed}}",
            lambda: "\\${seed}",
            lambda: f"a\\\\${{{up}w}}\\\\\\${{not}} \\\\ b",
            lambda: "${oc.env:NAME}",
            lambda: "${oc.env:NUMBER}-${oc.env:BLANK}-${oc.env:DOLLAR}",
            lambda: "${oc.env:NOT_SET,%s}" % self.rng.choice(_DEFAULTS).replace("${.", f"${{{up}"),  # noqa: UP031
            lambda: "x${oc.env: NOT_SET , %s }" % self.rng.choice(_DEFAULTS[:4]),  # noqa: UP031
        )
        return "'" + text.replace("'", "''") + "'"

    # ------------------------------------------------------------ overrides

    def override(self) -> str:
        if not self.deck:  # so that none is left to chance
            self.deck = [*_CHANGES, *_REFUSED]
            self.rng.shuffle(self.deck)
        words = {
            "given": self.rng.choice(_GIVEN),
            "flat": self.rng.choice(("1", "x", "'a b'", "2.5")),
            "number": self.rng.randint(0, 99),
        }
        return self.deck.pop() % words
