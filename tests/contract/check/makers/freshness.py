"""A newest row that is too old at the end of the window."""

from __future__ import annotations

import datetime as dt

from tests.data_support import MARKER

OLD = dt.datetime(2013, 5, 20, 7, 11, 13, tzinfo=dt.UTC)

DECLARED = "{column: at, freshness: 1d}"
FITS = [{"at": OLD}, {}, {"at": None}]
BROKEN = [{"at": OLD, "name": MARKER}, {"at": None}]
REFUSED = ["{column: x, freshness: 1d}", "{freshness: 1d}", "{column: at, freshness: old}"]
