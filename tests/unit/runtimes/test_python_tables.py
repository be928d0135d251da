"""The tables that a Python model sees, and what it may return."""

from __future__ import annotations

import datetime as dt
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import polars as pl
import pytest

from kronkers_batch.runtimes.languages import WORKERS

MIN = -(2**31)


@pytest.fixture(scope="module")
def worker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("worker", WORKERS / "worker.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def columns(worker):
    mask = np.array([0, 1], np.uint8)
    return [
        worker.Column("f", "f8", np.array([0.5, np.nan]), mask, []),
        worker.Column("i", "i8", np.array([7, 0]), mask, []),
        worker.Column("b", "b1", np.array([1, 0], np.uint8), mask, []),
        worker.Column("d", "d4", np.array([1, MIN], np.int32), mask, []),
        worker.Column("t", "t8", np.array([1_000_001, 0]), mask, []),
        worker.Column("c", "c4", np.array([2, MIN], np.int32), None, ["x", "y", "z"]),
        worker.Column("s", "s4", np.array([1, MIN], np.int32), None, ["NA"]),
    ]


def test_pandas(worker):
    df = worker.to_pandas(columns(worker))
    assert df["f"].dtype == df["i"].dtype == np.float64
    assert df["i"].tolist()[0] == 7.0
    assert list(df["c"].cat.categories) == ["x", "y", "z"]
    assert df["c"].tolist()[0] == "y"
    assert df["d"].dtype.kind == df["t"].dtype.kind == "M"
    assert df["t"][0] == pd.Timestamp("1970-01-01T00:00:01.000001")
    assert df["s"].dtype == object
    assert df.isna().iloc[1].all()
    assert not df.isna().iloc[0].any()


def test_polars(worker):
    df = worker.to_polars(columns(worker))
    assert df["c"].dtype == pl.Enum(["x", "y", "z"])
    assert df["t"].dtype == pl.Datetime("us", "UTC")
    assert df.row(0)[1:4] == (7, True, dt.date(1970, 1, 2))
    assert df.row(1) == (None,) * 7


def test_numpy(worker):
    data = worker.to_mapping(columns(worker))
    assert data["c"].tolist() == ["y", None]
    assert np.isnan(data["i"][1])
    assert np.isnat(data["d"][1])
    assert data["b"].tolist() == [True, None]


def test_strings_of_several_frames_are_joined_by_text_not_by_code(worker):
    one = worker.Column("s", "s4", np.array([1, 2], np.int32), None, ["a", "b"])
    two = worker.Column("s", "s4", np.array([1, MIN], np.int32), None, ["b"])
    (joined,) = worker.join([[one], [two]])
    assert joined.texts().tolist() == ["a", "b", "b", None]


@pytest.mark.parametrize(
    ("returned", "kind", "nulls"),
    [
        ([1.0, 2.0], "f8", 0),
        (np.array([1.0, 2.0], np.float32), "f4", 0),
        (np.array([[1.0], [2.0]]), "f8", 0),
        (np.array([1, 2], np.uint8), "i4", 0),
        (np.array([True, False]), "b1", 0),
        (np.ma.masked_array([1.0, 2.0], [False, True]), "f8", 1),
        (pd.Series([1, None], dtype="Int64"), "i8", 1),
        (pd.Series([True, None], dtype="boolean"), "b1", 1),
        (pd.Series(["a", None]), "s4", 1),
        (pd.Series(["a", None], dtype="category"), "s4", 1),
        (pd.Series(["a", float("nan")], dtype=object), "s4", 1),
        (pd.to_datetime(pd.Series(["2013-06-01T00:00:00Z", None])), "t8", 1),
        ([dt.date(2013, 6, 1), None], "t8", 1),
        ([float("nan"), None], "f8", 1),
        (pl.Series([1, None]), "i8", 1),
        (pl.Series([None, None], dtype=pl.Float64), "f8", 2),
    ],
)
def test_what_score_may_return(worker, returned, kind, nulls):
    got_kind, values, count, mask, _levels = worker.pack(*worker.vector(returned))
    assert (got_kind, count) == (kind, nulls)
    assert values.shape == (2,)
    assert len(mask) == (2 if nulls and kind not in ("s4", "c4") else 0)


@pytest.mark.parametrize("returned", [[object(), object()], [[1], [2, 3]], np.array([1j, 2j])])
def test_what_score_may_not_return(worker, returned):
    with pytest.raises((TypeError, ValueError)):
        worker.pack(*worker.vector(returned))


def test_normalising_keeps_what_matters(worker):
    one = worker.normalise("def f(a):\n    '''Doc.'''\n    # why\n    return a[0] + 1  # here\n")
    assert one == worker.normalise("def f(a): return (a[0]+1)")
    assert one != worker.normalise("def f(a): return (a[0]+2)")
    assert one != worker.normalise("def f(a): return (a[0]+1.0)")
    assert worker.normalise("x = 'text'") != worker.normalise("x = b'text'")
    assert worker.normalise("x = None") != worker.normalise("x = 0")


def test_the_worker_needs_no_more_than_numpy():
    text = (WORKERS / "worker.py").read_text()
    top = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    foreign = [
        line for line in top if line.split()[1].split(".")[0] in {"pandas", "polars", "joblib", "sklearn"}
    ]
    assert not foreign
    assert Path(WORKERS / "worker.py").stat().st_mode & 0o004
