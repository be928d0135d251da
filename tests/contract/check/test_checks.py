"""One suite for every kind of check: a kind joins by being there, and fails without a maker in ``makers/``.

A maker has an entry of ``checks:`` (``DECLARED``), rows that fit it (``FITS``) and rows that do not
(``BROKEN``), each as what differs from ``GOOD``, and entries that are refused as they stand (``REFUSED``).
Where rows can be dropped, only the last of ``BROKEN`` is an offending one. It holds ``MARKER``.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import pkgutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from kronkers_batch.config import check_specs
from kronkers_batch.config.check_kinds import CHECK_KINDS
from kronkers_batch.config.fields import read_value
from kronkers_batch.config.fingerprint import source_fields
from kronkers_batch.config.nodes import Mapping
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import CheckSpec, OnFailure
from kronkers_batch.config.yamlparse import parse
from kronkers_batch.data.checks import Checker, CheckResult
from kronkers_batch.data.source_identity import definition
from kronkers_batch.errors import CheckFailed, ConfigErrors
from kronkers_batch.families import module_of
from kronkers_batch.frames.tables import polars_schema
from tests.contract.check import makers
from tests.data_support import MARKER, schema, source

COLUMNS = schema(
    id="integer", x="float", name="string", at="timestamp", seen="timestamp", day="date", ok="boolean"
)
NOON = dt.datetime(2013, 6, 1, 12, tzinfo=dt.UTC)
GOOD: dict[str, Any] = {
    "id": 1, "x": 0.5, "name": "ab", "at": NOON, "seen": NOON, "day": NOON.date(), "ok": True
}  # fmt: skip
END = NOON + dt.timedelta(hours=6)

KINDS = list(CHECK_KINDS)
of_every_kind = pytest.mark.parametrize("kind", KINDS)
that_drop = pytest.mark.parametrize("kind", [name for name, kind in CHECK_KINDS.items() if kind.may_drop])
that_cannot = pytest.mark.parametrize("kind", [n for n, kind in CHECK_KINDS.items() if not kind.may_drop])


def maker_of(kind: str) -> ModuleType:
    return importlib.import_module(f"{makers.__name__}.{module_of(kind)}")


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([GOOD | row for row in rows], schema=polars_schema(COLUMNS).to_frame().schema)


def declared(entry: str, **more: str) -> CheckSpec:
    """The check of one entry, as it is read from a file. Raises ConfigErrors."""
    own = "".join(f", {key}: {value}" for key, value in more.items())
    text = f"checks:\n  - {entry[:-1]}{own}}}\n"
    problems = Problems()
    tree = parse(text.encode(), "conf/source/things.yaml", problems)
    assert isinstance(tree, Mapping)
    raw = read_value(check_specs.CHECKS, tree.items["checks"], "checks", problems)
    found = check_specs.resolve(raw or (), {column.name: column.type for column in COLUMNS}, problems)
    problems.raise_if_any()
    (check,) = found
    return check


def run(
    check: CheckSpec, rows: list[dict[str, Any]], size: int = 1000
) -> tuple[list[tuple[Any, ...]], CheckResult]:
    """The rows that stay, and the result."""
    checker = Checker(COLUMNS, (check,), "source things")
    frames = [checker.feed(part) for part in table(rows).iter_slices(size)]
    (result,) = checker.finish(END)
    return [row for frame in frames for row in frame.rows()], result


def test_every_kind_has_a_maker():
    assert {one.name for one in pkgutil.iter_modules(makers.__path__)} == set(map(module_of, CHECK_KINDS))


@of_every_kind
def test_what_fits_passes(kind):
    maker = maker_of(kind)
    kept, result = run(declared(maker.DECLARED), maker.FITS)
    assert (result.verdict, result.failed, result.total, result.kind) == ("passed", 0, len(maker.FITS), kind)
    assert kept == table(maker.FITS).rows()


@of_every_kind
@pytest.mark.parametrize("size", [1000, 2, 1])
def test_what_does_not_fit_fails_with_its_file_and_line_and_no_data(kind, size):
    maker = maker_of(kind)
    with pytest.raises(CheckFailed) as caught:
        run(declared(maker.DECLARED), maker.BROKEN, size)
    text = str(caught.value)
    assert text.startswith(f"source things: 1 check failed\n  conf/source/things.yaml:2: checks.0: {kind}")
    assert MARKER not in text
    assert caught.value.fix
    assert caught.value.__cause__ is None


@of_every_kind
def test_a_warning_leaves_all_rows_and_is_kept_with_them(kind):
    maker = maker_of(kind)
    kept, result = run(declared(maker.DECLARED, on_failure="warn"), maker.BROKEN)
    assert (result.verdict, result.failed, result.total) == ("warned", 1, len(maker.BROKEN))
    assert kept == table(maker.BROKEN).rows()
    assert CheckResult.from_json(json.loads(json.dumps(result.to_json()))) == result
    assert MARKER not in json.dumps(result.to_json())
    assert result.message().startswith(f"{result.name}: warned")
    assert str(len(maker.BROKEN)) in result.message()


@that_drop
@pytest.mark.parametrize("size", [1000, 2])
def test_rows_are_dropped_up_to_a_share(kind, size):
    maker = maker_of(kind)
    kept, result = run(declared(maker.DECLARED, on_failure="drop", up_to="50%"), maker.BROKEN, size)
    assert (result.verdict, result.failed, result.total) == ("dropped", 1, len(maker.BROKEN))
    assert kept == table(maker.FITS).rows()
    with pytest.raises(CheckFailed, match="more than may be dropped") as caught:
        run(declared(maker.DECLARED, on_failure="drop", up_to="1%"), maker.BROKEN, size)
    assert MARKER not in str(caught.value)


@that_cannot
def test_who_has_no_offending_row_drops_none(kind):
    check = declared(maker_of(kind).DECLARED)
    with pytest.raises(ConfigErrors, match=f"the check '{kind}' cannot drop rows"):
        declared(maker_of(kind).DECLARED, on_failure="drop")
    with pytest.raises(NotImplementedError):
        Checker(COLUMNS, (replace(check, on_failure=OnFailure.DROP),), "source things")


@of_every_kind
def test_a_table_without_rows_is_judged_too(kind):
    """Row by row nothing is wrong with it; a check about all rows may say that there are none."""
    check = declared(maker_of(kind).DECLARED, on_failure="warn")
    _, result = run(check, [])
    assert result.total == 0
    assert result.failed in ((0,) if CHECK_KINDS[kind].may_drop else (0, 1))


@of_every_kind
def test_what_checks_nothing_and_what_does_not_go_with_the_columns_is_refused_where_it_stands(kind):
    for entry in maker_of(kind).REFUSED:
        with pytest.raises(ConfigErrors) as caught:
            declared(entry)
        assert str(caught.value).startswith("conf/source/things.yaml:2: checks.0"), entry
    other = "rows: {min: 1}" if kind != "rows" else "unique: id"
    with pytest.raises(ConfigErrors, match="checks several things"):
        declared(f"{maker_of(kind).DECLARED[:-1]}, {other}}}")


@of_every_kind
def test_it_counts_for_fingerprints_and_identities(kind, tmp_path: Path):
    plain = source("csv", COLUMNS, path=tmp_path / "a.csv")
    checked = replace(plain, checks=(declared(maker_of(kind).DECLARED),))
    for of in (lambda source: source_fields("source", source, tuple(OnFailure)), definition):
        assert of(checked) != of(plain)
        assert of(checked) == of(replace(plain, checks=(declared(maker_of(kind).DECLARED),)))


@of_every_kind
def test_its_keys_are_on_the_reference_page(kind):
    for key in CHECK_KINDS[kind].keys:
        assert check_specs.CHECK[key.name].doc
        assert (key.name in check_specs.CHECK["column"].doc) == CHECK_KINDS[kind].of_column
