"""Nothing of another department comes out anywhere: output, errors, suggestions, reports, files.

In sales there is a model that conf no longer names: its name, source, feature, numbers, reasons, errors are
words that occur nowhere else. People of other departments, and one with a grant on another model of sales,
use every entry point: with words of their own, with those of sales, and with words that are almost those.
"""

import json
import re
import shutil
import stat
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kronkers_batch.cli.command_reference import has_json
from kronkers_batch.errors import KronkersError
from kronkers_batch.policy.permissions import COMMANDS
from kronkers_batch.vault.context import Role
from tests.e2e.company import PLANTED, Done, Project
from tests.e2e.test_access import NEXT, NIGHT, Person
from tests.e2e.test_python import opened
from tests.e2e.test_rights import FUNCTIONS, WORDS

SECRET = re.compile(r"quokka|\b7,?741\b")
ALMOST = "uokkamodel"  # what somebody guesses, of which nothing may be made

MODEL = """\
department: sales
owner: Ann
description: What nobody else knows of
task: regression
language: python
code: models/quokka/model.py
source: quokkasource
features: [quokkafeature]
target: target
thresholds:
  training: {rmse: {max: 1}}
  output: {rows: {min: 5}}
promote: manual
"""
SOURCE = """\
department: sales
kind: csv
path: data/quokka.csv
columns: {id: integer, quokkafeature: float, target: float}
key: [id]
"""
CODE = """\
def fit(data, params):
    return 2.0


def score(model, data):
    return data["quokkafeature"] * model
"""
BROKEN = CODE.replace("    return 2.0", '    raise ValueError("quokkaboom")')


@pytest.fixture(scope="module")
def company(trained) -> Project:
    """A night's company with a model that conf no longer names, and people around it."""
    folder = trained.with_name("company")
    shutil.rmtree(folder)
    shutil.copytree(trained, folder)
    project = Project(folder)
    x = np.arange(7_741.0)
    pl.DataFrame({"id": np.arange(7_741), "quokkafeature": x, "target": 2 * x}).write_csv(
        folder / "data/quokka.csv"
    )
    project.write("conf/source/quokkasource.yaml", SOURCE)
    project.write("conf/model/quokkamodel.yaml", MODEL)
    project.write("models/quokka/model.py", CODE)
    project.run("run", "quokkamodel", code=None)
    project.run("promote", "quokkamodel@1", "--why", "quokkawhy")
    project.run("run", "quokkamodel")
    project.write("models/quokka/model.py", BROKEN)
    assert "quokkaboom" in project.run("run", "--date", NEXT, code=1).stdout
    project.run("promote", "buys@1", "--why", "quokkareason")
    for role in Role:
        Person(project, f"the-{role}").join().granted(str(role), "support")
    Person(project, "guest").join()
    Person(project, "the-neighbour").join().granted("approver", "sales/buys")
    Person(project, "insider").join().granted("reader", "sales/quokkamodel")
    project.run("read", "quokkamodel", "--date", NIGHT)
    for name in ("conf/source/quokkasource.yaml", "conf/model/quokkamodel.yaml", "models/quokka/model.py"):
        (folder / name).unlink()
    return project


def forms(person: str, command: str) -> list[list[str]]:
    """What is put behind a command: their own words, those of sales, and what is almost a secret's name."""
    words = [word for word in WORDS[command] if "kronkers-batch public" not in word]
    neighbour = person == "the-neighbour"
    own = words if neighbour else [w.replace("buys", "spends").replace("sales", "support") for w in words]
    almost = [w.replace("buys", ALMOST).replace("sales", f"sales/{ALMOST}") for w in words]
    several = [own, words, almost]
    if not words:
        several += [["--date", NEXT]] if command in ("plan", "report", "run") else []
        several += [["--subject", "sales"]] if command == "ledger show" else []
    return [list(form) for form in dict.fromkeys(tuple(form) for form in several)]


def said(done: Done) -> str:
    return done.stdout + done.stderr


def test_there_are_secrets_to_be_found(company):
    """The administrator sees in each of these what nobody else may."""
    for words in (["ledger", "show"], ["keys", "list"], ["access", "list"]):
        assert "quokkamodel" in said(company.run(*words)), words
    shown = said(company.run("ledger", "show"))
    assert "quokkawhy" in shown
    assert "7,741" in shown
    page = said(company.run("report", "--date", NEXT))
    assert "quokkaboom" in page
    suggested = said(company.run("keys", "rotate", f"sales/{ALMOST}", code=2))
    assert "Did you mean 'sales/quokkamodel'?" in suggested


@pytest.mark.parametrize("person", ["the-admin", "the-neighbour"])
@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_no_command_tells(company, person, command, monkeypatch):
    try_command(company, person, command, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("person", ["the-viewer", "the-reader", "the-operator", "the-approver", "guest"])
@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_no_command_tells_anybody(company, person, command, monkeypatch):
    try_command(company, person, command, monkeypatch)


def try_command(company: Project, name: str, command: str, monkeypatch) -> None:
    person = Person(company, name)
    temporary = company.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = files(company)
    for form in forms(name, command):
        for json_ in ([], ["--json"]) if has_json(command) else ([],):
            told = said(person.run(*command.split(), *form, *json_, code=None))
            told = told.replace(PLANTED, "")  # of rows of buys, which the neighbour may read
            assert not found(told), f"{command} {form} {json_}: {told}"
            assert "Traceback" not in told
    assert list(temporary.iterdir()) == []
    for path in files(company) - before:
        assert not found(without_addresses(path)), path
        assert not exposed(path, company), path


def without_addresses(path: Path) -> str:
    """What a file says; of a checkpoint without the scopes of keys: names are addresses there."""
    text = path.read_bytes().decode(errors="replace")
    if "checkpoints" not in path.parts:
        return text
    told = json.loads(text)
    assert {type(version) for version in told.pop("keys").values()} == {int}
    return json.dumps(told)


def test_no_function_tells(company):
    for name in ("the-admin", "the-neighbour"):
        with opened(Person(company, name)) as system:
            for _, call in FUNCTIONS.values():
                try:
                    told = str(call(system))
                except KronkersError as error:
                    told = str(error)
                assert not found(told)
            for call in (system.read, system.versions, system.outputs, lambda n: system.show(f"{n}@1")):
                for model in (ALMOST, "buys"):
                    try:
                        told = str(call(model))
                    except KronkersError as error:
                        told = str(error)
                    assert not found(told)


@pytest.mark.parametrize(
    "words",
    [
        ["show", "buys@{n}"],
        ["diff", "buys@1", "buys@{n}"],
        ["promote", "buys@{n}", "--why", "x"],
        ["keys", "shred", "buys@{n}", "--why", "x"],
        ["keys", "shred", "{model}@1", "--why", "x"],
        ["keys", "shred", "{model}/2024-01-20#1", "--why", "x"],
        ["keys", "rotate", "sales/{model}"],
        ["access", "grant", "guest", "reader", "sales/{model}"],
        ["access", "revoke", "guest", "sales/{model}"],
        ["show", "buys/2024-01-20#{n}"],
        ["read", "buys", "--date", "2024-01-20", "--version", "{n}"],
        ["read", "buys", "--date", "{day}"],
        ["sql", "select * from {model}"],
        ["sql", "select {column} from buys"],
    ],
    ids=" ".join,
)
def test_whether_it_is_there_is_not_told(company, words):
    """The same is said of what is there and of what is not, but for the word that was typed."""
    person = Person(company, "the-admin")  # of support
    is_there = {"n": "1", "model": "quokkamodel", "day": NIGHT, "column": "score"}
    is_not = {"n": "4", "model": "nosuchmodel", "day": "1999-01-20", "column": "sc0re"}
    told = []
    for values in (is_there, is_not):
        done = person.run(*(word.format(**values) for word in words), code=None)
        text = said(done)
        for name, value in values.items():
            if any(f"{{{name}}}" in word for word in words):
                text = text.replace(value, "WORD")
        told.append((done.returncode, text))
    assert told[0] == told[1]
    assert told[0][0] in (2, 3)


def test_a_report_is_of_what_its_reader_may_see(company):
    """Ann's page is hers: written 0600, and replaced by what the next reader may see."""
    for name, model in (("the-admin", "spends"), ("the-neighbour", "buys")):
        person = Person(company, name)
        page = company.folder / f"{name}.html"
        person.run("report", "--date", NEXT, "--to", str(page))
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
        text = page.read_text()
        assert f"<td>{model}</td>" in text
        assert not found(text)
        other = {"buys", "spends"} - {model}
        assert not any(f"<td>{o}</td>" in text for o in other)


def test_what_a_night_writes_is_private(company):
    company.run("run", "--date", "2024-01-22")
    written = [company.folder / "var", company.home]
    paths = [path for folder in written for path in folder.rglob("*") if path.is_file()]
    assert [path for path in paths if exposed(path, company)] == []
    assert company.folder / "var" / "warehouse.db" in paths
    assert exposed(company.folder / "conf" / "config.yaml", company)


def files(company: Project) -> set[Path]:
    """What lies about in clear: everything but the database and what is sealed beside it."""
    sealed = company.folder / "var" / "artifacts"
    return {
        path
        for path in company.folder.rglob("*")
        if path.is_file() and not path.is_relative_to(sealed) and not path.name.startswith("warehouse.db")
    }


def exposed(path: Path, company: Project) -> bool:
    """Whether other accounts can read a file: it, and every folder above it, would have to let them."""
    above = [folder for folder in path.parents if folder.is_relative_to(company.folder)]
    return bool(path.stat().st_mode & stat.S_IROTH) and all(f.stat().st_mode & stat.S_IXOTH for f in above)


def found(text: str) -> list[str]:
    return SECRET.findall(text)
