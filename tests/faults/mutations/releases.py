"""What a later release must not do to the warehouse of an earlier one."""

from __future__ import annotations

from tests.faults.mutations.changes import sets, swap
from tests.faults.mutations.kind import _

GOLDEN = "tests/golden/test_golden.py::"
READ = f"{GOLDEN}test_it_is_verified_and_read_as_it_was"
SCORED = f"{GOLDEN}test_a_new_date_is_scored_by_its_champions_to_the_same_numbers"

MUTATIONS = [
    _("what was sealed before does not open", "vault.context:Context.encode",
      swap("'kronkers-batch context 1'", "'kronkers-batch context 2'"), READ, SCORED),
    _("an upgrade trains every model anew", "digests:FORMAT", sets("FORMAT", "2"), SCORED),
    _("a model sees its levels in another order", "frames.wire:wire_levels",
      swap("return column.levels", "return column.levels[::-1]"), SCORED),
]  # fmt: skip
