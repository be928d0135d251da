"""Who is operator of one model runs it, night after night, and opens nothing else."""

import sqlite3

import pytest

from tests.e2e.test_access import NEXT, NIGHT, Person


@pytest.fixture
def dora(project):
    """Approver of one model of sales, and of nothing else."""
    return Person(project, "dora").join().granted("approver", "sales/buys")


def frozen(project) -> list[tuple[str, str, str]]:
    with sqlite3.connect(project.folder / "var/warehouse.db") as connection:
        return connection.execute("select department, source, signer from snapshots order by id").fetchall()


def test_a_model_is_run_with_a_grant_on_it_alone(project, dora):
    before = len(frozen(project))
    assert dora.states("buys", "--date", NEXT) == {"buys": "published"}
    assert len(dora.rows("read", "buys", "--date", NEXT)) == 40
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    assert dora.states("--date", NEXT, code=1) == {"buys": "trained", "spends": "refused"}
    assert dora.json("live", "buys")["champion"] == "buys@2"
    assert dora.states("buys", "--date", NEXT) == {"buys": "published"}
    assert dora.states("buys", "--date", NEXT) == {"buys": "up to date"}
    assert set(frozen(project)[before:]) == {("sales/buys", "visits", "dora")}
    page = dora.json("report", "--date", NEXT)
    assert {event["model"] for event in page["events"]} <= {"buys", "visits"}
    mine = [e["sentence"] for e in dora.json("ledger", "show") if e["principal"] == "dora"]
    assert any(s.startswith(f"dora froze visits; {NEXT} to 2024-01-22; 40 rows") for s in mine)
    # Others of the department see it, and verify it.
    assert len(project.rows("read", "buys", "--date", NEXT)) == 40
    assert project.json("ledger", "verify")["ok"]


def test_it_opens_nothing_else(project, dora):
    dora.run("run", "buys", "--date", NEXT)
    for words in (
        ["read", "spends"],
        ["versions", "spends"],
        ["run", "spends"],
        ["train", "spends"],
        ["keys", "rotate", "sales"],
        ["access", "grant", "dora", "reader", "sales"],
        ["sign", "buys", "--yes"],
    ):
        assert dora.run(*words, code=3).stdout == ""
    assert {row["of"] for row in dora.json("keys", "list")} == {"sales/buys"}


def test_what_it_froze_is_not_used_by_the_department(project, dora):
    """The night of sales freezes the same rows again, under its own key, and scores with those."""
    dora.run("run", "buys", "--date", NEXT)
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 3.0")
    before = len(frozen(project))
    assert project.states("buys", "--date", NEXT)["buys"] == "trained"
    assert ("sales", "visits", "admin") in frozen(project)[before:]
    show = project.json("show", "buys@2")
    with sqlite3.connect(project.folder / "var/warehouse.db") as connection:
        query = "select department from snapshots where id = ?"
        assert connection.execute(query, (show["snapshot"],)).fetchone() == ("sales",)


def test_what_the_department_froze_is_not_opened_by_it(project, dora):
    """The same window, which the department froze already, is frozen again: dora holds no key of that one."""
    project.run("run", "buys", "--date", NEXT)
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 4.0")
    before = len(frozen(project))
    dora.run("run", "buys", "--date", NEXT)
    assert frozen(project)[before:] == [("sales/buys", "visits", "dora")]


def test_a_model_of_a_source_that_needs_another_output_asks_for_that_too(project):
    """Operator on spends alone reads the output of buys only with a grant on it."""
    gil = Person(project, "gil").join().granted("approver", "support/spends")
    assert gil.states("spends", "--date", NIGHT) == {"spends": "up to date"}
    project.run("run", "buys", "--date", NEXT)
    (refused,) = gil.json("run", "spends", "--date", NEXT, code=1)["models"]
    assert refused["state"] == "blocked"
    gil.granted("reader", "sales/buys")
    assert gil.states("spends", "--date", NEXT) == {"spends": "published"}
    assert {row[:2] for row in frozen(project) if row[2] == "gil"} == {("support/spends", "visits_scored")}


def test_where_signatures_are_required_it_runs_what_the_department_signed(project, dora):
    """And signs nothing itself: a definition says what of the department the nightly service reads."""
    project.run("sign", "--all", "--yes")
    project.run("sign", "--require", "--yes")
    assert dora.states("buys", "--date", NEXT) == {"buys": "published"}
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    assert "operator" in dora.run("sign", "buys", "--yes", code=3).stderr
    assert "changed since" in dora.run("run", "buys", "--date", NEXT, code=3).stdout
