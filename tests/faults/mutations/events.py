"""Events in the transaction of what they tell, their numbers, who is told of them, claims, and what waits."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, returns, swap, without
from tests.faults.mutations.kind import F, _

EVENTS, UNIT = f"{F}test_events.py::", "tests/unit/events/"
TOLD = f"{EVENTS}test_what_changes_what_people_see_is_told_though_nothing_is_recorded_afterwards"
UNDONE = f"{EVENTS}test_what_no_event_can_tell_is_not_done"
ENGINE = "tests/unit/store/test_engine.py::"
DATABASES = "tests/contract/test_databases.py::"
SUBSCRIBERS = f"{UNIT}test_subscribers.py::"
LOG = f"{UNIT}test_event_log.py::"
ENDS = "tests/e2e/test_ends_of_a_run.py::"

WRITTEN = [
    _("a published output has no event of its own", "warehouse.writer:OutputWriter.finish",
      drop("event(conn, result)"), TOLD, f"{UNDONE}[published]"),
    _("a version has no event of its own", "registry.registry:Registry.record",
      drop("event(conn, version)"), TOLD, f"{UNDONE}[trained]"),
    _("a rollback has no event of its own", "registry.registry:Registry._append",
      drop("event(conn, scope, f'{row.model}@{row.number}')"), TOLD, f"{UNDONE}[rolled back]"),
    _("a snapshot has no event of its own", "data.publishing:Publisher.publish",
      drop("event(conn, snapshot_id, frozen)"), TOLD, f"{UNDONE}[ingested]"),
    _("a judgement has no event of its own", "warehouse.judging:judge",
      drop("event(conn, result)"), f"{UNDONE}[judged anew]"),
    _("a shredded output has no event", "warehouse.warehouse:Warehouse.shred",
      drop("event(conn, ...)"), TOLD),
    _("an event need not say what it is about", "audit.runlog:_row",
      drop("event.require_whole()"), f"{EVENTS}test_an_event_that_does_not_say_enough_is_not_written"),
    _("a model that is well again is not told", "audit.runs:finish",
      swap("_well_again(connection, run_id, verdicts)", "()"),
      f"{EVENTS}test_a_model_that_is_well_again_is_told_once"),
    _("a killed run is not told", "audit.runs:_mark_dead",
      drop("runlog.record_in(...)"),
      f"{EVENTS}test_a_killed_run_is_told_of_and_its_page_is_written_by_the_next"),
]  # fmt: skip

FOLLOWED = [
    _("numbers are given without a lock", "events.outbox:numbers",
      drop("serialise(connection, 'events')"),
      f"{UNIT}test_outbox.py::test_a_reader_that_follows_four_writers_misses_none[postgresql]"),
    _("a subscriber's position is moved before it took anything", "events.subscribers:deliver",
      swap("one.take(events)", "[]"),
      f"{SUBSCRIBERS}test_each_sees_what_happens_after_the_first_run_of_its_place_began"),
    _("a subscriber fails the run", "events.subscribers:_as_warning",
      swap("Exception", "ZeroDivisionError"),
      f"{SUBSCRIBERS}test_one_that_fails_holds_up_no_other_and_sees_it_again"),
    _("what nobody foresaw of a subscriber fails the run", "events.subscribers:_as_warning",
      swap("Exception", "StoreError"), f"{SUBSCRIBERS}test_what_nobody_foresaw_is_a_warning_too"),
    _("two commands tell one subscriber at once", "events.subscribers:_claim",
      never("not claims.enter_context(...)"),
      f"{SUBSCRIBERS}test_while_another_command_tells_a_subscriber_nobody_else_does"),
    _("each place begins at the first event", "events.subscribers:enrol",
      swap("outbox.newest(connection)", "0"),
      f"{SUBSCRIBERS}test_each_sees_what_happens_after_the_first_run_of_its_place_began"),
    _("a page that cannot be written is forgotten", "subscribers.run_pages:Pages.take",
      never("unwritten is not None"),
      f"{ENDS}test_a_page_that_cannot_be_written_fails_no_night_and_is_written_by_the_next"),
    _("a line that is lost is missed by nobody", "events.event_log:_Handler.handleError",
      returns("None"), f"{LOG}test_a_full_disk_is_told"),
    _("a torn line stays in the log", "events.event_log:EventLog.take",
      drop("_cut_torn_line(self._path)"),
      f"{LOG}test_a_line_that_a_killed_writer_left_torn_goes"),
    _("the log follows links", "private:open_kept",
      swap("os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK", "os.O_CREAT"),
      f"{LOG}test_a_new_file_is_made_through_no_link"),
]  # fmt: skip

CLAIMED = [
    _("who lost the run writes on", "store.engine:Database._transaction",
      never("write and self._claim is not None"),
      f"{ENGINE}test_who_lost_the_run_writes_nothing_any_more",
      f"{EVENTS}test_a_run_that_was_taken_over_publishes_nothing_more_and_says_so"),
    _("a claim is looked at, and not held", "store.claims:RunClaim.require",
      swap("databases.of(connection).kept(query)", "query"),
      f"{DATABASES}test_a_run_is_taken_over_only_between_its_transactions[postgresql]",
      f"{DATABASES}test_a_run_that_is_being_taken_over_waits_and_then_writes_nothing[postgresql]"),
    _("a claim is of any token", "store.claims:RunClaim.require",
      swap("(row.token, row.state) != (self.token, _RUNNING)", "row.state != _RUNNING"),
      f"{ENGINE}test_who_lost_the_run_writes_nothing_any_more[another token]",
      f"{EVENTS}test_a_run_that_was_taken_over_publishes_nothing_more_and_says_so"),
    _("a run writes without its claim", "audit.runs:begun",
      swap("services.db.under(RunClaim(run_id, token))", "contextlib.nullcontext()"),
      f"{EVENTS}test_a_run_that_was_taken_over_publishes_nothing_more_and_says_so"),
    _("a run that is taken for dead keeps its claim", "audit.runs:_mark_dead",
      swap("change.values(state=INTERRUPTED, token=runs.c.token + 1)", "change.values(state=INTERRUPTED)"),
      f"{EVENTS}test_a_killed_run_is_told_of_and_its_page_is_written_by_the_next"),
    _("a worker starts inside a write transaction", "runtimes.process:Process.__init__",
      drop("transaction.refuse_inside('the start of a worker')"),
      f"{EVENTS}test_no_worker_is_waited_for_inside_a_write_transaction"),
    _("a worker is asked inside a write transaction", "runtimes.protocol:Channel.send",
      drop("transaction.refuse_inside('a worker')"),
      f"{EVENTS}test_no_worker_is_waited_for_inside_a_write_transaction"),
    _("a source is read inside a write transaction", "data.sources.__init__:read",
      drop("transaction.refuse_inside('a source')"),
      f"{EVENTS}test_no_source_is_waited_for_inside_a_write_transaction"),
    _("a store is asked inside a write transaction", "store.artifacts:ArtifactStore._mapped",
      drop("transaction.refuse_inside('an artifact store')"),
      f"{ENGINE}test_nothing_that_takes_long_is_waited_for_inside_a_write_transaction"),
]  # fmt: skip

WAITING = [
    _("keys that a reader keeps are not pending", "store.engine:Database.scrub",
      drop("pending.mark(connection, pending.SCRUB)"),
      f"{ENGINE}test_scrub_is_pending_while_a_reader_holds_the_log"),
    _("deleted keys are pending only once somebody looked", "vault.vault:Vault.shred",
      drop("pending.mark_deleted_keys(conn)"),
      f"{EVENTS}test_keys_are_pending_from_the_transaction_that_deletes_them"),
    _("what is deleted meanwhile is said to be gone", "store.pending:clear",
      swap("(pending.c.what == what, pending.c.who == who, pending.c.since <= upto)",
           "(pending.c.what == what, pending.c.who == who)"),
      f"{ENGINE}test_what_is_deleted_meanwhile_stays_pending"),
    _("nobody tries again", "cli.options:opened", drop("_retried(services, args)"),
      f"{EVENTS}test_keys_that_a_reader_keeps_in_the_log_are_told_of_until_they_are_gone"),
    _("a run does not say what is pending", "tasks.ending:end",
      drop("warnings += unfinished.retry(services)"),
      f"{EVENTS}test_keys_that_a_reader_keeps_in_the_log_are_told_of_until_they_are_gone"),
    _("a checkpoint that could not be written is forgotten", "audit.checkpoint:_written",
      drop("pending.mark(connection, pending.CHECKPOINT, who)"),
      f"{ENDS}test_a_checkpoint_that_cannot_be_written_is_pending_and_fails_no_night"),
    _("definitions are as committed", "audit.commits:_is_clean", returns("True"),
      f"{EVENTS}test_definitions_that_are_not_as_committed_are_not_clean"),
    _("a file beside the code is as committed", "audit.commits:_defining",
      drop("yield from (file.path for file in ...)"),
      f"{EVENTS}test_definitions_that_are_not_as_committed_are_not_clean[beside]"),
    _("a version tells of no commit", "pipeline.train:train",
      without("commit=..."), f"{EVENTS}test_a_version_tells_of_which_commit_it_is"),
    _("a new definition is as committed", "audit.commits:_is_clean",
      never("files - committed.keys()"),
      f"{EVENTS}test_definitions_that_are_not_as_committed_are_not_clean[new]"),
]  # fmt: skip

MUTATIONS = [*WRITTEN, *FOLLOWED, *CLAIMED, *WAITING]
