"""A row with a null."""

from __future__ import annotations

from tests.data_support import MARKER

DECLARED = "{column: x, nulls: false}"
FITS = [{}, {"name": None}]
BROKEN = [*FITS, {"x": None, "name": MARKER}]
REFUSED = ["{column: x, nulls: true}", "{nulls: false}"]
