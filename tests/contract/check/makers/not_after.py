"""A time that is later than another one of its row."""

from __future__ import annotations

import datetime as dt

from tests.data_support import MARKER

NOON = dt.datetime(2013, 6, 1, 12, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(microseconds=1)
DECLARED = "{column: seen, not_after: at}"
FITS = [
    {},
    {"seen": NOON},
    {"seen": NOON - dt.timedelta(days=1)},
    {"seen": None},
    {"seen": LATER, "at": None},
]
BROKEN = [*FITS, {"seen": LATER, "name": MARKER}]
REFUSED = ["{column: x, not_after: at}", "{column: seen, not_after: day}", "{column: seen, not_after: att}"]
