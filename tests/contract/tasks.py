"""What the suite of tasks needs of each kind: `task_NAME.py` for each file of `learning/`.

Each such file has `TARGETS`, with every value that a target may have; `WRONG_TARGETS`, of which each value is
refused; `WRONG_SCORES`, too; `drawn(rng)`, which draws truth and prediction; and `ORACLES`, by metric a
function of both that another library or plain Python computes.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from kronkers_batch.learning import TASKS

KINDS = tuple(TASKS)


def cases(kind: str) -> ModuleType:
    return importlib.import_module(f"tests.contract.task_{kind}")
