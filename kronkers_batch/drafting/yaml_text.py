"""The YAML that ``kronkers new`` writes: short, in the order in which the tutorials write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_WIDTH = 110
MOST_LINES = 25
"""Lines of a model's file."""


def scalar(value: object) -> str:
    """A value as YAML reads it back."""
    text = str(value)
    if isinstance(value, bool):
        return text.lower()
    if _PLAIN.match(text) and text.casefold() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False) if isinstance(value, str) else text


def flow(value: object) -> str:
    """A value, list or mapping in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return value if isinstance(value, Written) else scalar(value)


class Written(str):
    """A text that is YAML already, such as ``7d``."""


def document(comment: Iterable[str], values: Mapping[str, object], *, most: int = 0) -> str:
    """A file: comments, then one key a line; a long list or mapping goes over several lines.

    ``most`` is how many lines there may be: with more, each key has one.
    """
    head = [f"# {line}" for line in comment]
    lines = [line for key, value in values.items() for line in _lines(key, value)]
    if most and len(head) + len(lines) > most:
        lines = [f"{key}: {flow(value)}" for key, value in values.items()]
    return "\n".join([*head, *lines]) + "\n"


def _lines(key: str, value: object) -> list[str]:
    line = f"{key}: {flow(value)}"
    if len(line) <= _WIDTH or not isinstance(value, Mapping | list | tuple):
        return [line]
    marks = "{}" if isinstance(value, Mapping) else "[]"
    words = (
        [f"{scalar(name)}: {flow(inner)}" for name, inner in value.items()]
        if isinstance(value, Mapping)
        else list(map(flow, value))
    )
    lines, current = [f"{key}: {marks[0]}"], " "
    for word in words:
        if len(current) + len(word) + 2 > _WIDTH:
            lines.append(current)
            current = " "
        current += f" {word},"
    return [*lines, current, marks[1]]
