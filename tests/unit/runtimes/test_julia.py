"""What only Julia has: its types, Categorical, projects and precompiled packages, its failures."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
from kronkers_batch.errors import ConfigError, MissingPart, ModelError, ScoreFailed, WorkerFailed
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.frames.tables import polars_schema
from kronkers_batch.learning import TASKS
from kronkers_batch.runtimes import Worker, WorkerSpec, environment_fingerprint, start
from kronkers_batch.runtimes.languages import julia
from tests.contract.models_julia import precompile
from tests.contract.turns import Turns
from tests.model_support import kept

pytestmark = pytest.mark.interpreter


ORIGIN = Origin("conf/model/test.yaml", 1, "model")
ROOT = Path(__file__).resolve().parents[3]
PROJECT = ROOT / "tests" / "contract" / "julia_project"
X, Y = Column("x", ColumnType.FLOAT), Column("y", ColumnType.FLOAT)
FIT = "fit(data, params) = 1\n"
FLOATS = pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 4.0]})

Make = Callable[..., Worker]


CODES: dict[str, str] = {}
"""The models that ask nothing of their process, by the name of their case: they take turns in it."""


def in_turn(case: str, code: str) -> str:
    """The code of a model whose worker's process may be one that answered other cases before."""
    return CODES.setdefault(case, code)


@pytest.fixture(scope="module")
def turns() -> Iterator[Turns]:
    """The processes of such models."""
    with Turns({LANGUAGES["julia"]: CODES}) as made:
        yield made


@pytest.fixture
def make(tmp_path: Path, turns: Turns) -> Iterator[Make]:
    """Starts a worker for a code text or an estimator; closed at the end."""
    tmp_path.chmod(0o755)
    cases = {code: case for case, code in CODES.items()}
    with ExitStack() as stack:

        def make(model: str | Estimator | None, outputs: str = "score:float", **changes: Any) -> Worker:
            limits = {name: changes.pop(name) for name in ("memory", "threads") if name in changes}
            resources = Resources(**{"memory": 2 * 2**30, **limits}, start_limit=dt.timedelta(minutes=3))
            case = cases.get(model, "test") if isinstance(model, str) else "test"
            made = spec(tmp_path, model, outputs, resources, **{"name": case, **changes})
            return stack.enter_context(turns.start(made) if turns.takes(made) else start(made))

        yield make


def spec(
    folder: Path, model: str | Estimator, outputs: str, resources: Resources, **changes: Any
) -> WorkerSpec:
    if isinstance(model, str):
        path = folder / "model.jl"
        path.write_text(model)
    values: dict[str, Any] = {
        "name": "test",
        "language": LANGUAGES["julia"],
        "model": kept(path) if isinstance(model, str) else model,
        "task": TASKS["regression"],
        "parameters": {},
        "data": "",
        "environment": Environment(),
        "features": Schema((X,)),
        "target": Y,
        "outputs": tuple(OutputColumn(*_typed(text)) for text in outputs.split()),
        "unseen": Unseen.MISSING,
        "resources": resources,
        "seed": 1,
        "sandbox": SandboxPolicy.REQUIRE,
        "log": lambda _line: None,
    }
    return WorkerSpec(**{**values, **changes})


def _typed(text: str) -> tuple[str, ColumnType]:
    name, kind = text.split(":")
    return name, ColumnType(kind)


# ---------------------------------------------------------------- what the model's code gets


KINDS = {
    "float": "Float64",
    "float32": "Float32",
    "integer": "Int64",
    "int32": "Int32",
    "boolean": "Bool",
    "date": "Date",
    "timestamp": "DateTime",
    "string": "String",
}


TYPES = in_turn("types", FIT + "score(model, data) = map(c -> [string(typeof(c))], data)\n")


def test_columns_have_julias_own_types_and_stay_nullable(make: Make) -> None:
    columns = Schema(tuple(Column(kind, ColumnType(kind)) for kind in KINDS))
    outputs = " ".join(f"{kind}:string" for kind in KINDS)
    worker = make(TYPES, outputs, features=columns)
    full = {
        "float": 1.0,
        "float32": 1.0,
        "integer": 1,
        "int32": 1,
        "boolean": True,
        "date": dt.date(2013, 6, 1),
        "timestamp": dt.datetime(2013, 6, 1, tzinfo=dt.UTC),
        "string": "a",
    }
    rows = pl.DataFrame({k: [v] for k, v in full.items()}, schema=polars_schema(columns))
    worker.fit([rows.with_columns(y=1.0)])
    expected = {kind: (f"Array{{{name},1}}", f"Vector{{{name}}}") for kind, name in KINDS.items()}
    got = worker.score(rows).row(0, named=True)
    assert all(got[kind].removeprefix("Dates.").replace("Dates.", "") in expected[kind] for kind in KINDS)
    nulls = pl.DataFrame({k: [None] for k in KINDS}, schema=polars_schema(columns))
    nullable = worker.score(nulls).row(0)
    assert all("Union{Missing," in kind for kind in nullable)
    assert worker.score(rows).row(0) == nullable  # so code is compiled twice at most, and not chunk by chunk


CATEGORY = Schema((Column("c", ColumnType.CATEGORY, ("z", "a", "m")),))
CATEGORICAL = in_turn(
    "categorical",
    """
struct Kept # a stored model holds categories
    seen::AbstractVector
end
fit(data, params) = Kept(data.c)
function score(model, data)
    c = data.c
    part = c[1:2]
    @assert c isa Categorical && part isa Categorical && levels(part) === levels(c)
    @assert levels(model.seen) == levels(c) == ["z", "a", "m"]
    @assert codes(c)[1] == 3 && isequal(collect(c), ["m", missing, "z"][1:length(c)])
    @assert c[c .=== "m"] isa Categorical && length(c[codes(c) .== 3]) == 1
    @assert eltype(model.seen) == String && model.seen[2] == "z"
    return codes(c)
end
""",
)


def test_categories_keep_codes_and_levels(make: Make) -> None:
    worker = make(CATEGORICAL, "score:int32", features=CATEGORY)
    worker.fit([pl.DataFrame({"c": ["m"], "y": [1.0]}), pl.DataFrame({"c": ["z"], "y": [1.0]})])
    rows = pl.DataFrame({"c": ["m", None, "z"]})
    assert worker.score(rows)["score"].to_list() == [3, 0, 1]
    other = make(CATEGORICAL, "score:int32", features=CATEGORY, target=None)
    other.load(worker.save())
    assert other.score(rows)["score"].to_list() == [3, 0, 1]


SUMMED = in_turn(
    "summed",
    "fit(data, params) = length(data)\nscore(model, data) = sum(collect(values(data))) .+ model\n",
)


def test_hundreds_of_columns(make: Make) -> None:
    columns = Schema(tuple(Column(f"x{i}", ColumnType.FLOAT) for i in range(500)))
    worker = make(SUMMED, features=columns)
    rows = pl.DataFrame({name: [1.0, 2.0] for name in columns.names})
    worker.fit([rows.with_columns(y=1.0)])
    assert worker.score(rows)["score"].to_list() == [1001.0, 1501.0]


JOINED = in_turn(
    "joined",
    """
fit(data, params) = (string(typeof(data.x)), count(ismissing, data.x), sum(skipmissing(data.x)))
score((type, nulls, total), data) = fill(occursin("Missing", type) ? nulls + total : -1, length(data.x))
""",
)


def test_training_frames_with_and_without_nulls_are_joined(make: Make) -> None:
    worker = make(JOINED)
    for order in ([None, 2.0], [1.0, 2.0]), ([1.0, 2.0], [None, 2.0]):
        worker.fit(pl.DataFrame({"x": x, "y": [1.0, 1.0]}) for x in order)
        assert worker.score(pl.DataFrame({"x": [0.0]}))["score"].to_list() == [6.0]


# ---------------------------------------------------------------- what the model's code gives


COLUMNS = {
    "f4:float32": ("Float32[1, 2.5]", [1.0, 2.5]),
    "f4f:float": ("Float32[1, 2.5]", [1.0, 2.5]),
    "bits:boolean": ("[1, 2] .> 1", [False, True]),
    "range:integer": ("1:2", [1, 2]),
    "narrow:int32": ("Int16[1, -2]", [1, -2]),
    "wide:integer": ("BigInt[2^62, -1]", [2**62, -1]),
    "anything:float": ("Any[1, missing]", [1.0, None]),
    "reals:float": ("Real[1, 2.5f0]", [1.0, 2.5]),
    "missings:float": ("[missing, missing]", [None, None]),
    "missing_text:string": ('["a%\t", missing]', ["a%\t", None]),
    "symbols:string": ("[:a, :ü]", ["a", "ü"]),
    "substrings:string": ('split("b c")', ["b", "c"]),
    "ratios:float": ("[1//2, 1//4]", [0.5, 0.25]),
    "views:float": ("view([0.5, 1, 2], 2:3)", [1.0, 2.0]),
    "dates:date": ("[Date(2013, 6, 1), missing]", [dt.date(2013, 6, 1), None]),
    "times:timestamp": ("[DateTime(1969), missing]", [dt.datetime(1969, 1, 1, tzinfo=dt.UTC), None]),
}


GIVEN = ", ".join(f"{name.split(':')[0]} = {code}" for name, (code, _) in COLUMNS.items())
ANY_TYPE = in_turn("any type", f"using Dates\n{FIT}score(model, data) = ({GIVEN})\n")


def test_columns_of_any_element_type(make: Make) -> None:
    worker = make(ANY_TYPE, " ".join(COLUMNS))
    worker.fit([FLOATS])
    got = worker.score(FLOATS[:2, :1])
    assert got.to_dict(as_series=False) == {k.split(":")[0]: v for k, (_, v) in COLUMNS.items()}


SHAPES = in_turn(
    "shapes",
    """
fit(data, params) = 1
struct Table; columns; end # as a data frame: its columns are its properties
Base.propertynames(t::Table) = keys(getfield(t, :columns))
Base.getproperty(t::Table, name::Symbol) = getfield(t, :columns)[name]
score(model, data) = SHAPES[Int(data.x[1])](data.x)
const SHAPES = [
    x -> x, x -> reshape(x, :, 1), x -> (score = x,), x -> Dict("score" => x), x -> Dict(:score => x),
    x -> Table((score = x,)),
    x -> 1.0, x -> [x, x], x -> [x x], x -> x[2:end], x -> (scores = x,), x -> Dict("score" => 1.0),
    x -> nothing, x -> Table((score = x, more = x)), x -> [1 + 2im, 3im],
]
""",
)


def test_shapes_of_a_result(make: Make) -> None:
    worker = make(SHAPES)
    worker.fit([FLOATS])
    for number in range(1, 16):
        rows = pl.DataFrame({"x": [float(number), 0.5]})
        if number <= 6:
            assert worker.score(rows)["score"].to_list() == [number, 0.5]
        else:
            with pytest.raises(ScoreFailed):
                worker.score(rows)


OWN_TYPES = in_turn(
    "own types",
    """
    abstract type Shape end
    struct Line <: Shape; slope::Float64; link::Function; end
    fit(data, params) = Line(params["slope"], x -> 2x)
    score(model::Shape, data) = model.link.(data.x) .* model.slope
    """,
)


def test_a_model_of_its_own_types_is_stored(make: Make) -> None:
    worker = make(OWN_TYPES, parameters={"slope": 0.5})
    worker.fit([FLOATS])
    other = make(OWN_TYPES, parameters={"slope": 9.0}, target=None)
    other.load(worker.save())
    assert other.score(FLOATS[:, :1])["score"].to_list() == [1.0, 2.0, 3.0]


PARAMETERS = in_turn(
    "parameters",
    """
fit(data, params) = params
function score(model, data, params)
    @assert params == model
    names = ["ints", "mixed", "words", "flags", "any", "empty", "table"]
    return (name = names, type = [string(typeof(model[name])) for name in names])
end
""",
)


def test_lists_of_parameters_become_vectors_of_their_type(make: Make) -> None:
    lists: dict[str, Any] = {
        "ints": [1, 2],
        "mixed": [1, 2.5],
        "words": ["a"],
        "flags": [True],
        "any": ["a", 1],
    }
    worker = make(
        PARAMETERS, "name:string type:string", parameters={**lists, "empty": [], "table": {"a": [0.5]}}
    )
    worker.fit([FLOATS])
    got = dict(worker.score(pl.DataFrame({"x": [0.0] * 7})).iter_rows())
    kinds = {
        "ints": "Int64",
        "mixed": "Float64",
        "words": "String",
        "flags": "Bool",
        "any": "Any",
        "empty": "Any",
    }
    assert all(got[name] in (f"Array{{{kind},1}}", f"Vector{{{kind}}}") for name, kind in kinds.items()), got
    assert got["table"].replace(" ", "") == "Dict{String,Any}"


# ---------------------------------------------------------------- projects and estimators


SHAPED = """
module Shaped
const BORN = time() # of the precompiled code, if that is used
born() = BORN
end
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that takes a package from a path beside it, precompiled into a depot of the user's."""
    folder, package, depot = tmp_path / "project", tmp_path / "elsewhere" / "Shaped", tmp_path / "depot"
    for path in (folder, package / "src", depot):
        path.mkdir(parents=True)
    uuid = "5f1c2f57-51ec-4b36-8d3b-1c3ab0f1c8aa"
    (folder / "Project.toml").write_text(f'[deps]\nShaped = "{uuid}"\n')
    (folder / "Manifest.toml").write_text(
        f'[[Shaped]]\npath = "../elsewhere/Shaped"\nuuid = "{uuid}"\nversion = "1.2.3"\n'
    )
    (package / "Project.toml").write_text(f'name = "Shaped"\nuuid = "{uuid}"\nversion = "1.2.3"\n')
    (package / "src" / "Shaped.jl").write_text(SHAPED)
    monkeypatch.setenv("JULIA_DEPOT_PATH", str(depot))
    precompile(folder, "Shaped", {"JULIA_DEPOT_PATH": str(depot)})
    return folder


def test_a_project_with_a_path_dependency_and_precompiled_code(make: Make, project: Path) -> None:
    before = time.time()
    code = "using Shaped\nfit(data, params) = 1\nscore(model, data) = fill(Shaped.born(), length(data.x))\n"
    worker = make(code, environment=Environment(project=str(project)))
    worker.fit([FLOATS])
    assert 0 < worker.score(FLOATS[:, :1])["score"][0] < before
    assert worker.info.packages == {"Shaped": "1.2.3"}


def estimator(target: str, predict: str = "", **arguments: Any) -> Estimator:
    return Estimator(target, {}, "", ORIGIN, predict=predict, predict_arguments=arguments)


@pytest.mark.parametrize("predict", ["half", "LinearFit.half"])
def test_an_estimator_predicts_by_the_function_that_is_named(make: Make, predict: str) -> None:
    worker = make(estimator("LinearFit.fit", predict, of=3.0), environment=Environment(project=str(PROJECT)))
    worker.fit([FLOATS.with_columns(y=pl.col("x") * 2)])
    assert worker.score(FLOATS[:, :1])["score"].to_list() == pytest.approx([3.0, 6.0, 9.0])


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("LinearFit.nowhere", "there is no nowhere in LinearFit"),
        ("Statistics.mean", "there is no predict in Statistics"),
        ("fit", "not a package and a function"),
        ("Nowhere.fit", "Package Nowhere not found"),
    ],
)
def test_an_estimator_that_does_not_exist(make: Make, target: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        _ = make(estimator(target), environment=Environment(project=str(PROJECT))).info


# ---------------------------------------------------------------- what goes wrong


FAILURES = """
rec(x) = rec(x + 1) + 1
const SECRET = "AB" * "77"
const CASES = Dict(
    "stack" => () -> rec(1),
    "key" => () -> Dict("a" => 1)[SECRET * "x"],
    "domain" => () -> sqrt(-length(SECRET)),
    "inexact" => () -> Int(3.75 + length(SECRET)),
    "argument" => () -> parse(Int, SECRET),
    "bounds" => () -> [1, 2][5], # bounds
    "task" => () -> fetch(@async error("in a task")),
    "interrupt" => () -> throw(InterruptException()),
    "huge" => () -> zeros(10^13),
    "exit" => () -> exit(0),
)
fit(data, params) = 1
score(model, data) = CASES[data.c[1]]()
"""
STRINGS = Schema((Column("c", ColumnType.STRING),))


def test_failures_are_told_without_data_and_the_worker_goes_on(make: Make) -> None:
    worker = make(FAILURES, features=STRINGS)
    worker.fit([pl.DataFrame({"c": ["x"], "y": [1.0]})])
    cases = {
        "stack": "StackOverflowError: the code calls itself without end",
        "key": "KeyError: there is no key",
        "domain": "DomainError: a value is outside the domain",
        "inexact": "InexactError: a value cannot be converted exactly to Int64",
        "argument": "ArgumentError",
        "bounds": "BoundsError",
        "task": "ErrorException: in a task",
        "interrupt": "InterruptException",
        "huge": "OutOfMemoryError",
        "not there": "KeyError: there is no key",
    }
    for case, said in cases.items():
        with pytest.raises(ScoreFailed) as error:
            worker.score(pl.DataFrame({"c": [case]}))
        assert said in str(error.value), case
        assert not any(secret in str(error.value) for secret in ("AB77", "6.0", "7.75", "not there"))
        if case == "bounds":
            line = next(i for i, text in enumerate(FAILURES.splitlines(), 1) if "# bounds" in text)
            assert f"(model.jl:{line})" in error.value.where
    with pytest.raises(ScoreFailed, match="ended the process by calling exit"):
        worker.score(pl.DataFrame({"c": ["exit"]}))
    with pytest.raises(WorkerFailed):
        worker.score(pl.DataFrame({"c": ["bounds"]}))


@pytest.mark.parametrize(
    ("code", "says", "line"),
    [
        ("fit(d, p) = 1\n\nscore(m, d) = (\n", "syntax", 3),
        ("\nusing NoSuchPackage\n" + FIT, "NoSuchPackage", 2),
        (FIT + "\nundefined_name + 1\n", "undefined_name", 3),
        (FIT + 'include("missing.jl")\n', "open", 2),
        (FIT + "score(m, d) = 1\nsave_model(m, p) = 1\n", "defines only one", 0),
        ("score(m, d) = 1\n", "no function fit", 0),
    ],
)
def test_code_that_cannot_be_loaded(make: Make, code: str, says: str, line: int) -> None:
    with pytest.raises(ModelError, match=says) as error:
        _ = make(code).info
    assert f"(model.jl{f':{line}' if line else ''})" in error.value.where


def test_code_is_equal_but_for_layout_comments_and_docstrings(make: Make) -> None:
    normal = make(None).normalise
    same = '"M says"\nmodule M # c\nconst a=r"x y"\n"""\nf says\n"""\nfunction f( x );"kept";end\n'
    same += 'struct S\n  "says" \n  a :: Int\nend;end'
    plain = 'module M\nconst a = r"x y"\nfunction f(x)\n    "kept"\nend\nstruct S\n    a::Int\nend\nend\n'
    expected = normal(plain)
    assert expected == normal(same)
    for other in (plain.replace("x y", "x  y"), plain.replace("kept", "other"), plain.replace("::Int", "")):
        assert expected != normal(other)
    with pytest.raises(ModelError, match="does not parse"):
        normal("f(x) = (\n")


# ---------------------------------------------------------------- the command line


def test_too_little_memory_is_said_before_it_starts(make: Make) -> None:
    with pytest.raises(WorkerFailed, match="1,024 MiB") as error:
        make(FIT, memory=512 * 2**20)
    assert "resources.memory" in error.value.fix


def test_scoring_and_fitting_at_the_least_memory(make: Make) -> None:
    worker = make("fit(data, params) = sum(data.y)\nscore(model, data) = data.x .* 2\n", memory=2**30)
    rows = pl.DataFrame({"x": np.arange(65_536.0), "y": np.ones(65_536)})
    worker.fit([rows] * 20)
    for got in worker.score_stream([rows.select("x")] * 40):
        assert got["score"][-1] == 131_070.0


def test_no_julia_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPart, match="Julia is not installed here") as error:
        julia.command(Environment(), 1)
    assert "setup-julia" in error.value.fix
    with pytest.raises(MissingPart, match="/opt/none/julia"):
        julia.command(Environment(executable="/opt/none/julia"), 1)


MANIFEST = '[[A]]\ngit-tree-sha1 = "aa"\nuuid = "u"\nversion = "1.0.0"\n\n[[Dates]]\nuuid = "d"\n'


@pytest.mark.parametrize(
    ("files", "kind", "says"),
    [
        ({}, MissingPart, "no Project.toml"),
        ({"Project.toml": '[deps]\nA = "u"\n'}, MissingPart, "no Manifest.toml"),
        ({"Project.toml": "[deps\n"}, ConfigError, "not TOML"),
        ({"Project.toml": "a = " + "[" * 100_000}, ConfigError, "not TOML"),
        *(
            ({"Project.toml": "", "Manifest.toml": manifest}, ConfigError, "not a valid Manifest.toml")
            for manifest in (
                '[[".."]]\nversion = "1"\n',
                '[["../servers"]]\nversion = "1"\n',
                '[["*"]]\nversion = "1"\n',
                "A = [1]\n",
                "[[A]]\npath = 1\n",
                '[[A]]\npath = "\\u0000"\n',
                'manifest_format = "2.0"\ndeps = 3\n',
            )
        ),
        ({"Project.toml": "", "Manifest.toml": MANIFEST}, MissingPart, "not installed: A"),
        (
            {
                "Project.toml": "",
                "Manifest-v1.11.toml": 'manifest_format = "2.0"\n[[deps.A]]\npath = "gone"\n',
            },
            MissingPart,
            "package A is not where",
        ),
    ],
)
def test_projects_that_are_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], kind: type[Exception], says: str
) -> None:
    (tmp_path / "depot").mkdir()
    monkeypatch.setenv("JULIA_DEPOT_PATH", str(tmp_path / "depot"))
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(kind, match=says):
        julia.command(Environment(project=str(tmp_path)), 1)
    for name in ("A", "of-another-project"):
        (tmp_path / "depot" / "packages" / name).mkdir(parents=True)
    if "not installed" in says:
        assert (
            tmp_path / "depot" / "packages" / "A"
            in julia.command(Environment(project=str(tmp_path)), 1).visible
        )


def test_the_fingerprint_is_of_project_and_manifest(tmp_path: Path) -> None:
    environment = Environment(project=str(tmp_path))
    seen = [environment_fingerprint(LANGUAGES["julia"], Environment())]
    for name, text in (("Project.toml", "a = 1"), ("Manifest.toml", "b = 1"), ("Manifest.toml", "b = 2")):
        (tmp_path / name).write_text(text)
        seen.append(environment_fingerprint(LANGUAGES["julia"], environment))
    assert seen[0] == ""
    assert len(set(seen)) == 4


def test_threads_are_those_declared(make: Make) -> None:
    worker = make(FIT + "score(model, data) = fill(Threads.nthreads(), length(data.x))\n", threads=2)
    worker.fit([FLOATS])
    assert worker.score(FLOATS[:1, :1])["score"].to_list() == [2.0]


# ---------------------------------------------------------------- scripts/setup-julia


def test_setup_with_a_julia_that_works_says_so_in_one_line() -> None:
    done = subprocess.run([ROOT / "scripts" / "setup-julia"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith("julia version")
    assert done.stdout.count("\n") == 1
    assert not done.stderr


def test_setup_that_may_not_install_says_what_to_install(tmp_path: Path) -> None:
    for name in ("bash", "env", "mktemp", "rm", "dirname", "cat", "apt-get"):
        found = shutil.which(name)
        if found:
            (tmp_path / name).symlink_to(found)
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    script = ROOT / "scripts" / "setup-julia"
    done = subprocess.run(
        ["bash", script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 5
    assert "Install Julia 1.5 or later" in done.stderr
    assert not done.stdout
