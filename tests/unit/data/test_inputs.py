"""The checks of a query's inputs hold for the query; what stays the same is read once."""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kronkers_batch.config.spec import CheckSpec, InputRef, SourceSpec
from kronkers_batch.data import source_kinds
from kronkers_batch.data.source_reader import Reading
from kronkers_batch.data.sources import inputs, memory
from kronkers_batch.data.sources.files import FileReader
from kronkers_batch.data.sources.memory import Held, Memory
from kronkers_batch.data.sources.window_rows import rechunked
from kronkers_batch.data.stream import CheckedRows
from kronkers_batch.data.window import Window
from kronkers_batch.errors import CheckFailed, SourceError
from tests.data_support import ALL, MARKER, PLACES, Store, check, day, schema, source

COLUMNS = schema(id="integer", x="float", name="string", at="timestamp")
OUT = schema(id="integer", x="float")
TEXT = "select id, x from a order by id"
# How an input may come to a query: held in memory, as a table in DuckDB, and as a view of its file.
WAYS = ["held", "table", "view"]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    memory.process.clear()
    yield
    memory.process.clear()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the sources whose files are read."""
    done: list[str] = []
    real = FileReader.read

    def noted(self: FileReader, spec: SourceSpec, *more: Any) -> Any:
        done.append(spec.name)
        return real(self, spec, *more)

    monkeypatch.setattr(FileReader, "read", noted)
    return done


def written(folder: Path, kind: str, **columns: Any) -> Path:
    frame = pl.DataFrame(
        {
            "id": range(100),
            "x": [-1.0 if i == 7 else float(i) for i in range(100)],
            "name": [MARKER] * 100,
            "at": [dt.datetime(2013, 6, 1) + dt.timedelta(hours=i) for i in range(100)],
            **columns,
        },
        strict=False,
    )
    path = folder / f"a.{kind}"
    if kind == "csv":
        frame.with_columns(pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S")).write_csv(path)
    else:
        frame.write_parquet(path)
    return path


def over(
    folder: Path, way: str, *checks: CheckSpec, monkeypatch: pytest.MonkeyPatch, **more: Any
) -> tuple[SourceSpec, dict[str, SourceSpec]]:
    """A query over one input ``a`` with these checks; row 7 has a negative x."""
    if way == "table":
        monkeypatch.setattr(memory.process, "limit", 100)
    kind = "parquet" if way == "view" else "csv"
    path = written(folder, kind, **more.pop("columns", {}))
    a = source(kind, COLUMNS, name="a", path=path, checks=checks, **more)
    return query(inputs={"a": InputRef(source="a")}), {"a": a}


def query(**fields: Any) -> SourceSpec:
    return source("query", OUT, **{"name": "q", "query": TEXT, **fields})


def read(
    spec: SourceSpec, others: dict[str, SourceSpec], window: Window = ALL
) -> tuple[list[Any], list[str]]:
    """The ids that were read, and the messages of the results."""
    rows = CheckedRows(spec, window, None, sources=others, places=PLACES, chunk_rows=30)
    found = [i for frame in rows for i in frame.get_column("id")]
    return found, [r.message() for r in rows.results]


@pytest.mark.parametrize("way", WAYS)
def test_a_check_of_an_input_fails_the_query(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, others = over(tmp_path, way, check("range", "x", min=0), monkeypatch=monkeypatch)
    for _ in range(2):  # held or not
        with pytest.raises(CheckFailed, match=r"range\(x\): 1 of 100 rows") as caught:
            read(spec, others)
        assert "source a" in caught.value.where
        assert "input a of" in caught.value.where
        assert "source q" in caught.value.where
        assert MARKER not in str(caught.value)


@pytest.mark.parametrize("way", WAYS)
def test_an_input_warns_and_its_rows_stay(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, others = over(tmp_path, way, check("range", "x", action="warn", min=0), monkeypatch=monkeypatch)
    for _ in range(2):
        found, told = read(spec, others)
        assert found == list(range(100))
        assert told == ["input a, range(x): warned, 1 of 100 rows"]


@pytest.mark.parametrize("way", WAYS)
def test_rows_that_an_input_drops_are_not_in_the_query(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropping = check("range", "x", action="drop", up_to=0.01, min=0)
    spec, others = over(tmp_path, way, dropping, monkeypatch=monkeypatch)
    for _ in range(2):
        found, told = read(spec, others)
        assert found == [i for i in range(100) if i != 7]
        assert told == ["input a, range(x): dropped, 1 of 100 rows"]
    too_much = replace(dropping, up_to=0.001)
    with pytest.raises(CheckFailed, match="more than may be dropped"):
        read(spec, {"a": replace(others["a"], checks=(too_much,))})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("ids", "said"), [([None, *range(1, 100)], "nulls"), ([1, 1, *range(2, 100)], "unique")]
)
def test_an_inputs_key_is_checked(
    tmp_path: Path, way: str, ids: list[Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, others = over(tmp_path, way, key=("id",), columns={"id": ids}, monkeypatch=monkeypatch)
    with pytest.raises(CheckFailed, match=rf"{said}\(id\)"):
        read(spec, others)


@pytest.mark.parametrize("way", WAYS)
def test_freshness_is_judged_for_each_window(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    fresh = check("freshness", "at", age=dt.timedelta(days=1))
    spec, others = over(tmp_path, way, fresh, monkeypatch=monkeypatch)
    assert read(spec, others, day("2013-06-05"))[1] == []
    with pytest.raises(CheckFailed, match="too old"):
        read(spec, others, day("2013-06-08"))
    assert read(spec, others, day("2013-06-04"))[1] == []
    assert len(reads) == (3 if way == "table" else 1)


def test_only_checked_columns_of_a_view_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, others = over(tmp_path, "view", check("range", "x", action="warn", min=0), monkeypatch=monkeypatch)
    seen: list[tuple[str, ...]] = []
    real = FileReader.read

    def noted(self: FileReader, found: SourceSpec, *more: Any) -> Any:
        seen.append(found.schema.names)
        return real(self, found, *more)

    monkeypatch.setattr(FileReader, "read", noted)
    read(spec, others)
    assert [tuple(names) for names in seen] == [("x",)]


def test_a_view_that_changes_while_it_is_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, others = over(tmp_path, "view", check("nulls", "id"), monkeypatch=monkeypatch)
    rows = iter(CheckedRows(spec, ALL, None, sources=others, places=PLACES, chunk_rows=30))
    next(rows)
    os.utime(tmp_path / "a.parquet", (1, 1))
    with pytest.raises(SourceError, match="changed while the program read them"):
        list(rows)


def test_an_input_that_cannot_be_read_says_which_query(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, others = over(tmp_path, "held", columns={"x": ["bad"] * 100}, monkeypatch=monkeypatch)
    with pytest.raises(SourceError, match="x is declared float") as caught:
        read(spec, others)
    assert "source a" in caught.value.where
    assert "input a of conf/source/q.yaml:1: source q" in caught.value.where


def nested(others: dict[str, SourceSpec]) -> tuple[SourceSpec, dict[str, SourceSpec]]:
    b = query(
        name="b", inputs={"a": InputRef(source="a")}, checks=(check("range", "x", action="warn", max=9),)
    )
    both = {"b": InputRef(source="b"), "a": InputRef(source="a")}
    return query(query="select id, x from b", inputs=both), {**others, "b": b}


def test_inputs_of_inputs_are_checked_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    dropping = check("range", "x", action="drop", up_to=0.01, min=0)
    _, others = over(tmp_path, "held", dropping, monkeypatch=monkeypatch)
    spec, others = nested(others)
    for _ in range(2):
        found, told = read(spec, others)
        assert 7 not in found
        assert told == [
            "input a, range(x): dropped, 1 of 100 rows",
            "input b, range(x): warned, 90 of 99 rows",
        ]
    assert reads == ["a"]


def test_a_failing_input_of_an_input_names_all_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, others = over(tmp_path, "held", check("range", "x", min=0), monkeypatch=monkeypatch)
    spec, others = nested(others)
    with pytest.raises(CheckFailed) as caught:
        read(spec, others)
    where = caught.value.where
    assert where.index("source a") < where.index("source b") < where.index("source q")


def test_a_snapshot_holds_what_its_inputs_said(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, others = over(tmp_path, "held", check("range", "x", action="warn", min=0), monkeypatch=monkeypatch)
    ref = store.ingest(spec, sources=others)
    (result,) = store.snapshots.get(ref.id).results
    assert (result.source, result.verdict, result.failed, result.total) == ("a", "warned", 1, 100)


def test_a_file_is_read_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    spec, others = over(tmp_path, "held", monkeypatch=monkeypatch)
    read(spec, others)
    read(replace(spec, name="another"), others)
    assert reads == ["a"]
    before = (tmp_path / "a.csv").stat()
    # Of the same size and with its old time set again, as a copy that keeps times does.
    written(tmp_path, "csv", x=[-1.0 if i == 7 else float(i) for i in range(100)][::-1])
    os.utime(tmp_path / "a.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (tmp_path / "a.csv").stat().st_size == before.st_size
    first = next(iter(CheckedRows(spec, ALL, None, sources=others, places=PLACES, chunk_rows=30)))
    assert first.get_column("x")[0] == 99.0
    read(spec, {"a": replace(others["a"], checks=(check("nulls", "x"),))})
    assert reads == ["a"] * 3


def test_a_file_that_changes_while_it_is_read_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    spec, others = over(tmp_path, "held", monkeypatch=monkeypatch)
    path = tmp_path / "a.csv"

    def touched(*args: Any) -> Any:
        yield from rechunked(*args)
        os.utime(path, (len(reads), 1))

    with monkeypatch.context() as patch:
        patch.setattr(inputs, "rechunked", touched)
        read(spec, others)
    assert not memory.process.size
    read(spec, others)
    assert reads == ["a", "a"]


def test_what_is_too_large_is_read_as_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    spec, others = over(tmp_path, "table", monkeypatch=monkeypatch)
    assert read(spec, others)[0] == list(range(100))
    assert not memory.process.size
    reading = Reading(None, others, PLACES, 10, None, lambda _: None, source_kinds.of)
    opened = inputs.Inputs(
        spec, None, others, PLACES, 10, lambda s, tell: reading.frames(s, ALL, tell), lambda _: None
    ).open("a")
    assert not isinstance(opened, list)
    assert sum(f.height for f in opened) == 100


@pytest.mark.parametrize("way", WAYS)
def test_any_filter_works_on_any_input(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, others = over(tmp_path, way, check("nulls", "id"), monkeypatch=monkeypatch)
    where = [
        f"name = '{MARKER}'",
        "name like 'PLANTED%'",
        "x in (3.0, 4.0, 99.0)",
        "a.at < timestamp '2013-06-04'",
        "id between 4 and 98",
    ]
    text = f"select id, x from a where {' and '.join(where)}"
    assert read(replace(spec, query=text), others)[0] == [4]


@pytest.mark.parametrize("way", WAYS)
def test_an_input_may_be_empty(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, others = over(tmp_path, way, check("nulls", "id"), monkeypatch=monkeypatch)
    path = Path(others["a"].path)
    if way == "view":
        pl.read_parquet(path).clear().write_parquet(path)
    else:
        path.write_text("id,x,name,at\n")
    assert read(spec, others) == ([], [])


def test_what_is_held_makes_room_for_what_is_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, others = over(tmp_path, "held", monkeypatch=monkeypatch)
    monkeypatch.setattr(memory.process, "limit", 10_000)
    memory.process.put("other", held(9_900))
    sizes: list[int] = []

    def watched(*args: Any) -> Any:
        for frame in rechunked(*args):
            sizes.append(memory.process.size)
            yield frame

    monkeypatch.setattr(inputs, "rechunked", watched)
    read(spec, others)
    assert sizes[0] == 9_900
    assert set(sizes[1:]) == {0}
    assert 0 < memory.process.size <= 10_000


def held(size: int) -> Held:
    return Held("same", (), (), size)


def test_what_was_not_used_longest_goes_first() -> None:
    kept = Memory(100)
    for name in "abc":
        kept.put(name, held(30))
    assert kept.get("a", "same")
    kept.put("d", held(30))
    assert [name for name in "abcd" if kept.get(name, "same")] == ["a", "c", "d"]
    kept.make_room(50)
    assert [name for name in "abcd" if kept.get(name, "same")] == ["d"]
    assert kept.size == 30
    kept.put("e", held(101))
    assert kept.get("e", "same") is None
    assert kept.get("d", "other") is None
    assert kept.size == 0


def test_threads_may_share_it() -> None:
    kept = Memory(1000)
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(2000):
                kept.put(str((i * number) % 37), held(90))
                kept.get(str(i % 37), "same" if i % 3 else "other")
                kept.make_room(100)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert 0 <= kept.size <= 1000
    kept.make_room(1000)
    assert kept.size == 0
