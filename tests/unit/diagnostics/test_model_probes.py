"""What ``check`` asks of workers: each distinct question once, and told to each model that asked."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kronkers_batch.config.load import load
from kronkers_batch.diagnostics import doctor
from kronkers_batch.diagnostics.model_probes import probe_models
from kronkers_batch.errors import ConfigErrors
from kronkers_batch.runtimes import probing as workers
from kronkers_batch.runtimes.worker_spec import WorkerInfo, WorkerSpec
from kronkers_batch.store.cache import ContentCache
from tests.benchmarks import many_models

pytestmark = pytest.mark.interpreter


ROOT = Path(__file__).parents[3]
CODE = "def fit(data, params): return 1\ndef score(model, data): return data['x0'] * 0.0\n"
GOOD = "estimator: {_target_: fractions.Fraction, numerator: 1}"  # no package to import
ABSENT = "estimator: {_target_: no_such_package.Model}"


class Project:
    """A conf folder with models that a test adds, and the questions that went to real workers."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.asked = folder, list[WorkerSpec]()
        self.before: Callable[[], object] = lambda: None
        self.cache = ContentCache(folder / "cache")
        many_models.begin(folder)
        probe = workers.probe

        def counted(spec: WorkerSpec) -> WorkerInfo:
            self.asked.append(spec)
            self.before()
            return probe(spec)

        monkeypatch.setattr(workers, "probe", counted)
        monkeypatch.setenv("HOME", str(folder / "home"))

    def model(self, name: str, how: str = GOOD, *more: str) -> None:
        """A model in Python; ``how`` is its estimator or code, ``more`` further lines of its file."""
        many_models.model(self.folder, name, "python", "\n".join(["data: numpy", *more, how]))

    def code(self, name: str, text: str = CODE, beside: str = "") -> None:
        """A model with code of its own, in a folder of its own."""
        place = self.folder / "models" / name
        place.mkdir(parents=True)
        (place / "model.py").write_text(text)
        if beside:
            (place / "helper.py").write_text(beside)
        self.model(name, f"code: models/{name}/model.py")

    def check(self, *overrides: str) -> int:
        """How many questions workers got in one check."""
        self.asked.clear()
        probe_models(load(self.folder / "conf", overrides, {"HOME": str(self.folder / "home")}), self.cache)
        return len(self.asked)

    def problems(self) -> list[str]:
        with pytest.raises(ConfigErrors) as raised:
            self.check()
        return [f"{problem.where}: {problem.what} -> {problem.fix}" for problem in raised.value.problems]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    tmp_path.chmod(0o755)
    return Project(tmp_path, monkeypatch)


def test_models_that_ask_the_same_are_one_question(project):
    for number in range(5):
        project.model(f"m{number}", GOOD, "# another line" * (number % 2))
        project.code(f"c{number}")
    assert project.check() == 2
    assert project.check() == 0


@pytest.mark.parametrize(
    "more",
    [
        ("resources: {memory: 1GB}",),
        ("resources: {threads: 2}",),
        ("resources: {start_limit: 30s}",),
        (f"environment: {{executable: {sys.executable}}}",),
    ],
)
def test_what_decides_the_answer_makes_another_question(project, more):
    project.model("one")
    project.model("other", GOOD, *more)
    assert project.check() == 2


def test_what_loads_outside_the_sandbox_is_asked_again_inside(project):
    project.model("one")
    assert project.check("executor.sandbox=prefer") == 1
    assert project.check() == 1
    assert project.check() == 0


@pytest.mark.parametrize(
    "how",
    [
        "estimator: {_target_: fractions.Fraction, numerator: 2}",
        "estimator: {_target_: decimal.Decimal}",
    ],
)
def test_another_estimator_or_parameter_is_another_question(project, how):
    project.model("one")
    project.model("other", how)
    assert project.check() == 2


def test_a_measure_is_a_question_of_its_own_and_each_model_is_told_its_line(project, monkeypatch):
    asked, probe = [], workers.probe_measure

    def counted(spec: WorkerSpec) -> WorkerInfo:
        asked.append(spec)
        return probe(spec)

    monkeypatch.setattr(workers, "probe_measure", counted)
    (project.folder / "cost.py").write_text("def loss(truth, score, data):\n    return score\n")
    for name, measure in (("one", "cost: {"), ("two", "cost: {"), ("three", "cost: {metrics: {a: lower}, ")):
        project.model(name, GOOD, f"measures: {{{measure}language: python, code: cost.py}}}}")
    said = project.problems()
    assert len(asked) == 2
    (only,) = said
    assert "three.yaml" in only
    assert "measures.cost.code: model failed: AttributeError: cost.py has no function 'metric'" in only
    (project.folder / "cost.py").write_text("def metric(truth, score, data):\n    return {}\n")
    assert len(project.problems()) == 2
    assert len(asked) == 4
    (project.folder / "cost.py").write_bytes(b"# caf\xe9\n")
    for problem in project.problems():
        assert "measures.cost.code: the code is not UTF-8" in problem
    assert len(asked) == 4


def test_other_code_and_other_files_beside_it_are_other_questions(project):
    project.code("one")
    project.code("two", CODE + "# changed\n")
    project.code("three", CODE, beside="x = 1\n")
    project.code("four", CODE, beside="x = 2\n")
    assert project.check() == 4


def test_another_table_and_another_department_are_other_questions(project):
    project.model("one")
    project.model("two")
    path = project.folder / "conf/model/two.yaml"
    path.write_text(path.read_text().replace("data: numpy", "data: polars"))
    project.model("three")
    path = project.folder / "conf/model/three.yaml"
    path.write_text(path.read_text().replace("department: bench", "department: other"))
    (project.folder / "conf/department/other.yaml").write_text("title: Other\nowner: Other\n")
    path = project.folder / "conf/source/customers.yaml"
    path.write_text(path.read_text() + "shared_with: [other]\n")
    assert project.check() == 3


def test_each_model_is_told_with_its_own_file_and_lines(project):
    project.model("a", ABSENT)
    project.model("b", ABSENT, "# one line more")
    project.model("good")
    a, b = project.problems()
    assert len(project.asked) == 2
    assert a.startswith("conf/model/a.yaml:6: estimator: model failed: ModuleNotFoundError")
    assert b.startswith("conf/model/b.yaml:7: estimator: model failed: ModuleNotFoundError")
    assert a.replace("a.yaml:6", "b.yaml:7") == b


def test_the_environments_line_is_the_models_own_too(project):
    declared = f"environment: {{executable: {sys.executable}}}"
    project.model("a", ABSENT, declared)
    project.model("b", ABSENT, "# one line more", declared)
    a, b = project.problems()
    assert len(project.asked) == 1
    assert "pip install no_such_package (conf/model/a.yaml:6: environment.executable)" in a
    assert "pip install no_such_package (conf/model/b.yaml:7: environment.executable)" in b


def test_an_error_of_code_names_its_line_for_each(project):
    for name in ("a", "b"):
        project.code(name, "x = 1\nraise ValueError('why')\n")
    a, b = project.problems()
    assert len(project.asked) == 1
    assert a.startswith("conf/model/a.yaml:6: code: model failed: ValueError: why")
    assert "correct model.py:2" in a
    assert b == a.replace("a.yaml", "b.yaml")


def test_what_is_wrong_is_asked_again_and_what_is_right_is_not(project):
    project.model("bad", ABSENT)
    project.model("good")
    project.problems()
    project.problems()
    assert [spec.name for spec in project.asked] == ["bad"]


def test_what_was_answered_before_a_language_is_missing_is_kept(project, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0})
    project.model("a")
    project.model("b", GOOD, "environment: {executable: /usr/bin/no-such-python}")
    (said,) = project.problems()
    assert said.startswith(
        "conf/model/b.yaml:6: environment.executable (/usr/bin/no-such-python): there is no"
    )
    path = project.folder / "conf/model/b.yaml"
    path.unlink()
    assert project.check() == 0


def test_as_many_are_asked_at_once_as_there_are_processors(project, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1, 2})
    together = threading.Barrier(3, timeout=60)
    project.before = together.wait
    for number in range(3):
        project.model(f"m{number}", f"estimator: {{_target_: fractions.Fraction, numerator: {number}}}")
    assert project.check() == 3


def environments(folder: Path) -> dict[str, tuple[str, str, str]]:
    """Models by what their environment lacks: the declaration, what is said, and what to do."""
    for name in ("bare", "tables", "library", "project"):
        (folder / name).mkdir(parents=True)
    for name in ("bare", "tables", "closed"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / name], check=True)
    origin = importlib.util.find_spec("numpy").origin  # type: ignore[union-attr]
    numpy = Path(str(origin)).resolve().parent
    (site,) = (folder / "tables").glob("lib/python3*/site-packages")
    for found in (numpy, numpy.with_name("numpy.libs")):
        (site / found.name).symlink_to(found)
    closed = folder / "closed/bin/python"
    closed.unlink()
    shutil.copyfile(sys.executable, closed)  # without the right to be run
    (folder / "project/Project.toml").write_text("")
    bare, tables = folder / "bare/bin/python", folder / "tables/bin/python"
    return {
        "no_place": (
            f"environment: {{venv: {folder}/none}}",
            "there is no Python interpreter here",
            "install",
        ),
        "no_right": (f"environment: {{executable: {closed}}}", "may not be run", "chmod +x"),
        "no_numpy": (
            f"environment: {{venv: {folder}/bare}}",
            "the model's Python lacks numpy",
            f"{bare} -m pip install numpy polars",
        ),
        "no_polars": (
            f"environment: {{venv: {folder}/tables}}",
            "the model's Python lacks polars, in which `data` gives the rows",
            f"{tables} -m pip install polars",
        ),
        "no_package": (
            f"environment: {{venv: {folder}/tables}}",
            "there is no 'churnlib.Model' in this environment",
            f"{tables} -m pip install churnlib",
        ),
        "r_package": (
            f"language: r\nenvironment: {{library: {folder}/library}}",
            "there is no package called ‘churn.lib’",
            f'install.packages("churn.lib", lib = "{folder}/library")',
        ),
        "julia_package": (
            f"language: julia\nenvironment: {{project: {folder}/project}}",
            "Package ChurnLib not found in current path",
            f"julia --project='{folder}/project' -e 'using Pkg; Pkg.add(\"ChurnLib\")'",
        ),
    }


HOW = {
    "no_package": ("estimator: {_target_: churnlib.Model}", "data: numpy"),
    "r_package": ("estimator: {function: churn.lib::fit}", ""),
    "julia_package": ("estimator: {function: ChurnLib.fit}", ""),
}


def test_what_each_environment_lacks_is_said_with_its_line_and_where_to_put_it(project, tmp_path):
    """All at once: one model's environment hides nothing of another's. ``doctor`` says the same."""
    wanted = environments(tmp_path / "environments")
    for name, (declared, _what, _fix) in wanted.items():
        how, data = HOW.get(name, ("estimator: {_target_: fractions.Fraction}", "data: polars"))
        lines = ["" if "language" in declared else data, declared, how]
        language = declared.partition("language: ")[2].partition("\n")[0] or "python"
        body = "\n".join(line for line in lines if line).replace(f"language: {language}\n", "")
        many_models.model(project.folder, name, language, body)
    problems = project.problems()
    assert len(problems) == len(wanted), problems
    for name, (_declared, what, fix) in wanted.items():
        (said,) = [problem for problem in problems if f"conf/model/{name}.yaml:" in problem]
        assert what in said, said
        assert fix in said, said
    assert "environment.venv" in next(p for p in problems if "no_polars" in p).partition(": ->")[0]
    config = load(project.folder / "conf", (), {"HOME": str(project.folder / "home")})
    found = {finding.found: finding for finding in doctor._models(config) if finding.part == "model"}
    assert sorted(f"{one.found} -> {one.fix}" for one in found.values()) == sorted(problems)
    (unlocked,) = [f for f in doctor._models(config) if f.part == "lock file" and "no_numpy" in f.found]
    assert "bin/pip freeze >" in unlocked.fix


def test_a_declared_estimators_failure_names_its_function_and_argument(project):
    project.model("a", "estimator: {_target_: fractions.Fraction, numerator: 1, denomimator: 2}")
    (said,) = project.problems()
    assert "unexpected keyword argument 'denomimator'" in said
    assert "the argument denomimator of fractions.Fraction" in said
