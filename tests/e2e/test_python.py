"""What a Python program reads: the same as the command line, with the same rights and lines in the ledger."""

import datetime as dt
import re
import sqlite3
import subprocess
import sys
from contextlib import contextmanager

import polars as pl
import pytest

import kronkers_batch
from kronkers_batch.errors import AccessRefused, ConfigError, NotFound, StoreError, UsageError
from kronkers_batch.store.engine import Database
from tests.e2e.company import ROOT, Project
from tests.e2e.test_access import NIGHT, Person

PAGE = ROOT / "docs/reference/python.md"


@contextmanager
def opened(project: Project, *overrides: str):
    """The system as this person's program opens it."""
    with project.at_home(), kronkers_batch.open(project.folder / "conf", overrides) as system:
        yield system


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, kronkers_batch; print(sorted(m for m in sys.modules if m.startswith('kronkers_batch')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "['kronkers_batch']"


def test_what_is_read_is_what_the_command_prints(project):
    ref = f"buys/{NIGHT}#1"
    with opened(project) as system:
        scores = system.read("buys", date=NIGHT)
        everything = system.read("buys")
        assert scores.to_dicts() == project.rows("read", "buys", "--date", NIGHT)
        assert everything.height == len(project.rows("read", "buys"))
        assert everything.columns[0] == "logical_date"
        assert system.read("buys", date=dt.date.fromisoformat(NIGHT), version=1).equals(scores)
        assert pl.concat(system.frames("buys", NIGHT)).equals(scores)
        assert scores.to_arrow().num_rows == 40
        (count,) = system.sql("select count(*) as n from buys").to_dicts()
        assert count["n"] == everything.height
        first, second = scores["id"].to_list()[:2]
        for keys in ([first, second], [(first,), (second,)], [{"id": first}, {"id": str(second)}]):
            assert set(system.read("buys", date=NIGHT, keys=keys)["id"]) == {first, second}
        assert [m["model"] for m in system.models()] == ["buys", "spends"]
        for rows, words in (
            (system.models(), ("models",)),
            (system.versions("buys"), ("versions", "buys")),
            (system.outputs("buys"), ("outputs", "buys")),
        ):
            shown = project.json(*words)
            assert [list(row) for row in rows] == [list(row) for row in shown]
        assert isinstance(system.versions("buys")[0]["created"], dt.datetime)
        assert system.show("buys@1")["metrics"] == project.json("show", "buys@1")["metrics"]
        assert system.show(ref)["rows"] == 40


def test_what_a_reader_saw_before(project):
    before = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    with opened(project) as system:
        now = system.read("buys", date=NIGHT)
        assert system.read("buys", date=NIGHT, at="2999-01-01").equals(now)
        with pytest.raises(NotFound):
            system.read("buys", date=NIGHT, at=before)


def test_wrong_words_are_said_in_the_words_of_python(project):
    with opened(project) as system:
        for call, said in (
            (lambda: system.read("buys", date="yesterday"), "date 'yesterday' is not a date"),
            (lambda: system.read("buys", at="once"), "at 'once' is not a time"),
            (lambda: system.read("buys", version=1), "a version number is given without the date"),
            (lambda: system.read("bouys"), "did you mean 'buys'"),
            (lambda: system.read("buys", keys=[]), "no key was given"),
            (lambda: system.read("buys", keys=[(1, 2)]), "has 1 value"),
            (lambda: system.read("buys", keys=5), "keys is not a list"),
            (lambda: system.read("buys", keys="5"), "keys is not a list"),
            (lambda: system.read("buys", date=20130601), "a date or time was given as int"),
            (lambda: kronkers_batch.open("conf", "home=var"), "overrides is a text, not a list"),
            (lambda: system.sql("drop table buys"), "must be a single SELECT"),
            (lambda: system.show("buys"), "buys"),
        ):
            with pytest.raises(UsageError, match=re.escape(said)):
                call()
        with pytest.raises(NotFound):
            system.read("buys", date=NIGHT, keys=[-1])
    with pytest.raises(UsageError, match="closed"):
        system.models()
    system.close()
    with pytest.raises(ConfigError), opened(Project(project.folder / "nowhere")):
        pass


def test_every_read_leaves_a_line_and_every_refusal(project):
    bob = Person(project, "bob").join().granted("approver", "support")
    with opened(bob) as system:
        system.read("spends", date=NIGHT)
        next(system.frames("spends", NIGHT))
        system.sql("select max(x) as planted_query from (select 1 as x), spends")
        for call in (
            lambda: system.read("buys"),
            lambda: system.frames("buys"),
            lambda: system.sql("select * from buys"),
            lambda: system.show("buys@1"),
        ):
            with pytest.raises(AccessRefused):
                call()
    lines = [(e["action"], e["subject"]) for e in project.json("ledger", "show", "--subject", "bob")]
    refused = ["read buys", "read buys", "sql", "show buys@1"]
    assert [s.split(":")[0] for a, s in lines if a == "refuse"] == refused
    read = [(a, s.split("/")[0]) for a, s in lines if a in ("read", "sql")]
    assert read == [("read", "spends"), ("read", "spends"), ("sql", "spends")]
    assert "planted_query" not in project.run("ledger", "show", "--json").stdout


def test_a_read_that_cannot_be_recorded_is_refused(project, monkeypatch):
    monkeypatch.setattr(Database.__init__, "__kwdefaults__", {"wait": 0.2})
    with opened(project) as system:
        other = sqlite3.connect(project.folder / "var/warehouse.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # nobody else may write
        for call in (
            lambda: system.read("buys", date=NIGHT),
            lambda: system.frames("buys"),
            lambda: system.read("buys", keys=[5000]),
            lambda: system.sql("select * from buys"),
        ):
            with pytest.raises(StoreError):
                call()
        other.execute("ROLLBACK")
        other.close()
        assert system.read("buys", date=NIGHT).height == 40


def test_dates_whose_columns_changed_are_not_one_table(project):
    model = "conf/model/spends.yaml"
    project.edit(model, "target: z", "target: z\noutput: {columns: {guess: float}}")
    for date in ("2024-01-21", "2024-01-22"):  # the first night trains it, the second scores with it
        project.run("run", "--date", date)
    with opened(project) as system:
        assert system.read("spends", date="2024-01-22").columns == ["id", "guess"]
        for call in (lambda: system.read("spends"), lambda: system.sql("select * from spends")):
            with pytest.raises(UsageError, match="other columns"):
                call()


def test_the_page_runs(project, monkeypatch):
    """With this company's model and night in place of the demonstration's."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    code = code.replace("late_arrival", "buys").replace("2013-06-01", NIGHT)
    monkeypatch.chdir(project.folder)
    for name, value in project.environment().items():
        monkeypatch.setenv(name, value)
    names: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    assert names["scores"].height == names["table"].num_rows == 40
    assert names["before"].equals(names["scores"])


def test_the_page_names_every_function():
    from kronkers_batch.system import System

    public = {name for name in vars(System) if not name.startswith("_")} - {"close"}
    table = {line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")}
    assert set(re.findall(r"`(\w+)\(", "".join(table))) == public


def test_who_was_revoked_is_refused_at_once_whatever_is_remembered(project):
    """Keys are remembered for minutes; the right to read is asked for with each read."""
    ann = Person(project, "ann").join().granted("reader", "sales")
    with opened(ann) as system:
        key = system.read("buys", date=NIGHT)["id"][0]
        assert system.read("buys", date=NIGHT, keys=[key]).height == 1
        project.run("access", "revoke", "ann", "sales")
        for keys in (None, [key]):
            with pytest.raises(AccessRefused, match="needs the role reader"):
                system.read("buys", date=NIGHT, keys=keys)
