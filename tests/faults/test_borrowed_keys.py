"""Who may edit the files, and holds no keys, tries to borrow those of the nightly service.

``nightly`` is the service: it may run and promote in both departments. ``mallory`` edits files, and in some
attacks writes to the database or is operator of support. Each attack must end in exit code 3, and in
nothing read, trained or scored.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kronkers_batch.access import authorisation
from kronkers_batch.bootstrap import open_system
from kronkers_batch.declared.declaration import read_code
from tests.e2e.company import ROOT, Project

NIGHT = ("--date", "2024-01-21")
TABLES = (
    "snapshots", "model_versions", "champions", "output_versions", "output_pieces", "output_log"
)  # fmt: skip
PRIVATE = """\
department: sales
description: What only sales may see
kind: csv
path: data/visits.csv
columns: {id: integer, at: timestamp, x: float, colour: category, y: boolean}
key: [id]
time_column: at
"""


class Company(Project):
    """A company of which several people have an account each."""

    def __init__(self, folder: Path, who: str = "nightly") -> None:
        super().__init__(folder)
        self.home = folder / "homes" / who

    def by(self, who: str) -> "Company":
        return Company(self.folder, who)

    def join(self, who: str, role: str, *departments: str) -> None:
        admin = self.by("admin")
        self.by(who).home.mkdir(parents=True)
        line = self.by(who).run("access", "whoami", "--new", "--name", who).stdout.strip()
        admin.run("access", "add", line)
        for department in departments:
            admin.run("access", "grant", who, role, department)
        shutil.copy(admin.home / ".config/kronkers/trust.json", self.by(who).home / ".config/kronkers")

    def database(self, statement: str, *values: object) -> list[tuple]:
        with sqlite3.connect(self.folder / "var/warehouse.db") as conn:
            return conn.execute(statement, values).fetchall()

    def contents(self) -> dict[str, list[tuple]]:
        found = {t: self.database(f"select * from {t} order by 1, 2") for t in TABLES}
        # Keys of records are made for the page of the run, which says that it was refused.
        found["keys"] = self.database("select * from data_keys where kind != 'record' order by 1")
        artifacts = self.folder / "var/artifacts"
        return found | {"artifacts": sorted(p.name for p in artifacts.rglob("*"))}

    def refused(self, *words: str, says: str, code: int = 3) -> str:
        """The service runs; nothing came of it. Returns what it printed."""
        before = self.contents()
        done = self.run(*(words or ("run", *NIGHT)), code=code)
        assert says in done.stdout + done.stderr, done.stdout + done.stderr
        assert self.contents() == before
        return done.stdout + done.stderr

    def copy_row(self, kind_: str, name_: str, **changes: object) -> None:
        """Somebody who can write to the database copies a signature."""
        with sqlite3.connect(self.folder / "var/warehouse.db") as conn:
            conn.row_factory = sqlite3.Row
            (row,) = conn.execute(
                "select * from definitions where kind = ? and name = ? order by number desc limit 1",
                (kind_, name_),
            ).fetchall()
            values = {**dict(row), "id": "copied", **changes}
            marks = ", ".join("?" * len(values))
            conn.execute(
                f"insert into definitions ({', '.join(values)}) values ({marks})", [*values.values()]
            )


@pytest.fixture(scope="session")
def signed(tmp_path_factory) -> Path:
    """A copy of a company that requires signatures, after its first night, beside the company itself."""
    company = Company(tmp_path_factory.mktemp("signed") / "company")
    company.folder.mkdir()
    company.home.parent.mkdir()
    admin = company.by("admin")
    admin.make()
    company.write("conf/source/private.yaml", PRIVATE)
    admin.run("access", "list")
    company.join("nightly", "approver", "sales", "support")
    company.join("mallory", "operator", "support")
    admin.run("sign", "--require", "--yes")
    admin.run("sign", "--all", "--yes", "--why", "looked at it")
    company.run("run")
    copy = company.folder.with_name("copy")
    shutil.copytree(company.folder, copy)
    return copy


@pytest.fixture
def company(signed) -> Company:
    folder = signed.with_name("company")
    shutil.rmtree(folder)
    shutil.copytree(signed, folder)
    return Company(folder)


# ---------------------------------------------------------------- what must go on


def test_what_is_signed_runs_and_what_is_not_stops_nobody_else(company):
    company.edit("conf/model/spends.yaml", "rmse: {max: 1}", "rmse: {max: 2}")
    result = {m["model"]: m for m in company.json("run", *NIGHT, code=1)["models"]}
    assert result["buys"]["state"] == "published"
    assert result["spends"]["state"] == "refused"
    assert "the definition changed since admin signed it" in result["spends"]["message"]
    (state,) = [d for d in company.json("plan", *NIGHT)["definitions"] if d["definition"] == "spends"]
    assert (state["state"], state["by"]) == ("changed", "admin")
    (changed,) = state["changed"]
    assert changed.startswith("training_thresholds: ")
    assert '"max":1.0' in changed.split(" -> ")[0]
    assert '"max":2.0' in changed.split(" -> ")[1]
    company.by("mallory").run("sign", "spends", "--yes", "--why", "a looser threshold")
    assert company.states(*NIGHT) == {"buys": "up to date", "spends": "published"}
    entries = company.by("admin").run("ledger", "show").stdout
    assert "model/spends" in entries
    assert "a looser threshold" in entries


def test_descriptions_and_owners_need_no_signature(company):
    company.edit(
        "conf/model/buys.yaml", "owner: Ann\ndescription: Will", "owner: Zoe\ndescription: # x\n  May"
    )
    company.edit("conf/source/visits.yaml", "description: Visits", "description: All visits")
    assert company.states(*NIGHT) == {"buys": "published", "spends": "published"}


# ---------------------------------------------------------------- edits of files


def parameter(c):
    c.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")


def threshold(c):
    c.edit("conf/model/buys.yaml", "auc: {min: 0.6}", "auc: {min: 0.0}")


def retention(c):
    c.edit("conf/model/buys.yaml", "rows: independent", "rows: independent\noutput: {retention: 1d}")


def resources(c):
    c.edit("conf/model/buys.yaml", "rows: independent", "rows: independent\nresources: {memory: 1GB}")


def interpreter(c):
    evil = c.folder / "python"
    evil.write_text(f'#!/bin/sh\ntouch {c.folder}/stolen\nexec {sys.executable} "$@"\n')
    evil.chmod(0o755)
    c.edit(
        "conf/model/buys.yaml", "rows: independent", f"rows: independent\nenvironment: {{executable: {evil}}}"
    )


def code(c):
    c.edit("models/buys/model.py", "def fit(", "open('/tmp/x', 'w')\n\n\ndef fit(")


def comment(c):
    c.edit("models/buys/model.py", "def fit(", "# a comment\ndef fit(")


def linked_code(c):
    c.write("elsewhere/model.py", "def fit(data, params): ...")
    (c.folder / "models/buys/model.py").unlink()
    (c.folder / "models/buys/model.py").symlink_to(c.folder / "elsewhere/model.py")


def source_path(c):
    (c.folder / "secret").mkdir()
    shutil.copy(c.folder / "data/visits.csv", c.folder / "secret/salaries.csv")
    c.edit("conf/source/visits.yaml", "path: data/visits.csv", "path: secret/salaries.csv")


def source_link(c):
    (c.folder / "data/visits.csv").rename(c.folder / "salaries.csv")
    (c.folder / "data/visits.csv").symlink_to(c.folder / "salaries.csv")


def beside(c):
    """A file that the signed code would import in numpy's place."""
    (c.folder / "models/buys/numpy.py").write_text(f"open('{c.folder / 'stolen'}', 'w')\n")


def check_removed(c):
    c.edit("conf/source/visits.yaml", "  - {column: x, min: -100, max: 100}\n", "")


def trusted(c):
    c.edit("conf/config.yaml", "logical_date:", "definitions: trusted\nlogical_date:")
    parameter(c)


@pytest.mark.parametrize(
    "attack",
    [
        parameter, code, linked_code, beside, source_path, check_removed, trusted,
        *(
            pytest.param(attack, marks=pytest.mark.long)
            for attack in (threshold, retention, resources, comment, source_link)
        ),
    ],
)  # fmt: skip
def test_an_edited_file_is_refused(company, attack):
    """Other keys of the same model, and a comment in the code, are long."""
    attack(company)
    done = company.run("run", *NIGHT, code=None)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "buys refused: model buys: the definition changed since admin signed it" in done.stdout
    assert not (company.folder / "stolen").exists()


def test_another_interpreter_is_refused(company):
    interpreter(company)
    company.refused(says="buys refused: ")
    assert not (company.folder / "stolen").exists()


def test_training_by_hand_is_refused_too(company):
    parameter(company)
    company.refused("train", "buys", "--force", says="the definition changed")


def test_an_override_is_refused_unless_it_was_signed(company):
    override = "model.buys.parameters.penalty=9.0"
    company.refused("run", *NIGHT, override, says="buys refused")
    company.refused("run", *NIGHT, "source.visits.path=/etc/passwd", says="buys refused")
    company.by("admin").run("sign", "buys", override, "--yes")
    company.refused(says="buys refused")
    assert company.states(*NIGHT, override, code=0)["buys"] == "published"


def sql(c):
    c.edit("conf/source/visits_scored.yaml", "v.x * 2 + 1 as z", "v.id * 1.0 as z")


def another_source(c):
    c.edit("conf/source/private.yaml", "time_column: at", "time_column: at\nshared_with: [support]")
    c.edit("conf/source/visits_scored.yaml", "inputs: {", "inputs: {private: {source: private}, ")
    c.edit("conf/source/visits_scored.yaml", "as z from visits v", "as z from private v")


@pytest.mark.parametrize("attack", [sql, another_source])
def test_a_changed_query_is_refused(company, attack):
    attack(company)
    company.refused("run", "spends", *NIGHT, says="spends refused")
    result = company.states(*NIGHT, code=1)
    assert result == {"buys": "published", "spends": "refused"}


def test_a_new_model_of_another_department_is_refused(company):
    text = (company.folder / "conf/model/buys.yaml").read_text().replace("source: visits", "source: private")
    company.write("conf/model/thief.yaml", text)
    company.refused("run", "thief", *NIGHT, says="model thief: nobody has signed this definition")


# ---------------------------------------------------------------- with a role in another department


def test_sharing_takes_the_department_that_shares(company):
    """Mallory is operator of support, and signs there whatever she likes."""
    another_source(company)
    mallory = company.by("mallory")
    mallory.run("sign", "spends", "--yes")
    company.refused("run", "spends", *NIGHT, says="source private: nobody has signed this definition")
    mallory.run("sign", "source.private", "--yes", code=3)
    mallory.run("sign", "buys", "--yes", code=3)
    mallory.run("sign", "--root", "--yes", code=3)
    mallory.run("sign", "--no-require", "--yes", code=3)
    company.refused("run", "spends", *NIGHT, says="source private")
    company.by("admin").run("sign", "source.private", "--yes")
    assert company.states("spends", *NIGHT)["spends"] == "published"


def test_a_model_changes_department_with_an_administrator_alone(company):
    company.edit("conf/model/buys.yaml", "department: sales", "department: support")
    company.edit(
        "conf/source/buys_scores.yaml", "department: sales\nshared_with: [support]", "department: support"
    )
    company.by("mallory").run("sign", "buys", "--yes", code=3)
    company.refused("run", "buys", *NIGHT, says="the definition changed")


def test_outputs_of_another_department_are_not_read_by_moving_their_model_in_conf(company):
    """What buys has published is there and can be opened; support would read it as its own."""
    for name in ("conf/model/buys.yaml", "conf/source/buys_scores.yaml"):
        company.edit(name, "department: sales", "department: support")
    company.edit("conf/source/buys_scores.yaml", "shared_with: [support]\n", "")
    text = (company.folder / "conf/model/spends.yaml").read_text()
    text = text.replace("source: visits_scored", "source: {output: buys}").replace("[x, buys]", "[id]")
    company.write("conf/model/thief.yaml", text.replace("target: z", "target: score"))
    company.by("mallory").run("sign", "thief", "--yes")
    company.refused(
        "run",
        "thief",
        says="model buys: another model reads the output of this model, which was signed in department sales",
    )


# ---------------------------------------------------------------- with a hand in the database


def test_a_signature_of_another_model_is_refused(company):
    parameter(company)
    company.copy_row("model", "spends", name="buys", department="sales", number=2)
    # What somebody put in or took out is noticed at the end of the run too.
    company.refused(says="the signature of this definition is forged, or belongs to another one", code=4)


def test_a_signature_of_another_warehouse_is_refused(company, tmp_path):
    """Mallory's own warehouse gives a true signature on the very definition that she wants."""
    parameter(company)
    own = Company(tmp_path / "company", "mallory")
    shutil.copytree(company.folder, own.folder, ignore=shutil.ignore_patterns("var", "homes"))
    own.home.mkdir(parents=True)
    own.run("access", "list")
    own.run("sign", "buys", "--yes")
    ((fingerprint, signer, signature),) = own.database(
        "select fingerprint, signer, signature from definitions"
    )
    company.copy_row("model", "buys", number=2, fingerprint=fingerprint)
    company.refused(says="forged, or belongs to another one", code=4)
    company.database("delete from definitions where id = 'copied'")
    changes = {"fingerprint": fingerprint, "signer": signer, "signature": signature}
    company.copy_row("model", "buys", number=2, **changes)
    company.refused(says="this warehouse does not know the signer", code=4)


def test_an_older_signed_definition_is_refused(company):
    parameter(company)
    company.by("admin").run("sign", "buys", "--yes")
    company.run("run", *NIGHT)
    company.edit("conf/model/buys.yaml", "penalty: 2.0", "penalty: 1.0")
    company.refused("run", "--date", "2024-01-22", says="the definition changed since admin signed it")
    company.database("delete from definitions where kind = 'model' and name = 'buys' and number = 2")
    gone = "somebody removed signatures from the database"
    company.refused("run", "--date", "2024-01-22", says=gone, code=4)


def test_the_requirement_cannot_be_taken_out_of_the_database(company):
    parameter(company)
    company.copy_row("policy", "definitions", number=2)
    company.refused(says="definitions: the signature of this definition is forged")
    company.database("delete from definitions where kind = 'policy'")
    company.refused(says="somebody removed signatures from the database")
    company.database("delete from definitions")
    company.refused(says="somebody removed signatures from the database")


# ---------------------------------------------------------------- the root configuration


def sandbox(c):
    c.edit("conf/executor/local.yaml", "sandbox: require", "sandbox: 'off'")


def home(c):
    c.edit("conf/config.yaml", "logical_date:", f"home: {c.folder}/public\nlogical_date:")
    c.edit("conf/warehouse/sqlite.yaml", "url: sqlite:///${home}", f"url: sqlite:///{c.folder}/var")


def artifacts(c):
    c.edit("conf/warehouse/sqlite.yaml", "artifacts: ${home}/artifacts", f"artifacts: {c.folder}/public")


@pytest.mark.parametrize("attack", [sandbox, home, artifacts])
def test_a_changed_root_stops_everything(company, attack):
    attack(company)
    company.refused(says="root: the definition changed since admin signed it")
    assert not (company.folder / "public").exists()
    plan = company.run("plan", *NIGHT, code=3)
    assert "root" in plan.stdout
    assert " -> " in plan.stdout or "added" in plan.stdout


def test_no_sandbox_is_refused_as_an_override_and_where_code_is_only_looked_at(company):
    company.refused("run", *NIGHT, "executor.sandbox=off", says="root: the definition changed")
    company.refused("check", "executor.sandbox=off", says="unsigned code outside the sandbox")


def test_another_warehouse_is_not_even_opened(company, tmp_path):
    """There nothing is required; the service would read the files, and trust mallory's administrator."""
    url = f"warehouse.url=sqlite:///{tmp_path}/mallory/x.db"
    company.refused("run", *NIGHT, url, says="has never used the warehouse that conf names")
    company.refused("run", *NIGHT, f"key_file={tmp_path}/k", says="is not the one of this account")
    assert list(tmp_path.iterdir()) == []


def test_a_trusted_warehouse_at_the_same_address_is_refused(company, tmp_path):
    """The service has grants in mallory's warehouse too, say for tests, and trusts her there."""
    own = Company(tmp_path / "company", "mallory")
    shutil.copytree(company.folder, own.folder, ignore=shutil.ignore_patterns("var", "homes"))
    own.home.mkdir(parents=True)
    own.run("access", "list")
    own.run("access", "add", company.run("access", "whoami", "--public").stdout.strip())
    for department in ("sales", "support"):
        own.run("access", "grant", "nightly", "approver", department)
    path = company.home / ".config/kronkers/trust.json"
    trust = json.loads(path.read_text())
    trust["warehouses"] |= json.loads((own.home / ".config/kronkers/trust.json").read_text())["warehouses"]
    path.write_text(json.dumps(trust))
    shutil.rmtree(company.folder / "var")
    shutil.copytree(own.folder / "var", company.folder / "var")
    company.refused(says="this warehouse does not require signatures")
    own.run("sign", "--no-require", "--yes")  # nor may its administrator say so for this account
    shutil.rmtree(company.folder / "var")
    shutil.copytree(own.folder / "var", company.folder / "var")
    company.refused(says="this warehouse does not require signatures")


def test_an_emptied_warehouse_gets_no_new_administrator(company):
    for path in (company.folder / "var").glob("warehouse.db*"):
        path.unlink()
    assert "the database is empty" in company.run("run", *NIGHT, code=4).stderr
    done = company.run("plan", "--new-warehouse", code=3)
    assert "the warehouse is empty, and this account runs signed definitions only" in done.stderr
    assert company.database("select * from principals") == []


def test_conf_may_ask_for_signatures_where_the_warehouse_does_not(fresh_company):
    fresh_company.edit("conf/config.yaml", "logical_date:", "definitions: signed\nlogical_date:")
    fresh_company.run("access", "list")
    fresh_company.refused(says="root: nobody has signed this definition")
    fresh_company.run("sign", "--root", "--yes")
    fresh_company.refused(says="model buys: nobody has signed this definition")


def test_an_administrator_takes_the_requirement_back(company):
    parameter(company)
    company.by("admin").run("sign", "--no-require", "--yes", "--why", "moving")
    assert company.states(*NIGHT)["buys"] == "published"


@pytest.fixture
def fresh_company(tmp_path) -> Company:
    company = Company(tmp_path / "company", "admin")
    company.folder.mkdir()
    company.home.parent.mkdir()
    company.make()
    return company


# ---------------------------------------------------------------- other ways in


def test_luigis_own_command_line_is_refused(company):
    company.write("conf/source/mine.yaml", PRIVATE.replace("data/visits.csv", "data/salaries.csv"))
    shutil.copy(company.folder / "data/visits.csv", company.folder / "data/salaries.csv")
    before = company.contents()
    environment = company.environment() | {"KRONKERS_CONF": str(company.folder / "conf")}
    words = ["--module", "tasks.ingest", "Ingest", "--source", "mine", "--local-scheduler"]
    done = subprocess.run(
        [Path(sys.executable).with_name("luigi"), *words],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "no signed model reads this source or output" in done.stdout + done.stderr
    assert company.contents() == before


def test_each_process_asks_for_itself(company):
    """With several workers a task runs in a process that did not plan: it checks what it works on."""
    assert company.states(*NIGHT, "executor.workers=2") == {"buys": "published", "spends": "published"}


def test_what_runs_is_what_was_looked_at(company, monkeypatch):
    """The file is changed between the look at it and the training."""
    monkeypatch.setenv("HOME", str(company.home))
    services = open_system(company.folder / "conf")
    try:
        authorisation.authorise(services, "buys")
        code(company)
        model = services.model("buys")
        kept = read_code(services, model)
        assert kept is not None
        assert "/tmp/x" not in kept.text
        assert "/tmp/x" in model.model.path.read_text()
    finally:
        services.close()


def test_a_link_among_the_files_of_a_pattern_is_refused(company):
    company.edit("conf/source/visits.yaml", "path: data/visits.csv", "path: data/v*.csv")
    admin = company.by("admin")
    admin.run("sign", "--all", "--yes")
    assert company.states(*NIGHT)["buys"] == "published"
    (company.folder / "secret").mkdir()
    shutil.copy(company.folder / "data/visits.csv", company.folder / "secret/salaries.csv")
    (company.folder / "data/visits-2.csv").symlink_to(company.folder / "secret/salaries.csv")
    company.refused(says="a link to a file outside the signed folder")


def test_code_that_cannot_be_read_is_refused_alone(company):
    (company.folder / "models/spends/model.py").write_bytes(b"\xff")
    assert company.states(*NIGHT, code=1) == {"buys": "published", "spends": "refused"}
    (state,) = [d for d in company.json("plan", *NIGHT)["definitions"] if d["definition"] == "spends"]
    assert state["changed"] == ["code: changed"]


def test_signing_asks(company):
    parameter(company)
    done = company.by("admin").run("sign", "buys", code=2)
    assert "parameters.penalty: 1.0 -> 2.0" in done.stdout
    assert "no terminal on which to confirm" in done.stderr
    company.refused(says="buys refused")


def test_who_may_not_sign_is_not_asked(company):
    done = company.by("mallory").run("sign", "--require", code=3)
    assert "no terminal on which to confirm" not in done.stderr


def test_all_signs_what_is_due_and_a_name_signs_again(company):
    admin = company.by("admin")
    assert admin.json("sign", "--all", "--yes")["signed"] == []
    assert admin.json("sign", "buys", "--yes")["signed"] == [{"name": "buys", "signature": 2}]
    assert company.states(*NIGHT) == {"buys": "published", "spends": "published"}


def test_what_the_account_remembers_is_its_own(company):
    path = company.home / ".config/kronkers/signed.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_uid == os.geteuid()
    path.chmod(0o666)
    company.refused(says="others may change the file of signed definitions")
