"""What the code of a first model is made of, whatever its language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_WIDTH = 100


@dataclass(frozen=True)
class Baseline:
    """The columns of a first model.

    Attributes:
        task: What it predicts.
        target: The column.
        numbers: Features that are numbers or booleans.
        categories: Features that are texts.
    """

    task: str
    target: str
    numbers: tuple[str, ...]
    categories: tuple[str, ...]


def filled(template: str, parts: Mapping[str, str]) -> str:
    """A template with its parts in place of their names, such as ``@TARGET@``; a part is put in as it is."""
    return re.sub(r"@([A-Z]+)@", lambda found: parts[found[1]], template)


def quoted(text: str) -> str:
    """A text between double quotes, as Python and R read it."""
    return json.dumps(text, ensure_ascii=False)


def listed(items: Iterable[str], opening: str, closing: str) -> str:
    """Items between brackets, over several lines where they are many."""
    words = list(items)
    line = opening + ", ".join(words) + closing
    if len(line) <= _WIDTH:
        return line
    lines, current = [], "   "
    for word in words:
        if len(current) + len(word) + 2 > _WIDTH:
            lines.append(current)
            current = "   "
        current += f" {word},"
    text = "\n".join([*lines, current])
    # R takes no comma behind the last one.
    return f"{opening}\n{text.removesuffix(',')}\n{closing}"
