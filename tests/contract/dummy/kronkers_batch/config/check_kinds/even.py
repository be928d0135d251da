"""``even: true``: the whole numbers of a column are even."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.config.check_kind import CheckKind, Entry, fits
from kronkers_batch.config.fields import Bad, Field
from kronkers_batch.config.kinds import BOOLEAN
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument
from kronkers_batch.frames.schema import ColumnType


class _Even(CheckKind):
    def demand(self, values: Mapping[str, object]) -> None:
        if not values["even"]:
            raise Bad("found even: false, which checks nothing", "write even: true")

    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        whole = (ColumnType.INTEGER, ColumnType.INT32)
        fits(entry, "even", types[entry.column], whole, problems)
        return {"even": True}


KIND = _Even(
    "even", (Field("even", BOOLEAN, "`true`: only even numbers; nulls pass."),), of_column=True, may_drop=True
)
