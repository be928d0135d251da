"""The pool of workers, with real ones: who gets which, which is never given out again, and what is left."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.errors import ScoreFailed, UsageError, WorkerFailed
from kronkers_batch.runtimes.model_worker import Worker, start
from kronkers_batch.runtimes.pool import WorkerPool
from tests.contract.conftest import Lab

pytestmark = pytest.mark.interpreter


CODE = """import time
def fit(data, params):
    return 2.0
def score(model, data):
    if data["x"][0] == 98:
        raise ValueError("no")
    if data["x"][0] == 99:
        time.sleep(600)
    return model * data["x"]
"""
HANGS, FAILS = 99.0, 98.0
LONG = 60.0  # seconds; only a test that goes wrong waits so long


def rows(first: float) -> pl.DataFrame:
    return pl.DataFrame({"x": [float(first), 3.0]})


class Opener:
    """Opens fitted workers of one model, and remembers them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.lab = Lab(LANGUAGES["python"], folder, stack)
        place = folder / "pool"
        place.mkdir(mode=0o755)
        (place / "model.py").write_text(CODE)
        self.made: list[Worker] = []
        self.limit = LONG

    def __call__(self) -> Worker:
        worker = start(self.lab.spec("pool", data="numpy", time_limit=self.limit))
        self.made.append(worker)
        try:
            worker.fit([pl.DataFrame({"x": [1.0], "y": [1.0]})])
        except BaseException:
            worker.close()
            raise
        return worker


@pytest.fixture
def opener(tmp_path: Path) -> Iterator[Opener]:
    tmp_path.chmod(0o755)
    with ExitStack() as stack:
        yield Opener(tmp_path, stack)


@pytest.fixture
def make() -> Iterator[Callable[..., WorkerPool]]:
    pools: list[WorkerPool] = []

    def made(kept: int = 2, at_once: int = 4) -> WorkerPool:
        pools.append(WorkerPool(kept, at_once))
        return pools[-1]

    yield made
    for pool in pools:
        pool.close(0)


def scored(pool: WorkerPool, opener: Opener, key: str = "k") -> Worker:
    """One call; the worker that answered."""
    with pool.use(key, opener) as worker:
        assert worker.score(rows(1.0))["score"].to_list() == [2.0, 6.0]
    return worker


def pid(worker: Worker) -> int:
    return worker._process._popen.pid


def children() -> set[int]:
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended
            found.update(map(int, (task / "children").read_text().split()))
    return found


def descriptors() -> int:
    """How many stay open: who watches a worker's memory opens one for a moment, again and again."""
    return min(len(list(Path("/proc/self/fd").iterdir())) for _ in range(50))


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# ---------------------------------------------------------------- who gets which


def test_one_that_answered_is_used_again(make, opener):
    pool = make()
    assert scored(pool, opener) is scored(pool, opener)
    assert len(opener.made) == 1


def test_threads_have_workers_of_their_own(make, opener):
    pool, all_hold = make(kept=4, at_once=4), threading.Barrier(4, timeout=LONG)

    def call(number: int) -> Worker:
        with pool.use("k", opener) as worker:
            all_hold.wait()
            assert worker.score(rows(number))["score"].to_list() == [2.0 * number, 6.0]
            return worker

    with ThreadPoolExecutor(4) as threads:
        assert len({pid(worker) for worker in threads.map(call, range(4))}) == 4
    assert pool.keys() == ["k"] * 4


def test_who_asks_for_more_than_the_bound_waits(make, opener):
    pool, holds, go = make(kept=1, at_once=1), threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with pool.use("k", opener):
            holds.set()
            assert go.wait(LONG)
            order.append("first")

    def second() -> Worker:
        with pool.use("k", opener) as worker:
            order.append("second")
            return worker

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(first)
        assert holds.wait(LONG)
        two = threads.submit(second)
        while not pool._asking:
            assert not two.done()
        go.set()
        one.result(), two.result()
    assert order == ["first", "second"]
    assert len(opener.made) == 1  # it waited, and then had the same one


def test_who_holds_one_is_not_kept_waiting_by_the_bound(make, opener):
    """Else two who hold one each and want another would wait for each other for ever."""
    pool = make(kept=1, at_once=1)
    with pool.use("k", opener) as one, pool.use("k", opener) as other:
        assert pid(one) != pid(other)


def test_who_needs_more_than_the_bound_waits_until_nobody_else_has_one(make, opener):
    pool = make(kept=2, at_once=1)
    with pool.use_several("k", opener, 2) as workers:
        assert len({pid(worker) for worker in workers}) == 2
    assert pool.keys() == ["k", "k"]


def test_the_one_unused_for_longest_is_closed_first(make, opener):
    pool = make(kept=2)
    first, second = scored(pool, opener, "a"), scored(pool, opener, "b")
    assert scored(pool, opener, "a") is first
    third = scored(pool, opener, "c")
    assert pool.keys() == ["a", "c"]
    assert [worker.is_ready() for worker in (first, second, third)] == [True, False, True]
    assert children() & set(map(pid, opener.made)) == {pid(first), pid(third)}


# ---------------------------------------------------------------- which is never given out again


def test_one_that_died_while_it_waited(make, opener):
    pool = make()
    dead = scored(pool, opener)
    os.kill(pid(dead), signal.SIGKILL)
    os.waitid(os.P_PID, pid(dead), os.WEXITED | os.WNOWAIT)
    assert scored(pool, opener) is not dead
    assert pid(dead) not in children()


def test_one_that_hung_is_replaced(make, opener):
    pool, opener.limit = make(), 1.0
    with pytest.raises(WorkerFailed, match="took longer than 1 s"), pool.use("k", opener) as hung:
        hung.score(rows(HANGS))
    assert scored(pool, opener) is not hung
    assert pid(hung) not in children()


def test_one_that_failed_though_its_user_went_on(make, opener):
    pool, opener.limit = make(), 1.0
    with pool.use("k", opener) as hung, pytest.raises(WorkerFailed):
        hung.score(rows(HANGS))
    assert not pool.keys()
    assert scored(pool, opener) is not hung


def test_one_whose_answers_nobody_read_does_not_give_them_to_the_next(make, opener):
    """A stream that was left: the next caller would get the scores of its rows, without a word."""
    pool = make()
    with pool.use("k", opener) as left:
        stream = left.score_stream(rows(float(n)) for n in range(9))
        next(stream)
    assert scored(pool, opener) is not left
    with pytest.raises(WorkerFailed, match="was closed"):
        list(stream)


def test_one_whose_model_raised_is_used_again_where_its_user_expected_that(make, opener):
    pool = make()
    with pool.use("k", opener) as worker, pytest.raises(ScoreFailed):
        worker.score(rows(FAILS))
    assert scored(pool, opener) is worker


def test_any_error_in_the_block_closes_it(make, opener):
    pool = make()
    with pytest.raises(ZeroDivisionError), pool.use("k", opener) as worker:
        _ = 1 / 0
    assert not pool.keys()
    assert pid(worker) not in children()


def test_one_that_trained_is_closed(make, opener):
    pool = make()
    with pool.use_up("k", opener) as worker:
        assert worker.is_ready()
    assert not pool.keys()
    assert pid(worker) not in children()


# ---------------------------------------------------------------- ahead


def test_one_that_was_started_ahead_is_given_to_who_comes_for_it(make, opener):
    pool = make()
    pool.prepare("k", opener)
    assert scored(pool, opener) is opener.made[0]
    pool.prepare("k", opener)  # there is one
    assert len(opener.made) == 1
    pool.prepare("other", opener)
    assert pool.full


def test_a_start_that_failed_is_tried_anew_and_fills_no_place(make, opener):
    def broken() -> Worker:
        raise WorkerFailed("it does not start")

    pool = make(kept=1)
    pool.prepare("k", broken)
    pool._waiting[0].worker.exception(LONG)
    assert not pool.full
    assert scored(pool, opener) is opener.made[0]


def test_who_comes_while_it_starts_gets_its_error(make, opener):
    begun, go = threading.Event(), threading.Event()

    def broken() -> Worker:
        begun.set()
        assert go.wait(LONG)
        raise WorkerFailed("it does not start")

    pool = make()
    pool.prepare("k", broken)
    assert begun.wait(LONG)
    threading.Timer(0.05, go.set).start()
    with pytest.raises(WorkerFailed, match="it does not start"), pool.use("k", opener):
        pass
    assert scored(pool, opener) is opener.made[0]


def test_of_several_that_start_no_other_is_left_where_one_fails(make, opener):
    def broken() -> Worker:
        if threading.current_thread() is threading.main_thread():
            raise WorkerFailed("it does not start")
        return opener()

    pool = make()
    with pytest.raises(WorkerFailed, match="it does not start"), pool.use_several("k", broken, 3):
        pass
    pool.close()  # whatever still starts has started then
    assert len(opener.made) == 2
    assert not children() & set(map(pid, opener.made))


# ---------------------------------------------------------------- locks


def test_nobody_waits_for_the_start_the_answer_or_the_end_of_anothers_worker(make, opener):
    """Each is held back here for as long as the others take."""
    pool, starts, answers, ends = make(kept=0), *(threading.Event() for _ in range(3))
    go = threading.Event()

    def slow_start() -> Worker:
        starts.set()
        assert go.wait(LONG)
        return opener()

    def answer() -> None:
        with pool.use("b", opener):
            answers.set()
            assert go.wait(LONG)

    def end() -> None:
        with pool.use("c", opener) as worker:
            close = worker.close

            def slow_close() -> None:
                ends.set()
                assert go.wait(LONG)
                close()

            worker.close = slow_close  # type: ignore[method-assign]

    with ThreadPoolExecutor(3) as threads:
        try:
            waiting = [
                threads.submit(lambda: pool.use("a", slow_start).__enter__()),
                threads.submit(answer),
                threads.submit(end),
            ]
            assert all(event.wait(LONG) for event in (starts, answers, ends))
            scored(pool, opener, "d")
            assert pool.keys() == []
            assert not any(one.done() for one in waiting)
        finally:
            go.set()
    for worker in opener.made:
        worker.close()


# ---------------------------------------------------------------- the end


def test_one_that_nobody_came_for_is_closed_at_the_end(make, opener):
    pool = make()
    pool.prepare("k", opener, 2)
    pool.close()
    assert len(opener.made) == 2
    assert not children() & set(map(pid, opener.made))


def test_closing_while_others_start_and_use_workers_leaves_nothing(make, opener):
    scored(WorkerPool(0), opener)  # what a process has once: the threads that start workers
    before = descriptors(), threading.active_count()
    pool, met = make(kept=2, at_once=3), []

    def call(number: int) -> None:
        try:
            while True:
                pool.prepare(f"ahead {number}", opener)
                scored(pool, opener, f"key {number % 2}")
        except UsageError as error:
            met.append(error)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    while len(opener.made) < 4:
        threads[0].join(0.01)
    pool.close()
    for thread in threads:
        thread.join(LONG)
    assert len(met) == 4
    assert not children() & set(map(pid, opener.made))
    assert (descriptors(), threading.active_count()) == before


def test_closing_kills_the_worker_of_who_does_not_end(make, opener):
    pool, asked = make(), threading.Event()

    def hang() -> None:
        with pool.use("k", opener) as worker:
            asked.set()
            worker.score(rows(HANGS))

    with ThreadPoolExecutor(1) as threads:
        one = threads.submit(hang)
        assert asked.wait(LONG)
        pool.close(0.2)
        with pytest.raises(WorkerFailed, match="during 'score': the system was closed"):
            one.result(LONG)
    assert not children() & set(map(pid, opener.made))


def test_closing_waits_for_a_start_and_ends_what_it_gave(make, opener):
    pool, begun, go, ended = make(), *(threading.Event() for _ in range(3))

    def slow() -> Worker:
        begun.set()
        assert go.wait(LONG)
        return opener()

    def hold() -> None:
        with pool.use("k", slow):
            assert ended.wait(LONG)

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(hold)
        assert begun.wait(LONG)
        closing = threads.submit(pool.close, 0)
        while not pool._closed:
            assert not closing.done()
        go.set()
        closing.result(LONG)
        killed = opener.made[0]._process.ended(5)
        ended.set()
        one.result(LONG)
    assert killed == 128 + signal.SIGKILL
    assert not children() & set(map(pid, opener.made))


def test_a_worker_that_nobody_can_watch_is_ended(opener, monkeypatch):
    """Such as where the machine has no more threads."""
    before, begin = (descriptors(), children()), threading.Thread.start

    def none_left(thread: threading.Thread) -> None:
        if thread.name == "worker-memory":
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(RuntimeError, match="new thread"):
        opener()
    assert (descriptors(), children()) == before


def test_a_worker_that_cannot_be_told_its_model_is_ended(opener):
    before = descriptors(), children()
    with pytest.raises(ValueError, match="beyond 64 bits"):
        start(opener.lab.spec("pool", parameters={"n": 2**70}))
    assert (descriptors(), children()) == before


def test_nothing_is_started_after_the_end(make, opener):
    pool = make()
    pool.close()
    pool.prepare("k", opener)
    with pytest.raises(UsageError, match="was closed"), pool.use("k", opener):
        pass
    assert not opener.made


def test_who_waits_for_a_turn_at_the_end_is_told(make, opener):
    pool = make(at_once=1)

    def second() -> None:
        with pool.use("k", opener):
            raise AssertionError

    with ThreadPoolExecutor(1) as threads, pool.use("k", opener):
        two = threads.submit(second)
        while not pool._asking:
            assert not two.done()
        pool.close()
        with pytest.raises(UsageError):
            two.result(LONG)


# ---------------------------------------------------------------- for weeks


MILLION = pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(7200)])


@pytest.mark.parametrize("calls", [1_000, MILLION])
def test_many_calls_on_four_threads_take_no_more_memory_descriptors_or_threads(make, opener, calls):
    pool, all_hold = make(kept=4, at_once=4), threading.Barrier(4, timeout=LONG)

    def begin(count: int) -> None:
        with pool.use("k", opener):
            all_hold.wait()  # so that all threads and workers are there before anything is counted
        call(count)

    def call(count: int) -> None:
        frame = rows(1.0)
        for _ in range(count):
            with pool.use("k", opener) as worker:
                worker.score(frame)

    def state() -> tuple[int, int, set[int], int]:
        pids = children()
        return descriptors(), threading.active_count(), pids, resident()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(begin, [max(500, calls // 200)] * 4))
        before = state()
        list(threads.map(call, [calls // 4] * 4))
        after = state()
    print(f"{calls:,} calls: {before[3] / 1e6:.1f} MB, then {after[3] / 1e6:.1f} MB; {after[:2]}")
    assert after[0] <= before[0]
    assert after[1] <= before[1]
    assert after[3] < 1.05 * before[3]
    assert len(opener.made) <= 4
