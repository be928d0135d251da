"""A value of the environment shows as ``${oc.env:NAME}`` wherever it went; what it does stays as it was."""

from __future__ import annotations

import json
import shutil
import sqlite3

import pytest

WORD, PASSWORD = "lipizzan horse battery", "hunter2-secret"
VISITS = """\
columns: {id: integer, at: timestamp, x: float, colour: category, y: boolean}
key: [id]
time_column: at
"""
PATH = 'department: sales\nkind: csv\npath: "/x/${oc.env:WORD,none}/v.csv"\n' + VISITS
SHOWN = ("lipizzan", "horse", "hunter2")


@pytest.fixture
def loot(company, monkeypatch):
    """The company with two secrets in its environment, and a source and a model to write them into."""
    made = type(company).environment

    def environment(self):
        return made(self) | {
            "WORD": WORD,
            "PASSWORD": PASSWORD,
            "DATA_DIR": f"{self.folder}/data",
            "PIN": "12",
        }

    monkeypatch.setattr(type(company), "environment", environment)

    def write(source: str, model=lambda text: text) -> None:
        company.write("conf/source/loot.yaml", source)
        text = (company.folder / "conf/model/buys.yaml").read_text().replace("source: visits", "source: loot")
        company.write("conf/model/loot.yaml", model(text))

    company.loot = write
    return company


def told(company, *words: str, code: int | None = None) -> str:
    """What a command says, without any of the values."""
    done = company.run(*words, code=code)
    said = done.stdout + done.stderr
    assert not [word for word in SHOWN if word in said], (words, said)
    return said


def test_a_value_in_a_path_shows_nowhere(loot):
    """Not to who runs it, not to a viewer in whose environment it is not, not in the record."""
    loot.loot(PATH)
    said = told(loot, "run", "loot", code=1)
    assert "/x/${oc.env:WORD,none}/v.csv" in said or "/x/${oc.env:WORD}/v.csv" in said
    commands = (
        "run loot -v|run loot --json|plan loot|plan loot --json|check|check -v|doctor|ledger show|models"
    )
    for words in map(str.split, commands.split("|")):
        told(loot, *words)
    told(loot.by("vic"), "report", code=0)
    page = (loot.folder / "var/reports/2024-01-20.html").read_text()
    assert "oc.env:WORD" in page
    assert not [word for word in SHOWN if word in page]
    loot.by("vic").run("report", "--to", str(loot.folder / "page.html"))
    assert not [word for word in SHOWN if word in (loot.folder / "page.html").read_text()]


def test_a_value_shows_in_no_field_of_a_source_or_a_model(loot):
    hidden = "${oc.env:WORD,none}"
    for edit in (
        ("description: Will a visitor buy", f"description: {hidden}"),
        ("{penalty: 1.0}", f'{{penalty: 1.0, note: "{hidden}"}}'),
        ("task: binary", f'task: "{hidden}"'),
        ("target: y", f'target: "{hidden}"'),
        ("owner: Ann", f'owner: "{hidden}"'),
        ("code: models/buys/model.py", f'code: "models/{hidden}.py"'),
        ("rows: independent", f'rows: independent\nenvironment: {{venv: "/x/{hidden}"}}'),
        ("rows: independent", f'rows: independent\nenvironment: {{executable: "/x/{hidden}"}}'),
        ('"x > -50"', f'"{hidden} > 1"'),
        ("source: loot", f'source: "{hidden}"'),
        ("features: {x: float", f'features: {{x: "{hidden}"'),
    ):
        loot.loot(PATH, lambda text, edit=edit: text.replace(*edit))
        told(loot, "check")
        told(loot, "plan", "loot")
        told(loot, "run", "loot")
    for url, query in (
        ("sqlite:////x/${oc.env:PASSWORD}.db", "t"),
        ("${oc.env:PASSWORD}://x", "t"),
        ("postgresql://u:${oc.env:PASSWORD}@127.0.0.1:1/x", "t"),
        ("sqlite:///data/x", '"select * from ${oc.env:PASSWORD}"'),
    ):
        loot.loot(f"department: sales\nkind: database\nurl: {url}\nquery: {query}\n{VISITS}")
        for command in ("check", "run", "plan"):
            told(loot, command)


def test_a_signed_path_is_compared_by_its_value_and_kept_without_it(signing_company, monkeypatch):
    company = signing_company
    made = type(company).environment
    values = {"DATA_DIR": f"{company.folder}/data"}
    monkeypatch.setattr(type(company), "environment", lambda self: made(self) | values)
    company.edit("conf/source/visits.yaml", "path: data/visits.csv", 'path: "${oc.env:DATA_DIR}/visits.csv"')
    for name in ("one", "two"):
        shutil.copytree(company.folder / "data", company.folder / name)
    values["DATA_DIR"] = f"{company.folder}/one"
    said = company.by("ann").run("sign", "buys", "--yes", "--why", "it moved").stdout
    assert '-> "${oc.env:DATA_DIR}/visits.csv"' in said
    company.run("run", "buys", "--date", "2024-01-21")
    values["DATA_DIR"] = f"{company.folder}/two"
    said = company.run("run", "buys", "--date", "2024-01-22", code=3).stdout
    assert "the definition changed since ann signed it" in said
    said = company.run("plan", "buys", code=None).stdout
    assert "a value of the environment that it uses: changed" in said


def test_a_folder_from_the_environment_is_the_ordinary_case(loot):
    """It works, and an error says it as it is written."""
    loot.loot('department: sales\nkind: csv\npath: "${oc.env:DATA_DIR}/visits.csv"\n' + VISITS)
    loot.run("run", "loot", "--date", "2024-01-21", code=0)
    loot.loot('department: sales\nkind: csv\npath: "${oc.env:DATA_DIR}/visit.csv"\n' + VISITS)
    said = loot.run("run", "loot", "--date", "2024-01-22", code=1).stdout
    assert "there is no file ${oc.env:DATA_DIR}/visit.csv" in said


def test_what_is_printed_that_is_no_error_hides_it_too(loot):
    """The place of the checkpoints is told by ``ledger verify``; that of an export by the ledger."""
    loot.edit("conf/warehouse/sqlite.yaml", "${home}/checkpoints", '"${oc.env:DATA_DIR}/points"')
    said = loot.by("admin").run("ledger", "verify").stdout
    assert "${oc.env:DATA_DIR}/points has no checkpoints" in said
    loot.by("ann").run("read", "buys", "--to", str(loot.folder / "data/out.csv"))
    entries = json.loads(loot.by("admin").run("ledger", "show", "--json").stdout)
    (to,) = [entry["details"]["to"] for entry in entries if entry["action"] == "export"]
    assert to == "${oc.env:DATA_DIR}/out.csv"
    loot.edit("conf/warehouse/sqlite.yaml", '"${oc.env:DATA_DIR}/points"', "${home}/checkpoints")
    entries = json.loads(loot.by("admin").run("ledger", "show", "--json").stdout)
    (to,) = [entry["details"]["to"] for entry in entries if entry["action"] == "export"]
    assert to == "${oc.env:DATA_DIR}/out.csv"  # also where the variable is not known any more


def test_a_short_value_is_hidden_in_the_path_that_it_is_a_part_of(loot):
    loot.loot('department: sales\nkind: csv\npath: "/x/${oc.env:PIN}/v.csv"\n' + VISITS)
    said = loot.run("run", "loot", code=1).stdout
    assert "there is no file /x/${oc.env:PIN}/v.csv" in said
    assert "/x/12/" not in said


def test_rows_are_printed_as_they_are_whatever_the_environment_holds(loot):
    """A value of the data that is in the environment too is data to who may read it."""
    loot.loot(PATH)
    ids = [row["id"] for row in loot.by("ann").rows("read", "buys", "--date", "2024-01-20")]
    loot.edit("conf/source/loot.yaml", "${oc.env:WORD,none}", "${oc.env:WORD}${oc.env:ROW}")
    made = type(loot).environment
    type(loot).environment = lambda self: made(self) | {"ROW": f'"id":{ids[0]}'}
    try:
        assert [row["id"] for row in loot.by("ann").rows("read", "buys", "--date", "2024-01-20")] == ids
    finally:
        type(loot).environment = made


def test_what_was_recorded_has_no_value_in_it(loot):
    loot.loot(PATH)
    loot.run("run", "loot", code=1)
    entries = json.loads(loot.by("admin").run("ledger", "show", "--json").stdout)
    assert not [word for word in SHOWN if word in json.dumps(entries)]
    with sqlite3.connect(loot.database) as database:
        dump = "\n".join(database.iterdump())
    assert not [word for word in SHOWN if word in dump]
