"""What is said of a run: one verdict, from what happened."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, returns, sets, swap
from tests.faults.mutations.kind import _

UNIT, RUNS = "tests/unit/reports/test_verdict.py::", "tests/e2e/test_runs.py::"
ENDS = "tests/e2e/test_ends_of_a_run.py::"
EXPORT = "tests/unit/warehouse/test_export.py::"
MAIN = "tests/unit/cli/test_main.py::"
STOPPED = f"{RUNS}test_a_run_that_is_stopped_is_shown_as_interrupted"

MUTATIONS = [
    _("a held model is well", "reports.verdict:_GOOD", swap("NOT_DUE", "HELD"),
      f"{UNIT}test_a_models_state_is_the_worse_of_its_scoring_and_its_training",
      f"{UNIT}test_the_exit_code_follows_from_the_verdicts"),
    _("the better state counts", "reports.verdict:Verdict.state",
      swap("min(...)", "max(self.scores.state, self.training.state, key=_WORST_FIRST.index)"),
      f"{UNIT}test_a_models_state_is_the_worse_of_its_scoring_and_its_training"),
    _("a model without a verdict is left out", "reports.verdict:of_run", never("not running"),
      f"{UNIT}test_a_model_without_a_verdict_was_interrupted_and_what_was_done_by_then_stands",
      f"{STOPPED}[killed]"),
    _("the newest run of a date alone counts", "reports.verdict:merged",
      swap("{}", "{} if (runs := list(runs)[-1:]) else {}"), f"{UNIT}test_the_runs_of_a_date_are_merged",
      f"{RUNS}test_the_page_of_a_date_merges_its_runs_and_each_run_has_its_own"),
    _("a training by hand hides what the night said of the scores", "reports.verdict:_newer",
      sets("stays", "False"), f"{UNIT}test_the_runs_of_a_date_are_merged"),
    _("a problem at the end of a run is no problem", "reports.verdict:exit_code",
      sets("worst", "0"), f"{UNIT}test_the_exit_code_follows_from_the_verdicts"),
    _("an output that was held before is no longer told", "tasks.outcome:_held", returns("''"),
      f"{RUNS}test_a_held_model_is_held_on_the_table_and_the_page_each_night"),
    _("a blocked model is up to date", "tasks.outcome:_part", never("unfinished"),
      f"{RUNS}test_a_held_model_is_held_on_the_table_and_the_page_each_night"),
    _("a training that failed hides the scores", "tasks.outcome:of",
      swap("[e for e in own if e.task in ('score', 'expire')]", "own"),
      f"{RUNS}test_scoring_and_training_are_told_apart"),
    _("a killed run still runs", "audit.alive:runs", returns("True"), f"{STOPPED}[killed]"),
    _("a stopped run has no end", "tasks.run:execute", drop("stopped(services, departments, error, ...)"),
      f"{STOPPED}[stopped]"),
    _("nobody says what is replaced", "tasks.run:_work", drop("_say_replaced(services, root.plan)"),
      f"{RUNS}test_a_past_date_that_is_scored_again_says_what_it_replaces"),
    _("a changed champion is no reason", "planning.reasons:why", sets("what", "'it changed'"),
      f"{RUNS}test_a_past_date_that_is_scored_again_says_what_it_replaces"),
    _("alerts that nothing reads are accepted", "config.load:_Loader.root",
      drop("self.unread(composed.items['alerts'])"), f"{RUNS}test_alerts_that_nothing_reads_are_refused"),
    _("a closed output ends a run", "cli.main:entry", drop("_open_streams()"),
      f"{RUNS}test_output_that_is_closed_is_as_dev_null"),
    _("a date whose last run ended badly is well", "reports.page:summary_of_date", never("ended and ..."),
      f"{ENDS}test_an_end_that_failed_is_on_the_pages_until_a_run_of_the_date_ends_well"),
    _("how an earlier run of a date ended counts for ever", "reports.page:summary_of_date",
      swap("ended[-1]", "ended[0]"),
      f"{ENDS}test_an_end_that_failed_is_on_the_pages_until_a_run_of_the_date_ends_well"),
    _("more rows are printed as JSON than were asked for", "warehouse.export:print_json_rows",
      sets("some", "frame"), f"{EXPORT}test_no_more_json_rows_are_printed_than_were_asked_for"),
    _("a limit of nothing is the usual one", "cli.reading_commands:read",
      never("args.limit is not None and ..."), f"{MAIN}test_a_limit_that_does_not_hold_is_refused"),
    _("a full disk is well", "diagnostics.doctor:_room", swap("room.free >= LITTLE", "True"),
      "tests/unit/diagnostics/test_doctor.py::test_a_disk_that_is_nearly_full_is_told"),
    _("who reads no more ends a run", "cli.printing:_write", swap("BrokenPipeError", "ZeroDivisionError"),
      f"{MAIN}test_whoever_reads_may_go_and_the_exit_code_is_kept"),
    _("rows are made that nobody reads", "cli.printing:Out.write", drop("raise ReaderGone"),
      f"{MAIN}test_no_more_rows_are_made_than_are_read"),
    _("every broken pipe is a reader who went", "cli.main:main",
      swap("printing.ReaderGone", "(printing.ReaderGone, BrokenPipeError)"),
      f"{MAIN}test_a_pipe_that_breaks_elsewhere_is_an_error"),
]  # fmt: skip
