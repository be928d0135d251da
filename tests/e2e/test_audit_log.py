"""Everything that the ledger is there for leaves its line: who, what, why, and by which thresholds."""

import pytest

from kronkers_batch.ledger import actions
from kronkers_batch.ledger.actions import ACTIONS
from tests.e2e.company import Project
from tests.e2e.test_access import NEXT, NIGHT, Person


@pytest.fixture(scope="module")
def told(trained) -> dict[str, list[str]]:
    """The sentences of each action, after a week in which everything happened once."""
    import shutil

    folder = trained.with_name("company")
    shutil.rmtree(folder)
    shutil.copytree(trained, folder)
    project = Project(folder)
    eve = Person(project, "eve").join()
    ann = Person(project, "ann").join()
    project.run("access", "grant", "ann", "reader", "sales", "--why", "she writes the weekly letter")
    project.run("sign", "buys", "--yes", "--why", "looked at with Bob")
    project.edit("conf/model/buys.yaml", "rows: {min: 5}", "rows: {min: 1000}")
    project.run("run", "buys", "--date", NEXT, code=1)
    project.edit("conf/model/buys.yaml", "rows: {min: 1000}", "rows: {min: 5}")
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    project.run("run", "buys", "--date", NEXT)
    ann.run("read", "buys", "--date", NIGHT)
    ann.run("read", "buys", "--date", NIGHT, "--to", str(folder / "letter.csv"))
    ann.run("sql", "select count(*) from buys")
    eve.run("read", "buys", code=3)
    project.run("new", "first", "--language", "r", "--source", "visits", "--target", "y", "--date", NIGHT)
    (folder / "conf/model/first.yaml").unlink()
    project.run("predict", "buys@1", "--input", str(folder / "data/visits.csv"), "--limit", "1")
    project.run("rollback", "buys", "--why", "the letter was wrong")
    project.run("keys", "shred", f"buys/{NIGHT}#1", "--why", "asked by a customer")
    project.run("keys", "rotate", "support")
    project.run("access", "revoke", "ann", "--why", "she left")
    project.edit("conf/model/buys.yaml", "unseen: missing", "unseen: missing\noutput: {retention: 1d}")
    project.run("run", "buys", "--date", "2024-01-22", "--delete-expired", "warehouse.keep_snapshots=1s")
    project.write("data/visits.csv", "5000,2024-01-01\n")
    project.run("run", "buys", "--date", "2024-01-23", code=1)
    project.run("log", "--date", "2024-01-23")
    found: dict[str, list[str]] = {}
    for entry in project.json("ledger", "show"):
        found.setdefault(entry["action"], []).append(entry["sentence"])
    assert project.json("ledger", "verify")["ok"]
    return found


def test_every_action_happened_and_no_other(told):
    assert set(told) == set(ACTIONS)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("add", "admin let in the administrator recovery "),
        ("add", "admin let in the person eve "),
        ("grant", "admin granted recovery admin sales"),
        ("grant", "admin granted ann reader sales; because: she writes the weekly letter"),
        ("sign", "admin signed model/buys; because: looked at with Bob; fingerprint "),
        ("freeze", f"admin froze visits; {NIGHT} to {NEXT}; 40 rows; snapshot "),
        ("open", f"admin opened visits; for buys; {NIGHT} to {NEXT}; snapshot "),
        ("open", "admin opened buys@1"),
        ("record", "admin trained buys@2; because: definition changed: parameters.penalty: 1.0 -> 2.0; "),
        ("record", "; thresholds: auc at least 0.6; definition "),
        ("promote", "admin made buys@1 the champion; because: no model version yet; "),
        ("publish", f"admin published buys/{NEXT}#1; by buys@1; because: thresholds changed: judged anew"),
        ("hold", f"admin made buys/{NEXT}#1 and held it back; by buys@1; missed: rows "),
        ("hold", "thresholds: rows at least 1000, "),
        ("read", f"ann read buys/{NIGHT}#1"),
        ("export", f"ann exported buys/{NIGHT}#1 to "),
        ("sql", "ann queried buys/"),
        ("log", " had found in the data, and what its models printed; 1 texts"),
        ("draft", "admin read visits in order to draft a model; for first; the beginning to "),
        ("predict", "admin scored rows of a file with buys@1"),
        (
            "refuse",
            "eve was refused: read buys: this needs the role reader on sales/buys; you hold no grant on it",
        ),
        ("rollback", "admin went back to buys@1; because: the letter was wrong"),
        ("shred", f"admin shredded buys/{NIGHT}#1; because: asked by a customer"),
        ("rotate", "admin rotated the keys of support"),
        ("revoke", "admin revoked ann sales, and the keys were rotated; because: she left"),
        ("discard", "frozen from visits, since nothing needed them; because: unused for 1 second"),
        ("expire", "admin deleted buys/2024-01-16#1, whose retention was over; because: retention"),
    ],
)
def test_the_line_says(told, action, words):
    assert any(words in sentence for sentence in told[action]), "\n".join(told[action])


def test_the_page_is_of_the_program():
    assert actions.PAGE.read_text() == actions.page(), "run: python -m kronkers_batch.ledger.actions"


def test_every_line_about_scores_says_by_which_thresholds_and_of_what(told):
    for sentence in told["publish"] + told["hold"]:
        assert "; thresholds: " in sentence, sentence
        assert "; snapshot " in sentence, sentence
        assert "; by buys@" in sentence or "; by spends@" in sentence, sentence
