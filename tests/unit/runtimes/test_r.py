"""What only R has: its own predict to the last digit, factors in chunks, formulas, libraries, conditions."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import (
    Environment,
    Estimator,
    Origin,
    OutputColumn,
    Resources,
    Unseen,
)
from kronkers_batch.errors import FitFailed, MissingPart, ModelError, ScoreFailed, WorkerFailed
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS
from kronkers_batch.runtimes import Worker, WorkerSpec, environment_fingerprint, normalise_code, start
from kronkers_batch.runtimes.worker_spec import KeptCode
from tests.contract.models_r import install_package
from tests.model_support import kept

pytestmark = pytest.mark.interpreter


ORIGIN = Origin("conf/model/test.yaml", 1, "model")
LEVELS = ("LGA", "a b", "é", "JFK", "EWR", "never seen")
ROWS = 2_000


def column(name: str, kind: str, levels: tuple[str, ...] = ()) -> Column:
    return Column(name, ColumnType(kind), levels)


def features() -> Schema:
    return Schema(
        (
            column("distance", "float"),
            column("hour of day", "int32"),
            column("origin", "category", LEVELS),
            column("late", "boolean"),
        )
    )


def data(rows: int = ROWS) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    distance = rng.standard_normal(rows)
    code = rng.integers(0, 5, rows)
    score = distance + np.array([0.0, 3, -2, 1, 0])[code] + rng.standard_normal(rows)
    return pl.DataFrame(
        {
            "distance": distance,
            "hour of day": rng.integers(0, 24, rows).astype(np.int32),
            "origin": [LEVELS[i] for i in code],
            "late": rng.random(rows) > 0.5,
            "y": score,
            "yes": score > 0,
            "one": (score > 0).astype(np.int32),
        }
    )


@contextmanager
def worker(model: KeptCode | Estimator, schema: Schema, target: Column, **changes: Any) -> Iterator[Worker]:
    values: dict[str, Any] = {
        "name": "test",
        "language": LANGUAGES["r"],
        "model": model,
        "task": TASKS["regression"],
        "parameters": {},
        "data": "",
        "environment": Environment(),
        "features": schema,
        "target": target,
        "outputs": (OutputColumn("p", ColumnType.FLOAT),),
        "unseen": Unseen.MISSING,
        "resources": Resources(),
        "seed": 42,
        "sandbox": SandboxPolicy.REQUIRE,
        "log": lambda _line: None,
    }
    with start(WorkerSpec(**{**values, **changes})) as started:
        yield started


def declared(
    target: str, formula: str = "", predict: dict[str, Any] | None = None, **arguments: Any
) -> Estimator:
    return Estimator(target, arguments, formula, ORIGIN, predict_arguments=predict or {})


@pytest.fixture
def code(tmp_path: Path) -> Callable[[str], KeptCode]:
    """Writes a model's code where a worker of another user may read it."""
    folder = tmp_path / "model"
    folder.mkdir()
    folder.chmod(0o755)

    def write(text: str) -> KeptCode:
        path = folder / "model.R"
        path.write_text(text)
        path.chmod(0o644)
        return kept(path)

    return write


X = Schema((column("x", "float"),))
Y = column("y", "float")
SMALL = pl.DataFrame({"x": [1.0, 2.0, 4.0], "y": [2.0, 4.5, 8.0]})
FIT = "fit <- function(data, params) 1\n"


def scored(model: KeptCode, **changes: Any) -> pl.Series:
    with worker(model, X, Y, **changes) as w:
        w.fit([SMALL])
        return w.score(SMALL)["p"]


def native(tmp_path: Path, df: pl.DataFrame, script: str) -> np.ndarray:
    """What R itself says: ``script`` sees the data.frame ``d`` and leaves ``p``."""
    columns = []
    for name in df.columns:
        values = df[name]
        if name == "origin":
            values = values.cast(pl.Enum(LEVELS)).to_physical() + 1
        numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        (tmp_path / name).write_bytes(numbers.tobytes())
        read = f"readBin('{tmp_path / name}', 'double', {df.height})"
        kinds = {pl.Boolean: "as.logical(%s)", pl.Int32: "as.integer(%s)", pl.Float64: "%s"}
        levels = ", ".join(f"'{level}'" for level in LEVELS)
        factor = f"factor(%s, levels = 1:6, labels = c({levels}))"
        columns.append(f"`{name}` = " + kinds.get(df.schema[name], factor) % read)  # type: ignore[call-overload]
    text = f"d <- data.frame({', '.join(columns)}, check.names = FALSE)\n{script}\n"
    text += f"writeBin(as.double(p), '{tmp_path / 'scores'}')\n"
    (tmp_path / "native.R").write_text(text)
    subprocess.run(
        ["Rscript", "--vanilla", str(tmp_path / "native.R")],
        check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    return np.frombuffer((tmp_path / "scores").read_bytes())


# ---------------------------------------------------------------- declared estimators


def test_glm_gives_what_r_gives_to_the_last_digit(tmp_path: Path) -> None:
    df = data().with_columns(distance=pl.when(pl.int_range(ROWS) % 50 > 0).then("distance"))
    formula = "yes ~ distance * origin + poly(`hour of day`, 2) + late"
    model = declared("stats::glm", formula, family="binomial", predict={"type": "response"})
    with worker(model, features(), column("yes", "boolean"), task=TASKS["binary"]) as w:
        w.fit([df[:700], df[700:]])
        stored = w.save()
    with worker(model, features(), column("yes", "boolean"), task=TASKS["binary"]) as w:
        w.load(stored)
        scores = pl.concat(w.score_stream([df[:3], df[3:]]))["p"]
    assert scores.null_count() == ROWS // 50
    said = native(
        tmp_path,
        df.select(*features().names, "yes"),
        "d$distance[is.nan(d$distance)] <- NA\n"
        f"p <- predict(glm({formula}, binomial, d), d, type = 'response')",
    )
    assert np.array_equal(scores.fill_null(float("nan")).to_numpy(), said, equal_nan=True)
    assert len(stored) < 20_000  # nothing of the training data is in it


@pytest.mark.parametrize(
    ("family", "predict", "refused"),
    [
        ("poisson", {}, "(log)"),
        ("binomial", {}, "(logit)"),
        ("gaussian", {}, ""),
        ("poisson", {"type": "link"}, ""),
        ("poisson", {"type": "response"}, ""),
    ],
)
def test_what_a_link_makes_of_a_prediction_is_not_taken_for_it(
    family: str, predict: dict[str, Any], refused: str
) -> None:
    """glm's predict gives logarithms and logits where nobody says a type, and they look like scores."""
    model = declared("stats::glm", "y ~ x", family=family, predict=predict)
    with worker(model, X, Y) as w:
        rows = SMALL.with_columns(y=(pl.col("x") > 2).cast(pl.Float64))
        if refused:
            with pytest.raises(FitFailed) as error:
                w.fit([rows])
            assert (
                "without a type, predict gives what the model's link makes of a prediction"
                in error.value.what
            )
            assert refused in error.value.what
        else:
            w.fit([rows])


def test_lm_with_its_interval_keeps_what_that_needs() -> None:
    model = declared("stats::lm", "y ~ x", predict={"interval": "confidence"})
    outputs = tuple(OutputColumn(n, ColumnType.FLOAT) for n in ("lwr", "fit", "upr"))
    with worker(model, X, Y, outputs=outputs) as w:
        w.fit([SMALL])
        scores = w.score(SMALL)
    assert scores.columns == ["lwr", "fit", "upr"]
    assert (scores["lwr"] < scores["fit"]).all()
    assert (scores["fit"] < scores["upr"]).all()


@pytest.fixture(scope="module")
def ranger() -> None:
    asked = ["Rscript", "--vanilla", "-e", "quit(status = !requireNamespace('ranger', quietly = TRUE))"]
    there = subprocess.run(asked, capture_output=True).returncode == 0
    assert there, "R's package ranger is missing: run scripts/setup as root, or apt-get install r-cran-ranger"


@pytest.mark.usefixtures("ranger")
def test_ranger_in_chunks_with_factors_gives_what_it_gives_whole(tmp_path: Path) -> None:
    df = data().rename({"hour of day": "hour"})
    schema = Schema(tuple(c if c.name != "hour of day" else column("hour", "int32") for c in features()))
    model = declared("ranger::ranger", "y ~ .", **{"num.trees": 30})
    with worker(model, schema, Y) as w:
        w.fit([df[:999], df[999:]])
        by_level = [part for _, part in df.with_row_index("row").group_by("origin")]
        chunks = pl.concat([part.select("row").with_columns(w.score(part)) for part in by_level]).sort("row")
        assert w.info.packages["ranger"]
    said = native(
        tmp_path,
        df.select(*schema.names, "y"),
        "library(ranger); set.seed(42)\np <- predict(ranger(y ~ ., d, num.trees = 30), d)$predictions",
    )
    assert np.array_equal(chunks["p"].to_numpy(), said)


@pytest.mark.usefixtures("ranger")
@pytest.mark.parametrize(("target", "formula"), [("yes", "yes ~ ."), ("one", "")])
def test_ranger_s_probabilities_are_of_yes_though_it_met_yes_first(target: str, formula: str) -> None:
    df = data(600).sort("one", descending=True)
    schema = features().select(["distance", "origin"])
    arguments = {"num.trees": 20, **({} if formula else {"dependent.variable.name": target})}
    model = declared("ranger::ranger", formula, probability=True, **arguments)
    kind = "boolean" if target == "yes" else "int32"
    with worker(model, schema, column(target, kind), task=TASKS["binary"]) as w:
        w.fit([df])
        scores = w.score(df)["p"]
    assert scores.filter(df["yes"]).mean() > 0.7  # type: ignore[operator]
    assert scores.filter(~df["yes"]).mean() < 0.3  # type: ignore[operator]


@pytest.mark.usefixtures("ranger")
def test_classes_instead_of_probabilities_are_refused() -> None:
    df = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "class": ["no", "yes", "no", "yes"]})
    target = column("class", "category", ("no", "yes"))
    with worker(declared("ranger::ranger", "class ~ x"), X, target, task=TASKS["binary"]) as w:
        w.fit([df])
        with pytest.raises(ScoreFailed, match="probabilities are wanted"):
            w.score(df)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nopackage::f", "packageNotFoundError"),
        ("stats::nofunction", "not an exported object"),
        ("glm", "not of the form"),
    ],
)
def test_an_estimator_that_cannot_be_found_is_said_before_the_data_comes(target: str, said: str) -> None:
    with worker(declared(target, "y ~ x"), X, Y) as w, pytest.raises(ModelError, match=said):
        _ = w.info


# ---------------------------------------------------------------- what the code sees


def test_the_code_sees_r_s_own_types(code: Callable[[str], KeptCode]) -> None:
    schema = Schema(
        tuple(
            column(name, kind, LEVELS if kind == "category" else ())
            for name, kind in {
                "a b": "category",
                "s": "string",
                "d": "date",
                "t": "timestamp",
                "i": "integer",
            }.items()
        )
    )
    df = pl.DataFrame(
        {
            "a b": ["é", None],
            "s": ["new\nline", None],
            "d": ["2013-06-01", None],
            "t": ["2013-06-01T12:00:00.5", None],
            "i": [2**53, None],
            "y": [1.0, 2.0],
        }
    ).with_columns(
        pl.col("d").str.to_date(), pl.col("t").str.to_datetime("%FT%T%.f", time_unit="us", time_zone="UTC")
    )
    model = code(
        """
        fit <- function(data, params) {
            stopifnot(
                identical(names(data), c("a b", "s", "d", "t", "i", "y")),
                identical(data$`a b`, factor(c("é", NA), levels = params$levels)),
                identical(data$s, c("new\\nline", NA)),
                identical(data$d, as.Date(c("2013-06-01", NA))),
                identical(data$t, as.POSIXct(c("2013-06-01 12:00:00.5", NA), tz = "UTC")),
                identical(data$i, c(2^53, NA)),
                identical(params$mixed, c(1, 2.5, NA)), identical(params$whole, 1:2),
                identical(params$none, list()),
                identical(params$nested, list(key = NULL, list = list(list(a = TRUE), "b"))),
                identical(params$big, 3e9), identical(params$text, "naïve"))
            params
        }
        score <- function(model, data) rep(1, nrow(data))
        """
    )
    params = {
        "levels": list(LEVELS),
        "mixed": [1, 2.5, None],
        "whole": [1, 2],
        "none": [],
        "nested": {"key": None, "list": [{"a": True}, "b"]},
        "big": 3_000_000_000,
        "text": "naïve",
    }
    with worker(model, schema, Y, parameters=params) as w:
        w.fit([df])


NUMBERS = {
    "c(a = 1L, b = NA, c = 3L)": [1.0, None, 3.0],
    "matrix(c(1, NaN, Inf))": [1.0, "nan", float("inf")],
    "data.frame(p = c(TRUE, NA, FALSE))": [1.0, None, 0.0],
    "list(p = table(c(1, 2, 3)))": [1.0, 1.0, 1.0],
    "rep(NA, 3)": [None, None, None],
}
STRINGS = {
    "factor(c('é', NA, 'b c'))": ["é", None, "b c"],
    "c('', NA, '%\\t\\n')": ["", None, "%\t\n"],
}
DATES = {"as.Date('2013-01-01') + c(0, NA, 1.5)": [dt.date(2013, 1, 1), None, dt.date(2013, 1, 2)]}
TIMES = {
    "as.POSIXlt(c('2013-01-01', NA, '2013-01-02'), tz = 'CET')": [
        dt.datetime(2012, 12, 31, 23, tzinfo=dt.UTC),
        None,
        dt.datetime(2013, 1, 1, 23, tzinfo=dt.UTC),
    ]
}
REFUSED = {
    "1:2": "2 values",
    "NULL": "NULL",
    "sum": "function",
    "list(q = 1:3)": "or a list with 'p'",
    "data.frame(q = 0, p = 1:3)": "not declared: 'q'",
    "matrix(1:6, 3)": "matrix of 2 columns",
    "complex(3)": "complex",
    "Sys.Date() - as.Date('2013-01-01') + 0:2": "difftime",
}


def cases(results: Iterable[str]) -> str:
    """A model whose score returns the n-th result where the data says n."""
    functions = ", ".join(f"function() {result}" for result in results)
    return f"{FIT}score <- function(model, data) list({functions})[[data$x[1]]]()"


def asks(number: int) -> pl.DataFrame:
    return pl.DataFrame({"x": [float(number)] * 3})


@pytest.mark.parametrize(
    ("kind", "results"),
    [("float", NUMBERS), ("string", STRINGS), ("date", DATES), ("timestamp", TIMES)],
)
def test_what_score_may_return(
    code: Callable[[str], KeptCode], kind: str, results: dict[str, list[Any]]
) -> None:
    with worker(code(cases(results)), X, Y, outputs=(OutputColumn("p", ColumnType(kind)),)) as w:
        w.fit([SMALL])
        for number, expected in enumerate(results.values(), 1):
            found = w.score(asks(number))["p"].to_list()
            assert ["nan" if isinstance(v, float) and np.isnan(v) else v for v in found] == expected


def test_what_score_may_not_return(code: Callable[[str], KeptCode]) -> None:
    with worker(code(cases(REFUSED)), X, Y) as w:
        w.fit([SMALL])
        for number, said in enumerate(REFUSED.values(), 1):
            with pytest.raises(ScoreFailed, match=said):
                w.score(asks(number))


def test_names_that_the_code_defines_do_not_reach_the_worker(code: Callable[[str], KeptCode]) -> None:
    masks = "\n".join(
        f"{name} <- function(...) stop('masked')" for name in ("c", "paste", "list", "writeBin", "answer")
    )
    assert scored(code(f"{masks}\nT <- 0\n{FIT}score <- function(model, data) data$x")).to_list() == [
        1.0,
        2.0,
        4.0,
    ]


def test_helpers_beside_the_code_can_be_sourced(code: Callable[[str], KeptCode]) -> None:
    model = code(f"source('helpers.R')\n{FIT}score <- function(model, data) double(data$x)")
    helper = {"helpers.R": b"double <- function(x) 2 * x\n"}
    assert scored(replace(model, files=helper)).to_list() == [2.0, 4.0, 8.0]


def test_chance_is_the_same_again(code: Callable[[str], KeptCode]) -> None:
    model = code(
        "fit <- function(data, params) sample(1000, 3)\nscore <- function(model, data) model + runif(3)"
    )
    first = scored(model)
    assert first.equals(scored(model))
    assert not first.equals(scored(model, seed=43))


def test_a_model_stored_by_the_code(code: Callable[[str], KeptCode]) -> None:
    model = code(
        "fit <- function(data, params) mean(data$y)\n"
        "score <- function(model, data) rep(model, nrow(data))\n"
        "save_model <- function(model, path) writeLines(format(model, digits = 17), path)\n"
        "load_model <- function(path) as.numeric(readLines(path)) + 1\n"
    )
    with worker(model, X, Y) as w:
        w.fit([SMALL])
        stored = w.save()
        w.load(stored)
        assert w.score(SMALL)["p"].to_list() == pytest.approx([29 / 6 + 1] * 3)
    assert stored.startswith(b"4.83")


def test_a_formula_at_the_top_of_the_file_keeps_the_data_out_of_the_model(
    code: Callable[[str], KeptCode],
) -> None:
    df = pl.DataFrame({"x": np.random.default_rng(1).random(50_000)}).with_columns(y=pl.col("x") * 2)
    text = "form <- y ~ x\nfit <- function(data, params) terms(form)\nscore <- function(model, data) data$x"
    with worker(code(text), X, Y) as w:
        w.fit([df])
        assert len(w.save()) < 2_000


# ---------------------------------------------------------------- failing


@pytest.mark.parametrize(
    ("body", "said", "line"),
    [
        ("stop('that is all')", "that is all", 3),
        ("g <- function(q) {\n  q + 'a'\n}\nlapply(1, g)", "non-numeric argument", 4),
        (
            "stop(structure(class = c('mine', 'error', 'condition'), list(message = 'own', call = NULL)))",
            "mine: own",
            3,
        ),
        ("numeric(1e12)", "OutOfMemoryError", 3),
        ("lm(nothing ~ x, data)", "nothing", 3),
    ],
)
def test_an_error_in_fit_has_its_line(
    code: Callable[[str], KeptCode], body: str, said: str, line: int
) -> None:
    model = code(f"\nfit <- function(data, params) {{\n{body}\n}}\nscore <- function(model, data) 1\n")
    with worker(model, X, Y) as w, pytest.raises(FitFailed, match=said) as caught:
        w.fit([SMALL])
    assert f"model.R:{line}" in str(caught.value)


@pytest.mark.parametrize(
    "body",
    ["f <- function(n) f(n + 1); f(1)", "options(expressions = 5e5); f <- function(n) sapply(1, f); f(1)"],
)
def test_a_stack_overflow_is_an_error_like_others(code: Callable[[str], KeptCode], body: str) -> None:
    model = code(f"fit <- function(data, params) {{\n{body}\n}}\nscore <- function(model, data) 1\n")
    with worker(model, X, Y) as w:
        for _ in range(2):  # it goes on
            with pytest.raises(FitFailed, match="StackOverflowError"):
                w.fit([SMALL])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x <- 1\nfit <- function( {\n", 2),
        ("\n\nstop('at the top')", 3),
        ("f <- function() {\n  stop('x')\n}\nf()", 2),
    ],
)
def test_code_that_cannot_be_loaded(code: Callable[[str], KeptCode], text: str, line: int) -> None:
    with worker(code(text), X, Y) as w, pytest.raises(ModelError) as caught:
        _ = w.info
    assert f"model.R:{line}" in str(caught.value)


@pytest.mark.parametrize(
    "how", ["quit()", "quit(status = 3)", "invokeRestart('abort')", "tools::pskill(Sys.getpid(), 9)"]
)
def test_a_worker_that_ends_itself(code: Callable[[str], KeptCode], how: str) -> None:
    model = code(f"fit <- function(data, params) {how}\nscore <- function(model, data) 1")
    with worker(model, X, Y) as w, pytest.raises(WorkerFailed):
        w.fit([SMALL])


def test_warnings_are_said_once_and_break_nothing(code: Callable[[str], KeptCode]) -> None:
    lines: list[str] = []
    model = code(f"{FIT}score <- function(model, data) {{ warning('look here'); options(warn = 1); data$x }}")
    with worker(model, X, Y, log=lines.append) as w:
        w.fit([SMALL])
        assert [s.height for s in w.score_stream([SMALL] * 3)] == [3, 3, 3]
    assert sum("look here" in line for line in lines) == 1


# ---------------------------------------------------------------- normalising


def normalised(text: str) -> str:
    return normalise_code(LANGUAGES["r"], Environment(), text, SandboxPolicy.REQUIRE)


def test_comments_and_layout_do_not_count_but_every_digit_does() -> None:
    text = "f<-function(x,...){# why\n x+0.1 }\nquit()"
    same = "f <- function(x, ...) {\n\n  x + 0.1  # other\n}\n\nquit()"
    other = text.replace("0.1 ", "0.10000000000000002 ")
    assert normalised(text) == normalised(same)
    assert normalised(text) != normalised(other)
    with pytest.raises(ModelError):
        normalised("f <- function( {")


# ---------------------------------------------------------------- environments


PACKAGE = {
    "answer": "function() 42",
    "estimate": """function(formula, data, by) {
    stopifnot(inherits(by, "formula"), all.vars(by) == "x", nrow(data) == 3)
    stats::lm(formula, data)
}""",
}


def test_a_library_of_links_and_an_renv_project(tmp_path: Path, code: Callable[[str], KeptCode]) -> None:
    package = install_package(tmp_path / "cache", "kbtest", PACKAGE)
    model = code(f"library(kbtest)\n{FIT}score <- function(model, data) rep(answer(), nrow(data))")
    with pytest.raises(ModelError, match="packageNotFoundError"):
        scored(model)

    library = tmp_path / "library"
    library.mkdir()
    (library / "kbtest").symlink_to(package)
    assert scored(model, environment=Environment(library=str(library))).to_list() == [42.0] * 3
    # A string that starts with a tilde is a formula.
    estimator = declared("kbtest::estimate", "y ~ x", by="~ x")
    with worker(estimator, X, Y, environment=Environment(library=str(library))) as w:
        w.fit([SMALL])
        assert w.score(SMALL)["p"].is_finite().all()
        assert w.info.packages["kbtest"] == "1.2.3"

    project = tmp_path / "project"
    version = subprocess.run(["R", "RHOME"], capture_output=True, text=True, check=True).stdout.strip()
    description = (Path(version) / "library" / "base" / "DESCRIPTION").read_text()
    series = description.split("Version: ")[1].split("\n")[0].rsplit(".", 1)[0]
    linked = project / "renv" / "library" / "linux-debian" / f"R-{series}" / "x86_64-pc-linux-gnu"
    linked.mkdir(parents=True)
    (tmp_path / "moved").symlink_to(tmp_path / "cache")  # the cache is reached over a link
    (linked / "kbtest").symlink_to(tmp_path / "moved" / "kbtest")
    environment = Environment(renv=str(project))
    with pytest.raises(MissingPart, match=r"renv\.lock"):
        scored(model, environment=environment)
    (project / "renv.lock").write_text("{}")
    assert scored(model, environment=environment).to_list() == [42.0] * 3


def test_an_renv_project_that_was_not_restored_says_how(tmp_path: Path) -> None:
    (tmp_path / "renv.lock").write_text("{}")
    (tmp_path / "renv" / "library" / "R-3.1" / "x86_64-pc-linux-gnu").mkdir(parents=True)
    with (
        pytest.raises(MissingPart, match=r"it has: R-3\.1") as caught,
        worker(declared("stats::lm"), X, Y, environment=Environment(renv=str(tmp_path))),
    ):
        pass
    assert "renv::restore" in caught.value.fix
    assert caught.value.exit_code == 5


def test_lock_files_are_the_fingerprint(tmp_path: Path) -> None:
    environment = Environment(renv=str(tmp_path))
    assert environment_fingerprint(LANGUAGES["r"], Environment()) == ""
    assert environment_fingerprint(LANGUAGES["r"], environment) == ""
    (tmp_path / "renv.lock").write_text("{}")
    first = environment_fingerprint(LANGUAGES["r"], environment)
    (tmp_path / "renv.lock").write_text("{ }")
    assert first
    assert first != environment_fingerprint(LANGUAGES["r"], environment)


def test_r_that_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (
        pytest.raises(MissingPart, match="no such R"),
        worker(declared("stats::lm"), X, Y, environment=Environment(executable="/nowhere/Rscript")),
    ):
        pass
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(MissingPart, match="R is not installed") as caught,
        worker(declared("stats::lm"), X, Y),
    ):
        pass
    assert "r-base-core" in caught.value.fix


def test_an_r_that_is_too_old_says_so(tmp_path: Path) -> None:
    home = tmp_path / "lib" / "R"
    (home / "library" / "base").mkdir(parents=True)
    (home / "library" / "base" / "DESCRIPTION").write_text(
        "Package: base\nVersion: 3.6.3\nBuilt: R 3.6.3; ; 2020; unix\n"
    )
    executable = tmp_path / "R"
    executable.write_text(f"#!/bin/sh\nR_HOME_DIR={home}\n")
    executable.chmod(0o755)
    environment = Environment(executable=str(executable))
    with (
        pytest.raises(MissingPart, match=r"R 3\.6\.3 is too old"),
        worker(declared("stats::lm"), X, Y, environment=environment),
    ):
        pass


def test_r_itself_may_be_the_executable() -> None:
    with worker(declared("stats::lm", "y ~ x"), X, Y, environment=Environment(executable="R")) as w:
        w.fit([SMALL])
        assert w.score(SMALL).height == 3


def test_start_up_files_are_not_read(
    code: Callable[[str], KeptCode], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile = tmp_path / ".Rprofile"
    profile.write_text("cat('profile was read\\n'); fit <- NULL\n")
    model = code(f"{FIT}score <- function(model, data) data$x")
    model = replace(model, files={".Rprofile": profile.read_bytes()})
    profile.chmod(0o644)
    for name in ("R_PROFILE_USER", "R_PROFILE", "R_ENVIRON_USER"):
        monkeypatch.setenv(name, str(profile))
    monkeypatch.chdir(tmp_path)
    lines: list[str] = []
    assert scored(model, log=lines.append).to_list() == [1.0, 2.0, 4.0]
    assert lines == []


def test_an_r_that_others_may_not_run_says_so(tmp_path: Path) -> None:
    """From root the worker is another user; an ordinary user's is the same, and finds no R behind it."""
    programs = tmp_path / "prefix" / "bin"
    programs.mkdir(parents=True)
    (programs / "Rscript").write_text("#!/nowhere/R\n")
    (programs / "Rscript").chmod(0o755)
    programs.parent.chmod(0o700)
    environment = Environment(executable=str(programs / "Rscript"))
    with (
        worker(declared("stats::lm"), X, Y, environment=environment) as w,
        pytest.raises(WorkerFailed) as error,
    ):
        _ = w.info
    assert "the sandbox cannot start the interpreter" in error.value.what
    assert "chmod -R o+rX" in error.value.fix
