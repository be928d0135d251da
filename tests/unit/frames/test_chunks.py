"""The same rows in the same order, in frames of one size."""

import itertools

import polars as pl
import pytest

from kronkers_batch.frames.chunks import rechunked

SIZES = ([], [0], [3], [10], [1] * 25, [25], [4, 0, 9, 1, 11], [10, 10], [7, 13])


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_rows_are_cut_and_joined_and_none_is_lost(sizes):
    numbers = iter(range(sum(sizes)))
    frames = [pl.DataFrame({"x": list(itertools.islice(numbers, n))}, {"x": pl.Int64}) for n in sizes]
    found = list(rechunked(iter(frames), 10))
    assert [frame.height for frame in found[:-1]] == [10] * (len(found) - 1)
    assert all(0 < frame.height <= 10 for frame in found)
    assert [x for frame in found for x in frame["x"]] == list(range(sum(sizes)))


def test_columns_are_copied_into_one_buffer_where_that_is_wanted():
    frames = [pl.DataFrame({"x": range(5)}) for _ in range(4)]
    assert [f.n_chunks() for f in rechunked(frames, 10)] == [2, 2]
    assert [f.n_chunks() for f in rechunked(frames, 10, contiguous=True)] == [1, 1]


def test_a_frame_is_given_as_soon_as_there_are_rows_enough():
    taken = []

    def frames():
        for number in range(5):
            taken.append(number)
            yield pl.DataFrame({"x": range(5)})

    next(rechunked(frames(), 10))
    assert taken == [0, 1]


def test_all_that_waits_is_weighed():
    weighed = []
    frames = [pl.DataFrame({"x": range(4)}) for _ in range(3)]
    list(rechunked(frames, 10, lambda rows, size: weighed.append((rows, size))))
    assert weighed == [(4, 32), (8, 64), (12, 96)]
