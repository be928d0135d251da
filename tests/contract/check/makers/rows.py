"""One row too many."""

from __future__ import annotations

from tests.data_support import MARKER

DECLARED = "{rows: {min: 1, max: 3}}"
FITS = [{}, {"name": MARKER}, {}]
BROKEN = [*FITS, {"name": MARKER}]
REFUSED = ["{rows: {}}", "{rows: {min: -1}}", "{column: x, rows: {min: 1}}"]
