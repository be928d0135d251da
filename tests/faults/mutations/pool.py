"""What the pool of workers gives out, and what it leaves behind."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, returns, sets, swap, without
from tests.faults.mutations.kind import _

HERE = "tests/unit/runtimes/test_pool.py::test_"
POOL = "runtimes.pool:WorkerPool"

MUTATIONS = [
    _("a dead worker is given out", f"{POOL}._take",
      swap("worker.is_ready()", "True"), f"{HERE}one_that_died_while_it_waited"),
    _("a failed worker goes back", f"{POOL}._keep",
      swap("worker.is_ready()", "True"), f"{HERE}one_that_failed_though_its_user_went_on"),
    _("another's answers are given to the next", "runtimes.conversation:Conversation.is_ready",
      sets("due", "False"), f"{HERE}one_whose_answers_nobody_read_does_not_give_them_to_the_next"),
    _("what failed is not closed", f"{POOL}._turn",
      drop("_close_all(use.workers)"), f"{HERE}any_error_in_the_block_closes_it",
      f"{HERE}one_that_trained_is_closed"),
    _("as many are in use as ask", f"{POOL}._may_begin",
      swap("self._asking[0] is use and (...)", "True"),
      f"{HERE}who_asks_for_more_than_the_bound_waits"),
    _("who holds one waits for itself", f"{POOL}._may_begin",
      never("any(...)"), f"{HERE}who_holds_one_is_not_kept_waiting_by_the_bound"),
    _("who needs more than the bound waits for ever", f"{POOL}._may_begin",
      without("not in_use"), f"{HERE}who_needs_more_than_the_bound_waits_until_nobody_else_has_one"),
    _("the one used last is closed first", f"{POOL}._surplus",
      sets("started", "[one for one in self._waiting if one.worker.done()][::-1]"),
      f"{HERE}the_one_unused_for_longest_is_closed_first"),
    _("what failed to start fills a place", f"{POOL}._forget_failed",
      returns("None"), f"{HERE}a_start_that_failed_is_tried_anew_and_fills_no_place"),
    _("others that start are left where one fails", f"{POOL}._gather",
      drop("_close(future)"), f"{HERE}of_several_that_start_no_other_is_left_where_one_fails"),
    _("what nobody came for goes on", f"{POOL}.empty",
      drop("_close(one.worker)"), f"{HERE}one_that_nobody_came_for_is_closed_at_the_end"),
    _("what hangs outlives the pool", f"{POOL}._kill_others",
      drop("worker.kill(CLOSED)"), f"{HERE}closing_kills_the_worker_of_who_does_not_end"),
    _("what starts while the pool is closed goes on", f"{POOL}.close",
      drop("self._await_others(lambda use: use.opening, ...)"),
      f"{HERE}closing_waits_for_a_start_and_ends_what_it_gave"),
    _("a closed pool starts workers", f"{POOL}._refuse_if_closed",
      returns("None"), f"{HERE}nothing_is_started_after_the_end",
      f"{HERE}who_waits_for_a_turn_at_the_end_is_told"),
    _("who closed the system is said to want memory", "runtimes.conversation:Conversation._translate",
      never("self._killed"), f"{HERE}closing_kills_the_worker_of_who_does_not_end"),
    _("a worker that nobody watches goes on", "runtimes.process:Process.__init__",
      drop("self._end()"), f"{HERE}a_worker_that_nobody_can_watch_is_ended"),
    _("a worker without a model goes on", "runtimes.conversation:Conversation.__init__",
      drop("self._end('it did not get its model')"),
      f"{HERE}a_worker_that_cannot_be_told_its_model_is_ended"),
]  # fmt: skip
