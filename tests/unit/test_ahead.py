"""Work that runs ahead by a bound, its results in order."""

import threading

import pytest

from kronkers_batch.ahead import ahead, by_threads


def test_so_many_are_begun_beyond_the_one_that_is_waited_for():
    begun = []
    results = ahead(range(6), 2, lambda item: begun.append(item) or item, lambda item: item * 10)
    assert next(results) == 0
    assert begun == [0, 1, 2]
    assert next(results) == 10
    assert begun == [0, 1, 2, 3]
    assert list(results) == [20, 30, 40, 50]


def test_items_end_before_the_last_results_are_waited_for():
    seen = []

    def items():
        yield from "ab"
        seen.append("end")

    list(ahead(items(), 3, str, seen.append))
    assert seen == ["end", "a", "b"]


def test_what_was_begun_and_not_ended_is_left_to_the_caller():
    from collections import deque

    begun = deque()

    def end(item):
        raise ValueError(item)

    with pytest.raises(ValueError, match="0"):
        list(ahead(range(9), 2, int, end, begun))
    assert list(begun) == [1, 2]


def test_threads_give_results_in_order_and_are_gone_at_the_end():
    first = threading.Event()

    def work(item: int) -> int:
        first.wait(10) if item == 0 else first.set()
        return item

    assert list(by_threads(range(20), work, 4, "test", 2)) == list(range(20))
    assert not [one for one in threading.enumerate() if one.name.startswith("kronkers-test")]


def test_an_error_comes_in_its_turn_and_ends_it():
    done = []

    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        done.append(item)
        return item

    results = by_threads(range(100), work, 2, "test")
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert len(done) < 10
    assert not [one for one in threading.enumerate() if one.name.startswith("kronkers-test")]
