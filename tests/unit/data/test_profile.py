from __future__ import annotations

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest

from kronkers_batch.data import profiling as module
from kronkers_batch.data.profile import Profile
from kronkers_batch.data.profiling import Profiler
from kronkers_batch.errors import SourceError
from kronkers_batch.frames.schema import Schema
from kronkers_batch.frames.tables import polars_schema
from tests.data_support import MARKER, schema


def profile(frame: pl.DataFrame, columns: Schema, chunk: int = 10_000) -> Profile:
    profiler = Profiler(columns, "source things")
    for start in range(0, max(frame.height, 1), chunk):
        profiler.feed(frame[start : start + chunk])
    return profiler.finish()


def test_timestamps_are_exact_and_quantiles_near() -> None:
    rows = 100_000
    values = np.random.default_rng(1).lognormal(size=rows)
    found = profile(pl.DataFrame({"x": values}), schema(x="float")).columns["x"]
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.std == pytest.approx(values.std(), rel=1e-10)
    assert (found.min, found.max) == (values.min(), values.max())
    assert (found.quantiles[0], found.quantiles[100]) == (values.min(), values.max())
    ranks = [(values < q).mean() for q in found.quantiles[1:100]]
    assert max(abs(r - i / 100) for i, r in enumerate(ranks, 1)) < 0.02


def test_the_cut_into_chunks_does_not_matter() -> None:
    values = np.random.default_rng(1).normal(size=50_000)
    frame, columns = pl.DataFrame({"x": values}), schema(x="float")
    one, many = profile(frame, columns, 50_000), profile(frame, columns, 777)
    assert one.columns["x"].quantiles == many.columns["x"].quantiles
    assert one.columns["x"].std == pytest.approx(many.columns["x"].std, rel=1e-12)


def test_nulls_nan_and_infinity_are_counted_and_left_out() -> None:
    values = [1.0, 3.0, None, float("nan"), float("inf")]
    found = profile(pl.DataFrame({"x": values}), schema(x="float"), 2).columns["x"]
    assert (found.rows, found.nulls, found.odd) == (5, 1, 2)
    assert (found.min, found.max, found.mean, found.std) == (1.0, 3.0, 2.0, 1.0)
    empty = profile(pl.DataFrame({"x": [float("nan"), None]}), schema(x="float")).columns["x"]
    assert (empty.odd, empty.min, empty.mean, empty.quantiles) == (1, None, None, ())


@pytest.mark.parametrize("chunk", [1, 3])
@pytest.mark.parametrize("end", [1.7976931348623157e308, -1.7976931348623157e308, 1e200])
def test_what_is_too_large_for_a_mean_has_none(end: float, chunk: int) -> None:
    frame = pl.DataFrame({"x": [end, -end, end]})
    found = profile(frame, schema(x="float"), chunk)
    assert (found.columns["x"].min, found.columns["x"].max) == (-abs(end), abs(end))
    assert found.columns["x"].std is None
    assert Profile.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


def test_every_type_and_json() -> None:
    columns = schema(i="integer", b="boolean", d="date", t="timestamp", s="string", c="category", f="float32")
    noon = dt.datetime(2013, 6, 1, 12, tzinfo=dt.UTC)
    rows = [(1, True, noon.date(), noon, MARKER, "z", 0.5), (3, False, None, None, None, "a", 1.5)]
    rows.append((5, None, noon.date() + dt.timedelta(1), noon + dt.timedelta(1), "", "z", None))
    frame = pl.DataFrame(rows, schema=polars_schema(columns), orient="row")
    found = profile(frame, columns)
    assert (found.columns["i"].mean, found.columns["b"].mean) == (3.0, 0.5)
    assert (found.columns["d"].first, found.columns["d"].last) == ("2013-06-01", "2013-06-02")
    assert found.columns["c"].levels == {"a": 1, "z": 2}
    assert found.levels("c") == ("a", "z")
    text = json.dumps(found.to_json(), allow_nan=False)
    assert Profile.from_json(json.loads(text)) == found
    assert MARKER not in text


def test_no_rows() -> None:
    columns = schema(x="float", c="category", d="date")
    found = profile(polars_schema(columns).to_frame(), columns)
    assert found.rows == 0
    assert found.levels("c") == ()
    assert Profile.from_json(found.to_json()) == found


def test_too_many_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LEVELS", 5)
    frame = pl.DataFrame({"c": [str(i % 5) for i in range(100)]})
    assert len(profile(frame, schema(c="category"), 10).levels("c")) == 5
    with pytest.raises(SourceError, match="more than 5 levels"):
        profile(pl.concat([frame, pl.DataFrame({"c": ["9"]})]), schema(c="category"), 10)
