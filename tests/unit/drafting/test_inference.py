"""What ``kronkers new`` infers from values: types, the task, keys, windows, features; and what it refuses."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from kronkers_batch.drafting import aims, column_types, feature_choice, periods, row_keys
from kronkers_batch.drafting.baseline import Baseline
from kronkers_batch.drafting.draft import CODES
from kronkers_batch.drafting.survey import MOST, Seen, Survey, survey
from kronkers_batch.drafting.writing_together import written
from kronkers_batch.drafting.yaml_text import document, flow
from kronkers_batch.errors import StoreError, UsageError
from kronkers_batch.frames.schema import Column, ColumnType, Schema

T = ColumnType


@pytest.mark.parametrize(
    ("texts", "kind", "null"),
    [
        (["1", "-2", " 3 "], T.INTEGER, ""),
        (["0", "1"], T.INTEGER, ""),
        (["1", "2.5"], T.FLOAT, ""),
        (["true", "FALSE"], T.BOOLEAN, ""),
        (["2024-01-01", "2024-02-29"], T.DATE, ""),
        (["2024-01-01 10:00", "2024-01-01"], T.TIMESTAMP, ""),
        (["2024-13-01"], T.STRING, ""),
        (["00117", "12"], T.STRING, ""),  # a postcode
        (["0", "10"], T.INTEGER, ""),
        (["0.5", "-0.25"], T.FLOAT, ""),
        (["99999999999999999999"], T.STRING, ""),  # a number that no type holds exactly
        (["1", "NA", None], T.INTEGER, "NA"),
        (["1", "-", "?"], T.STRING, "-"),  # a source has one text for null
        (["NA", "NA"], T.STRING, ""),
        (["a", "NA"], T.STRING, ""),
        ([None, None], T.STRING, ""),
        (["1,5", "2,25"], T.STRING, ""),
    ],
)
def test_the_type_of_a_column_is_that_of_all_its_texts(
    texts: list[str | None], kind: ColumnType, null: str
) -> None:
    frame = pl.DataFrame({"a": texts}, schema={"a": pl.String})
    for frames in ([frame], [frame[:1], frame[1:]]):
        found = column_types.of(iter(frames), ["a"])
        assert (found.schema["a"].type, found.null) == (kind, null)
    assert bool(found.remarks) is (texts in (["1", "-", "?"], ["1,5", "2,25"]))


def seen(values: list[Any], kind: ColumnType) -> Seen:
    dtypes = {
        T.STRING: pl.String,
        T.INTEGER: pl.Int64,
        T.FLOAT: pl.Float64,
        T.BOOLEAN: pl.Boolean,
        T.DATE: pl.Date,
    }
    column = Seen(Column("y", kind))
    column.feed(pl.Series("y", values, dtype=dtypes[kind]))
    return column


@pytest.mark.parametrize(
    ("values", "kind", "asked", "task", "target"),
    [
        ([True, False, None], T.BOOLEAN, "", "binary", {}),
        ([0, 1, 1], T.INTEGER, "", "binary", {}),
        ([0.0, 1.0], T.FLOAT, "", "binary", {}),
        ([1, 2, 2], T.INTEGER, "", "binary", {"positive": "1"}),
        (["no", "Yes", "Yes"], T.STRING, "", "binary", {"positive": "Yes"}),
        (["left", "stayed", "stayed"], T.STRING, "", "binary", {"positive": "left"}),
        (["b", "a", "c"], T.STRING, "", "multiclass", {"classes": ["a", "b", "c"]}),
        ([3, 5, 4], T.INTEGER, "", "regression", {}),
        ([0.5, 1.5], T.FLOAT, "", "regression", {}),
        ([3, 5, 4], T.INTEGER, "multiclass", "multiclass", {"classes": ["3", "4", "5"]}),
        ([False, True], T.BOOLEAN, "multiclass", "multiclass", {"classes": ["false", "true"]}),
        ([0, 1, 4], T.INTEGER, "count", "count", {}),
        ([0, 1], T.INTEGER, "regression", "regression", {}),
        (list(range(MOST + 1)), T.INTEGER, "", "regression", {}),
    ],
)
def test_the_task_follows_from_the_values_of_the_target(
    values: list[Any], kind: ColumnType, asked: str, task: str, target: Mapping[str, Any]
) -> None:
    aim = aims.of(seen(values, kind), asked)
    assert (aim.task, dict(aim.target)) == (task, target)
    assert aim.why


@pytest.mark.parametrize(
    ("values", "kind", "asked", "what"),
    [
        ([None], T.STRING, "", "no value in any row"),
        ([2, 2], T.INTEGER, "", "same value in every row"),
        ([dt.date(2024, 1, 1), dt.date(2024, 1, 2)], T.DATE, "", "no task predicts"),
        ([1.0, float("inf")], T.FLOAT, "", "infinite"),
        ([f"t{n}" for n in range(21)], T.STRING, "", "more than 20 different"),
        ([f"t{n}" for n in range(99)], T.STRING, "", "more than 20 different"),
        (["a", "b"], T.STRING, "regression", "does not fit the task regression"),
        (["a", "b", "c"], T.STRING, "binary", "does not fit"),
        ([0.5, 1.5], T.FLOAT, "binary", "does not fit"),
        ([0.5, 1.5], T.FLOAT, "multiclass", "does not fit"),
        ([-1, 1, 2], T.INTEGER, "count", "does not fit"),
        ([0, 1], T.INTEGER, "quantiles", "no first model for the task quantiles"),
    ],
)
def test_a_target_that_nothing_can_be_learnt_of_is_refused(
    values: list[Any], kind: ColumnType, asked: str, what: str
) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        aims.of(seen(values, kind), asked)
    assert caught.value.fix


def test_the_key_is_the_column_that_is_named_like_one_or_the_first_that_identifies_or_a_pair() -> None:
    def key(data: dict[str, list[Any]], *asked: str) -> tuple[str, ...]:
        frame = pl.DataFrame(data)
        kinds = {pl.Int64: T.INTEGER, pl.String: T.STRING, pl.Float64: T.FLOAT, pl.Date: T.DATE}
        schema = Schema(tuple(Column(n, kinds[type(d)]) for n, d in frame.schema.items()))  # type: ignore[index]
        return row_keys.find(lambda: [frame[:2], frame[2:]], schema, "y", asked)

    y = [1, 2, 3]
    assert key({"size": [5, 6, 7], "customer_id": [1, 2, 3], "y": y}) == ("customer_id",)
    assert key({"size": [5, 6, 7], "customer_id": [1, 2, 1], "y": y}) == ("size",)
    days = [dt.date(2024, 1, 1), dt.date(2024, 1, 1), dt.date(2024, 1, 2)]
    assert key({"day": days, "shop": ["a", "b", "a"], "y": y}) == ("day", "shop")
    assert key({"day": days, "shop": ["a", "a", "a"], "y": y}) == ()
    assert key({"id": [1, None, 2], "y": y}) == ()  # a row without one
    assert key({"x": [0.5, 1.5, 2.5], "y": y}) == ()  # no float is a key
    assert key({"a": [1, 1, 2], "b": [1, 2, 1], "c": [1, 1, 1], "y": y}, "a", "c") == ()
    assert key({"a": [1, 1, 2], "b": [1, 2, 1], "c": [1, 1, 1], "y": y}, "a", "b", "c") == ("a", "b", "c")


def days(*known: bool | None) -> Survey:
    """A survey of one row a day from 2024-01-01; None is a row whose target is not known."""
    first = dt.date(2024, 1, 1)
    frame = pl.DataFrame(
        {"day": [first + dt.timedelta(days=n) for n in range(len(known))], "y": list(known)},
        schema={"day": pl.Date, "y": pl.Boolean},
    )
    return survey([frame[:1], frame[1:]], Schema((Column("day", T.DATE), Column("y", T.BOOLEAN))), "y")


def test_the_windows_hold_out_the_newest_days_and_wait_for_late_targets() -> None:
    found = periods.time_column(days(*[True] * 11))
    assert found is not None
    assert (found.time_column, found.date, found.holdout, found.label_delay) == (
        "day",
        dt.date(2024, 1, 11),
        3,
        0,
    )
    assert found.window() == {"train": "all", "holdout": "3d", "score": "1d"}
    late = periods.time_column(days(*[True] * 10, None, None, None))
    assert late is not None
    assert (late.date, late.holdout, late.label_delay) == (dt.date(2024, 1, 13), 2, 2)
    assert late.window()["label_delay"] == "2d"
    assert periods.time_column(days(True, True)) is None  # nothing is left to learn from
    assert periods.time_column(days(*[True] * 11), "other") is None
    assert periods.of(days(None, None, True), "day", dt.date(2024, 1, 3)) is None
    assert periods.of(days(None, None, None), "day", dt.date(2024, 1, 3)) is None


def test_features_are_what_differs_and_the_rest_is_named_with_a_reason() -> None:
    rows = MOST + 1
    frame = pl.DataFrame(
        {
            "x": [float(n) for n in range(rows)],
            "same": [1] * rows,
            "free": [f"t{n}" for n in range(rows)],
            "day": [dt.date(2024, 1, 1)] * rows,
            "wild": [float("inf"), *[0.5] * (rows - 1)],
            "none": pl.Series([None] * rows, dtype=pl.String),
            "y": [0, 1, *[1] * (rows - 2)],
        }
    )
    kinds = [T.FLOAT, T.INTEGER, T.STRING, T.DATE, T.FLOAT, T.STRING, T.INTEGER]
    schema = Schema(tuple(Column(name, kind) for name, kind in zip(frame.columns, kinds, strict=True)))
    columns = survey([frame], schema, "y").columns
    chosen, left_out = feature_choice.choose(columns, ("y",))
    assert chosen == ["x"]
    assert set(left_out) == {"same", "free", "day", "wild", "none"}
    with pytest.raises(UsageError, match="no column is left"):
        feature_choice.choose(columns, ("y", "x"))
    assert feature_choice.asked(columns, ("free", "x"), "y") == ["free", "x"]
    for names, what in (
        (("X",), "no column 'X'"),
        (("y",), "is the target"),
        (("day",), "is a date"),
        (("x", "x"), "twice"),
        ((), "no feature"),
    ):
        with pytest.raises(UsageError, match=what):
            feature_choice.asked(columns, names, "y")
    many = {f"x{n}": columns["x"] for n in range(2_000)}
    with pytest.raises(UsageError, match="2,000 columns") as caught:
        feature_choice.choose(many, ())
    assert "--features" in caught.value.fix


def test_what_is_written_as_yaml_is_read_back() -> None:
    odd = [
        "yes",
        "No",
        "null",
        "1",
        "2024-01-01",
        "a b",
        "Größe",
        'say "x"',
        "$x",
        "a: b",
        "#",
        "x",
        "1e3",
        "~",
        "",
    ]
    values = {
        "list": odd,
        "map": {name or "empty": "1" for name in odd},
        "long": [f"column{n}" for n in range(90)],
    }
    for most in (0, 5):
        text = document(["head"], values, most=most)
        assert yaml.safe_load(text) == values
        assert (len(text.splitlines()) <= 5) is (most == 5)
    assert flow(True) == "true"


@pytest.mark.parametrize("language", sorted(CODES))
def test_code_names_columns_as_its_language_reads_them(language: str) -> None:
    for task in aims.DRAFTED:
        text = CODES[language][1](Baseline(task, "y", ('a"b', "p$q", "@NAME@"), ("c",)))
        assert r'"a\"b"' in text
        assert (r'"p\$q"' in text) is (language == "julia")
        assert '"@NAME@"' in text  # what looks like a part of the template is the name of a column


@pytest.mark.parametrize("language", sorted(CODES))
def test_many_columns_go_over_several_lines(language: str) -> None:
    names = tuple(f"a column of a long name {number}" for number in range(40))
    text = CODES[language][1](Baseline("binary", "y", names, names[:2]))
    assert max(map(len, text.splitlines())) <= 115
    assert all(f'"{name}"' in text for name in names)
    assert not re.search(r",\s*\)", text) or language != "r"
    if language == "python":
        compile(text, "model.py", "exec")


def test_all_files_are_written_or_none(tmp_path: Path) -> None:
    like = tmp_path / "config.yaml"
    like.write_text("")
    like.chmod(0o664)
    one, other = tmp_path / "new/deep/one", tmp_path / "two"

    def there() -> Iterator[str]:
        return (str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*")))

    with pytest.raises(ZeroDivisionError), written({one: "1", other: "2"}, like):
        assert 1 / (one.read_text() + other.read_text() != "12")
    assert list(there()) == ["config.yaml"]
    with written({one: "1", other: "2"}, like):
        pass
    assert [oct(path.stat().st_mode & 0o777) for path in (one, one.parent, one.parents[1])] == [
        "0o664",
        "0o775",
        "0o775",
    ]
    other.unlink()
    with pytest.raises(UsageError, match="exists already"), written({other: "2", one: "1"}, like):
        pass
    assert not other.exists()
    blocked = tmp_path / "config.yaml/below/x"  # below a file
    with pytest.raises(StoreError, match="cannot be written"), written({other: "2", blocked: "1"}, like):
        pass
    assert not other.exists()
