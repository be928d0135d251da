"""What is remembered while facts are read: within a transaction, and of signatures within a process."""

from __future__ import annotations

from tests.faults.mutations.changes import always, drop, never, swap, without
from tests.faults.mutations.kind import F, _

FIXED = "tests/contract/test_fixed_statements.py::"
WHOLE = "tests/contract/test_fixed_transactions.py::"
SEEN = "tests/unit/store/test_seen.py::"
IDENTITY = "tests/unit/vault/test_identity.py::"
READS = "tests/unit/store/test_shared_read.py::"
READING = "tests/unit/warehouse/test_reading.py::"
REGISTRY = "tests/unit/registry/test_registry.py::"

MUTATIONS = [
    _("a signature found good is good of any message", "vault.identity:PublicKeys.verifies",
      swap("named(self.sign, message, signature)", "named(self.sign, b'', signature)"),
      f"{IDENTITY}test_sealing_to_a_principal_and_signing"),
    _("a signature found good is anybody's", "vault.identity:PublicKeys.verifies",
      swap("named(self.sign, message, signature)", "named(b'', message, signature)"),
      f"{IDENTITY}test_sealing_to_a_principal_and_signing"),
    _("a signature found good stands for any other", "vault.identity:PublicKeys.verifies",
      swap("named(self.sign, message, signature)", "named(self.sign, message, b'')"),
      f"{IDENTITY}test_sealing_to_a_principal_and_signing"),
    _("what is remembered of signatures runs together", "vault.verified:named",
      swap("len(part).to_bytes(8, 'little') + part", "part"),
      f"{IDENTITY}test_good_signatures_are_remembered_up_to_a_number"),
    _("signatures are not remembered", "vault.identity:PublicKeys.verifies",
      drop("_VERIFIED.add(name)"), f"{FIXED}test_each_signature_is_checked_once_a_process[sqlite]"),
    _("a write transaction remembers what it was told", "store.engine:Database.unchecked",
      swap("None if write else seen.Seen()", "seen.Seen()"),
      f"{SEEN}test_a_write_transaction_remembers_nothing"),
    _("reads of one block are of several times", "store.shared_read:SharedReads.read",
      always("not self._own.blocks"),
      f"{READS}test_reads_of_a_block_are_one_transaction_and_see_one_read"),
    _("who wrote still reads what was before", "store.engine:Database.unchecked",
      drop("self._shared_reads.end()"), f"{READS}test_after_a_write_it_is_another_timestamp"),
    _("who waited for a claim still reads what was before", "store.engine:Database.claim",
      drop("self._shared_reads.end()"), f"{READS}test_who_waited_for_a_claim_sees_what_was_done_meanwhile"),
    _("a time waits for itself", "store.engine:Database.scrub",
      drop("self._shared_reads.end()"),
      f"{READS}test_a_reader_of_ones_own_keeps_no_log_from_being_truncated"),
    _("a time lasts while an interpreter starts", "pipeline.definitions:_Parser._normalised",
      drop("self._services.db.end_read()"),
      "tests/e2e/test_started_ahead.py::test_no_reading_transaction_is_open_while_code_is_normalised"),
    _("a time goes on after a statement that failed", "store.shared_read:SharedReads.read",
      never("not isinstance(error, KronkersError)"),
      f"{READS}test_after_a_statement_that_failed_it_is_another_timestamp"),
    _("a time outlives its block", "store.shared_read:SharedReads.one",
      never("not self._own.blocks"), f"{READS}test_its_connection_is_given_back"),
    _("what is being read ends with its time", "store.shared_read:SharedReads.read",
      drop("shared.enter()"), f"{READS}test_what_is_being_read_goes_on_where_the_timestamp_ends"),
    _("each model's signatures are asked for by themselves", "vault.definition_signatures:Signatures.newest",
      swap("seen.rows(conn, _SIGNED, kind=str(kind), name=name)",
           "conn.execute(_SIGNED.where(table.c.kind == str(kind), table.c.name == name)).all()"),
      f"{WHOLE}test_a_command_asks_as_much_for_many_models_as_for_few[plan]"),
    _("who lists versions imports what makes frames", "registry.records:open_version",
      swap("verified(conn, vault, row)", "__import__('polars') and verified(conn, vault, row)"),
      f"{WHOLE}test_who_looks_loads_no_frames_and_no_graph"),
    _("subscribers read times of their own", "subscribers.__init__:tell",
      swap("services.db.one_read()", "services.db.claim('unneeded')"),
      f"{WHOLE}test_a_run_with_nothing_to_do_reads_few_timestamps"),
    _("one damaged value spoils the whole table", "store.seen:_whole",
      swap("seen.whole[query] = None", "raise"), f"{SEEN}test_a_damaged_row_spoils_what_meets_it_alone"),
    _("one model's damage stops all", "registry.standing:standings",
      swap("result[model] = error", "raise"),
      f"{FIXED}test_one_models_damage_stops_no_other[sqlite-champions]",
      f"{FIXED}test_one_models_damage_stops_no_other[sqlite-model_versions]"),
    _("one date's damage stops all", "warehouse.date_standing:standings",
      swap("result[day] = error", "raise"), f"{FIXED}test_one_models_damage_stops_no_other[sqlite-outputs]"),
    _("a version of another department is the newest", "registry.standing:_newest",
      without("or_(...)"), f"{F}test_insiders.py::test_another_department_makes_no_champion_of_ours"),
    _("a version that was deleted is the newest", "registry.standing:_newest",
      without("table.c.state == 'ready'"), f"{REGISTRY}test_a_deleted_version_is_no_answer"),
    _("a log goes back in time", "vault.signed_log:SignedLog._verified",
      without("line.at <= at"), f"{REGISTRY}test_a_promotion_before_the_one_before_it_is_refused",
      "tests/faults/test_warehouse.py::test_a_line_before_the_one_before_it_is_refused"),
    _("who may not read finds out all the same", "warehouse.output_rows:OutputRows.lookup",
      drop("may(conn)"), f"{READING}test_who_may_not_is_refused_before_anything_is_looked_for"),
    _("who may not read gets as far as the keys", "warehouse.output_rows:OutputRows.read",
      drop("may(conn)"), f"{READING}test_who_may_not_is_refused_before_anything_is_looked_for"),
    _("a lookup asks for no right", "queries.reading:read",
      swap("rights.asked(services, 'read', model)", "lambda _conn: None"),
      "tests/e2e/test_python.py::test_who_was_revoked_is_refused_at_once_whatever_is_remembered"),
]  # fmt: skip
