"""Each defence taken out, and the tests that must turn red without it.

``tests/faults/test_mutations.py`` applies each to a copy of the program and runs those tests there. A text that
no longer occurs exactly once, or a test that is gone, fails at once: keep the lists with the code. Every module
of this folder with a list ``MUTATIONS`` joins by being there.
"""

from __future__ import annotations

import importlib
import pkgutil

from tests.faults.mutations.kind import Mutation

__all__ = ["MUTATIONS", "Mutation"]

MUTATIONS: list[Mutation] = [
    mutation
    for found in pkgutil.iter_modules(__path__)
    for mutation in getattr(importlib.import_module(f"{__name__}.{found.name}"), "MUTATIONS", ())
]
