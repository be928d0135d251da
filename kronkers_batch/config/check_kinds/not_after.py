"""``not_after``: a date or a time is not later than that of another column of the same row."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.config.check_kind import TIMES, CheckKind, Entry, fits
from kronkers_batch.config.fields import Field, given
from kronkers_batch.config.kinds import COLUMN
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument
from kronkers_batch.frames.schema import ColumnType

_KEYS = (
    Field(
        "not_after",
        COLUMN,
        "The column of the same row that the date or time may not be later than; nulls pass.",
    ),
)


class _NotAfter(CheckKind):
    def columns(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """The column, and the one that it is compared with."""
        return given(values, "column", str), given(values, "not_after", str)

    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        """None: both columns are among the check's columns."""
        one, other = self.columns(entry.values)
        if fits(entry, "not_after", types[one], TIMES, problems) and types[other] is not types[one]:
            node, key = entry.at("not_after")
            what = f"the column '{one}' is {types[one]}, and '{other}' is {types[other]}"
            problems.add(node.origin(key), what, "derive a column of the same type in a query source")
        return {}


KIND = _NotAfter("not_after", _KEYS, of_column=True, may_drop=True)
