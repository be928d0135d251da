"""Ctrl-C on a run: it is heard, met where nothing is half done, and is no finding about a model."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, swap, without
from tests.faults.mutations.kind import _

HERE = "tests/unit/test_stopping.py::test_"

MUTATIONS = [
    _("who asks to stop is not heard by a wait", "runtimes.protocol:_wait",
      never("stop in ready"), f"{HERE}who_waits_for_a_worker_to_start_waits_no_more",
      f"{HERE}who_sends_more_than_a_worker_reads_waits_no_more"),
    _("a wait is not woken", "runtimes.protocol:_wait",
      drop("poller.register(stop, ...)"), f"{HERE}who_waits_for_a_worker_to_start_waits_no_more"),
    _("the next chunk is begun", "ahead:ahead",
      drop("for item in items: ..."), f"{HERE}no_further_chunk_is_begun_or_waited_for[0]"),
    _("a stop is forgotten once it was met", "stopping:check",
      swap("raise Interrupted", "os.eventfd_read(_request.descriptor)\nraise Interrupted"),
      f"{HERE}it_is_heard_only_within_the_block"),
    _("processes of their own go on", "stopping:_ask",
      drop("if _request.at_once: ..."), f"{HERE}it_is_raised_at_once_where_other_processes_work"),
    _("a second signal only asks again", "cli.running:interrupts.first",
      drop("signal.signal(signal.SIGINT, usual)"),
      f"{HERE}the_first_signal_asks_and_the_second_stops[False]"),
    _("what runs in the background stops with its script", "cli.running:interrupts",
      without("signal.getsignal(signal.SIGINT) is not usual"),
      f"{HERE}the_first_signal_asks_and_the_second_stops[True]"),
    _("a task begins after the stop", "tasks.base_task:BaseTask.run",
      drop("stopping.check()"), "tests/e2e/test_ends_of_a_run.py::test_no_task_begins_after_a_stop"),
    _("the thread that sends calls a stop a failed worker", "runtimes.scoring_stream:_Writer._run",
      swap("(Exception, Interrupted)", "Exception"), f"{HERE}the_thread_that_sends_hands_the_stop_on"),
]  # fmt: skip
