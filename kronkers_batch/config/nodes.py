"""YAML as a tree of nodes that remember file and line; duplicates and dangerous files are problems.

Plain words mean what YAML 1.2 says, with decimal numbers only: ``NO`` is a carrier, not a false; ``02:00``,
``007`` and ``0x1F`` are text. There are no tags, no merge keys (templates do that), one document a file, and
aliases expand to a bounded number of nodes. What Hydra reads otherwise: docs/reference/hydra.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import yaml

from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Origin

MAX_BYTES = 1 << 20
MAX_NODES = 20_000  # after aliases are expanded
MAX_DEPTH = 32

Plain: TypeAlias = str | int | float | bool | None


@dataclass(slots=True)
class Node:
    """A value and where it was said; in a mapping, the line is that of its key.

    ``environment`` names the environment variable that the value came from; such a value is never shown.
    """

    file: str
    line: int
    environment: str = field(default="", kw_only=True)

    def origin(self, key: str) -> Origin:
        """Where this value was said, under its dotted key."""
        return Origin(self.file, self.line, key)


@dataclass(slots=True)
class Scalar(Node):
    """Text, a number, a boolean or null."""

    value: Plain


@dataclass(slots=True)
class Mapping(Node):
    """Keys (always text) to nodes, in the order of the file."""

    items: dict[str, Node]


@dataclass(slots=True)
class Sequence(Node):
    """A list."""

    items: list[Node]


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


def _describe(error: yaml.YAMLError) -> tuple[int, str, str]:
    mark: Any = getattr(error, "problem_mark", None)
    line = 1 if mark is None else int(mark.line) + 1
    what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not valid YAML")
    context = getattr(error, "context", None)
    fix = "check quotes, colons and indentation on this line and the one above"
    if "cannot start any token" in what:
        fix = "indent with spaces, not tabs, and quote text that begins with @, ` or %"
    return line, f"not valid YAML: {what}" + (f" {context}" if context else ""), fix


class _Composer:
    """Builds the tree from libyaml's events, counting what aliases expand to."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.file, self.problems = file, problems
        self.anchors: dict[str, tuple[Node, int] | None] = {}  # with the number of nodes below
        self.count = 0

    def compose(self, text: str) -> Node | None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        events: Iterator[Any] = yaml.parse(text, Loader=loader)
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    mark: Any = event.start_mark
                    raise _Refused(
                        "found a second document ('---')", mark.line + 1, "keep one document a file"
                    )
                root = self.node(next(events), events, depth=0)
        return root

    def node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, line)
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

    def value(self, event: Any, events: Iterator[Any], line: int, depth: int) -> Node:
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(line, events, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                items.append(self.node(event, events, depth + 1))
            return Sequence(self.file, line, items)
        if "\0" in event.value:
            raise _Refused("found a NUL byte", line, "remove it; a configuration file is plain text")
        return Scalar(self.file, line, event.value if event.style else plain_value(event.value))

    def mapping(self, line: int, events: Iterator[Any], depth: int) -> Mapping:
        items: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key_line = event.start_mark.line + 1
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

    def alias(self, event: Any, line: int) -> Node:
        if event.anchor not in self.anchors:
            raise _Refused(f"the alias '*{event.anchor}' has no anchor", line, "write the value out")
        known = self.anchors[event.anchor]
        if known is None:
            raise _Refused(f"the alias '*{event.anchor}' contains itself", line, "write the value out")
        node, size = known
        self.grow(size, line)
        return replace(node, line=line)

    def grow(self, nodes: int, line: int) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            raise _Refused(f"more than {MAX_NODES} values once aliases are expanded", line, "remove aliases")


# ---------------------------------------------------------------- using trees


def plain(node: Node) -> Any:
    """The value without marks: dict, list, or a scalar."""
    if isinstance(node, Mapping):
        return {k: plain(v) for k, v in node.items.items()}
    if isinstance(node, Sequence):
        return [plain(v) for v in node.items]
    assert isinstance(node, Scalar)  # noqa: S101 - there are three kinds of node
    return node.value


def from_plain(value: Any, file: str, line: int) -> Node:
    """A tree of a plain value (of an override), every node with this mark."""
    if isinstance(value, dict):
        return Mapping(file, line, {as_text(k): from_plain(v, file, line) for k, v in value.items()})
    if isinstance(value, list | tuple):
        return Sequence(file, line, [from_plain(v, file, line) for v in value])
    return Scalar(file, line, value)


def as_text(value: Plain) -> str:
    """A single value as a file would say it: ``true``, ``null``."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def walk(node: Node, key: str = "") -> Iterator[tuple[str, Node]]:
    """Every node below this one with its dotted key, parents first."""
    if key:
        yield key, node
    prefix = f"{key}." if key else ""
    if isinstance(node, Mapping):
        for name, child in node.items.items():
            yield from walk(child, prefix + name)
    elif isinstance(node, Sequence):
        for i, child in enumerate(node.items):
            yield from walk(child, f"{prefix}{i}")


def mentions(node: Node, part: str) -> bool:
    """Whether a text below this node, or the node's own, has this part."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Scalar):
            if isinstance(one.value, str) and part in one.value:
                return True
        elif isinstance(one, Mapping):
            waiting.extend(one.items.values())
        elif isinstance(one, Sequence):
            waiting.extend(one.items)
    return False


def shown(node: Node) -> str:
    """What was found, in words, bounded, and never a value from the environment."""
    if node.environment:
        return f"a value from the environment variable {node.environment}"
    if isinstance(node, Mapping):
        return "a mapping (key: value)"
    if isinstance(node, Sequence):
        return "a list"
    assert isinstance(node, Scalar)  # noqa: S101
    value = node.value
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if len(value) <= 60 else value[:57] + "..."
        return f"the text {text!r}"
    return f"the number {value}"
