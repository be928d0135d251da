"""Whoever asks a run to stop is heard where nothing is half done, and wherever a worker is waited for."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch import stopping
from kronkers_batch.ahead import ahead
from kronkers_batch.cli.running import interrupts
from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.pipeline import fan
from kronkers_batch.runtimes.scoring_stream import pipelined
from kronkers_batch.stopping import Interrupted
from tests.contract.conftest import Lab

ROWS = pl.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]})
ROW = ROWS.select("x")


@pytest.fixture
def stop() -> Iterator[Callable[[], None]]:
    with stopping.heard() as ask:
        yield ask


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    tmp_path.chmod(0o755)
    with ExitStack() as stack:
        yield Lab(LANGUAGES["python"], tmp_path, stack)


def test_it_is_heard_only_within_the_block() -> None:
    stopping.check()
    with stopping.heard() as ask:
        stopping.check()
        ask()
        for _again in range(2):
            with pytest.raises(Interrupted):
                stopping.check()
    stopping.check()
    assert stopping.descriptor() is None


def test_only_one_listens(stop) -> None:
    with pytest.raises(RuntimeError), stopping.heard():
        pass
    stop()  # the first is heard still
    with pytest.raises(Interrupted):
        stopping.check()


def test_it_is_raised_at_once_where_other_processes_work(stop) -> None:
    with stopping.at_once(), pytest.raises(Interrupted):
        stop()
    with pytest.raises(Interrupted), stopping.at_once():  # one that came before
        pytest.fail("the work begins")


@pytest.mark.parametrize("most", [0, 3])
def test_no_further_chunk_is_begun_or_waited_for(stop, most) -> None:
    begun, ended = [], []

    def end(item: int) -> int:
        ended.append(item)
        stop()
        return item

    with pytest.raises(Interrupted):
        list(ahead(range(4), most, begun.append, end))
    assert (len(begun), len(ended)) == (most + 1, 1)


def soon(stop: Callable[[], None]) -> None:
    threading.Timer(0.3, stop).start()


@pytest.mark.interpreter
@pytest.mark.parametrize("workers", [1, 2])
def test_who_waits_for_scores_waits_no_more(stop, lab, workers) -> None:
    """It is no failure of the worker, which would be a finding about the model."""
    started = [lab.start("stubborn", time_limit=4) for _ in range(workers)]
    for worker in started:
        worker.fit([ROWS])
    soon(stop)
    with pytest.raises(Interrupted):
        list(fan.score_stream(started, iter([ROW] * 40)))
    for worker in started:
        worker.close()
    assert {t.name for t in threading.enumerate()}.isdisjoint({"worker-feed", "worker-writer"})


def test_the_thread_that_sends_hands_the_stop_on() -> None:
    def send(_buffers: object) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        list(pipelined([ROW, ROW], lambda _chunk: [], send, lambda _rows: ROW))


@pytest.mark.interpreter
def test_who_waits_for_a_worker_to_start_waits_no_more(stop, lab) -> None:
    worker = lab.start("hang_loading", start_limit=4)
    soon(stop)
    with pytest.raises(Interrupted):
        _ = worker.info


@pytest.mark.interpreter
def test_who_sends_more_than_a_worker_reads_waits_no_more(stop, lab) -> None:
    worker = lab.start("hang_loading", start_limit=4, time_limit=4)
    soon(stop)
    channel = worker._process.channel
    with pytest.raises(Interrupted):
        channel.send([bytes(2**24)], 4)


def test_a_process_of_somebody_else_keeps_its_signals() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts(argparse.Namespace(own_process=False)):
        assert signal.getsignal(signal.SIGINT) is before
        assert stopping.descriptor() is None


TWICE = """\
import argparse, signal, time
from kronkers_batch import stopping
from kronkers_batch.cli.running import interrupts
IGNORED = {ignored}
if IGNORED:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
with interrupts(argparse.Namespace(own_process=True)):
    try:
        signal.raise_signal(signal.SIGINT)
        print("goes on", flush=True)
        try:
            stopping.check()
        except stopping.Interrupted:
            print("is asked to stop")
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as stopped:
        print(type(stopped).__name__)
print(signal.getsignal(signal.SIGINT) is (signal.SIG_IGN if IGNORED else signal.default_int_handler))
"""


@pytest.mark.interpreter
@pytest.mark.parametrize("ignored", [False, True])
def test_the_first_signal_asks_and_the_second_stops(ignored) -> None:
    told = subprocess.run(
        [sys.executable, "-c", TWICE.format(ignored=ignored)], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    asked = [] if ignored else ["is asked to stop", "KeyboardInterrupt"]
    assert told == ["goes on", *asked, "True", ""]
