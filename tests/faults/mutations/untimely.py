"""Lines of the ledger whose writers could not do what they tell, and files that are others than before."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, without
from tests.faults.mutations.kind import F, _

LINES = f"{F}test_untimely_lines.py::"
ADMINISTRATOR = f"{LINES}test_who_was_administrator_makes_one_as_of_before"
AWAY = f"{LINES}test_a_version_is_made_away_with_by_a_line_about_it"

MUTATIONS = [
    _("anybody who ever could writes a line", "audit.replayed:Standing.take",
      never("not self._could(entry, need, words)"),
      f"{LINES}test_who_was_operator_publishes_what_they_made_up", f"{AWAY}[vic]",
      f"{LINES}test_who_was_admin_of_a_department_grants_as_of_before"),
    _("what somebody held they hold for ever", "audit.replayed:Standing.take",
      drop("self._held.pop(...)"),
      f"{LINES}test_who_was_operator_publishes_what_they_made_up",
      f"{LINES}test_who_was_admin_of_a_department_grants_as_of_before"),
    _("who was revoked altogether writes lines", "audit.replayed:Standing._could",
      without("known.name in self._gone"), f"{ADMINISTRATOR}[another with her line]"),
    _("who was never let in writes lines", "audit.replayed:Standing._could",
      always("entry.signer == self._pinned and ..."), f"{ADMINISTRATOR}[another with a line]"),
    _("who is let in by nobody is somebody", "audit.replayed:Standing.compare",
      never("keys.get(key_id) != self._keys.get(key_id)"),
      f"{ADMINISTRATOR}[another]", f"{ADMINISTRATOR}[a friend]"),
    _("a revocation needs no line", "audit.replayed:_same_revoked",
      never("there and not recorded"),
      f"{LINES}test_who_was_admin_of_a_department_revokes_as_of_before"),
    _("a line of another department is about ours", "audit.recorded:refuse_others",
      never("len(...) > 1"), f"{AWAY}[hugo for hr]"),
    _("a night believes lines of another department", "audit.recorded_since:verify",
      drop("recorded.refuse_others(...)"), f"{AWAY}[hugo for hr]"),
    _("a night begins whoever is in the database", "audit.checkpoint:compare",
      drop("standing.replayed(services, connection).compare(connection)"),
      f"{LINES}test_who_is_somebody_by_a_planted_row_is_nobody_before_the_night_begins"),
    _("an older line about people is exchanged", "audit.replayed:require_same",
      never("point.people and ..."), f"{LINES}test_who_was_administrator_exchanges_an_older_line"),
    _("a line is written whatever became of its writer", "ledger.ledger:Ledger.append",
      drop("self._keys.require(...)"),
      f"{LINES}test_whose_right_ends_in_the_middle_of_a_night_publishes_nothing_later",
      f"{F}test_forged_logs.py::test_a_line_that_bob_writes_about_sales_is_noticed"),
]  # fmt: skip
