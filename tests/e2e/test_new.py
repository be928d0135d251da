"""From a file of one's own to published scores: ``kronkers new``, ``check`` and ``run``, in each language."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from tests.e2e.company import Project

DAYS = 40
TARGETS = {
    "churn": ("binary", []),
    "amount": ("regression", []),
    "tier": ("multiclass", []),
    "calls": ("count", ["--task", "count"]),
}
FEATURES = ["--features", "Größe,price $,member,zip"]


WIDE = "\n".join(
    [
        "id," + ",".join(f"x{n}" for n in range(300)) + ",y",
        *(f"{r}" + f",{r}" * 300 + f",{r % 2}" for r in range(4)),
    ]
)


def customers(rows: int = 2_000) -> pl.DataFrame:
    """Rows of forty days, with names and values that trip what is careless."""
    rng = np.random.default_rng(3)
    number = np.arange(rows)
    days = np.datetime64("2024-01-01") + number * DAYS // rows
    size, member = rng.normal(size=rows), rng.random(rows) < 0.5
    price = np.where(rng.random(rows) < 0.1, None, rng.integers(1, 9, rows))
    strength = size + member - 0.5
    return pl.DataFrame(
        {
            "customer id": number + 1,
            "day": days.astype("datetime64[D]"),
            "Größe": size,
            "price $": pl.Series(price.tolist(), dtype=pl.Int64),
            "member": member,
            "zip": [f"{code:05d}" for code in rng.integers(100, 104, rows)],
            "note": [f"PLANTED-{n}" for n in number],
            "churn": np.where(rng.random(rows) < 1 / (1 + np.exp(-2 * strength)), "yes", "no"),
            "amount": 10 + 2 * strength + rng.normal(size=rows),
            "tier": np.array(["a", "b", "c"])[np.clip((strength + 1.5).astype(int), 0, 2)],
            "calls": rng.poisson(np.exp(strength / 2)),
        }
    )


@pytest.fixture
def empty(fresh: Project) -> Project:
    """A project with two departments and a CSV file, and no model."""
    for name in ("model/buys", "model/spends", "source/visits", "source/buys_scores", "source/visits_scored"):
        (fresh.folder / f"conf/{name}.yaml").unlink()
    customers().write_csv(fresh.folder / "data/customers.csv", null_value="NA")
    return fresh


def files(project: Project) -> set[str]:
    return {
        str(path.relative_to(project.folder))
        for folder in ("conf", "models")
        for path in (project.folder / folder).rglob("*")
    }


def new(project: Project, name: str, *words: str, code: int = 0):
    return project.run("new", name, *words, code=code)


def csv(project: Project, name: str = "customers.csv") -> list[str]:
    return ["--csv", str(project.folder / "data" / name), "--department", "sales"]


def test_from_a_file_to_scores_in_three_languages(empty: Project) -> None:
    told = new(empty, "python_churn", "--language", "python", "--target", "churn", *csv(empty)).stdout
    for words in (
        "key        customer id",
        "null       NA",
        "task       binary",
        "yes counts as true",
        "note  ",
        "kronkers run python_churn --date 2024-02-09",
    ):
        assert words in told
    assert "PLANTED" not in told
    source = yaml.safe_load((empty.folder / "conf/source/customers.yaml").read_text())
    assert source["columns"]["zip"] == "string"
    assert (source["key"], source["time_column"]) == (["customer id"], "day")
    made = ["--source", "customers", *FEATURES, "--json", "--date", "2024-12-31"]
    for language, target in (("r", "tier"), ("julia", "amount")):
        task, asked = TARGETS[target]
        found = empty.json(
            "new",
            f"{language}_{target}",
            "--language",
            language,
            "--target",
            target,
            *asked,
            *made[:-3],
            "--date",
            "2024-12-31",
        )
        assert found["task"] == task
        assert found["next"][-1] == f"kronkers run {language}_{target} --date 2024-02-09"
    for path in (empty.folder / "conf/model").iterdir():
        assert len(path.read_text().splitlines()) <= 25
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(
            (empty.folder / "conf/config.yaml").stat().st_mode
        )
    done = empty.run("run", "--date", "2024-02-09")
    assert done.stdout.count("  published  ") == 3, done.stdout
    assert "read customers in order to draft a model" in empty.run("ledger", "show").stdout


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_task_runs_in_every_language(empty: Project) -> None:
    first = csv(empty)
    for language in ("python", "r", "julia"):
        for target, (task, asked) in TARGETS.items():
            new(
                empty,
                f"{language}_{task}",
                "--language",
                language,
                "--target",
                target,
                *asked,
                *FEATURES,
                *first,
            )
            first = ["--source", "customers"]
    empty.run("check")
    done = empty.run("run", "--date", "2024-02-09")
    assert done.stdout.count("  published  ") == 12, done.stdout


@pytest.mark.parametrize(
    ("text", "words", "what"),
    [
        ("id,y\n1,2\n2,2\n", [], "same value in every row"),
        ("id,y\n", [], "there are no rows"),
        ("id,x\n1,2\n", [], "no column 'y'"),
        ("x,y\n1,2\n1,2\n1,3\n", [], "no column, and no two columns together, identify a row"),
        ("x,y,z\n1,2,1\n1,2,2\n1,3,1\n", ["--key", "x"], "two rows have the same key"),
        ("1,2.5\n2,3.5\n", [], "holds a value in place of the name of column 1"),
        ("id,,y\n1,2,3\n", [], "column 2 has no name"),
        ("id,Y,y\n1,2,3\n", [], "columns 2 and 3 have the same name"),
        ("id,y\n1,a\n2,b\n", [], "no column is left to learn from"),
        ("id,a,y\n1,5,a\n2,6,b\n3,7,b\n", ["--time", "a"], "a is no date or timestamp"),
        ("id,a,y\n1,5,a\n2,6,b\n3,7,b\n", ["--features", "b"], "no column 'b'"),
        ("id,a,y\n1,5,a\n2,6,b\n3,7,b\n", ["--task", "survival"], "no first model for the task survival"),
        ("id,a,y\n1,5,a\n2,6,b\n3,7,b\n", ["--department", "none"], "no department is called 'none'"),
        ("id,a,y\n1,5,a\n2,6,b\n3,7,b\n", ["--language", "cobol"], "no first model in 'cobol'"),
        ("id,a,y\n1,5,a\n2,6,b\n3,7,b\n", ["--source", "x"], "exclude each other"),
        ("id,a,y\n1,5,a\n2,6,b\n3,7,b\n", ["--date", "2024-01-01"], "--date is for --source"),
        (WIDE, [], "300 columns could be features"),
        ("PK\x03\x04", [], "a zip archive"),
        (None, [], "the file cannot be opened"),
    ],
)  # fmt: skip
def test_what_gives_no_model_is_refused_and_nothing_is_written(
    office_of_new: Project, text: str | None, words: list[str], what: str
) -> None:
    project = office_of_new
    path = project.folder / "data/odd.csv"
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text)
    before = files(project)
    done = project.run(
        "new", "odd", "--language", "r", "--target", "y", *csv(project, "odd.csv"), *words, code=None
    )
    assert done.returncode in (1, 2), done.stdout
    assert what in done.stderr
    assert "->" in done.stderr
    assert files(project) == before


@pytest.fixture(scope="module")
def office_of_new(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which every command is refused, and which therefore many tests share."""
    project = Project(tmp_path_factory.mktemp("new") / "company")
    project.folder.mkdir()
    project.make()
    project.run("plan")
    return project


def test_nothing_is_overwritten_and_names_are_checked(office_of_new: Project) -> None:
    project = office_of_new
    before = files(project)
    visits = ["--language", "python", "--source", "visits", "--target", "y"]
    for words, what in (
        (["buys", *visits], "exists already, and nothing is overwritten"),
        (["../x", *visits], "is no name of a model"),
        (["a b", *visits], "is no name of a model"),
        (["BUYS", *visits], "differ only in case"),
        (["x", "--language", "python", "--target", "y"], "the rows are missing"),
        (["x", *visits, "--time", "at"], "--time is for --csv"),
        (["x", *visits[:3], "none", *visits[4:]], "no source is called 'none'"),
        (["x", *visits[:-1], "z"], "no column 'z'"),
        (["x", *visits, "--date", "2020-01-01"], "there are 0 rows"),
        (["x", *visits, "--date", "2024-01-01"], "fewer than two days before"),
        (["x", "--language", "r", "--target", "y", *csv(project, "visits.csv")[:2]], "several departments"),
        (["x", "--language", "r", "--target", "y", *csv(project, "visits.csv")], "reads this file already"),
        (["x", "--language", "r", "--target", "y", *csv(project, "visits[1].csv")], "means a pattern"),
        (["x", "--language", "r", "--target", "z", "--source", "visits_scored",
          "--department", "sales"], "does not share it"),
    ):  # fmt: skip
        done = project.run("new", *words, code=None)
        assert done.returncode in (1, 2), (words, done.stdout)
        assert what in done.stderr, words
        assert files(project) == before, words


def test_a_source_without_a_time_or_a_key(fresh: Project) -> None:
    """Rows are then held out by chance, and the model says what identifies a row."""
    text = (fresh.folder / "conf/source/visits.yaml").read_text()
    for line in ("key: [id]\n", "time_column: at\n"):
        text = text.replace(line, "")
    fresh.write("conf/source/plain.yaml", text.replace("shared_with: [support]\n", ""))
    words = ["first", "--language", "julia", "--source", "plain", "--target", "y"]
    assert "has no key" in new(fresh, *words, code=2).stderr
    done = fresh.json("new", *words, "--key", "id")
    model = yaml.safe_load((fresh.folder / "conf/model/first.yaml").read_text())
    assert (model["key"], model["window"]) == (["id"], {"holdout_share": 0.2})
    assert done["next"][-1] == "kronkers run first"
    fresh.run("plan", "first")


def test_what_conf_refuses_in_the_end_leaves_nothing(office_of_new: Project) -> None:
    """Here the department's own check of the whole configuration fails after the files were written."""
    project = office_of_new
    before = files(project)
    Path(project.folder / "data/odd.csv").write_text("id,a,y\n1,${oc.env:NONE},a\n2,6,b\n3,7,b\n4,7,${x}\n")
    done = project.run("new", "odd", "--language", "r", "--target", "y", *csv(project, "odd.csv"), code=None)
    assert done.returncode == 2
    assert files(project) == before
