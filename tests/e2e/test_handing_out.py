"""``kronkers data``, ``predict`` and ``export``: what leaves the system for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import polars as pl
import pytest

from tests.e2e.company import PLANTED, Project, visits

NIGHT = "2024-01-20"


def of_night() -> pl.DataFrame:
    at = pl.col("at").cast(pl.Date)
    return visits().filter(at == pl.date(2024, 1, 20)).drop("y")


def write(project: Project, frame: pl.DataFrame, name: str = "data/mine.csv") -> str:
    path = project.folder / name
    if name.endswith(".parquet"):
        frame.write_parquet(path)
    else:
        frame.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S")
    return str(path)


def predicted(project: Project, path: str, *words: str) -> pl.DataFrame:
    """The scores of a file, as a file."""
    to = project.folder / "scores.parquet"
    project.run("predict", *(words or ["buys"]), "--input", path, "--to", str(to), "--force")
    return pl.read_parquet(to)


def test_a_file_is_scored_as_a_night_scores_its_rows(project: Project) -> None:
    to = project.folder / "night.parquet"
    project.run("read", "buys", "--date", NIGHT, "--to", str(to))
    night, before = pl.read_parquet(to), project.json("outputs", "buys")
    assert night.height > 30
    rows = of_night()
    unseen = rows.with_columns(colour=pl.lit(None, dtype=pl.String))
    for path in (
        write(project, rows),
        write(project, rows, "data/mine.parquet"),
        write(project, rows.with_columns(more=1).select(reversed(rows.columns)), "data/other.csv"),
    ):
        found = predicted(project, path)
        assert found.columns == ["id", "score"]
        assert found.equals(night.select("id", "score"))
    assert predicted(project, write(project, rows), "buys@1").equals(night.select("id", "score"))
    # A level that training did not see is missing, as on a night.
    strange = predicted(project, write(project, rows.with_columns(colour=pl.lit("new"))))
    assert strange.equals(predicted(project, write(project, unseen)))
    nameless = predicted(project, write(project, rows.drop("id", "at")))
    assert nameless["row"].to_list() == list(range(1, night.height + 1))
    assert nameless["score"].equals(night["score"])
    assert project.json("outputs", "buys") == before
    shown = project.run("predict", "buys", "--input", write(project, rows), "--limit", "2")
    assert "... and" in shown.stdout
    assert "nothing was published" in shown.stderr
    lines = project.run("predict", "buys", "--input", write(project, rows), "--limit", "2", "--json").stdout
    assert [set(json.loads(line)) for line in lines.splitlines()] == [{"id", "score"}] * 2
    assert "scored rows of a file with buys@1 to" in project.run("ledger", "show").stdout


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda f: f.rename({"x": "X"}), "lacks a column that buys@1 needs: x (did you mean X?)"),
        (lambda f: f.select("id"), "lacks 2 columns that buys@1 needs: x, colour"),
        (lambda f: f.with_columns(x=pl.lit("PLANTED-7")), "column x is declared float, but in"),
        (lambda f: f.with_columns(id=pl.lit("a")), "column id is declared integer"),
        (lambda f: f.with_columns(x=pl.lit(-60.0)), "1 check failed"),
        (lambda f: f.clear(), "there are no rows"),
    ],
)
def test_a_file_that_a_night_would_refuse_is_refused(project: Project, change: Any, what: str) -> None:
    """Checked against the declaration before anything is written."""
    to = project.folder / "scores.csv"
    path = write(project, change(of_night()))
    for words in (["--to", str(to)], ["--json"]):
        done = project.run("predict", "buys", "--input", path, *words, code=1)
        assert what in done.stderr
        assert path in done.stderr
        assert "PLANTED" not in done.stderr
        assert done.stdout == ""
    assert not to.exists()


def test_predict_says_what_is_wrong_with_its_words(project: Project) -> None:
    path = write(project, of_night())
    Path(project.folder / "data/rows.txt").write_text("")
    project.write(
        "conf/source/theirs.yaml",
        "department: support\nkind: csv\npath: data/theirs.csv\ncolumns: {id: integer}\n",
    )
    theirs = write(project, of_night(), "data/theirs.csv")
    for words, code, what in (
        (["buys", "--input", "/nowhere/x.csv"], 2, "there is no file of this name"),
        (["buys", "--input", str(project.folder / "data/rows.txt")], 2, "neither CSV nor Parquet"),
        (["buys", "--input", path, "--limit", "0"], 2, "--limit is 0"),
        (["buys", "--input", path, "--limit", "1", "--to", "x.csv"], 2, "exclude each other"),
        (["buys", "--input", path, "--to", str(project.folder / "x.doc")], 2, "cannot write '.doc'"),
        (["buys", "--input", path, "--to", str(project.folder / "var/x.csv")], 2, "the path is refused"),
        (["buys@7", "--input", path], 2, "buys@7 does not exist"),
        (["none", "--input", path], 2, "no model is called"),
        (["buys", "--input", theirs], 1, "does not share it with sales"),
        (["buys", "--input", write(project, of_night(), "var/x.csv")], 1, "the path is refused"),
    ):  # fmt: skip
        done = project.run("predict", *words, code=code)
        assert what in done.stderr, words
    project.edit("conf/model/buys.yaml", "description: Will", "promote: manual\ndescription: Will")
    text = (project.folder / "conf/model/buys.yaml").read_text()
    project.write("conf/model/later.yaml", text)
    assert "later has no champion yet" in project.run("predict", "later", "--input", path, code=2).stderr


def test_the_rows_of_fit_are_written_as_fit_gets_them(project: Project) -> None:
    shown = project.json("show", "buys@1")
    found = {}
    for name in ("rows.csv", "rows.parquet"):
        to = project.folder / name
        project.run("data", "buys", "--to", str(to), "--date", NIGHT)
        found[name] = pl.read_csv(to) if name.endswith("csv") else pl.read_parquet(to)
        assert found[name].columns == ["x", "colour", "y"]
        assert found[name].height == shown["rows"]["fit"]
        assert PLANTED in found[name]["colour"].to_list()
    assert found["rows.csv"]["x"].equals(found["rows.parquet"]["x"])
    done = project.json("data", "buys", "--to", str(to), "--force")
    assert done["rows"] == shown["rows"]["fit"]
    assert "the file to write is missing" in project.run("data", "buys", code=2).stderr
    assert "exists already" in project.run("data", "buys", "--to", str(to), code=2).stderr
    assert "exported the training rows of buys to" in project.run("ledger", "show").stdout


def test_a_stored_model_is_handed_out_as_its_language_wrote_it(project: Project) -> None:
    to = project.folder / "buys.model"
    done = project.run("export", "buys@1", "--to", str(to))
    assert f'joblib.load("{to}")' in done.stderr
    assert to.stat().st_mode & 0o777 == 0o600
    model = joblib.load(to)
    rows = of_night()
    design = np.column_stack(
        [np.ones(rows.height), rows["x"], rows["colour"] == "green", rows["colour"] == "red"]
    )
    expected = 1 / (1 + np.exp(-4 * (design @ model - 0.5)))
    assert np.array_equal(predicted(project, write(project, rows))["score"].to_numpy(), expected)
    assert f"exported buys@1 to {to}" in project.run("ledger", "show").stdout
    assert project.json("export", "buys@1", "--to", str(to), "--force")["bytes"] == to.stat().st_size
    for words, what in (
        (["buys@1", "--to", str(to)], "exists already"),
        (["buys@1"], "the file to write is missing"),
        (["buys", "--to", str(to), "--force"], "is not a model version"),
        (["buys@1", "--to", str(project.folder / "var/m")], "the path is refused"),
    ):
        assert what in project.run("export", *words, code=2).stderr, words
