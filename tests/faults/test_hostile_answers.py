"""Model code that was given rows, and says them in places where nobody looks for words."""

from __future__ import annotations

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import OutputColumn
from kronkers_batch.errors import FitFailed, ScoreFailed, WorkerFailed
from kronkers_batch.frames.schema import Column, ColumnType
from tests.contract.conftest import Lab, lab

__all__ = ["lab"]

ANY_LANGUAGE = pytest.mark.parametrize(
    "lab",
    [
        pytest.param(language, marks=() if language.name == "python" else pytest.mark.long)
        for language in LANGUAGES.values()
    ],
    indirect=True,
)
"""What the worker answers is read by this program alike: Python stands for all, the others are long."""

SX = (Column("s", ColumnType.STRING), Column("x", ColumnType.FLOAT))
NUMBER = 48_151

CLASSES = {
    LANGUAGES["python"]: """
def fit(data, params):
    raise type(data["s"][0], (Exception,), {})("wrong")

def score(model, data):
    return data["x"]
""",
    LANGUAGES["r"]: """
fit <- function(data, params) stop(structure(list(message = "wrong", call = NULL),
                                             class = c(data$s[1], "error", "condition")))
score <- function(model, data) data$x
""",
    LANGUAGES["julia"]: """
function fit(data, params)
    name = Symbol(data.s[1])
    @eval struct $name <: Exception end
    throw(Base.invokelatest(getfield(@__MODULE__, name)))
end
score(model, data) = data.x
""",
}
LINE = """
def fit(data, params):
    exec(compile("\\n" * int(data["x"][0]) + "raise ValueError('wrong')", __file__, "exec"))

def score(model, data):
    return data["x"]
"""


def said_by(lab: Lab, code: str, text: str) -> str:
    folder = lab.folder / "hostile"
    folder.mkdir(mode=0o755)
    (folder / f"model{lab.models.SUFFIX}").write_text(code)
    worker = lab.start("hostile", features=SX)
    with pytest.raises(FitFailed) as error:
        worker.fit([pl.DataFrame({"s": [text, text], "x": [float(NUMBER)] * 2, "y": [1.0, 2.0]})])
    return str(error.value)


@pytest.mark.parametrize("text", [pytest.param("Zebra77", marks=pytest.mark.long), "Marmalade"])
def test_an_error_is_not_called_by_a_value(lab, text):
    """A name with digits is refused as one of letters is: long."""
    said = said_by(lab, CLASSES[lab.language], text)
    assert "fit failed: error" in said
    assert text not in said


@pytest.mark.parametrize("lab", [LANGUAGES["python"]], indirect=True)
def test_a_line_that_the_code_does_not_have_is_not_told(lab):
    said = said_by(lab, LINE, "x")
    assert "fit failed: ValueError: wrong" in said
    assert str(NUMBER)[:4] not in said


# ---------------------------------------------------------------- answers that the code writes by itself

WRITES = {
    LANGUAGES["python"]: """
import sys, time

def fit(data, params):
    with open(sys.argv[2], "wb") as pipe:
        pipe.write(params["raw"].encode())
    time.sleep(100)

def score(model, data):
    return data["x"]
""",
    LANGUAGES["r"]: """
fit <- function(data, params) {
    pipe <- file(tail(commandArgs(TRUE), 1L), "wb", raw = TRUE)
    writeBin(charToRaw(params$raw), pipe)
    close(pipe)
    Sys.sleep(100)
}
score <- function(model, data) data$x
""",
    LANGUAGES["julia"]: """
function fit(data, params)
    open(pipe -> write(pipe, params["raw"]), ARGS[end], "w")
    sleep(100)
end
score(model, data) = data.x
""",
}
DEPTH = 1_200  # more than Python nests calls
DEEP = "".join("/".join(["class"] + ["a"] * depth) + "\tm\t\n" for depth in range(DEPTH))
OK = "KB1\tok\t0\t0\n"
ROWS = pl.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]})


def writing(lab: Lab, raw: str):
    folder = lab.folder / "writes"
    folder.mkdir(mode=0o755)
    (folder / f"model{lab.models.SUFFIX}").write_text(WRITES[lab.language])
    return lab.start("writes", parameters={"raw": raw})


@ANY_LANGUAGE
def test_an_answer_that_is_nested_without_end_breaks_the_protocol_and_nothing_else(lab):
    with pytest.raises(WorkerFailed, match="broke the protocol at 'fit': an argument is nested too deeply"):
        writing(lab, f"KB1\terror\t{DEPTH}\t0\n{DEEP}").fit([ROWS])


@ANY_LANGUAGE
def test_a_number_of_rows_that_the_code_makes_up_is_not_told(lab):
    worker = writing(lab, f"{OK}KB1\tscores\t0\t1\nframe\t1\t{NUMBER}\nscore\tf8\t0\t16\t0\t0\n")
    worker.fit([ROWS])
    with pytest.raises(ScoreFailed) as error:
        worker.score(ROWS.select("x"))
    assert "more rows than the 2 that it was given" in str(error.value)
    assert str(NUMBER)[-3:] not in str(error.value)


@pytest.mark.parametrize("lab", [LANGUAGES["python"]], indirect=True)
def test_an_artifact_that_does_not_fit_the_scratch_is_none(lab):
    """It takes the room of two in this process, whose memory no limit of a worker bounds."""
    worker = writing(lab, f"{OK}KB1\tartifact\t0\t1\nblob\t{2**30 + 1}\n")
    worker.fit([ROWS])
    with pytest.raises(WorkerFailed, match="a blob is larger than the 1,073,741,824 bytes allowed"):
        worker.save()


# ---------------------------------------------------------------- scores that would be changed without a word


@pytest.mark.parametrize("lab", [LANGUAGES["python"]], indirect=True)
@pytest.mark.parametrize(
    ("kind", "score", "kept"),
    [
        (ColumnType.FLOAT, "2**53 + 1", None),
        (ColumnType.FLOAT, "2**53", 2.0**53),
        (ColumnType.FLOAT32, "1e300", None),
        (ColumnType.FLOAT32, "float('inf')", float("inf")),
        (ColumnType.FLOAT, "True", 1.0),
        (ColumnType.DATE, "'+12345-01-01'", None),
        (ColumnType.TIMESTAMP, "'0000-06-01T00:00:00Z'", None),
    ],
)
def test_a_score_is_what_the_model_gave_or_is_refused(lab, kind, score, kept):
    folder = lab.folder / "exact"
    folder.mkdir(mode=0o755)
    fit = "def fit(data, params):\n    return 1\n\n\n"
    (folder / "model.py").write_text(f"{fit}def score(model, data):\n    return [{score}] * len(data)\n")
    worker = lab.start("exact", outputs=(OutputColumn("score", kind),))
    worker.fit([ROWS])
    if kept is None:
        with pytest.raises(ScoreFailed, match=r"2 of 2 values .* do not fit"):
            worker.score(ROWS.select("x"))
    else:
        assert worker.score(ROWS.select("x"))["score"].to_list() == [kept] * 2
