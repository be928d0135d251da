"""The code of a department's own measures is code: signed, run as it was looked at, and closed to others."""

from __future__ import annotations

import socket
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.own_measure import Measure
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import Unseen
from kronkers_batch.declared.measure_code import measure_spec
from kronkers_batch.errors import DataError, ModelError, WorkerFailed
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.pipeline import own_measures
from kronkers_batch.runtimes.measure_worker import JudgedRows, start_measure
from kronkers_batch.runtimes.worker_spec import PLACE, KeptCode, Walls, WorkerSpec
from tests.faults.departments import Departments
from tests.faults.test_forged_logs import by
from tests.model_support import declared

COST = "def loss(truth, score, data):\n    return abs(truth - score) * 0 + %s\n"
MORE = "measures: {cost: {language: python, code: measures/cost.py}}\n"
NEXT = "2024-01-22"
X = Column("x", ColumnType.FLOAT)


def test_whoever_signs_a_model_signs_its_measures(signing_company: Departments, monkeypatch) -> None:
    """What was signed is what runs, though the file is exchanged then; what it holds then runs no more."""
    company, real = signing_company, own_measures.by_path
    file = company.folder / "measures/cost.py"
    company.write("measures/cost.py", COST % "2.0")
    text = (company.folder / "conf/model/buys.yaml").read_text()
    company.write("conf/model/buys.yaml", text + MORE)
    company.run("run", "buys", "--date", "2024-01-21", code=3)
    company.by("ann").run("sign", "buys", "--yes", "--why", "a cost of our own")

    def exchanged(services, model):  # between the look at what is signed and the start of the worker
        file.write_text(COST % "7.0")
        return real(services, model)

    monkeypatch.setattr(own_measures, "by_path", exchanged)
    company.run("run", "buys", "--date", "2024-01-21")
    assert "7.0" in file.read_text()
    with by(company, "nightly") as services:
        version = services.registry.champion("buys")
        assert version is not None
        assert version.training.metrics["cost"] == 2.0
    said = company.run("run", "buys", "--date", NEXT, code=3).stdout
    assert "the definition changed since ann signed it" in said
    assert "measures.cost.code: changed" in company.run("plan", "buys", code=None).stdout
    file.write_bytes(b"# caf\xe9\n")
    assert "measures.cost.code: changed" in company.run("plan", "buys", code=None).stdout
    refused = company.by("ann").run("sign", "buys", "--yes", "--why", "x", code=None)
    assert refused.returncode
    assert "the code is not UTF-8" in refused.stdout + refused.stderr


ANSWERS = {
    b"KB1\tmeasured\t0\t1\nframe\t1\t2\nloss\tf4\t0\t8\t0\t0\n" + bytes(8): (WorkerFailed, "are no floats"),
    b"KB1\tmeasured\t0\t1\nframe\t1\t48151\nloss\tf8\t0\t8\t0\t0\n": (
        ModelError,
        "loss returned more rows than",
    ),
    b"KB1\tmeasured\t0\t1\nframe\t2\t2\n": (ModelError, "loss returned another number of columns than"),
    b"KB1\tmeasured\t0\t1\nblob\t2\n": (WorkerFailed, "broke the protocol at 'loss': a frame was expected"),
    b"KB1\tmeasured\t0\t0\n": (WorkerFailed, "broke the protocol at 'loss': what was measured is one frame"),
}
WRITES = """\
import sys, time
def loss(truth, score, data):
    with open(sys.argv[2], "wb") as pipe:
        pipe.write(%r)
    time.sleep(100)
"""


NUMBERS = [1.0, 2.0]
TWO = JudgedRows(*(pl.DataFrame({name: NUMBERS}) for name in ("y", "score", "x")))


def spec_of(code: str, column: Column = X, **changes) -> WorkerSpec:
    """What the worker of a measure with this code is given."""
    language = LANGUAGES["python"]
    measure = Measure("cost", language, Path("cost.py"))
    model = declared(language, (column,), measures=(measure,), data="numpy", **changes)
    kept = KeptCode(PLACE / "cost.py", model.origin, code)
    return measure_spec(model, measure, kept, Schema((column,)), SandboxPolicy.REQUIRE, Walls())


@pytest.mark.parametrize("answer", list(ANSWERS))
def test_an_answer_that_the_code_writes_by_itself_is_no_measure(answer: bytes) -> None:
    kind, said = ANSWERS[answer]
    with start_measure(spec_of(WRITES % answer)) as worker, pytest.raises(kind, match=said) as error:
        worker.measure(TWO)
    assert "48151" not in str(error.value).replace(",", "")


LOOKS = """\
import os, socket
def loss(truth, score, data):
    assert os.listdir(os.path.dirname(os.path.abspath(__file__))) == ["cost.py"]
    assert not [name for name in os.environ if "KRONKERS" in name]
    assert not os.path.exists(%r)
    try:
        socket.create_connection(("127.0.0.1", %d), 1)
    except OSError:
        return abs(truth - score)
    raise ValueError("connected")
"""


def test_a_measure_sees_its_own_file_and_no_variable_folder_or_network_of_ours(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("KRONKERS_SECRET", "x")
    (tmp_path / "there").write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = LOOKS % (str(tmp_path / "there"), server.getsockname()[1])
        with start_measure(spec_of(code)) as worker:
            assert worker.measure(TWO).to_series().to_list() == [0.0, 0.0]


def test_a_level_that_training_did_not_see_is_an_error_of_the_rows_where_it_is_declared_so() -> None:
    """As for a model: the measure sees the features as ``score`` does."""
    column, one = Column("x", ColumnType.CATEGORY, ("a",)), pl.DataFrame({"y": [1.0]})
    spec = spec_of(COST % "1.0", column, unseen=Unseen.ERROR)
    with start_measure(spec) as worker, pytest.raises(DataError, match="model m, measure cost"):
        worker.measure(JudgedRows(one, one.rename({"y": "score"}), pl.DataFrame({"x": ["b"]})))
