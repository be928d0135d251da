"""What the suite of tasks needs of each kind: `task_NAME.py` for each file of `learning/`.

Each such file has `CASES`: what may be declared. Of each there are:
- `TARGETS`, with every value that a target may have, and `WRONG_TARGETS`, of which each value is refused;
- `WRONG_SCORES`, rows of scores that are refused;
- `drawn(rng, goal)`, which draws rows whose scores are neither perfect nor useless;
- `perfect(rows)`, scores that are never wrong;
- `oracles(goal)`, by metric a function of rows that another library or plain Python computes;
- `losses(rows)`, by the name of a loss the mean loss that another library or plain Python computes.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from kronkers_batch.learning import TASKS

KINDS = tuple(TASKS)


def cases(kind: str) -> ModuleType:
    return importlib.import_module(f"tests.contract.task_{kind}")
