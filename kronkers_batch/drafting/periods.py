"""The windows of a first model: which days it learns from, is measured on, and scores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from kronkers_batch.drafting.survey import Survey

_DAY = dt.timedelta(days=1)
HELD_OUT = 0.2
"""The share of the rows with a known target that measure the model, about."""
LEAST_DAYS = 3


@dataclass(frozen=True)
class Period:
    """The windows; ``time_column`` is empty where rows have no time, and ``date`` is None there.

    Attributes:
        date: The logical date on which the newest rows are scored.
        holdout: Days that measure the model.
        label_delay: Days after which a target is known.
        why: Why rows have this time, or none.
    """

    time_column: str
    date: dt.date | None = None
    holdout: int = 0
    label_delay: int = 0
    why: str = ""

    def window(self) -> Mapping[str, str]:
        """What ``window:`` says."""
        if self.date is None:
            return {"holdout_share": str(HELD_OUT)}
        delay = {"label_delay": f"{self.label_delay}d"} if self.label_delay else {}
        return {"train": "all", "holdout": f"{self.holdout}d", "score": "1d", **delay}


def time_column(survey: Survey, asked: str = "") -> Period | None:
    """The first date or timestamp without gaps over three days or more; None where there is none.

    ``asked`` is the only column that is looked at.
    """
    for name, labelled in survey.labelled.items():
        whole = survey.columns[name].nulls == 0
        if (not asked or asked == name) and whole and len(labelled) >= LEAST_DAYS:
            period = of(survey, name, max(survey.columns[name].days))
            if period is not None:
                return period
    return None


def of(survey: Survey, name: str, date: dt.date) -> Period | None:
    """The windows of rows with this time; None where no day would be left to learn from.

    ``date`` is the last day, which is scored.
    """
    labelled = {day: rows for day, rows in survey.labelled[name].items() if day <= date}
    if not labelled:
        return None
    last, total = max(labelled), sum(labelled.values())
    # Rows of the logical date itself are scored, and not learnt from.
    end = min(date, last + _DAY)
    held, holdout = 0, 0
    while held < HELD_OUT * total and end - (holdout + 1) * _DAY > min(labelled):
        holdout += 1
        held += labelled.get(end - holdout * _DAY, 0)
    if not held:
        return None
    return Period(name, date, holdout, (date - end).days, "it has a time in every row")
