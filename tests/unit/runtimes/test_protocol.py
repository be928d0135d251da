"""Messages: what is sent is what is read; a hostile worker is refused, at bounded cost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kronkers_batch.frames.wire import WireError
from kronkers_batch.runtimes import protocol
from kronkers_batch.runtimes.protocol import Channel, TimedOut, WorkerGone, flatten, header, unflatten

LEAF = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
TREE = st.recursive(LEAF, lambda t: st.lists(t, max_size=3) | st.dictionaries(st.text(), t, max_size=3))


@contextmanager
def answering(data: bytes, *, closed: bool = True) -> Iterator[Channel]:
    """A channel from which `data` (less than a pipe holds) can be read."""
    read, write = os.pipe()
    commands_read, commands_write = os.pipe()
    os.write(write, data)
    if closed:
        os.close(write)
    channel = Channel(commands_write, read)
    channel.deadline = time.monotonic() + 5
    try:
        yield channel
    finally:
        channel.close()
        os.close(commands_read)
        if not closed:
            os.close(write)


@given(st.dictionaries(st.text(), TREE, max_size=4))
def test_arguments_come_back_with_their_types(tree):
    back = unflatten([line.encode("ascii") for line in flatten(tree)])
    assert back == tree
    assert repr(back) == repr(tree)


@pytest.mark.parametrize("value", [2**63, object(), b"bytes"])
def test_what_cannot_be_sent_is_refused(value):
    with pytest.raises(ValueError, match=r"cannot be sent|beyond 64 bits"):
        flatten({"a": [value]})


@pytest.mark.parametrize(
    "lines",
    [
        [b"a\ts"],
        [b"a/b\ts\tx"],
        [b"a\ti\tx"],
        [b"a\ti\t" + b"9" * 5000],
        [b"a\tf\tzz"],
        [b"a\tb\tyes"],
        [b"a\tq\t"],
        [b"a\ts\t%FF"],
        [b"a\tl\t", b"a/1\ts\tx"],
        [b"%FF\ts\tx"],
        [b"/".join([b"a"] * n) + b"\tm\t" for n in range(1, 3000)],
        [b"/" * 2**24 + b"\tm\t"],
    ],
)
def test_broken_arguments_are_refused(lines):
    with pytest.raises(WireError):
        unflatten(lines)


GOOD = header("error", {"phase": "fit", "class": "E", "message": "m", "line": 3, "trace": ["a", "b"]}, 0)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_hostile_answers_are_refused_or_well_formed(data):
    raw = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, max(len(raw) - 1, 0)))
        raw[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    with answering(bytes(raw)) as channel:
        try:
            answer = channel.answer()
        except (WireError, WorkerGone):
            return
        assert isinstance(answer.verb, str)
        assert isinstance(answer.arguments, dict)


@given(st.binary(max_size=2000))
def test_noise_instead_of_an_answer_is_refused(noise):
    with answering(noise) as channel, pytest.raises((WireError, WorkerGone)):
        channel.answer()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"KB2\tok\t0\t0\n", "not of this protocol"),
        (b"KB1\tok\t9999999\t0\n", "too many arguments"),
        (b"KB1\tok\t-1\t0\n", "not of this protocol"),
        (b"KB1\tok\t99999999999999999999\t0\n", "not of this protocol"),
    ],
)
def test_announced_counts_are_bounded(data, why):
    with answering(data) as channel, pytest.raises(WireError, match=why):
        channel.answer()


def test_a_line_without_end_is_bounded(monkeypatch):
    monkeypatch.setattr(protocol, "MAX_LINE", 1000)
    with (
        answering(b"x" * 50_000, closed=False) as channel,
        pytest.raises(WireError, match="line is too long"),
    ):
        channel.line()


def test_a_blob_is_bounded_before_it_is_read():
    with answering(b"blob\t99999999999999\n") as channel, pytest.raises(WireError, match="larger than"):
        channel.blob(1000)
    with answering(b"blob\t5\nhello") as channel:
        assert channel.blob(5) == b"hello"


def test_a_blobs_announced_size_is_not_told():
    """It may be any number that a model was given."""
    with answering(b"blob\t4711481516\n") as channel, pytest.raises(WireError) as error:
        channel.blob(1000)
    assert "4,711" not in str(error.value)


def test_a_large_announcement_takes_no_memory_before_it_arrives():
    with answering(b"x" * 10) as channel, pytest.raises(WorkerGone):
        channel.exactly(10**15)


def test_silence_and_an_end_are_told_apart():
    with answering(b"KB1", closed=False) as channel:
        channel.deadline = time.monotonic() + 0.05
        with pytest.raises(TimedOut):
            channel.line()
    with answering(b"KB1") as channel, pytest.raises(WorkerGone):
        channel.line()


def test_a_reader_that_does_not_read_is_noticed():
    with answering(b"") as channel, pytest.raises(TimedOut):
        channel.send([bytes(10 * 2**20)], 0.05)


def test_large_messages_of_many_buffers_arrive_whole():
    read, write = os.pipe()
    answers, unused = os.pipe()
    channel = Channel(write, answers)
    buffers = [bytes([i % 251]) * (i * 37 % 5000) for i in range(3000)]
    got = bytearray()

    def drain() -> None:
        while chunk := os.read(read, 70_000):
            got.extend(chunk)

    reader = threading.Thread(target=drain)
    reader.start()
    channel.send(buffers, 30)
    channel.close()
    reader.join()
    os.close(read)
    os.close(unused)
    assert bytes(got) == b"".join(buffers)
