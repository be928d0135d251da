from __future__ import annotations

import datetime as dt

import pytest

from kronkers_batch.data.window import Window
from kronkers_batch.errors import SourceError
from tests.data_support import ALL, day


def test_a_window_survives_json() -> None:
    for window in (ALL, day("2013-06-01"), Window(None, day("2013-06-01").end)):
        assert Window.from_json(window.to_json()) == window


def test_a_window_says_what_it_is() -> None:
    assert str(ALL) == "everything"
    assert str(day("2013-06-01")) == "2013-06-01 to 2013-06-02"


@pytest.mark.parametrize("zone", [None, dt.timezone(dt.timedelta(hours=2))])
def test_only_utc_is_taken(zone: dt.timezone | None) -> None:
    with pytest.raises(ValueError, match="UTC"):
        Window(dt.datetime(2013, 6, 1, tzinfo=zone), None)


def test_the_date_parameter_is_the_last_day() -> None:
    assert day("2013-06-01").parameters("x").date == dt.date(2013, 6, 1)
    assert day("2013-06-01", 7).parameters("x").date == dt.date(2013, 6, 7)
    with pytest.raises(SourceError, match=":date"):
        _ = ALL.parameters("x").date
