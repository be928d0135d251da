"""YAML as a tree of nodes that remember file and line; duplicates and dangerous files are problems.

Plain words mean what YAML 1.2 says, with decimal numbers only: ``NO`` is a carrier, not a false; ``02:00``,
``007`` and ``0x1F`` are text. There are no tags, no merge keys (templates do that), one document a file, and
aliases expand to a bounded number of nodes. What Hydra reads otherwise: docs/reference/hydra.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

import yaml

from kronkers_batch.config.nodes import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    Mapping,
    Node,
    Plain,
    Scalar,
    Sequence,
)
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Origin


class _Refused(Exception):
    """A file that cannot be used at all: message, line, fix."""


_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*(_[0-9]+)*)\Z")
_DIGITS = r"[0-9]+(_[0-9]+)*"
_FLOAT = re.compile(rf"[-+]?(\.{_DIGITS}|{_DIGITS}(\.({_DIGITS})?)?)([eE][-+]?[0-9]+)?\Z")
_CONSTANTS: dict[str, Plain] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_CONSTANTS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(
    ("false", "False", "FALSE"), False
)
_CONSTANTS |= dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan"))
_CONSTANTS |= {
    sign + word: float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def plain_value(text: str) -> Plain:
    """What an unquoted scalar means."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in "+-.0123456789" and len(text) <= 40:
        if _INTEGER.match(text):
            return int(text)
        # 007 and 00:30 stay text: a code with leading zeros is not a number.
        if _FLOAT.match(text) and not re.match(r"[-+]?0[0-9_]", text):
            return float(text)
    return text


def parse(data: bytes, file: str, problems: Problems) -> Node | None:
    """The tree of one YAML file, or None where it cannot be used or is empty; the problems say why."""
    try:
        text = _decode(data)
        root = _Composer(file, problems).compose(text)
    except _Refused as refused:
        what, line, fix = refused.args
        problems.add(Origin(file, line, ""), what, fix)
        return None
    except yaml.YAMLError as error:
        line, what, fix = _describe(error)
        problems.add(Origin(file, line, ""), what, fix)
        return None
    if root is None or (isinstance(root, Scalar) and root.value is None):
        problems.add(
            Origin(file, 1, ""), "the file is empty", "write at least one 'key: value', or delete it"
        )
        return None
    return root


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise _Refused(f"the file has more than the {MAX_BYTES} bytes that are read", 1, "split it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _Refused(f"byte {error.start} is not valid UTF-8", line, "save the file as UTF-8") from None
    found = _CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        kind = "a NUL byte" if found[0] == "\0" else f"the control character U+{ord(found[0]):04X}"
        raise _Refused(f"found {kind}", line, "remove it; a configuration file is plain text")
    return text


_PLAIN = {
    "a tab character that violates indentation": (
        "a tab where spaces are needed",
        "indent with spaces, not tabs",
    ),
    "mapping values are not allowed in this context": (
        "found ': ' where no key may stand",
        "put a text that contains ': ' in quotes, or correct the indentation",
    ),
}
"""What the parser says, in plain words, and what to do."""


def _describe(error: yaml.YAMLError) -> tuple[int, str, str]:
    mark = getattr(error, "problem_mark", None)
    line = 1 if mark is None else int(mark.line) + 1
    what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not valid YAML")
    context = getattr(error, "context", None)
    fix = "check quotes, colons and indentation on this line and the one above"
    if "cannot start any token" in what:
        fix = "indent with spaces, not tabs, and quote text that begins with @, ` or %"
    for words, plain in _PLAIN.items():
        if words in what:
            (what, fix), context = plain, None
    return line, f"not valid YAML: {what}" + (f" {context}" if context else ""), fix


_Start: TypeAlias = yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent
_STARTS = (yaml.ScalarEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


class _Composer:
    """Builds the tree from libyaml's events, counting what aliases expand to."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.file, self.problems = file, problems
        self.anchors: dict[str, tuple[Node, int] | None] = {}  # with the number of nodes below
        self.count = 0

    def compose(self, text: str) -> Node | None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Refused(
                        "found a second document ('---')", _line(event), "keep one document a file"
                    )
                root = self.node(next(events), events, depth=0)
        return root

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event.anchor or "", line)
        assert isinstance(event, _STARTS)  # noqa: S101 - nothing else begins a node
        if event.tag is not None:
            raise _Refused(f"found the YAML tag {event.tag!r}", line, "remove it; tags are not used here")
        if depth > MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH} levels", line, "make it flatter")
        before = self.count
        self.grow(1, line)
        anchor = event.anchor
        if anchor is not None:
            self.anchors[anchor] = None  # known, and unfinished: an alias to it is a cycle
        node = self.value(event, events, line, depth)
        if anchor is not None:
            self.anchors[anchor] = (node, self.count - before)
        return node

    def value(self, event: _Start, events: Iterator[yaml.Event], line: int, depth: int) -> Node:
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(line, events, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(inner := next(events), yaml.SequenceEndEvent):
                items.append(self.node(inner, events, depth + 1))
            return Sequence(self.file, line, items)
        if "\0" in event.value:
            raise _Refused("found a NUL byte", line, "remove it; a configuration file is plain text")
        return Scalar(self.file, line, event.value if event.style else plain_value(event.value))

    def mapping(self, line: int, events: Iterator[yaml.Event], depth: int) -> Mapping:
        items: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key_line = _line(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise _Refused("a key must be plain text", key_line, "write 'key: value'")
            if event.tag is not None:
                raise _Refused(
                    f"found the YAML tag {event.tag!r}", key_line, "remove it; tags are not used here"
                )
            key = event.value
            if key == "<<" and not event.style:
                raise _Refused(
                    "found a merge key '<<'",
                    key_line,
                    "put what is shared in conf/template/ and name it in defaults",
                )
            value = self.node(next(events), events, depth + 1)
            value.line = key_line  # it is nobody else's: an alias gives a node of its own
            if key in items:
                self.problems.add(
                    Origin(self.file, key_line, key),
                    f"the key '{key}' is given twice; the first is on line {items[key].line}",
                    "remove one of them",
                )
                continue
            items[key] = value
        return Mapping(self.file, line, items)

    def alias(self, anchor: str, line: int) -> Node:
        if anchor not in self.anchors:
            raise _Refused(f"the alias '*{anchor}' has no anchor", line, "write the value out")
        known = self.anchors[anchor]
        if known is None:
            raise _Refused(f"the alias '*{anchor}' contains itself", line, "write the value out")
        node, size = known
        self.grow(size, line)
        return replace(node, line=line)

    def grow(self, nodes: int, line: int) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            raise _Refused(f"more than {MAX_NODES} values once aliases are expanded", line, "remove aliases")
