from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kronkers_batch.config.spec import CheckSpec
from kronkers_batch.data.checks import Checker, CheckResult
from kronkers_batch.errors import CheckFailed, ConfigError
from tests.data_support import check, schema

COLUMNS = schema(id="integer", x="float", name="string", at="timestamp", day="date", ok="boolean")
NOON = dt.datetime(2013, 6, 1, 12, tzinfo=dt.UTC)
GOOD: dict[str, Any] = {"id": 1, "x": 0.5, "name": "ab", "at": NOON, "day": NOON.date(), "ok": True}


def table(*changes: dict[str, Any]) -> pl.DataFrame:
    rows = [{**GOOD, "id": i, **change} for i, change in enumerate(changes)]
    types = {
        "id": pl.Int64(),
        "x": pl.Float64(),
        "name": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "day": pl.Date(),
        "ok": pl.Boolean(),
    }
    return pl.DataFrame(rows, schema=types)


def run(
    frames: list[pl.DataFrame], *checks: CheckSpec, end: dt.datetime | None = NOON, key: tuple[str, ...] = ()
) -> tuple[pl.DataFrame, tuple[CheckResult, ...]]:
    checker = Checker(COLUMNS, checks, "source things", key=key)
    kept = pl.concat([checker.feed(f) for f in frames])
    return kept, checker.finish(end)


ROW_CHECKS = [
    (check("nulls", "x"), {"x": None}),
    (check("range", "x", min=0.0, max=1.0), {"x": 1.5}),
    (check("range", "x", min=0.0, max=1.0), {"x": -0.5}),
    (check("range", "x", min=0.0, max=None), {"x": float("nan")}),
    (check("range", "id", min=-5, max=100), {"id": 101}),
    (check("range", "day", min=dt.date(2013, 1, 1), max=None), {"day": dt.date(2012, 12, 31)}),
    (check("range", "at", min=None, max=NOON), {"at": NOON + dt.timedelta(microseconds=1)}),
    (check("in", "name", values=("ab", "cd")), {"name": "ef"}),
    (check("in", "ok", values=(True,)), {"ok": False}),
    (check("pattern", "name", pattern="[a-z]{2}|zzz"), {"name": "abc"}),
    (check("pattern", "name", pattern="ab"), {"name": "ab\n"}),
    (check("expression", "x", "id", expression="x < 1 or id > 50"), {"x": 2.0}),
    (check("expression", "x", expression="x >= 0"), {"x": None}),
    (check("expression", "name", expression="length(name) == 2 and name in ['ab', 'cd']"), {"name": "abc"}),
    (check("expression", "at", expression="at <= '2013-06-01T12:00'"), {"at": NOON.replace(hour=13)}),
    (check("expression", "ok", expression="ok"), {"ok": False}),
    (check("expression", "x", expression="not isnull(x) and -abs(x) % 2 != 1"), {"x": None}),
]


@pytest.mark.parametrize(("declared", "breaks"), ROW_CHECKS, ids=lambda v: str(getattr(v, "name", "")))
@pytest.mark.parametrize("where", [0, 1, 2])
def test_each_row_check_finds_the_one_row_that_breaks_it(
    declared: CheckSpec, breaks: dict[str, Any], where: int
) -> None:
    good = table({}, {}, {})
    assert [r.verdict for r in run([good], declared)[1]] == ["passed"]
    changes: list[dict[str, Any]] = [{}, {}, {}]
    changes[where] = breaks
    with pytest.raises(CheckFailed) as caught:
        run([good, table(*changes)], declared)
    assert "1 of 6 rows" in str(caught.value)
    assert "conf/source/things.yaml:9" in str(caught.value)


def test_what_is_compared_with_nan_has_failed() -> None:
    # To Polars each is true, as NaN is above and beside every number there.
    true = [
        "x > -50",
        "x != 9",
        "-x > -9",
        "abs(x) > -1",
        "x * 2 + id > 0",
        "(id + 1) / x > 0",
        "x not in [9.0]",
    ]
    true += ["isnull(x) or x > 0", "not x < -9", "(id - 60) / (id - 60) > 0.5", "x > -50 and id > -1"]
    checks = [check("expression", "x", "id", expression=text, action="warn") for text in true]
    _, results = run([table({}, {"x": float("nan"), "id": 60})], *checks)
    assert {text: result.failed for text, result in zip(true, results, strict=True)} == dict.fromkeys(true, 1)


@pytest.mark.parametrize("declared", [c for c, _ in ROW_CHECKS if c.kind not in ("nulls", "expression")])
def test_a_null_passes_column_checks(declared: CheckSpec) -> None:
    run([table({declared.columns[0]: None})], declared)


def test_the_same_check_twice_and_equal_names_are_all_run() -> None:
    twice = [check("range", "x", min=0, max=1, line=3), check("range", "x", min=0, max=1, line=4)]
    other = check("range", "x", min=0, max=10, line=5)
    with pytest.raises(CheckFailed) as caught:
        run([table({"x": 2.0})], *twice, other)
    text = str(caught.value)
    assert "2 checks failed" in text
    assert "yaml:3" in text
    assert "yaml:4" in text
    assert "yaml:5" not in text


def test_drop_takes_rows_out_up_to_its_share() -> None:
    frames = [table({"x": 9.0}, {}), table({}, {})]
    kept, results = run(frames, check("range", "x", min=0, max=1, action="drop", up_to=0.25))
    assert kept["x"].to_list() == [0.5, 0.5, 0.5]
    assert (results[0].verdict, results[0].failed, results[0].total) == ("dropped", 1, 4)
    with pytest.raises(CheckFailed, match="more than may be dropped"):
        run(frames, check("range", "x", min=0, max=1, action="drop", up_to=0.24))


def test_dropped_rows_are_not_looked_at_by_other_checks() -> None:
    dropping = check("nulls", "x", action="drop", up_to=1.0)
    kept, results = run([table({"x": None}, {})], dropping, check("expression", "x", expression="x > 0"))
    assert kept.height == 1
    assert [r.verdict for r in results] == ["dropped", "passed"]


@pytest.mark.parametrize("columns", [("id",), ("name",), ("id", "name"), ("day",), ("at",), ("x",)])
def test_repeated_rows_are_found_across_chunks(columns: tuple[str, ...]) -> None:
    rows = [
        {
            "id": i,
            "name": f"n{i}",
            "x": i / 2,
            "day": NOON.date() + dt.timedelta(i),
            "at": NOON + dt.timedelta(i),
        }
        for i in range(4)
    ]
    frames = [table(*rows[:2]), table(*rows[2:])]
    run(frames, check("unique", *columns))
    with pytest.raises(CheckFailed, match="1 of 5 rows"):
        run([*frames, table(rows[1])], check("unique", *columns))


def test_nulls_are_never_repeated_unless_they_are_in_a_key() -> None:
    frame = table({"name": None}, {"name": None})
    run([frame], check("unique", "name"))
    with pytest.raises(CheckFailed, match=r"nulls\(name\): 2 of 2"):
        run([frame], key=("name",))


def test_a_key_is_unique_and_has_no_nulls() -> None:
    assert [r.name for r in run([table({}, {})], key=("id",))[1]] == ["nulls(id)", "unique(id)"]
    with pytest.raises(CheckFailed, match=r"unique\(id\): 1 of 2"):
        run([table({"id": 7}, {"id": 7})], key=("id",))


def test_dropping_repeated_rows_keeps_the_first() -> None:
    frames = [table({"id": 1, "x": 0.1}, {"id": 1, "x": 0.2}), table({"id": 2}, {"id": 1, "x": 0.3})]
    kept, results = run(frames, check("unique", "id", action="drop", up_to=0.5))
    assert kept.select("id", "x").rows() == [(1, 0.1), (2, 0.5)]
    assert results[0].failed == 2


def test_row_counts() -> None:
    run([table({}, {})], check("rows", min=2, max=2))
    for wrong in (check("rows", min=3, max=None), check("rows", min=None, max=1)):
        with pytest.raises(CheckFailed, match="there are 2 rows"):
            run([table({}, {})], wrong)


@pytest.mark.parametrize("column", ["at", "day"])
def test_freshness_counts_to_the_end_of_the_window(column: str) -> None:
    fresh = check("freshness", column, age=dt.timedelta(days=1))
    run([table({})], fresh, end=NOON + dt.timedelta(hours=6))
    for frames in ([table({})], [table({column: None})], [table().clear()]):
        with pytest.raises(CheckFailed, match="freshness"):
            run(frames, fresh, end=NOON + dt.timedelta(days=2))


@pytest.mark.parametrize(
    "wrong",
    [
        check("expression", "name", expression="name > 3"),
        check("expression", "x", expression="x +"),
        check("expression", "day", expression="day > 'soon'"),
        check("pattern", "name", pattern="(?=a)"),
    ],
)
def test_checks_that_do_not_fit_are_found_before_any_row(wrong: CheckSpec) -> None:
    with pytest.raises(ConfigError, match=r"things\.yaml:9"):
        Checker(COLUMNS, (wrong,), "source things")


def test_a_check_that_pandera_did_not_run_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    import pandera.polars as pa

    monkeypatch.setattr(pa.DataFrameSchema, "validate", lambda self, frame, **_: frame)
    with pytest.raises(CheckFailed, match="was not run"):
        run([table({})], check("nulls", "x"))


def test_results_survive_json() -> None:
    _, results = run([table({})], check("nulls", "x"), check("rows", min=1, max=None))
    assert tuple(CheckResult.from_json(r.to_json()) for r in results) == results
    assert results[0].message() == "nulls(x): passed, 0 of 1 rows"


WITHOUT_PANDAS = """
import sys
import polars as pl
from kronkers_batch.data.checks import Checker
from tests.data_support import check, schema

checker = Checker(schema(x="float"), [check("range", "x", min=0)], "here")
checker.feed(pl.DataFrame({"x": [1.0, -1.0]}))
assert checker.findings().tallies == (1,)
assert "pandera" in sys.modules
assert "pandas" not in sys.modules
import pandas
"""


@pytest.mark.interpreter
def test_pandera_runs_without_loading_pandas() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_PANDAS], cwd=Path(__file__).parents[3], check=True)
