"""Clock, ids, canonical bytes."""

import datetime as dt

import pytest

from kronkers_batch.store import clock
from kronkers_batch.store.canonical import encode
from kronkers_batch.store.ids import new_id


def test_timestamps_are_exact_both_ways():
    for timestamp in (0, -1, 1_371_000_000_123_457, 253_402_300_799_999_999):
        assert clock.from_datetime(clock.to_datetime(timestamp)) == timestamp
    assert clock.to_datetime(1) == dt.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=dt.UTC)
    with pytest.raises(ValueError, match="zone"):
        clock.from_datetime(dt.datetime(2013, 1, 1))


def test_now_is_microseconds():
    assert abs(clock.to_datetime(clock.now()) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


def test_ids_are_different_and_sort_by_time(monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_000_000_000)
    early = {new_id() for _ in range(1000)}
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_001_000_000)
    late = {new_id() for _ in range(1000)}
    assert len(early) == len(late) == 1000
    assert max(early) < min(late)
    assert all(len(i) == 26 and i.isalnum() and i == i.lower() for i in early)


def test_canonical_bytes_are_pinned_and_keep_fields_apart():
    assert encode("l", "ä", 12, b"\x00").hex() == (
        "01000000000000006c0200000000000000c3a402000000000000003132010000000000000000"
    )
    assert encode("l", "ab", "c") != encode("l", "a", "bc")
    assert encode("l", "ab") != encode("l", "ab", "")
