"""The end of snapshots that nothing needs: which they are, who deletes them, and what is said of it."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, returns, sets, swap, without
from tests.faults.mutations.kind import _

HERE = "tests/rules/test_snapshots.py::test_"
BAD = "tests/faults/test_bad_config.py::test_"
CRASH = "tests/faults/test_crash_points.py::test_"
BOTH = "tests/contract/test_expiring.py::test_"
END = "data.expiring:Expiry.end"
STEP = "steps.expiry"

WHICH = [
    _("what nothing used stays", "data.expiring:Expiry.due",
      returns("{}"), f"{HERE}a_snapshot_that_nothing_used_for_long_is_deleted"),
    _("the key of what expired stays", END,
      drop("self._vault.shred(conn, row.key_id)"), f"{HERE}a_snapshot_that_nothing_used_for_long_is_deleted",
      f"{HERE}whoever_reads_it_is_told_that_it_expired"),
    _("the pieces of what expired stay", "data.expiring:Expiry._remove",
      drop("self._artifacts.delete(path)"), f"{HERE}a_snapshot_that_nothing_used_for_long_is_deleted"),
    _("young snapshots expire", f"{STEP}:_Ending.run",
      sets("before", "clock.now()"), f"{HERE}a_younger_snapshot_stays"),
    _("nothing is kept forever", f"{STEP}:expire_snapshots",
      without("services.config.warehouse.keep_snapshots == FOREVER"),
      f"{HERE}snapshots_may_be_kept_forever"),
    _("what was used lately expires", "steps.prepare:_opened",
      drop("use(connection, snapshot.id)"), f"{HERE}what_was_opened_lately_stays",
      f"{HERE}whoever_reads_it_is_told_that_it_expired"),
    _("what a champion was trained on expires", "data.expiring:Limit.condition",
      without("~self.needed(table.c.id)"), f"{HERE}what_a_champion_was_trained_on_stays",
      f"{CRASH}killed_while_snapshots_expire"),
    _("what a version was trained on that never was champion stays", "registry.trained_on:needed",
      without("_PROMOTED"), f"{HERE}what_a_champion_was_trained_on_stays"),
    _("what a deleted version was trained on stays", "registry.trained_on:needed",
      without("_READY"), f"{HERE}what_a_deleted_version_was_trained_on_counts_from_then"),
    _("what a deleted version was trained on goes with it", "registry.registry:Registry.shred",
      drop("trained_on.release(conn, row.snapshot_id)"),
      f"{HERE}what_a_deleted_version_was_trained_on_counts_from_then"),
    _("what an older release trained on is not looked up", "registry.trained_on:learn",
      returns("None"), f"{HERE}what_an_older_release_trained_on_is_learnt",
      f"{HERE}what_is_sealed_for_others_keeps_what_it_may_need"),
    _("what is sealed for others is needed by nobody", f"{STEP}:_Ending.run",
      swap("replace(limit, frozen_after=sealed.created)", "limit"),
      f"{HERE}what_is_sealed_for_others_keeps_what_it_may_need"),
    _("what keeps a snapshot is believed", "registry.records:_compare",
      without("trained_on != training.snapshot_id"), f"{HERE}a_version_tells_what_it_was_trained_on"),
]  # fmt: skip

WORD = [
    _("what is long due expires", f"{STEP}:_Ending._held_back",
      never("since > LATELY"), f"{HERE}what_is_long_due_waits",
      f"{HERE}the_run_and_its_page_say_what_expired"),
    _("a month is long for a snapshot", "steps.retention:LATELY",
      swap("dt.timedelta(days=31)", "dt.timedelta(days=30)"), f"{HERE}what_is_due_for_a_month_goes"),
    _("most of the snapshots expire", f"{STEP}:_Ending._held_back",
      never("2 * due.count > there"), f"{HERE}most_of_the_snapshots_wait"),
    _("half of the snapshots wait", f"{STEP}:_Ending._held_back",
      swap("2 * due.count > there", "2 * due.count >= there"), f"{HERE}most_of_the_snapshots_wait"),
    _("the word for snapshots is not heard", f"{STEP}:_Ending._one",
      without("not self._told_to"), f"{HERE}what_is_long_due_waits",
      f"{HERE}the_run_and_its_page_say_what_expired"),
    _("nothing is too short to be kept", "config.kinds:duration",
      never("positive and not found"), f"{BAD}how_long_snapshots_are_kept[nothing]",
      f"{BAD}how_long_snapshots_are_kept[no days]"),
]  # fmt: skip

WHO = [
    _("snapshots expire without a good model", f"{STEP}:expire_snapshots",
      without("not good"), f"{HERE}a_run_without_a_good_model_deletes_none"),
    _("who may not delete snapshots tries", f"{STEP}:_Ending._mine",
      without("rights.covers(held, scope, rights.DEEDS['expire'])"),
      f"{HERE}who_may_not_delete_them_leaves_them"),
    _("a model's own snapshots are nobody's", "data.expiring:Expiry.due",
      swap("scope_of(row[0])", "Scope(row[0])"),
      f"{HERE}a_models_own_snapshots_are_deleted_by_its_operator"),
    _("a run deletes all at once", "data.expiring:Expiry.oldest",
      swap("query.order_by(table.c.used, table.c.id).limit(most)",
           "query.order_by(table.c.used, table.c.id)"),
      f"{HERE}a_run_deletes_a_bounded_number"),
    _("who uses a snapshot late finds nothing", "data.expiring:Expiry._marked",
      swap("EXPIRED", "READY"), f"{HERE}an_expired_window_is_frozen_anew"),
    _("what somebody opens meanwhile goes", "data.expiring:Expiry._marked",
      without("table.c.used < limit.unused_since"),
      f"{BOTH}what_somebody_opens_meanwhile_stays[postgresql]"),
    _("what expired can be opened", "data.expiring:use",
      never("conn.execute(update(table).where(*there).values(used=used)).rowcount != 1"),
      f"{BOTH}what_ended_cannot_be_opened", f"{HERE}whoever_reads_it_is_told_that_it_expired"),
    _("a snapshot of another department goes", END,
      without("table.c.department == str(scope)"), f"{BOTH}what_another_department_has_is_left"),
    _("a snapshot that is not as it was signed goes", "data.expiring:Expiry._is_whole",
      returns("True"), f"{HERE}what_is_not_as_it_was_signed_stays"),
]  # fmt: skip

SAID = [
    _("what expired is in no table", "tasks.run:_ended",
      sets("notes", "()"), f"{HERE}the_run_and_its_page_say_what_expired"),
    _("what does not expire is no warning", "tasks.run:_ended",
      drop("warnings += expired.warnings"), f"{HERE}the_run_and_its_page_say_what_expired"),
    _("what does not expire is on no page", f"{STEP}:_Ending._warn",
      drop("runlog.record(...)"), f"{HERE}the_run_and_its_page_say_what_expired"),
    _("what expired is on no page", END,
      drop("event(conn, len(gone))"), f"{HERE}the_run_and_its_page_say_what_expired"),
    _("what killed runs left of snapshots stays", "data.expiring:Expiry.sweep",
      returns("0"), f"{HERE}what_cannot_be_deleted_fails_no_run", f"{CRASH}killed_while_snapshots_expire"),
    _("a store that refuses ends a run", END,
      swap("StoreError", "ValueError"), f"{HERE}what_cannot_be_deleted_fails_no_run"),
    _("what a store keeps of expired snapshots is not said again", f"{STEP}:_Ending.run",
      drop("expiry.sweep()"), f"{HERE}what_cannot_be_deleted_fails_no_run"),
    _("a sweep that the store refuses ends a run", "data.snapshots:Snapshots.sweep",
      swap("contextlib.suppress(StoreError)", "contextlib.nullcontext()"),
      f"{HERE}what_cannot_be_deleted_fails_no_run"),
    _("that the database refuses is not said", f"{STEP}:expire_snapshots",
      drop("found.warnings.append(...)"), f"{HERE}a_locked_database_fails_no_run"),
    _("where nothing expires more is asked", f"{STEP}:_Ending.run",
      never("not due"), f"{HERE}nothing_to_expire_asks_little"),
    _("a snapshot expires without a line", END,
      drop("note(conn, row.source, ...)"), f"{HERE}the_ledger_has_a_line_for_each"),
    _("a deleted snapshot is not missed", "steps.recorded:refuse_missing_snapshots",
      never("not said.frozen[missing] <= said.discarded.get(missing, set())"),
      f"{HERE}a_snapshot_that_goes_without_a_line_is_missed",
      f"{HERE}a_line_about_another_snapshot_excuses_nothing"),
    _("any line excuses a deleted snapshot", "steps.recorded:refuse_missing_snapshots",
      swap("not said.frozen[missing] <= said.discarded.get(missing, set())", "missing not in said.discarded"),
      f"{HERE}a_line_about_another_snapshot_excuses_nothing"),
    _("an expired snapshot is missed", "steps.recorded_since:verify",
      swap("-1 if entry.action == 'discard' else 1", "1"),
      f"{HERE}an_expired_snapshot_is_not_taken_for_a_deleted_one"),
    _("an expired snapshot may be there", "steps.recorded:compare_snapshots",
      never("itself & said.discarded.get(row.id, set())"),
      f"{HERE}an_expired_snapshot_that_is_there_is_refused"),
    _("who reads what expired is told of a lost piece", "data.snapshots:Snapshots.read",
      drop("self._get(ref.id)"), f"{HERE}whoever_reads_it_is_told_that_it_expired"),
]  # fmt: skip

MUTATIONS = [*WHICH, *WORD, *WHO, *SAID]
