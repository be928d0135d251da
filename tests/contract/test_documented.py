"""What docs/reference/languages.md says of each language is so."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import Environment, OutputColumn
from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.runtimes.languages import MIB, builder
from tests.contract.test_data import column, training

PAGE = Path(__file__).parents[2] / "docs/reference/languages.md"
FLIPPED = (ColumnType.INTEGER, ColumnType.INT32, ColumnType.BOOLEAN)
"""The types that pandas and numpy hold as another one where there are nulls."""
COLUMNS = tuple(column(kind.value, kind) for kind in ColumnType)


def documented(first: str) -> list[dict[str, str]]:
    """The rows of the page's table that has a row called `first`, by the names of its columns."""
    for lines in re.findall(r"(?:^\|.*\n)+", PAGE.read_text(), re.MULTILINE):
        head, _, *rows = (
            [cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines.splitlines()
        )
        if any(row[0] == first for row in rows):
            return [dict(zip(["", *head[1:]], row, strict=True)) for row in rows]
    raise AssertionError(f"there is no table with {first} on the page")


def named(worker, *positions: int | None) -> list[str]:
    """What the language calls the type of each column."""
    return list(worker.score(training(COLUMNS, *positions).drop("y")).row(0))


def seen(worker, *positions: int | None) -> list[str]:
    """As the page calls it."""
    names = named(worker, *positions)
    return [re.sub(r"\w+\.", "", re.sub(r"^Union{Missing, *(.*)}$", r"\1", name)) for name in names]


def test_the_types_of_its_table(lab):
    rows = documented("float32")
    assert [row[""] for row in rows] == [c.name for c in COLUMNS]
    tables = [head for head in rows[0] if head.lower().split(":")[0] == lab.language.name]
    assert len(tables) == (3 if lab.language is LANGUAGES["python"] else 1), "the page has no column for it"
    results = tuple(OutputColumn(c.name, ColumnType.STRING) for c in COLUMNS)
    for table in tables:
        data = table.partition(": ")[2]
        worker = lab.start("classes", features=COLUMNS, outputs=results, data=data)
        worker.fit([training(COLUMNS, 0)])
        cells = [row[table].partition(", with nulls ") for row in rows]
        assert seen(worker, 0, 1) == [without for without, _, _ in cells]
        assert seen(worker, 0, None) == [beside or without for without, _, beside in cells]


def test_a_feature_with_nulls_has_one_type(lab):
    """So does one that had nulls in training only, and one that has them on a night only."""
    features = tuple(replace(c, nulls=True) for c in COLUMNS)
    results = tuple(OutputColumn(c.name, ColumnType.STRING) for c in COLUMNS)
    tables = ("pandas", "polars", "numpy") if lab.language is LANGUAGES["python"] else ("pandas",)
    for table in tables:
        worker = lab.start("classes", features=features, outputs=results, data=table)
        worker.fit([training(COLUMNS, 0)])
        plain = named(worker, 0, 1)
        assert plain == named(worker, 0, None) == named(worker, 2)
        if lab.language is LANGUAGES["python"]:
            floats = [name for name, kind in zip(plain, COLUMNS, strict=True) if kind.type in FLIPPED]
            assert floats == ["Int64", "Int32", "Boolean"] if table == "polars" else ["float64"] * 3
        if lab.language is LANGUAGES["julia"]:
            assert all("Missing" in name for name in plain[:-1]), plain  # a Categorical shows its name


def test_the_least_memory(lab):
    least = next(row for row in documented("version") if row[""].startswith("least"))
    command = builder(lab.language).command(Environment(), 1)
    said = {head.lower(): cell for head, cell in least.items()}
    assert said.get(lab.language.name) == f"{command.minimum_memory // MIB} MiB"
