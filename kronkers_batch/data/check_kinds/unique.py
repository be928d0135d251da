"""Rows that repeat the values of an earlier one."""

from __future__ import annotations

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.judges import Counter, Dropper, TableJudge


class _Unique(TableJudge):
    def counter(self, check: CheckSpec) -> Counter:
        """Counts them in bounded memory."""
        from kronkers_batch.data.uniqueness import Unique

        return Unique(check.columns)

    def dropper(self, check: CheckSpec) -> Dropper:
        """Remembers every key, up to a limit."""
        from kronkers_batch.data.uniqueness import Seen

        return Seen(check.columns)


JUDGE = _Unique()
