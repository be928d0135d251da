"""A text that does not match as a whole."""

from __future__ import annotations

from tests.data_support import MARKER

DECLARED = '{column: name, pattern: "[a-z]{2}"}'
FITS = [{}, {"name": "cd"}, {"name": None}]
BROKEN = [*FITS, {"name": f"ab{MARKER}"}]
REFUSED = ["{column: x, pattern: a}", "{column: name, pattern: (a}"]
