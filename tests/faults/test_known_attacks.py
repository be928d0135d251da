"""The known classes of the field, each tried where it could work here.

Some are tried elsewhere: see the table in docs/explanation/threat-model.md.
"""

from __future__ import annotations

import ast
import os
import shutil
import sqlite3
import sys
import time
import zipfile
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import insert

from kronkers_batch.config.load import load
from kronkers_batch.data.snapshots import Snapshots
from kronkers_batch.errors import ConfigErrors, IntegrityError, SourceError, StoreError, UsageError
from kronkers_batch.events.types import Event, RunRecord
from kronkers_batch.private import UNFINISHED
from kronkers_batch.reports.page import date_page, run_page
from kronkers_batch.reports.verdict import Part, Verdict
from kronkers_batch.store.artifacts import ArtifactStore
from kronkers_batch.store.tables.snapshots import snapshots
from kronkers_batch.warehouse import export
from tests import config_project, data_support
from tests.warehouse_support import training

PACKAGES = [Path(__file__).parents[2] / name for name in ("kronkers_batch", "tasks")]
WORKER = PACKAGES[0] / "runtimes" / "workers" / "worker.py"

# ---------------------------------------------------------------- paths

UP = "../" * 12


@pytest.mark.parametrize(
    "words",
    [
        ("show", f"{UP}etc/passwd"), ("outputs", f"{UP}etc"), ("versions", ".."), ("live", "/etc/passwd"),
        ("train", f"buys/{UP}etc/passwd"), ("train", "/etc/passwd"), ("read", f"{UP}etc/passwd"),
        ("read", f"buys/{UP}etc#1"), ("promote", f"{UP}buys@1", "--why", "x"), ("plan", ".."),
        ("keys", "shred", f"{UP}x@1", "--why", "x"), ("keys", "shred", f"{UP}x/2024-01-20#1", "--why", "x"),
        ("keys", "rotate", f"sales/{UP}x"), ("access", "grant", "admin", "reader", f"{UP}etc"),
        ("run", "--date", "../../x"), ("report", "--date", f"{UP}etc/passwd"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_names_on_the_command_line_lead_nowhere(project, words):
    before = sorted(project.folder.parent.iterdir())
    done = project.run(*words, code=None)
    assert done.returncode in (1, 2, 3)
    assert "root:" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(project.folder.parent.iterdir()) == before


def test_a_row_of_the_database_that_leads_out_of_the_store(office):
    """Paths are made of ids and names in the database; who writes there reads and deletes nothing else."""
    version = office.registry.record(training(), b"artifact")
    victim = office.root / "victim"
    victim.write_text("mine")
    with office.db.write() as conn:
        row = {"source": "x", "department": "ops", "lookup": "x", "state": "writing", "created": 0}
        row |= {"id": "../../..", "key_id": "none", "signer": "", "signer_key": ""}
        conn.execute(insert(snapshots).values(**row))
        conn.exec_driver_sql("UPDATE model_versions SET id = '../../../../victim'")
    store = Snapshots(office.db, ArtifactStore(str(office.root / "artifacts")), office.vault)
    with pytest.raises(ValueError, match="not a path inside the store"):
        store.sweep()
    with pytest.raises(IntegrityError):
        office.registry.artifact(version)
    with pytest.raises(ValueError, match="not a path inside the store"):
        office.registry.shred("late", 1, why="x")
    assert victim.read_text() == "mine"


def test_an_archive_writes_nothing_whatever_its_names_say(tmp_path):
    columns = data_support.schema(id="integer")
    for name in ("../../evil.csv", str(tmp_path / "evil.csv"), "a/../../evil.csv"):
        path = tmp_path / "data" / "rows.csv.zip"
        path.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "id\n7\n")
        assert data_support.rows(data_support.source("csv", columns, path=path)) == [(7,)]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["data", "rows.csv.zip"]


def test_an_archive_that_is_a_link_or_a_bomb_of_names_is_refused(tmp_path):
    path = tmp_path / "rows.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("rows.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    spec = data_support.source("csv", data_support.schema(id="integer"), path=path)
    with pytest.raises(SourceError) as caught:  # the text of the link is read as rows, nothing is followed
        data_support.rows(spec)
    assert "root:" not in str(caught.value)


# ---------------------------------------------------------------- links


@pytest.mark.parametrize("what", ["link to a file", "link to a device", "dangling link", "pipe", "folder"])
def test_what_is_no_file_in_the_store_is_not_read(tmp_path, what):
    store = ArtifactStore(str(tmp_path / "store"))
    store.write("a/real", b"ciphertext")
    path = tmp_path / "store" / "a" / "x"
    if "link" in what:
        target = {"link to a file": "real", "link to a device": "/dev/zero"}.get(what, "nothing")
        path.symlink_to(target)
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(StoreError, match="not a file"):
        store.read("a/x")
    assert store.read("a/real") == b"ciphertext"


def test_writing_replaces_a_link_and_does_not_follow_it(tmp_path):
    store, victim = ArtifactStore(str(tmp_path / "store")), tmp_path / "victim"
    victim.write_text("mine")
    store.write("a/real", b"x")
    (tmp_path / "store/a/x").symlink_to(victim)
    store.write("a/x", b"ciphertext")
    assert (victim.read_text(), store.read("a/x")) == ("mine", b"ciphertext")
    (tmp_path / "store/a/y").symlink_to(victim)
    store.delete("a/y")
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("part", ["a", "a/b"])
@pytest.mark.parametrize("action", ["write", "read", "delete", "list", "sync"])
def test_no_folder_of_the_store_leads_elsewhere_whatever_is_done_there(tmp_path, action, part):
    """Whoever may write to the store could else have the service write and delete wherever it may itself."""
    store, elsewhere = ArtifactStore(str(tmp_path / "store")), tmp_path / "elsewhere"
    for made in (elsewhere, elsewhere / "b"):
        made.mkdir()
        (made / "x").write_text("mine")
    (tmp_path / "store/a").mkdir(parents=True)
    shutil.rmtree(tmp_path / "store" / part, ignore_errors=True)
    (tmp_path / "store" / part).symlink_to(elsewhere)
    before = sorted(elsewhere.rglob("*"))
    actions = {"write": lambda: store.write("a/b/x", b"ciphertext"), "sync": lambda: store.sync("a/b")}
    with pytest.raises(StoreError, match="is a link or a file"):
        actions.get(action, lambda: getattr(store, action)("a/b" if action == "list" else "a/b/x"))()
    assert {path.read_text() for path in elsewhere.rglob("x")} == {"mine"}
    assert sorted(elsewhere.rglob("*")) == before


def test_what_is_listed_and_swept_lies_in_the_store(tmp_path):
    store, elsewhere = ArtifactStore(str(tmp_path / "store")), tmp_path / "elsewhere"
    elsewhere.mkdir()
    half = elsewhere / f"{UNFINISHED}1"
    half.write_text("mine")
    store.write("a/real", b"ciphertext")
    (tmp_path / "store/a/link").symlink_to(elsewhere)
    assert store.list("") == store.list("a") == ["a/link", "a/real"]  # as what it is: nothing to be read
    assert store.sweep(time.time() + 60) == 0
    assert half.read_text() == "mine"


def test_a_killed_ingest_that_somebody_made_up_has_nothing_elsewhere_deleted(company, tmp_path):
    """The next run tidies: a row names a folder of the store, and there a link."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis").write_text("years")
    (company.folder / "var/artifacts/snapshots/sales/visits/planted").symlink_to(mine)
    with closing(sqlite3.connect(company.database)) as db, db:
        names = "id, source, department, lookup, state, created, key_id, signer, signer_key"
        values = "'planted', 'visits', 'sales', '', 'writing', 1, 'none', '', ''"
        db.execute(f"INSERT INTO snapshots ({names}) VALUES ({values})")
    assert "is a link or a file" in company.run("run", "buys", "--date", "2024-01-21", code=1).stderr
    assert (mine / "thesis").read_text() == "years"


def test_an_export_replaces_a_link_and_does_not_follow_it(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "out.csv"
    victim.write_text("mine")
    path.symlink_to(victim)
    rows = [pl.DataFrame({"x": [1]})]
    with pytest.raises(UsageError, match="exists already"):
        export.write(rows, path)
    export.write(rows, path, force=True)
    assert victim.read_text() == "mine"
    assert not path.is_symlink()
    path.unlink()
    path.symlink_to(tmp_path / "nothing")  # a dangling one is not followed either
    with pytest.raises(UsageError, match="exists already"):
        export.write(rows, path)
    assert not (tmp_path / "nothing").exists()


# ---------------------------------------------------------------- deserialisation and code

DANGEROUS = {
    "pickle", "_pickle", "joblib", "cloudpickle", "dill", "marshal", "shelve", "runpy", "code", "imp",
    "sklearn", "torch",
}  # fmt: skip
RUNS_TEXT = {"eval", "exec", "__import__"}
LOADS = {"load", "load_all", "unsafe_load", "full_load", "Loader", "UnsafeLoader", "FullLoader", "CLoader"}


def modules() -> list[Path]:
    found = [path for package in PACKAGES for path in package.rglob("*.py") if path != WORKER]
    assert len(found) > 150
    return found


def test_no_module_but_the_workers_can_deserialise_or_run_text():
    assert "pickle" in imported(ast.parse(WORKER.read_text()))
    wrong = []
    for path in modules():
        tree = ast.parse(path.read_text())
        wrong += [f"{path}: {name}" for name in imported(tree) & DANGEROUS]
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in RUNS_TEXT:
                wrong.append(f"{path}:{node.lineno}: {node.id}")
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "yaml" and node.attr in LOADS:
                    wrong.append(f"{path}:{node.lineno}: yaml.{node.attr}")
                if node.value.id in ("hydra", "utils") and node.attr in ("instantiate", "get_class"):
                    wrong.append(f"{path}:{node.lineno}: {node.attr}")
    assert not wrong


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


EVIL = """\
import pathlib
pathlib.Path(__file__).with_name("IMPORTED").touch()
def run(*args, **kwargs):
    pathlib.Path(__file__).with_name("CALLED").touch()
"""
# Arguments of the model's own code, which its worker gets.
HANDED_ON = [
    "+model.late.parameters.x={_target_: kronkers_evil.run}",
    "+model.late.estimator.x={_target_: kronkers_evil.run}",
    "model.late.estimator._target_=kronkers_evil.run",
]
REFUSED = [
    "+alerts._target_=kronkers_evil.run",
    "+alerts.x={_target_: kronkers_evil.run, _partial_: false}",
    "+model.late._target_=kronkers_evil.run",
    "+source.flights._target_=kronkers_evil.run",
    "+executor._target_=kronkers_evil.run",
    "+warehouse._target_=kronkers_evil.run",
    "+_target_=kronkers_evil.run",
    "home=${kronkers_evil:run}",
    "home=${oc.create:{_target_: kronkers_evil.run}}",
    "hydra/launcher=kronkers_evil",
    "hydra.searchpath=[file:///tmp]",
    "+hydra.callbacks.x._target_=kronkers_evil.run",
    "+hydra/callbacks=kronkers_evil",
    "+hydra.job_logging.handlers.x={class: kronkers_evil.run}",
]


@pytest.mark.parametrize("override", [*HANDED_ON, *REFUSED])
def test_a_target_in_an_override_is_never_imported_here(tmp_path, monkeypatch, override):
    evil = tmp_path / "path"
    evil.mkdir()
    (evil / "kronkers_evil.py").write_text(EVIL)
    monkeypatch.syspath_prepend(str(evil))
    monkeypatch.setenv("PYTHONPATH", str(evil))
    conf = config_project.make(tmp_path / "project")
    if override in HANDED_ON:
        load(conf, [override], config_project.ENVIRON)
    else:
        with pytest.raises(ConfigErrors, match="override"):
            load(conf, [override], config_project.ENVIRON)
    assert not [p.name for p in evil.iterdir() if p.suffix != ".py"]
    assert "kronkers_evil" not in sys.modules


# ---------------------------------------------------------------- pages and terminals


def test_what_a_model_says_is_text_on_the_page():
    said = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
    run = RunRecord(said, said, 0, 1, 1)
    events = [Event(said, said, f'failed" onmouseover="x{said}', 0.1, said, said)]
    verdicts = [Verdict(said, Part("failed", said), Part("held", said))]
    page = run_page(run, verdicts, events) + date_page(said, [(said, verdicts[0])], [(run, verdicts, said)])
    assert "<script" not in page
    assert "<img" not in page
    assert '" onmouseover="' not in page
    assert "default-src 'none'" in page


def test_a_value_does_not_steer_the_terminal(capsys):
    frame = pl.DataFrame({"\x1b[2Jname": ["\x1b]0;title\x07\x1b[31mred\r\n", "plain"]})
    export.print_table([frame], sys.stdout)
    printed = capsys.readouterr().out
    assert not [c for c in printed if c != "\n" and not c.isprintable()]
    assert "plain" in printed


# ---------------------------------------------------------------- what a night leaves behind


def test_a_night_leaves_nothing_that_others_can_open_and_no_key(project, monkeypatch):
    """With the loosest umask: whatever it wrote is closed to others, and keys are in the key files alone."""
    import base64

    from kronkers_batch.vault import keyfile

    before = set(project.folder.rglob("*"))
    temporary = project.folder / "tmp"
    temporary.mkdir(mode=0o700)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    said = []
    old = os.umask(0)
    try:
        for words in (
            ["run", "--date", "2024-01-21", "-v"], ["report", "--date", "2024-01-21"], ["keys", "rotate"],
            ["ledger", "show"], ["read", "buys", "--date", "2024-01-21", "--to", f"{project.folder}/o.csv"],
            ["access", "whoami", "--new", "--name", "eve"],
        ):  # fmt: skip
            done = project.run(*words, code=None)
            said += [done.stdout, done.stderr]
    finally:
        os.umask(old)
    made = set(project.folder.rglob("*")) - before - {temporary}
    assert len(made) > 5
    assert [path for path in made if open_to_others(path, project.folder)] == []

    keys = list(project.folder.rglob("*.key"))
    assert keys
    secrets = [part for path in keys for part in keyfile.load(path, environ={}).secrets]
    needles = [form for raw in secrets for form in (raw, base64.b64encode(raw), raw.hex().encode())]
    said_raw = "\n".join(said).encode()
    for path in project.folder.rglob("*"):
        if path.is_file() and path not in keys:
            content = path.read_bytes()
            assert not any(needle in content for needle in needles), path
    assert not any(needle in said_raw for needle in needles)
    database = sqlite3.connect(project.folder / "var" / "warehouse.db")
    assert database.execute("SELECT count(*) FROM grant_keys").fetchone()[0] > 0
    database.close()


def open_to_others(path: Path, top: Path) -> bool:
    """Whether somebody else could read or change it: its own bits, and the way to it."""
    mode = path.lstat().st_mode
    if path.is_symlink() or not mode & (0o077 if path.is_file() else 0o022):
        return False
    inside = [parent for parent in path.parents if parent.is_relative_to(top) and parent != top]
    return all(parent.stat().st_mode & 0o011 for parent in inside)
