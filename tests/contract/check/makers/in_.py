"""A value that is not allowed."""

from __future__ import annotations

from tests.data_support import MARKER

DECLARED = "{column: name, in: [ab, cd]}"
FITS = [{}, {"name": "cd"}, {"name": None}]
BROKEN = [*FITS, {"name": MARKER}]
REFUSED = ["{column: name, in: []}", "{column: x, in: [a]}"]
