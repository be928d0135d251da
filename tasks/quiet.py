"""Silences Luigi's log in the process that imports this: tasks record themselves what became of them."""

import logging

for _name in ("luigi", "luigi-interface"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)
