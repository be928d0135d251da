"""``min`` and ``max``: the values of a column lie between, both included."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from kronkers_batch.config.check_kind import NUMERIC, TIMES, CheckKind, Entry, fits, member
from kronkers_batch.config.fields import Field
from kronkers_batch.config.kinds import PLAIN
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument
from kronkers_batch.frames.schema import ColumnType

_BOUND = replace(PLAIN, allowed="a number or a date")
_KEYS = (
    Field(
        "min", _BOUND, "Smallest allowed value (a number, or a date for dates and timestamps); nulls pass."
    ),
    Field("max", _BOUND, "Largest allowed value; nulls pass."),
)


class _Range(CheckKind):
    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        """``min`` and ``max``, of the column's type; None is open."""
        kind = types[entry.column]
        first = "min" if entry.values["min"] is not None else "max"
        ordered = fits(entry, first, kind, (*NUMERIC, *TIMES), problems)
        found: dict[str, Argument] = {}
        for name in ("min", "max"):
            given = entry.values[name] is not None and ordered
            found[name] = member(*entry.at(name), kind, problems) if given else None
        if _exchanged(found["min"], found["max"]):
            problems.add(entry.node.origin(entry.key), "min is larger than max", "swap them")
        return found


def _exchanged(low: Argument, high: Argument) -> bool:
    if isinstance(low, dt.date) and isinstance(high, dt.date):
        return low > high
    return isinstance(low, int | float) and isinstance(high, int | float) and low > high


KIND = _Range("range", _KEYS, of_column=True, may_drop=True)
