"""The tree that a configuration file is: nodes that remember file and line, and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from kronkers_batch.config.spec import Origin
from kronkers_batch.digests import Json

MAX_BYTES = 1 << 20
MAX_NODES = 20_000  # after aliases are expanded
MAX_DEPTH = 32

Plain: TypeAlias = str | int | float | bool | None


@dataclass(slots=True)
class Node:
    """A value and where it was said; in a mapping, the line is that of its key.

    ``environment`` names the environment variable that the value came from; such a value is never shown.
    ``reported`` says that it, or some of its keys, is missing because of a reported problem: what
    follows from that is no second problem.
    """

    file: str
    line: int
    environment: str = field(default="", kw_only=True)
    reported: bool = field(default=False, kw_only=True)

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


def plain(node: Node) -> Json:
    """The value without marks: dict, list, or a scalar."""
    if isinstance(node, Mapping):
        return {k: plain(v) for k, v in node.items.items()}
    if isinstance(node, Sequence):
        return [plain(v) for v in node.items]
    assert isinstance(node, Scalar)  # noqa: S101 - there are three kinds of node
    return node.value


def from_plain(value: Json, file: str, line: int) -> Node:
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
