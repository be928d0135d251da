"""Two departments on one warehouse, each person in a HOME of their own, through the command line."""

import functools
import json
import os
import shutil
import sqlite3
import subprocess

import pytest

from kronkers_batch.diagnostics import doctor
from kronkers_batch.vault import rotation
from tests.e2e.company import ROOT, Project

NIGHT = "2024-01-20"
NEXT = "2024-01-21"


class Person(Project):
    """Somebody with the same checkout and another HOME."""

    def __init__(self, project: Project, name: str) -> None:
        self.folder, self.name, self.admin = project.folder, name, project
        self.home = project.folder / "homes" / name

    @property
    def keys(self):
        return self.home / ".config/kronkers"

    def join(self, *words: str) -> "Person":
        """What a person does: makes a key, sends the line, gets the trust file."""
        self.home.mkdir(parents=True)
        line = self.run("access", "whoami", "--new", "--name", self.name).stdout.strip()
        self.admin.run("access", "add", line, *words)
        shutil.copy(self.admin.home / ".config/kronkers/trust.json", self.keys)
        return self

    def granted(self, role: str, scope: str) -> "Person":
        self.admin.run("access", "grant", self.name, role, scope)
        return self


@pytest.fixture
def ann(project):
    """An approver of sales, who therefore also runs."""
    return Person(project, "ann").join().granted("approver", "sales")


@pytest.fixture
def bob(project):
    return Person(project, "bob").join().granted("approver", "support")


def seen(person: Person) -> list[str]:
    return [row["model"] for row in person.json("models")]


def test_a_key_is_made_once_and_shown_in_public(project):
    eve = Person(project, "eve")
    eve.home.mkdir(parents=True)
    made = eve.json("access", "whoami", "--new", "--name", "eve")
    file = eve.keys / "identity.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert made["line"].startswith("kronkers-batch public 1 ")
    assert eve.run("access", "whoami", "--public").stdout.strip() == made["line"]
    secret = file.read_text()
    assert "a key file exists already" in eve.run("access", "whoami", "--new", code=3).stderr
    assert file.read_text() == secret
    assert "is not a valid name" in eve.run("access", "whoami", "--new", "--name", "a b", code=2).stderr


def test_a_key_under_a_passphrase(project, monkeypatch):
    eve = Person(project, "eve")
    eve.home.mkdir(parents=True)
    word = "correct horse battery"
    clean = eve.environment()
    monkeypatch.setattr(eve, "environment", lambda: clean | {"KRONKERS_PASSPHRASE": word})
    line = eve.run("access", "whoami", "--new", "--name", "eve", "--passphrase").stdout.strip()
    assert "ed25519" not in (eve.keys / "identity.key").read_text()
    project.run("access", "add", line)
    shutil.copy(project.home / ".config/kronkers/trust.json", eve.keys)
    assert eve.json("access", "whoami")["principal"] == "eve"
    monkeypatch.setattr(eve, "environment", lambda: clean | {"KRONKERS_PASSPHRASE": word + "x"})
    assert "passphrase is wrong" in eve.run("access", "whoami", code=3).stderr
    monkeypatch.setattr(eve, "environment", lambda: clean)
    assert "KRONKERS_PASSPHRASE" in eve.run("access", "whoami", code=3).stderr


def test_a_stranger_is_told_what_to_do_and_the_words_are_true(project):
    eve = Person(project, "eve")
    eve.home.mkdir(parents=True)
    assert "kronkers access whoami --new" in eve.run("models", code=3).stderr
    eve.run("access", "whoami", "--new", "--name", "eve")
    assert "trust file" in eve.run("models", code=3).stderr
    shutil.copy(project.home / ".config/kronkers/trust.json", eve.keys)
    told = eve.run("models", code=3).stderr
    line = next(row for row in told.splitlines() if row.startswith("kronkers-batch public 1 "))
    (project.folder / "eve.txt").write_text(line + "\n")
    project.run("access", "add", str(project.folder / "eve.txt"))
    told = eve.run("read", "buys", code=3).stderr
    command = told[told.index("kronkers access grant") :].splitlines()[0].split()
    assert command == ["kronkers", "access", "grant", "eve", "reader", "sales/buys"]
    project.run(*command[1:])
    assert len(eve.rows("read", "buys", "--date", NIGHT)) == 40
    assert "the name eve or this key is already in use" in project.run("access", "add", line, code=2).stderr


def test_each_sees_their_own_department_only(project, ann, bob):
    assert seen(ann) == ["buys"]
    assert seen(bob) == ["spends"]
    assert {row["on"] for row in ann.json("access", "list")} == {"sales"}
    for person, theirs, other in ((ann, "buys", "spends"), (bob, "spends", "buys")):
        assert person.json("versions", theirs)[0]["version"] == f"{theirs}@1"
        assert person.rows("read", theirs, "--date", NIGHT)
        assert person.rows("sql", f"select count(*) as n from {theirs}")[0]["n"] >= 40
        assert person.json("show", f"{theirs}@1")["version"] == f"{theirs}@1"
        for words in (
            ["versions", other],
            ["outputs", other],
            ["live", other],
            ["read", other],
            ["sql", f"select * from {other}"],
            ["show", f"{other}@1"],
            ["show", f"{other}/{NIGHT}#1"],
            ["diff", f"{other}@1", f"{other}@1"],
            ["promote", f"{other}@1", "--why", "x"],
            ["rollback", other, "--why", "x"],
            ["plan", other],
            ["run", other],
            ["train", other],
            ["keys", "rotate", person.admin.json("show", f"{other}@1")["department"]],
            ["keys", "shred", f"{other}@1", "--why", "x"],
        ):
            refused = person.run(*words, code=3)
            assert refused.stdout == ""
        told = "".join(
            person.run(*words).stdout
            for words in (["models"], ["report"], ["plan"], ["ledger", "show"], ["keys", "list"])
        )
        assert theirs in told
        # What the ledger tells of the other are one's own refusals.
        assert [row for row in told.splitlines() if other in row and "was refused" not in row] == []


def test_a_night_of_two_people(project, ann, bob):
    """Each runs what they may; the one who reads the other's output is told that it is not there yet."""
    assert bob.states("--date", NEXT, code=3) == {"spends": "blocked", "buys": "refused"}
    assert "reader on sales/buys" in bob.json("run", "--date", NEXT, code=3)["models"][0]["message"]
    assert ann.states("--date", NEXT, code=1) == {"buys": "published", "spends": "refused"}
    # The output of sales is there, and opens to who has a grant on it.
    assert bob.states("--date", NEXT, code=3)["spends"] == "blocked"
    bob.granted("reader", "sales/buys")
    assert bob.states("--date", NEXT, code=1) == {"spends": "published", "buys": "refused"}
    assert bob.states("spends", "--date", NEXT) == {"spends": "up to date"}
    assert "operator" in bob.run("run", "buys", "--date", NEXT, code=3).stderr
    assert len(bob.rows("read", "spends", "--date", NEXT)) == 40
    assert len(project.rows("read", "spends", "--date", NEXT)) == 40


def test_an_operator_trains_and_waits_for_an_approver(project):
    cleo = Person(project, "cleo").join().granted("operator", "sales")
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    (model,) = [m for m in cleo.json("run", code=1)["models"] if m["model"] == "buys"]
    assert model["state"] == "held"
    assert "kronkers promote buys@2 --why" in model["message"]
    assert cleo.json("live", "buys")["champion"] == "buys@1"
    cleo.run("promote", "buys@2", "--why", "mine", code=3)
    # By who may promote: what an operator recorded waits all the same, and is told every night.
    assert "held" in {m["state"] for m in project.json("run", code=1)["models"]}
    assert cleo.json("live", "buys")["champion"] == "buys@1"
    project.run("promote", "buys@2", "--why", "looks right")
    assert cleo.json("live", "buys")["champion"] == "buys@2"


def test_a_grant_on_one_model_is_used_alone(project):
    dora = Person(project, "dora").join().granted("approver", "sales/buys")
    assert seen(dora) == ["buys"]
    assert dora.json("access", "whoami")["roles"] == {
        "sales": "none",
        "support": "none",
        "sales/buys": "approver",
    }
    assert len(dora.rows("read", "buys", "--date", NIGHT)) == 40
    key = str(dora.rows("read", "buys", "--date", NIGHT)[0]["id"])
    assert len(dora.rows("read", "buys", "--date", NIGHT, "--key", key)) == 1
    assert dora.rows("sql", "select count(*) as n from buys")[0]["n"] >= 40
    assert dora.plan("buys") == []
    assert dora.json("versions", "buys")[0]["why"]
    assert {e["model"] for e in dora.json("report")["events"]} == {"buys"}
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    project.run("run", "buys")
    assert dora.json("rollback", "buys", "--why", "too eager")["champion"] == "buys@1"
    mine = [e for e in dora.json("ledger", "show") if e["principal"] == "dora" and e["action"] == "rollback"]
    assert mine[0]["details"]["why"] == "too eager"


def test_a_revoked_principal_reads_nothing_that_was_written_after(project, ann, tmp_path):
    assert ann.rows("read", "buys", "--date", NIGHT)
    shutil.copytree(project.folder / "var", tmp_path / "copied")
    project.run("access", "revoke", "ann", "sales", "--why", "she left")
    shown = project.run("ledger", "show").stdout
    assert "admin revoked ann sales, and the keys were rotated; because: she left" in shown
    assert ann.run("models", code=3).stdout == ""
    project.run("run", "--date", NEXT)
    assert ann.run("read", "buys", "--date", NEXT, code=3).stdout == ""
    # With everything that she could reach before put beside what is there now:
    now = project.folder / "var" / "warehouse.db"
    mix(tmp_path / "copied" / "warehouse.db", now)
    refused = ann.run("read", "buys", "--date", NEXT, code=3)
    assert refused.stdout == ""
    # What she had before, she could have kept: the copy as a whole still opens.
    shutil.rmtree(project.folder / "var")
    shutil.copytree(tmp_path / "copied", project.folder / "var")
    assert len(ann.rows("read", "buys", "--date", NIGHT)) == 40


def mix(old, new) -> None:
    """Puts old grants, sealed keys and key versions back, and takes the revocations out."""
    connection = sqlite3.connect(new)
    connection.execute("ATTACH ? AS old", (str(old),))
    connection.execute("DELETE FROM revocations")
    for table in ("grants", "grant_keys"):
        connection.execute(f"INSERT OR IGNORE INTO main.{table} SELECT * FROM old.{table}")
    connection.execute("INSERT OR REPLACE INTO main.tree_keys SELECT * FROM old.tree_keys")
    connection.commit()
    connection.close()


def test_a_whole_principal_is_revoked(project, ann):
    told = project.json("access", "revoke", "ann")
    assert told["revoked"] == 1
    assert "does not know your key" in ann.run("models", code=3).stderr
    assert "cannot revoke yourself" in project.run("access", "revoke", "admin", code=2).stderr
    assert "no principal" in project.run("access", "grant", "ann", "reader", "sales", code=2).stderr


def test_a_service_takes_its_key_from_the_environment(project, monkeypatch):
    night = (
        Person(project, "night").join("--service").granted("approver", "sales").granted("approver", "support")
    )
    key, trust = (night.keys / "identity.key").read_text(), night.keys / "trust.json"
    trust.rename(project.folder / "trust.json")
    shutil.rmtree(night.keys)
    clean = night.environment() | {"KRONKERS_KEY": key, "KRONKERS_TRUST": str(project.folder / "trust.json")}
    monkeypatch.setattr(night, "environment", lambda: clean)
    assert night.json("access", "whoami")["kind"] == "service"
    assert night.states("--date", NEXT) == {"buys": "published", "spends": "published"}


def test_keys_are_rotated_and_versions_shredded(project, ann):
    before = {row["of"]: row["version"] for row in project.json("keys", "list")}
    page, shown = project.json("report"), project.run("ledger", "show").stdout
    assert all(event["message"] for event in page["events"])
    size = (project.folder / "var" / "artifacts").stat().st_mtime_ns
    done = project.json("keys", "rotate", "sales")
    assert done[0]["keys"] > 3
    after = {row["of"]: row["version"] for row in project.json("keys", "list")}
    assert after == {k: v + 1 if k.startswith("sales") else v for k, v in before.items()}
    assert (project.folder / "var" / "artifacts").stat().st_mtime_ns == size
    assert len(ann.rows("read", "buys", "--date", NIGHT)) == 40
    assert [r["of"] for r in project.json("keys", "rotate")] == ["sales", "support"]
    assert project.json("report") == page  # sealed under the key before
    assert project.run("ledger", "show").stdout.startswith(shown)
    assert project.json("ledger", "verify")["versions"] > 3
    ref = f"buys/{NIGHT}#1"
    assert "reason" in project.run("keys", "shred", ref, code=2).stderr
    assert ann.run("keys", "shred", ref, "--why", "x", code=3).stdout == ""
    project.run("keys", "shred", ref, "--why", "asked by the customer")
    assert "deleted" in project.run("show", ref, code=2).stderr
    assert "is the champion" in project.run("keys", "shred", "buys@1", "--why", "x", code=2).stderr
    project.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    project.run("run", "buys")
    project.run("keys", "shred", "buys@1", "--why", "trained on the wrong rows")
    assert [v["version"] for v in project.json("versions", "buys")] == ["buys@2"]
    assert not list((project.folder / "var/artifacts/artifacts/sales/buys").glob(f"*{ref}*"))
    assert len(list((project.folder / "var/artifacts/artifacts/sales/buys").iterdir())) == 1
    shown = project.run("ledger", "show", "--subject", "buys@1").stdout
    assert "admin shredded buys@1; because: trained on the wrong rows" in shown


def test_an_interrupted_rotation_is_gone_on_with(project, ann, monkeypatch):
    whole, calls = rotation.rewrap, []

    def stopped(ring, conn, scope, most=2):
        calls.append(most)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return whole(ring, conn, scope, most)

    monkeypatch.setattr(rotation, "rewrap", stopped)
    assert "stopped" in project.run("keys", "rotate", "sales", code=130).stderr
    monkeypatch.undo()
    assert len(ann.rows("read", "buys", "--date", NIGHT)) == 40
    assert ann.states("--date", NEXT, code=1)["buys"] == "published"
    (done,) = project.json("keys", "rotate", "sales")
    assert done["resumed"]
    assert done["keys"] > 4
    assert {row["of"]: row["version"] for row in project.json("keys", "list")}["sales"] == 2
    assert len(ann.rows("read", "buys", "--date", NEXT)) == 40


def test_outputs_past_their_retention_are_shredded(project):
    project.edit("conf/model/buys.yaml", "unseen: missing", "unseen: missing\noutput: {retention: 1d}")
    assert project.json("outputs", "buys")
    old = {o["output"] for o in project.json("outputs", "buys") if NIGHT not in o["output"]}
    assert old
    project.run("run", "spends", "--date", NEXT)
    project.run("run", "buys", "--date", "2099-01-01", code=None)  # a slip of the keyboard
    assert old <= {o["output"] for o in project.json("outputs", "buys")}
    assert (
        f"{len(old)} outputs past 1 days deleted"
        in project.run("run", "--date", NEXT, "--delete-expired").stdout
    )
    left = {o["output"] for o in project.json("outputs", "buys")}
    assert {f"buys/{NIGHT}#1", f"buys/{NEXT}#1"} <= left
    assert not left & old
    assert "outputs past 1 days" in project.run("report", "--date", NEXT).stdout
    shown = project.run("ledger", "show").stdout
    assert all(f"deleted {ref}, whose retention was over" in shown for ref in old)


def test_the_ledger_of_a_night_is_a_story(project, ann):
    project.run("run", "--date", NEXT)
    ann.run("read", "buys", "--date", NEXT)
    ann.run("read", "buys", "--date", NEXT, "--to", str(project.folder / "out.csv"))
    ann.run("sql", "select max(score) as planted_query from buys")
    ann.run("read", "spends", code=3)
    shown = project.run("ledger", "show").stdout
    for words in (
        "admin let in the person ann",
        "admin granted ann approver sales",
        "admin froze visits; 2024-01-20 to 2024-01-21; 40 rows; ",
        "admin trained buys@1; because: no model version yet; accuracy 0.",
        "thresholds: auc at least 0.6; definition ",
        "admin made buys@1 the champion; because: no model version yet",
        f"admin published buys/{NEXT}#1; by buys@1; thresholds: rows at least 5",
        f"admin read buys/{NEXT}#1; for visits_scored",
        f"ann read buys/{NEXT}#1",
        f"ann exported buys/{NEXT}#1 to {project.folder / 'out.csv'}",
        "ann queried buys/",
        "ann was refused: read spends: this needs the role reader on support/spends",
    ):
        assert words in shown, f"{words!r} is not in\n{shown}"
    assert "planted_query" not in shown
    assert all(line[:4] == "2026" or line[:2] == "20" for line in shown.splitlines())
    since = project.json("ledger", "show", "--since", "2999-01-01")
    assert since == []
    assert {e["principal"] for e in project.json("ledger", "show", "--subject", "ann")} == {"admin", "ann"}


def test_doctor_names_what_is_wrong_with_keys(project, monkeypatch):
    # Seven times in a row: the languages stay what they are.
    monkeypatch.setattr(doctor, "interpreter_version", functools.cache(doctor.interpreter_version))

    def findings() -> dict[str, dict[str, object]]:
        done = project.run("doctor", "--json", code=None)
        return {f["part"]: f for f in json.loads(done.stdout)}

    keys = project.home / ".config/kronkers"
    assert findings()["key file"]["ok"]
    assert findings()["trust file"]["ok"]
    assert "offline" in findings()["recovery key"]["fix"]
    assert findings()["checkpoints"]["ok"]
    assert "beside the database" in findings()["checkpoints"]["found"]
    elsewhere = ["doctor", "--json", f"warehouse.checkpoints={project.folder}/points"]
    points = [f for f in json.loads(project.run(*elsewhere, code=None).stdout) if f["part"] == "checkpoints"]
    assert (points[0]["ok"], points[0]["fix"]) == (True, "")
    none = json.loads(project.run("doctor", "--json", "warehouse.checkpoints=''", code=None).stdout)
    assert [f["ok"] for f in none if f["part"] == "checkpoints"] == [False]
    for path in keys.glob("MOVE-OFFLINE-*"):
        path.unlink()
    (keys / "identity.key").chmod(0o644)
    (keys / "trust.json").unlink()
    found = findings()
    assert "recovery key" not in found
    assert "others may read the key file" in found["key file"]["found"]
    assert "chmod 600" in found["key file"]["fix"]
    assert "there is no trust file" in found["trust file"]["found"]
    (keys / "identity.key").unlink()
    assert "Everything is lost: recovery" in findings()["key file"]["fix"]
    (project.folder / "var/warehouse.db").unlink()
    assert "the administrator's first `kronkers plan` makes it" in findings()["key file"]["fix"]


READ_ONLY = """\
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
shift
exec "$@"
"""


def test_doctor_says_that_nothing_can_be_written(project):
    """Before the night finds it out."""
    var, doctor = project.folder / "var", project.command("doctor", "--json")
    if os.geteuid() == 0:
        command = ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", str(var), *doctor]
        said = "the file system is read-only"
    else:
        var.chmod(0o500)
        command, said = doctor, "this account may not read or write it"
    done = subprocess.run(command, env=project.environment(), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 5, done.stderr
    found = {f["part"]: f for f in json.loads(done.stdout)}
    assert found["home folder"]["found"] == f"{said}: {var}"
    var.chmod(0o700)
    assert "GiB free" in project.run("doctor").stdout


def test_a_department_that_is_declared_later(project, ann):
    """Its models are refused until an administrator's command has made its key; the others go on."""
    project.write("conf/department/fresh.yaml", "title: Fresh\nowner: Zoe\n")
    project.edit("conf/source/visits.yaml", "shared_with: [support]", "shared_with: [support, fresh]")
    model = (project.folder / "conf/model/buys.yaml").read_text()
    project.write("conf/model/late.yaml", model.replace("department: sales", "department: fresh"))
    ann.granted("reader", "support/spends")
    states = ann.states("--date", NEXT, code=1)
    assert (states["buys"], states["late"]) == ("published", "refused")
    project.run("plan")
    project.run("access", "grant", "ann", "approver", "fresh")
    assert ann.states("late", "--date", NEXT) == {"late": "published"}


def test_recovery_makes_a_new_administrator_when_all_else_is_lost(project, monkeypatch):
    keys = project.home / ".config/kronkers"
    (recovery,) = keys.glob("MOVE-OFFLINE-*")
    stick = project.folder / "stick"
    stick.mkdir()
    shutil.move(recovery, stick / "recovery.key")
    shutil.move(keys / "trust.json", stick)
    shutil.rmtree(keys)
    zoe = Person(project, "zoe")
    zoe.home.mkdir(parents=True)
    line = zoe.run("access", "whoami", "--new", "--name", "zoe").stdout.strip()
    shutil.copy(stick / "trust.json", zoe.keys)
    clean = project.environment()
    places = {"KRONKERS_KEY_FILE": str(stick / "recovery.key"), "KRONKERS_TRUST": str(stick / "trust.json")}
    monkeypatch.setattr(project, "environment", lambda: clean | places)
    project.run("access", "add", line, "--administrator")
    monkeypatch.setattr(project, "environment", lambda: clean)
    assert len(zoe.rows("read", "buys", "--date", NIGHT)) == 40
    zoe.run("access", "revoke", "admin")
    assert zoe.states("--date", NEXT) == {"buys": "published", "spends": "published"}
    project.write("conf/department/fresh.yaml", "title: Fresh\nowner: Zoe\n")
    zoe.run("plan")
    assert {row["principal"] for row in zoe.json("access", "list") if row["on"] == "fresh"} == {
        "recovery",
        "zoe",
    }
    assert zoe.json("ledger", "verify")["ok"]
