"""``pattern``: a regular expression over the whole text of each value of a column."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kronkers_batch.config.check_kind import TEXTUAL, CheckKind, Entry, fits
from kronkers_batch.config.fields import Bad, Field, Kind, given
from kronkers_batch.config.kinds import FILLED
from kronkers_batch.config.nodes import Node
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument
from kronkers_batch.frames.schema import ColumnType


def _pattern(node: Node, key: str, problems: Problems) -> str:
    text = FILLED.parse(node, key, problems)
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise Bad(
            f"not a regular expression: {error}", "allowed: a regular expression over the whole text"
        ) from None
    if re.search(r"\(\?(<?[=!]|P=|\()|\\[1-9]", text):
        raise Bad(
            "found a look-around or back-reference", "leave it out; patterns are matched in linear time"
        )
    return text


_KEYS = (
    Field(
        "pattern",
        Kind("a regular expression", _pattern),
        "A regular expression over the whole text; nulls pass.",
    ),
)


class _Pattern(CheckKind):
    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        """``pattern``, as it is written."""
        fits(entry, "pattern", types[entry.column], TEXTUAL, problems)
        return {"pattern": given(entry.values, "pattern", str)}


KIND = _Pattern("pattern", _KEYS, of_column=True, may_drop=True)
