from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kronkers_batch.config import kinds
from kronkers_batch.config.fields import Kind, read_value
from kronkers_batch.config.nodes import Scalar, plain, shown, walk
from kronkers_batch.config.problems import Problems, nearest
from kronkers_batch.config.yamlparse import parse, plain_value
from kronkers_batch.errors import ConfigErrors

DAY = dt.timedelta(days=1)


def read(kind: Kind, value: Any) -> Any:
    problems = Problems()
    found = read_value(kind, Scalar("f", 1, value), "k", problems)
    return "refused" if len(problems) else found


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (kinds.DURATION, "90d", 90 * DAY),
        (kinds.DURATION, "12h", DAY / 2),
        (kinds.DURATION, "30m", dt.timedelta(minutes=30)),
        (kinds.DURATION, "2w", 14 * DAY),
        (kinds.DURATION, "1.5h", dt.timedelta(minutes=90)),
        (kinds.DURATION, 0, dt.timedelta(0)),
        (kinds.DURATION, 90, "refused"),
        (kinds.DURATION, "90", "refused"),
        (kinds.DURATION, "-1d", "refused"),
        (kinds.DURATION, "1 day", "refused"),
        (kinds.DURATION, "5217w", dt.timedelta(weeks=5217)),
        (kinds.DURATION, "36525d", dt.timedelta(days=36525)),
        (kinds.SIZE, "2GB", 2 * 2**30),
        (kinds.SIZE, "512MB", 512 * 2**20),
        (kinds.SIZE, "1.5 GiB", 3 * 2**29),
        (kinds.SIZE, "0MB", "refused"),
        (kinds.SIZE, 512, "refused"),
        (kinds.SIZE, "2GX", "refused"),
        (kinds.SHARE, "1%", 0.01),
        (kinds.SHARE, 0.01, 0.01),
        (kinds.SHARE, 1, 1.0),
        (kinds.SHARE, "101%", "refused"),
        (kinds.SHARE, True, "refused"),
        (kinds.DATE, "2013-06-01", dt.date(2013, 6, 1)),
        (kinds.DATE, "2013-02-30", "refused"),
        (kinds.TIME_OF_DAY, "02:00", "02:00"),
        (kinds.TIME_OF_DAY, "24:00", "refused"),
        (kinds.BOOLEAN, True, True),
        (kinds.BOOLEAN, "yes", "refused"),
        (kinds.NUMBER, float("nan"), "refused"),
        (kinds.NUMBER, True, "refused"),
        (kinds.integer(1, 5), 6, "refused"),
        (kinds.TEXT, 7, "refused"),
        (kinds.NAME, "late_flights-2", "late_flights-2"),
        (kinds.NAME, "2late", "refused"),
        (kinds.NAME, "late\n", "refused"),
        (kinds.NAME, "late@3", "refused"),
        (kinds.COLUMN, "odd name %", "odd name %"),
        (kinds.COLUMN, "a\x00b", "refused"),
        (kinds.COLUMN, " a", "refused"),
        (kinds.COLUMN, "a%2fb", "refused"),
        (kinds.PATH, "a/../b", "refused"),
        (kinds.PATH, "/a/b..c", "/a/b..c"),
    ],
)
def test_kinds(kind: Kind, value: Any, found: Any) -> None:
    assert read(kind, value) == found


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans()))
def test_no_value_breaks_a_kind(value: Any) -> None:
    for kind in (
        kinds.DURATION,
        kinds.SIZE,
        kinds.SHARE,
        kinds.DATE,
        kinds.NAME,
        kinds.COLUMN,
        kinds.PATH,
        kinds.SECRET,
        kinds.NUMBER,
        kinds.choice(("a", "b")),
    ):
        read(kind, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("02:00", "02:00"),
        ("007", "007"),
        ("0", 0),
        ("-3", -3),
        ("2_000_000", 2_000_000),
        ("1e-3", 0.001),
        ("1.", 1.0),
        (".5", 0.5),
        ("-", "-"),
        ("1.2.3", "1.2.3"),
        ("2013-06-01", "2013-06-01"),
        ("0x1F", "0x1F"),
    ],
)
def test_plain_words(text: str, value: Any) -> None:
    found = plain_value(text)
    assert (found, type(found)) == (value, type(value))


def test_lines_are_those_of_the_keys() -> None:
    problems = Problems()
    tree = parse(b"a: 1\nb:\n  c: [x,\n    y]\n  d: {e: 2}\n", "f.yaml", problems)
    assert tree is not None
    assert {key: node.line for key, node in walk(tree)} == {
        "a": 1,
        "b": 2,
        "b.c": 3,
        "b.c.0": 3,
        "b.c.1": 4,
        "b.d": 5,
        "b.d.e": 5,
    }
    assert plain(tree) == {"a": 1, "b": {"c": ["x", "y"], "d": {"e": 2}}}


def test_an_alias_keeps_its_own_line() -> None:
    tree = parse(b"a: &x {b: 1}\nc: *x\n", "f.yaml", Problems())
    assert tree is not None
    assert {k: n.line for k, n in walk(tree)} == {"a": 1, "a.b": 1, "c": 2, "c.b": 1}


@given(st.binary(max_size=80))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    problems = Problems()
    tree = parse(data, "f.yaml", problems)
    assert tree is not None or len(problems)


def test_problems_are_sorted_and_each_is_there_once() -> None:
    problems = Problems()
    for line, key in ((9, "b"), (2, "z"), (9, "a"), (9, "a")):
        problems.add(Scalar("f.yaml", line, None).origin(key), "wrong", "mend it")
    with pytest.raises(ConfigErrors) as caught:
        problems.raise_if_any()
    assert str(caught.value).splitlines()[::2] == [
        "f.yaml:2: z: wrong",
        "f.yaml:9: a: wrong",
        "f.yaml:9: b: wrong",
        "3 problems in the configuration.",
    ]


def test_what_came_from_the_environment_is_never_shown() -> None:
    node = Scalar("f", 1, "hunter2", environment="TOKEN")
    assert shown(node) == "a value from the environment variable TOKEN"
    for kind in (kinds.DURATION, kinds.choice(("a", "b")), kinds.SECRET, kinds.PATH, kinds.TEXT):
        problems = Problems()
        read_value(kind, node, "k", problems)
        problems.add(node.origin("x"), "one more", "")
        with pytest.raises(ConfigErrors) as caught:
            problems.raise_if_any()
        assert "hunter2" not in str(caught.value)


def test_nearest() -> None:
    assert nearest("Distanse", ["air_time", "distance"]) == "distance"
    assert nearest("xyz", ["air_time"]) == ""
