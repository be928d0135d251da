"""A department's own measures, in each language alike: their numbers, and what is refused of them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES, Language
from kronkers_batch.config.own_measure import Direction, Measure
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.declared.measure_code import measure_spec
from kronkers_batch.errors import ModelError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.pipeline.own_measures import Asked, judged_rows
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.runtimes import conversation
from kronkers_batch.runtimes.measure_worker import MeasureWorker, start_measure
from kronkers_batch.runtimes.worker_spec import KeptCode, Walls, WorkerSpec
from tests.contract.conftest import ORIGIN
from tests.model_support import declared

T = ColumnType
CLASSES = ("home", "légal aid", "motor")
FEATURES = (
    Column("region", T.CATEGORY, ("north", "south")),
    Column("minutes", T.FLOAT),
    Column("n", T.INTEGER),
)
HIGH, LOW = Direction.HIGHER, Direction.LOWER
REVIEW = {"hits": HIGH, "cost_per_claim": LOW}
TWO = {"hits": HIGH, "cost": LOW}
PAGE = Path(__file__).parents[2] / "docs/how-to/own-measures.md"
ROWS = pl.DataFrame(
    {
        "region": ["north", "south", None, "south", "north", "north"],
        "minutes": [2.0, None, 0.5, 3.0, 1.25, None],
        "n": [1, 2, 3, 4, 5, 6],
        "desk": ["motor", "home", "légal aid", "home", "motor", "motor"],
        "amount": [1.5, 2.0, 3.25, 8.0, 5.0, 7.5],
        "paid": ["Yes", "No", "No", "Yes", "Yes", "No"],
    }
)
DATA = TrainingData(ROWS, ROWS, 0, ())
PROBABILITIES = [(0.1, 0.2, 0.7), (0.3, 0.6, 0.1), (0.2, 0.5, 0.3), (0.9, 0.1, 0.0), (0.5, 0.25, 0.25)]


class Judge(MeasureWorker):
    """A measure that takes its turn in a process that another one started."""

    def __init__(self, spec: WorkerSpec, measure: Measure, first: MeasureWorker) -> None:
        launch = replace(first._launch, folder=f"{first._launch.folder}/{measure.name}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(conversation, "launch", lambda *_: launch)
            patch.setattr(conversation, "Process", lambda *_: first._process)
            super().__init__(spec, measure)

    def _end(self, why: str) -> None:
        self._failed = why


class Bench:
    """The measures of one language, in one process."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.cases = importlib.import_module(f"tests.contract.measures_{language}")
        (block,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
        self.codes = {**self.cases.MEASURES, "page": block, "page_metric": block}
        self.file = f"measure{self.cases.SUFFIX}"
        files = {f"{name}/{self.file}": code.encode() for name, code in self.codes.items()}
        self._folder = Path("/kronkers/measures")
        single = self.codes["single"]
        self._standing = KeptCode(self._folder / self.file, ORIGIN, single, files)
        self._first: MeasureWorker | None = None

    def asked(self, name: str, metrics: dict[str, Direction] | None = None, **changes) -> Asked:
        """The measure of a case, ready to be asked."""
        measure = Measure(name, self.language, Path(self.file), metrics or {})
        values = {"target": "amount", "target_type": T.FLOAT, "data": "pandas", **changes}
        model = declared(self.language, FEATURES, measures=(measure,), **values)
        if self._first is None:
            standing = Measure("standing", self.language, Path(self.file))
            spec = self._spec(model, standing, self._standing)
            self._first = start_measure(spec)
            _ = self._first.info
            self._first._process.shown_elsewhere = lambda: ""  # it was looked at, and is said only once
        code = KeptCode(self._folder / name / self.file, ORIGIN, self.codes[name])
        return Asked(model, measure, Judge(self._spec(model, measure, code), measure, self._first))

    def _spec(self, model: ModelSpec, measure: Measure, code: KeptCode) -> WorkerSpec:
        return measure_spec(model, measure, code, Schema(FEATURES), SandboxPolicy.REQUIRE, Walls())

    def close(self) -> None:
        if self._first is not None:
            self._first.close()


@pytest.fixture(scope="module", params=list(LANGUAGES.values()), ids=str)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param)
    yield made
    made.close()


def test_each_language_sees_the_same_and_gives_the_same_numbers(bench: Bench) -> None:
    """Of several scores and of one, of classes, numbers and a positive value; not of rows without a score."""
    of_classes = {"task": TASKS["multiclass"], "goal": Goal(classes=CLASSES), "evaluate": ""}
    of_classes |= {"target": "desk", "target_type": T.STRING}
    names = [f"probability.{name}" for name in CLASSES]
    scores = pl.DataFrame([*PROBABILITIES, (None, 0.5, 0.5)], schema=names, orient="row")
    cost = bench.asked("cost", **of_classes)
    rows, known = judged_rows(cost.model, DATA, Schema(FEATURES), scores)
    assert known.to_list() == [True] * 5 + [False]
    expected, hits = [], []
    for row, given in zip(ROWS.head(5).iter_rows(named=True), PROBABILITIES, strict=True):
        minutes = 1.0 if row["minutes"] is None else row["minutes"]
        missed = 1 - given[CLASSES.index(row["desk"])]
        expected.append(missed * minutes + 0.1 * (row["region"] == "north") + row["n"] / 8)
        hits.append(CLASSES[max(range(3), key=given.__getitem__)] == row["desk"])
    assert cost.loss(rows).tolist() == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert bench.asked("review", REVIEW, **of_classes).metrics(rows) == {
        "hits": pytest.approx(sum(hits) / 5, rel=1e-12),
        "cost_per_claim": pytest.approx((2 + 5) / 5, rel=1e-12),
    }
    assert hits == [True, False, True, True, False]

    single = bench.asked("single")
    rows, _ = judged_rows(single.model, DATA, Schema(FEATURES), pl.DataFrame({"score": [1, 2, 3, 4, 5, 6]}))
    wanted = [abs(i + 1 - y) * (i + 1) for i, y in enumerate(ROWS["amount"])]
    assert single.loss(rows).tolist() == pytest.approx(wanted, rel=1e-12, abs=1e-12)

    binary = {
        "task": TASKS["binary"],
        "goal": Goal(positive="Yes"),
        "target": "paid",
        "target_type": T.STRING,
    }
    yes = bench.asked("yes", {"hits": HIGH}, **binary)
    given = pl.DataFrame({"score": [0.9, 0.1, 0.6, 0.2, 0.8, 0.3]})
    assert yes.metrics(judged_rows(yes.model, DATA, Schema(FEATURES), given)[0]) == {"hits": 4.0}


def test_the_code_on_the_page_gives_the_same_in_each_language(bench: Bench) -> None:
    classes = ("home", "legal", "motor")
    rows = ROWS.with_columns(desk=pl.col("desk").replace("légal aid", "legal")).head(5)
    of_classes = {"task": TASKS["multiclass"], "goal": Goal(classes=classes), "evaluate": ""}
    of_classes |= {"target": "desk", "target_type": T.STRING}
    names = [f"probability.{name}" for name in classes]
    asked = bench.asked("page", **of_classes)
    scores = pl.DataFrame(PROBABILITIES, schema=names, orient="row")
    judged, _ = judged_rows(asked.model, TrainingData(rows, rows, 0, ()), Schema(FEATURES), scores)
    expected = [0.3 * 2, 0.7, 0.5 * 4, 0.1, 0.75 * 2]
    assert asked.loss(judged).tolist() == pytest.approx(expected, rel=1e-12)
    metric = bench.asked("page_metric", REVIEW, **of_classes)
    assert metric.metrics(judged) == pytest.approx({"hits": 0.6, "cost_per_claim": sum(expected) / 5})


WRONG = {
    "short": "loss returned 2 instead of 6 numbers, one for each row",
    "missing": "the measure missing gives NaN, an infinite number or none for 4 of 6 rows",
    "table": "one number for each row",
    "text": "loss must return numbers",
    "chance": "the measure chance gives the same rows other numbers the second time",
    "ranked": "the measure ranked gives the same rows other numbers in another order",
    "relative": "the measure relative gives the same rows other numbers beside fewer other rows",
    "nothing": "no function",
    "broken": "",
}
WRONG_METRICS = {
    "infinite": "the measure infinite gives NaN or an infinite number as hits of 6 rows",
    "first": "the measure first gives the same rows other numbers in another order",
    "lacks": "metric did not return: hits",
    "more": "metric returned 1 numbers that are not declared",
    "vague": "metric must return a number for cost",
    "unnamed": "metric must return numbers by their names, as a",
}


def test_what_is_no_measure_is_refused_by_its_name_and_file(bench: Bench) -> None:
    scores = pl.DataFrame({"score": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    for name, said in (WRONG | WRONG_METRICS).items():
        metrics = TWO if name in WRONG_METRICS else None
        asked = bench.asked(name, metrics)
        rows, _ = judged_rows(asked.model, DATA, Schema(FEATURES), scores)
        with pytest.raises(ModelError) as error:
            asked.metrics(rows) if metrics else asked.loss(rows)
        assert said in error.value.what, (name, error.value.what)
        assert name in f"{error.value.what} {error.value.where}", name
        assert "1.5" not in str(error.value), name
    asked = bench.asked("raises")
    with pytest.raises(ModelError) as error:
        asked.loss(judged_rows(asked.model, DATA, Schema(FEATURES), scores)[0])
    lines = bench.codes["raises"].splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "# here" in text)
    assert error.value.where == f"model m, measure raises ({bench.file}:{line})"
    assert error.value.fix == f"correct {bench.file}:{line}"
    assert "loss failed" in error.value.what
    assert "odd value" in error.value.what
    assert "1.5" not in str(error.value)
