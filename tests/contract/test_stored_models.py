"""What a training would publish is tried in a fresh worker before it is recorded, in each language alike."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import OutputColumn, RowsPolicy
from kronkers_batch.errors import ModelError, ScoreFailed
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.pipeline.golden import same_scores, unpacked
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.verify import Verified, verify
from tests.contract.conftest import Lab
from tests.model_support import declared

pytestmark = pytest.mark.usefixtures("in_turn")
C = Column("c", ColumnType.CATEGORY, ("a", "b", "c", "d"))
X = Column("x", ColumnType.FLOAT)
Y = Column("y", ColumnType.FLOAT)
EFFECT = {"a": 1.0, "b": 5.0, "c": 20.0, "d": 40.0}

OF_THE_PROCESS = ("outside", "attached")
"""Cases about what a process remembers: it must have seen no other case."""


def rows(n: int = 60, start: int = 0) -> pl.DataFrame:
    """Every third of them has every level, so that what numbers the levels that it meets is right in each."""
    levels = [list(EFFECT)[i % 4] for i in range(start, start + n)]
    x = [float(i % 7) for i in range(start, start + n)]
    y = [EFFECT[level] + 2 * value for level, value in zip(levels, x, strict=True)]
    return pl.DataFrame({"c": levels, "x": x, "y": y})


def verified(lab: Lab, case: str, data: pl.DataFrame | None = None, **changes) -> Verified:
    """What a training does after its data is there."""
    fit, holdout = rows(), rows(start=60) if data is None else data
    features = (C, X)
    model = declared(lab.language, features)
    model = replace(model, **{k: v for k, v in changes.items() if k != "parameters"})
    parameters = changes.get("parameters", {"none": 1})
    parts = {"features": features, "parameters": parameters, "task": model.task}
    parts["own"] = case in OF_THE_PROCESS
    fitted, fresh = lab.start(case, target=Y, **parts), lab.start(case, target=None, **parts)
    fitted.fit([fit])
    return verify(fitted, fresh, fitted.save(), model, TrainingData(fit, holdout, 0, ()), Schema(features))


def refused(lab: Lab, case: str, **changes) -> ModelError:
    with pytest.raises(ModelError) as error:
        verified(lab, case, **changes)
    return error.value


def test_a_good_model_is_measured_and_its_golden_rows_are_scored_again(lab):
    """Among them are rows of one level alone, and one with a null and one with an unseen level."""
    fit = rows().with_columns(x=pl.when(pl.int_range(pl.len()) == 7).then(None).otherwise("x"))
    features = (C, X)
    parts = {"features": features, "parameters": {"none": 1}}
    fitted, fresh = lab.start("identity", target=Y, **parts), lab.start("identity", target=None, **parts)
    fitted.fit([fit])
    artifact, data = fitted.save(), TrainingData(fit, rows(start=60), 0, ())
    found = verify(fitted, fresh, artifact, declared(lab.language, features), data, Schema(features))
    assert found.remarks == ()
    assert found.metrics["unscored"] == 0
    assert found.metrics["bias"] < -10
    usual, level, odd = unpacked(found.golden)
    assert usual[0].height == 20
    assert set(level[0]["c"]) == {"d"}
    assert odd[0]["x"].null_count() == 1
    assert not set(odd[0]["c"]) <= set(EFFECT)
    later = lab.start("identity", target=None, **parts)
    later.load(artifact)
    for frame, expected in unpacked(found.golden):
        assert same_scores(expected, later.score(frame, apart=True))


@pytest.mark.parametrize("case", ["outside", "forgetful"])
@pytest.mark.parametrize("policy", list(RowsPolicy))
def test_a_stored_model_that_scores_otherwise_than_the_fitted_one_is_refused(lab, case, policy):
    assert (
        "the stored model, loaded in a new worker, gives other scores" in refused(lab, case, rows=policy).what
    )


def test_what_only_fit_loads_is_not_there_later_and_that_is_said(lab):
    error = refused(lab, "attached")
    assert "score failed" in error.what
    if lab.language.name == "r":
        assert 'could not find function "bs"' in error.what
        assert "the process that ran fit had also loaded: splines" in error.what
        assert "library(...)" in error.fix


def test_scores_that_depend_on_the_levels_around_a_row_are_refused(lab):
    """The rows in another order and in thirds are scored alike; one alone is not."""
    error = refused(lab, "numbered")
    assert "another score when the row is scored alone" in error.what
    assert "rows: whole" in error.fix
    assert verified(lab, "numbered", rows=RowsPolicy.WHOLE).metrics["r2"] > 0.8


@pytest.mark.parametrize("lab", [LANGUAGES["python"]], ids=["one for all"], indirect=True)
def test_scores_that_depend_on_the_rows_around_are_refused(lab):
    """Also where a row alone, and the rows of one level, are scored as among all."""
    folder = lab.folder / "first"
    folder.mkdir()
    (folder / "model.py").write_text(
        "def fit(data, params):\n    return 1\n\n\n"
        "def score(model, data):\n    many = data.height > 15\n"
        "    return data['x'] + (data['x'][0] if many else 0.0)\n"
    )
    assert "another score when the row is scored among other rows" in refused(lab, "first").what


def test_scores_that_depend_on_a_level_that_all_rows_have_are_refused(lab):
    assert "another score when the row is scored only with rows of the same c" in refused(lab, "alike").what


def test_chance_that_the_seed_sets_is_the_same_each_time(lab):
    """So that the golden rows of a model that draws by chance, and sees all rows at once, can be proven."""
    assert verified(lab, "dice", rows=RowsPolicy.WHOLE).remarks == ()


def test_the_named_column_is_measured(lab):
    columns = (X, Column("w", ColumnType.FLOAT))
    data = rows().select("x", "y", w=pl.col("y") + 1)
    outputs = (OutputColumn("x", ColumnType.FLOAT), OutputColumn("w", ColumnType.FLOAT))
    parts = {"features": columns, "outputs": outputs}
    fitted, fresh = lab.start("echo", target=Y, **parts), lab.start("echo", target=None, **parts)
    fitted.fit([data.select("x", "w", "y")])
    model = declared(lab.language, columns, ("x", "w"), evaluate="w")
    found = verify(fitted, fresh, fitted.save(), model, TrainingData(data, data, 0, ()), Schema(columns))
    assert found.metrics["bias"] == pytest.approx(1)


def test_a_model_that_cannot_score_one_row_is_refused(lab):
    if lab.language.name != "python":  # where a mean of one row is no error
        assert "score fails for a row alone" in refused(lab, "several").what
    else:
        assert "another score when the row is scored alone" in refused(lab, "several").what
    assert verified(lab, "several", rows=RowsPolicy.WHOLE).remarks == ()


@pytest.mark.parametrize("policy", list(RowsPolicy))
def test_a_model_that_scores_the_same_rows_otherwise_each_time_is_refused(lab, policy):
    assert "other scores the second time" in refused(lab, "restless", rows=policy).what


def test_scores_that_are_nan_are_counted_and_all_of_them_are_refused(lab):
    error = refused(lab, "unscored", parameters={"above": -1.0})
    assert error.what == "score gave NaN for 60 of 60 holdout rows"
    found = verified(lab, "unscored", parameters={"above": 5.5})
    assert found.remarks == ("score gave NaN for 9 of 60 holdout rows",)


def test_scores_that_are_no_probabilities_are_refused(lab):
    binary = {"task": TASKS["binary"], "target_type": ColumnType.FLOAT}
    data = rows(start=60).with_columns(y=(pl.col("y") > 20).cast(pl.Float64))
    said = refused(lab, "identity", data=data, **binary).what
    assert said.startswith("score gave no probability for 43 of 60 holdout rows")


def test_counts_that_do_not_change_with_their_exposure_are_refused(lab):
    columns, goal = (X, Column("e", ColumnType.FLOAT)), Goal(exposure="e")
    data = rows().select(x=pl.col("x") + 1, e=pl.col("x") % 3 + 1.0, y=pl.col("x") + 1)
    parts = {"features": columns, "goal": goal, "task": TASKS["count"], "parameters": {"none": 1}}
    fitted, fresh = lab.start("identity", target=Y, **parts), lab.start("identity", target=None, **parts)
    fitted.fit([data])
    model = declared(lab.language, columns, task=TASKS["count"], goal=goal)
    with pytest.raises(ScoreFailed, match="the scores do not change with the exposure e"):
        verify(fitted, fresh, fitted.save(), model, TrainingData(data, data, 0, ()), Schema(columns))


def test_odd_rows_that_score_refuses_are_told_and_refuse_nothing(lab):
    found = verified(lab, "strict")
    assert found.remarks == ("score fails for a row with a c that training did not see",)
    assert len(unpacked(found.golden)) == 2
    allowed = tuple(replace(f, nulls=f.name == "c") for f in declared(lab.language, (C, X)).features)
    for rows_ in RowsPolicy:
        error = refused(lab, "strict", features=allowed, rows=rows_)
        assert error.what == "score fails for a row with no c, which the feature's declaration allows"


def test_files_beside_the_code_are_found(lab):
    """By relative import, source() and include()."""
    helper = {
        "python": ("double.py", "def factor():\n    return 2.0\n"),
        "r": ("double.R", "factor_of <- function() 2\n"),
        "julia": ("double.jl", "factor() = 2.0\n"),
    }
    name, text = helper[lab.language.name]
    folder = lab.folder / "beside"
    folder.mkdir()
    (folder / name).write_text(text)
    worker = lab.start("beside")
    worker.fit([rows().select("x", "y")])
    assert worker.score(pl.DataFrame({"x": [1.5]}))["score"].to_list() == [3.0]


def test_what_was_scored_apart_is_not_remembered(lab, fitted):
    """In Julia, a column that had a null is of another type from then on, which code may refuse."""
    worker = fitted("classes", own=True, outputs=(OutputColumn("x", ColumnType.STRING),))
    before = worker.score(pl.DataFrame({"x": [1.0]}))["x"].to_list()
    worker.score(pl.DataFrame({"x": [None]}, schema={"x": pl.Float64}), apart=True)
    assert worker.score(pl.DataFrame({"x": [1.0]}))["x"].to_list() == before
