"""What somebody puts into the rows of runs, of their events and of what was signed."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, swap
from tests.faults.mutations.kind import F, _

PLANTED = f"{F}test_planted_runs.py::"
WHATEVER = f"{PLANTED}test_what_a_night_says_is_what_it_met_whatever_becomes_of_its_events"
NIGHT = f"{F}test_forged_logs.py::test_what_is_new_is_noticed_at_the_end_of_the_night"

MUTATIONS = [
    _("a run's id is the name of a file, whatever it is", "audit.alive:_path",
      swap("ids.require(run_id, 'table runs')", "run_id"),
      f"{PLANTED}test_a_runs_id_that_is_a_path_deletes_no_file"),
    _("a run's page is called by any id", "queries.report:write_run_page",
      swap("ids.require(run.id, 'table runs')", "run.id"),
      f"{PLANTED}test_a_runs_page_lies_where_pages_lie_whatever_its_row_says"),
    _("a run's page lies beside that of the date in its row", "queries.report:write_run_page",
      swap("_folder(services)", "page_path(services, run.date).parent"),
      f"{PLANTED}test_a_runs_page_lies_where_pages_lie_whatever_its_row_says"),
    _("what does not open of a definition is not in it", "vault.definition_signatures:Signatures.details",
      never("row.department and self._vault.role(conn, Scope(row.department)) is not None"),
      f"{PLANTED}test_what_was_signed_is_not_made_away_with_to_take_a_model_out[its key]"),
    _("`ledger verify` opens no definition", "audit.recorded:verify",
      drop("_definitions(services, connection)"),
      f"{PLANTED}test_what_was_signed_is_not_made_away_with_to_take_a_model_out[its key]"),
    _("a name that the account remembers is not looked for", "vault.definition_signatures:Signatures.names",
      swap("remembered | {row.name: row.department for row in rows}",
           "{row.name: row.department for row in rows}"),
      f"{PLANTED}test_what_was_signed_is_not_made_away_with_to_take_a_model_out[its rows]"),
    _("nobody compares a run's events with what it recorded", "tasks.ending:end",
      drop("problems.append(_problem(runlog.require_kept, services, run_id))"), WHATEVER),
    _("events that a night did not record are of it", "audit.runlog:require_kept",
      never("_is_alone(services)"),
      f"{WHATEVER}[somebody else was refused]"),
    _("a night believes the rows of its events", "audit.runlog:numbered",
      swap("_own(services, run_id).items()", "{}.items()"), WHATEVER),
    _("a night believes rows that it did not write", "audit.runlog:numbered",
      always("not found or not _is_alone(services)"), f"{WHATEVER}[somebody else was refused]"),
    _("a version may have any state", "audit.recorded_since:verify", drop("_refuse_other_states(connection)"),
      NIGHT),
    _("nobody counts which model versions are deleted", "audit.recorded_since:counts",
      swap("model_versions.c.state == 'deleted'", "model_versions.c.state == 'none'"), NIGHT),
    _("nobody counts which outputs are deleted", "audit.recorded_since:counts",
      swap("output_versions.c.state == 'deleted'", "output_versions.c.state == 'none'"), NIGHT),
    _("a version without its keys is as recorded", "audit.recorded:compare_versions",
      drop("_require_keys(services, connection, one, held)"),
      f"{F}test_forged_logs.py::test_whatever_is_done_without_a_key_is_noticed"),
    _("the first of two rows names the warehouse", "access.setup:is_new",
      swap("select(t.warehouse.c.id).limit(2)", "select(t.warehouse.c.id).limit(1)"),
      f"{PLANTED}test_a_second_row_that_names_the_warehouse_ends_in_words"),
]  # fmt: skip
