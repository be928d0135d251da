"""A row for which it is not true."""

from __future__ import annotations

from tests.data_support import MARKER

DECLARED = "{expression: x >= 0 and name != 'no'}"
FITS = [{}, {"x": 9.0}]
BROKEN = [*FITS, {"x": -1.5, "name": MARKER}]
REFUSED = ["{expression: x >}", "{column: x, expression: x > 0}", "{expression: nowhere > 0}"]
