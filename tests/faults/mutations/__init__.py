"""Each rule and each defence taken out, and the tests that must turn red without it.

``tests/faults/test_mutations.py`` makes each in a copy of the program and runs those tests there. A change
that no longer fits exactly one place, or a test that is gone, fails at once: keep the lists with the code.
Every module of this folder with a list ``MUTATIONS`` joins by being there; :mod:`.changes` has the words in
which they are written.
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
