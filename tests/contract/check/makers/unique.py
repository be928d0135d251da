"""A row that repeats an earlier one."""

from __future__ import annotations

from tests.data_support import MARKER

DECLARED = "{unique: [name, day]}"
FITS = [{"name": MARKER}, {"name": "d"}, {"name": None}, {"name": None}]
BROKEN = [*FITS, {"name": MARKER}]
REFUSED = ["{unique: []}", "{unique: [nowhere]}", "{column: x, unique: [x]}"]
