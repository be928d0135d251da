"""A source for every way in which one can fail, each with a word of its own at every place of its data."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

Made = Callable[[Path, str], str]
"""Writes the files of a source into a folder, with the word in them; gives the source's YAML."""

COLUMNS = "columns: {a: string, c: float, b: float}\n"
CASES: dict[str, Made] = {}


def case(make: Made) -> Made:
    CASES[make.__name__.strip("_")] = make
    return make


def csv(folder: Path, text: str | bytes, more: str = "", columns: str = COLUMNS, name: str = "x.csv") -> str:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return f"kind: csv\npath: {folder / name}\n{columns}{more}"


def parquet(folder: Path, frame: pl.DataFrame, columns: str = COLUMNS) -> str:
    frame.write_parquet(folder / "x.parquet")
    return f"kind: parquet\npath: {folder}/x.parquet\n{columns}"


def query(folder: Path, word: str, text: str, columns: str = COLUMNS) -> str:
    """A query over a good source of the same folder, whose column ``a`` holds the word."""
    return f"kind: query\ninputs: {{good: {{source: good}}}}\nquery: |\n  {text}\n{columns}"


def database(folder: Path, word: str, *statements: str, table: str = "t", columns: str = COLUMNS) -> str:
    with sqlite3.connect(folder / "x.db") as made:
        for statement in statements:
            made.execute(statement)
    made.close()
    return f"kind: database\nurl: sqlite:///{folder}/x.db\nquery: {table}\n{columns}"


# ---------------------------------------------------------------- CSV


@case
def a_first_row_in_place_of_the_header(folder: Path, word: str) -> str:
    return csv(folder, f"{word},1985-04-03,{word}@example.org\nb,1,2\n")


@case
def a_header_with_other_columns(folder: Path, word: str) -> str:
    return csv(folder, f"a,c,{word}\nb,1,2\n")


@case
def a_header_that_is_not_utf8(folder: Path, word: str) -> str:
    return csv(folder, f"a,c,{word}".encode() + b"\xff\nb,1,2\n")


@case
def a_header_with_a_column_twice(folder: Path, word: str) -> str:
    return csv(folder, f"a,a,c,b,{word}\nb,b,1,2,3\n")


@case
def a_row_with_a_field_too_many(folder: Path, word: str) -> str:
    return csv(folder, f"a,c,b\n{word},1,2,{word}\n")


@case
def a_quoted_row_with_a_field_too_many(folder: Path, word: str) -> str:
    return csv(folder, f'a,c,b\n"{word}",1,2,"{word}"\n')


@case
def a_quote_that_is_never_closed(folder: Path, word: str) -> str:
    return csv(folder, f'a,c,b\n"{word},1,2\n{word},1,2\n')


@case
def a_text_in_a_number(folder: Path, word: str) -> str:
    return csv(folder, f"a,c,b\n{word},{word},2\n")


@case
def a_level_that_is_not_declared(folder: Path, word: str) -> str:
    return csv(
        folder,
        f"a,c,b\n{word},1,2\n",
        columns="columns: {a: {type: category, levels: [x, y]}, c: float, b: float}\n",
    )


@case
def a_nul_byte(folder: Path, word: str) -> str:
    return csv(folder, f"a,c,b\n{word}\0{word},1,2\n")


@case
def bytes_that_are_not_utf8(folder: Path, word: str) -> str:
    return csv(folder, f"a,c,b\n{word}".encode() + b"\xff,1,2\n")


@case
def an_archive_with_two_files(folder: Path, word: str) -> str:
    with zipfile.ZipFile(folder / "x.csv.zip", "w") as archive:
        archive.writestr(f"{word}1.csv", "a,c,b\n")
        archive.writestr(f"{word}2.csv", "a,c,b\n")
    return f"kind: csv\npath: {folder}/x.csv.zip\n{COLUMNS}"


@case
def an_archive_whose_file_is_damaged(folder: Path, word: str) -> str:
    with zipfile.ZipFile(folder / "x.csv.zip", "w") as archive:
        archive.writestr(f"{word}.csv", f"a,c,b\n{word},1,2\n")
    raw = (folder / "x.csv.zip").read_bytes()
    (folder / "x.csv.zip").write_bytes(raw.replace(f"{word},1,2".encode(), f"{word},9,9".encode()))
    return f"kind: csv\npath: {folder}/x.csv.zip\n{COLUMNS}"


@case
def a_cut_off_archive(folder: Path, word: str) -> str:
    raw = gzip.compress(("a,c,b\n" + f"{word},1,2\n" * 9000).encode(), 0)
    (folder / "x.csv.gz").write_bytes(raw[:70_000])
    return f"kind: csv\npath: {folder}/x.csv.gz\n{COLUMNS}"


@case
def a_file_name_that_a_pattern_finds(folder: Path, word: str) -> str:
    csv(folder, "nothing\n1\n", name=f"{word}-2024.csv")
    csv(folder, "a,c,b\n1,2\n", name=f"{word}-2025.csv")
    return f"kind: csv\npath: {folder}/*.csv\n{COLUMNS}"


# ---------------------------------------------------------------- Parquet


@case
def levels_in_a_type(folder: Path, word: str) -> str:
    kind = pl.Enum([f"{word}1", f"{word}2"])
    return parquet(folder, pl.DataFrame({"a": ["x"], "c": pl.Series([f"{word}1"], dtype=kind), "b": [1.0]}))


@case
def fields_of_a_struct(folder: Path, word: str) -> str:
    return parquet(folder, pl.DataFrame({"a": ["x"], "c": [{word: 1.0}], "b": [1.0]}))


@case
def other_columns_in_parquet(folder: Path, word: str) -> str:
    return parquet(folder, pl.DataFrame({word: ["x"], "c": [1.0], "b": [1.0]}))


@case
def a_cut_off_parquet_file(folder: Path, word: str) -> str:
    text = parquet(folder, pl.DataFrame({word: ["x"], "a": [word], "c": [1.0], "b": [1.0]}))
    path = folder / "x.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    return text


@case
def a_parquet_file_with_a_damaged_page(folder: Path, word: str) -> str:
    frame = pl.DataFrame({"a": [f"{word}{i}" for i in range(9000)], "c": 1.0, "b": 1.0})
    frame.write_parquet(folder / "x.parquet", compression="zstd")
    path = folder / "x.parquet"
    raw = bytearray(path.read_bytes())
    raw[40:400] = b"\xfe" * 360
    path.write_bytes(raw)
    return f"kind: parquet\npath: {path}\n{COLUMNS}"


# ---------------------------------------------------------------- databases and queries


@case
def a_column_of_a_table(folder: Path, word: str) -> str:
    return database(folder, word, f"create table t (a text, c real, {word} real)")


@case
def a_text_in_a_number_of_a_table(folder: Path, word: str) -> str:
    return database(
        folder,
        word,
        "create table t (a text, c real, b real)",
        f"insert into t values ('{word}', '{word}', 1)",
    )


@case
def a_view_that_fails(folder: Path, word: str) -> str:
    return database(
        folder,
        word,
        "create table s (a text, c real, b real)",
        f"create view t as select a, c, {word} as b from s",
    )


@case
def an_error_of_the_database(folder: Path, word: str) -> str:
    return database(
        folder, word, "create table t (a text, c real, b real)", f"insert into t values ('{word}', 1, 1)",
        table="select a, c, json_extract('{' || a, '$.x') as b from t",
    )  # fmt: skip


@case
def columns_that_a_pivot_makes(folder: Path, word: str) -> str:
    return query(folder, word, "select * from (pivot good on a using sum(c))")


@case
def a_column_that_a_pivot_nearly_makes(folder: Path, word: str) -> str:
    return query(folder, word, 'select p."nothing like it" as c from (pivot good on a using sum(c)) p')


@case
def columns_that_fit_no_pattern(folder: Path, word: str) -> str:
    return query(folder, word, "select columns('zz.*') from (pivot good on a using sum(c))")


@case
def a_value_that_a_query_cannot_cast(folder: Path, word: str) -> str:
    return query(folder, word, "select a, cast(a as double) as c, b from good")


@case
def an_error_that_a_query_makes(folder: Path, word: str) -> str:
    return query(folder, word, "select a, error(a) as c, b from good")


@case
def a_pattern_that_is_a_value(folder: Path, word: str) -> str:
    return query(
        folder,
        word,
        "select a, c, case when regexp_matches('x', a || '(') then 1.0 else 0.0 end as b from good",
    )


@case
def a_cast_to_levels(folder: Path, word: str) -> str:
    return query(folder, word, "select cast(a as enum('x')) as a, c, b from good")


# ---------------------------------------------------------------- checks


@case
def checks_that_fail(folder: Path, word: str) -> str:
    checks = (
        "key: [a]\nchecks:\n"
        "  - {column: a, in: [x]}\n"
        "  - {column: a, pattern: '[0-9]+'}\n"
        "  - {expression: \"a == 'x'\"}\n"
        "  - {column: c, max: 0}\n"
    )
    return csv(folder, f"a,c,b\n{word},1,2\n{word},1,2\n", checks)


@case
def more_levels_than_there_may_be(folder: Path, word: str) -> str:
    rows = "".join(f"{word}{i},1,2\n" for i in range(70_000))
    return csv(folder, f"a,c,b\n{rows}", columns="columns: {a: category, c: float, b: float}\n")


MODEL = """\
department: sales
owner: Ann
description: x
task: regression
language: python
code: models/buys/model.py
source: {source}
key: [a]
features: [c]
target: b
rows: independent
thresholds: {{training: {{}}, output: {{rows: {{min: 1}}}}}}
"""


def word_of(name: str) -> str:
    """The word that is planted in a case: nobody says it by chance, and it is close to nothing declared."""
    return f"Kanarie{list(CASES).index(name):02}Vogel"


def plant(folder: Path) -> dict[str, str]:
    """Adds a model and a source for every case to a company; gives each model's word."""
    words = {}
    for name, make in CASES.items():
        words[name] = word = word_of(name)
        data = folder / "planted" / name
        data.mkdir(parents=True)
        text = make(data, word)
        if "source: good" in text:
            good = f"good_{name}"
            yaml = csv(data, f"a,c,b\n{word},1,2\nx,2,3\n", name="good.csv")
            _source(folder, good, yaml)
            text = text.replace("source: good", f"source: {good}")
        _source(folder, name, text)
        (folder / "conf/model" / f"{name}.yaml").write_text(MODEL.format(source=name))
    return words


def _source(folder: Path, name: str, text: str) -> None:
    (folder / "conf/source" / f"{name}.yaml").write_text(f"department: sales\ndescription: x\n{text}")
