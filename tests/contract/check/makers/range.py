"""A number outside of an interval."""

from __future__ import annotations

from tests.data_support import MARKER

DECLARED = "{column: x, min: 0, max: 1}"
FITS = [{}, {"x": 0.0}, {"x": 1.0}, {"x": None}]
BROKEN = [*FITS, {"x": 1.5, "name": MARKER}]
REFUSED = ["{column: name, min: 1}", "{column: x, min: 2, max: 1}", "{column: day, max: 2013-02-30}"]
