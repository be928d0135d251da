"""``nulls: false``: a column has no nulls."""

from __future__ import annotations

from collections.abc import Mapping

from kronkers_batch.config.check_kind import CheckKind, Entry
from kronkers_batch.config.fields import Bad, Field
from kronkers_batch.config.kinds import BOOLEAN
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Argument
from kronkers_batch.frames.schema import ColumnType


class _Nulls(CheckKind):
    def demand(self, values: Mapping[str, object]) -> None:
        """Raises Bad where nulls are allowed, as they are anyway."""
        if values["nulls"]:
            raise Bad(
                "found nulls: true, which checks nothing",
                "nulls are allowed anyway; write nulls: false or delete it",
            )

    def arguments(
        self, entry: Entry, types: Mapping[str, ColumnType], problems: Problems
    ) -> dict[str, Argument]:
        """``allowed``, which is False."""
        del entry, types, problems
        return {"allowed": False}


_KEYS = (Field("nulls", BOOLEAN, "`false`: no nulls are allowed."),)

KIND = _Nulls("nulls", _KEYS, of_column=True, may_drop=True)
