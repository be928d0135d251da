"""A row with an odd number."""

from __future__ import annotations

from tests.data_support import MARKER

DECLARED = "{column: id, even: true}"
FITS = [{"id": 2}, {"id": -4}, {"id": None}]
BROKEN = [*FITS, {"id": 7, "name": MARKER}]
REFUSED = ["{column: id, even: false}", "{column: x, even: true}", "{even: true}"]
