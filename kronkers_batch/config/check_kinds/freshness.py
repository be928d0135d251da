"""``freshness``: how old the newest value of a column may be at the window's end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from kronkers_batch.config.check_kind import TIMES, CheckKind, Entry, fits
from kronkers_batch.config.fields import Field, given
from kronkers_batch.config.kinds import DURATION
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument
from kronkers_batch.frames.schema import ColumnType

_KEYS = (
    Field("freshness", DURATION, "How old the newest value of the time column may be at the window's end."),
)


class _Freshness(CheckKind):
    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        """``age``, a timedelta."""
        fits(entry, "freshness", types[entry.column], TIMES, problems)
        return {"age": given(entry.values, "freshness", dt.timedelta)}


KIND = _Freshness("freshness", _KEYS, of_column=True)
