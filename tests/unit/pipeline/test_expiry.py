"""How long is said in words."""

import datetime as dt

import pytest

from kronkers_batch.pipeline.expiry import in_words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (dt.timedelta(days=90), "90 days"),
        (dt.timedelta(weeks=2), "14 days"),
        (dt.timedelta(days=1), "1 day"),
        (dt.timedelta(hours=36), "36 hours"),
        (dt.timedelta(minutes=90), "90 minutes"),
        (dt.timedelta(seconds=1), "1 second"),
        (dt.timedelta(seconds=1.5), "1.5 seconds"),
    ],
)
def test_in_the_largest_unit_of_which_it_is_a_whole_number(length, words):
    assert in_words(length) == words
