"""Too few or too many rows."""

from __future__ import annotations

import datetime as dt

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.judges import Counted, Counter, Nothing, TableJudge, Tally, optional


class _Rows(TableJudge):
    def counter(self, check: CheckSpec) -> Counter:
        """Rows are counted anyway."""
        del check
        return Nothing()

    def failed(self, check: CheckSpec, tally: Tally, total: int, end: dt.datetime) -> int:
        """1 where there are too few or too many rows."""
        del tally, end
        least, most = optional(check, "min", int), optional(check, "max", int)
        return int((least is not None and total < least) or (most is not None and total > most))

    def counts(self, result: Counted) -> str:
        """How many rows there are."""
        return f" ({result.total} rows)"

    def said(self, result: Counted) -> str:
        """How many rows there are."""
        return f"{result.kind}: there are {result.total} rows"


JUDGE = _Rows()
