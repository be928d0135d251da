"""What somebody puts into the rows of runs, of their events and of what was signed."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, swap
from tests.faults.mutations.kind import F, _

PLANTED = f"{F}test_planted_runs.py::"
WHATEVER = f"{PLANTED}test_what_a_night_says_is_what_it_met_whatever_becomes_of_its_events"

MUTATIONS = [
    _("a run's id is the name of a file, whatever it is", "steps.alive:_path",
      swap("ids.require(run_id, 'table runs')", "run_id"),
      f"{PLANTED}test_a_runs_id_that_is_a_path_deletes_no_file"),
    _("a run's page is called by any id", "steps.report:write_run_page",
      swap("ids.require(run.id, 'table runs')", "run.id"),
      f"{PLANTED}test_a_runs_page_lies_where_pages_lie_whatever_its_row_says"),
    _("a run's page lies beside that of the date in its row", "steps.report:write_run_page",
      swap("_folder(services)", "page_path(services, run.date).parent"),
      f"{PLANTED}test_a_runs_page_lies_where_pages_lie_whatever_its_row_says"),
    _("what does not open of a definition is not in it", "vault.definitions:Signatures.details",
      never("row.department and self._vault.role(conn, Scope(row.department)) is not None"),
      f"{PLANTED}test_what_was_signed_is_not_made_away_with_to_take_a_model_out[its key]"),
    _("`ledger verify` opens no definition", "steps.recorded:verify",
      drop("_definitions(services, connection)"),
      f"{PLANTED}test_what_was_signed_is_not_made_away_with_to_take_a_model_out[its key]"),
    _("a name that the account remembers is not looked for", "vault.definitions:Signatures.names",
      swap("remembered | {row.name: row.department for row in rows}",
           "{row.name: row.department for row in rows}"),
      f"{PLANTED}test_what_was_signed_is_not_made_away_with_to_take_a_model_out[its rows]"),
    _("nobody compares a run's events with what it recorded", "tasks.run:_ended",
      drop("problems.append(_problem(runlog.require_kept, services, run_id))"), WHATEVER),
    _("events that a night did not record are of it", "steps.runlog:require_kept",
      never("_is_alone(services)"),
      f"{WHATEVER}[somebody else was refused]"),
    _("a night believes the rows of its events", "steps.runlog:numbered",
      swap("_own(services, run_id).items()", "{}.items()"), WHATEVER),
    _("a night believes rows that it did not write", "steps.runlog:numbered",
      always("not found or not _is_alone(services)"), f"{WHATEVER}[somebody else was refused]"),
]  # fmt: skip
