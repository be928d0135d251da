"""Model code that was given rows, and says them in places where nobody looks for words."""

from __future__ import annotations

import polars as pl
import pytest

from kronkers_batch.config.spec import Language
from kronkers_batch.errors import FitFailed
from kronkers_batch.frames.schema import Column, ColumnType
from tests.contract.conftest import Lab, lab

__all__ = ["lab"]

SX = (Column("s", ColumnType.STRING), Column("x", ColumnType.FLOAT))
NUMBER = 48_151

CLASSES = {
    Language.PYTHON: """
def fit(data, params):
    raise type(data["s"][0], (Exception,), {})("wrong")

def score(model, data):
    return data["x"]
""",
    Language.R: """
fit <- function(data, params) stop(structure(list(message = "wrong", call = NULL),
                                             class = c(data$s[1], "error", "condition")))
score <- function(model, data) data$x
""",
    Language.JULIA: """
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


@pytest.mark.parametrize("text", ["Zebra77", "Marmalade"])
def test_an_error_is_not_called_by_a_value(lab, text):
    said = said_by(lab, CLASSES[lab.language], text)
    assert "fit failed: error" in said
    assert text not in said


@pytest.mark.parametrize("lab", [Language.PYTHON], indirect=True)
def test_a_line_that_the_code_does_not_have_is_not_told(lab):
    said = said_by(lab, LINE, "x")
    assert "fit failed: ValueError: wrong" in said
    assert str(NUMBER)[:4] not in said
