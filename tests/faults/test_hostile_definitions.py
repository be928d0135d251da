"""What a department's own YAML, data and environments may not get, stop or fill, also where it is signed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kronkers_batch.config import account, interpolation
from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.nodes import plain
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.secret import Secret
from kronkers_batch.config.spec import Environment, InputRef
from kronkers_batch.config.yamlparse import parse
from kronkers_batch.data import source_kinds, sources
from kronkers_batch.data.sources import postgres
from kronkers_batch.errors import ConfigError, ConfigErrors, SourceError
from kronkers_batch.pipeline import definitions
from kronkers_batch.runtimes import contents
from kronkers_batch.runtimes.contents import environment_contents
from kronkers_batch.runtimes.languages import command_of
from kronkers_batch.session.lifetimes import Run
from kronkers_batch.store.cache import ContentCache
from kronkers_batch.vault import keyfile, passphrase
from tests.data_support import ALL, day, frames, rows, schema, source

PEOPLE = """\
department: hr
shared_with: [sales]
kind: parquet
path: hr/people.parquet
columns: {id: integer}
key: [id]
"""
SERVER = """\
department: {department}
kind: database
url: postgresql://{user}:${{oc.env:{variable},none}}@127.0.0.1:{port}/rows{options}
query: t
columns: {{id: integer, at: timestamp, x: float, colour: category, y: boolean}}
key: [id]
time_column: at
"""
SECRETS = {
    "HR_PASSWORD": "hr-secret-1234",
    "ALERT_TOKEN": "alert-secret-1234",
    "PGPASSWORD": "account-secret",
}


# ---------------------------------------------------------------- secrets of the service's environment


@contextmanager
def server(answers: bool = True) -> Iterator[tuple[int, list[bytes]]]:
    """A server of somebody's that asks for the password in clear, and what it was told."""
    told: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            while answers and (said := line.recv(4096)):
                if said[4:8] in (struct.pack("!I", 80877103), struct.pack("!I", 80877104)):
                    line.sendall(b"N")
                elif said[:1] == b"p":
                    told.append(said[5:-1])
                    line.close()
                    break
                else:
                    line.sendall(b"R" + struct.pack("!II", 8, 3))

    threading.Thread(target=talk, daemon=True).start()
    try:
        yield listener.getsockname()[1], told
    finally:
        listener.close()


@pytest.fixture
def serviced(signing_company, monkeypatch):
    """The company, and the service with its secrets; ann and everybody else has none of them."""
    made = type(signing_company).environment

    def environment(self: Any) -> dict[str, str]:
        own = made(self)
        if self.home.name == "nightly":
            key = self.key_file.read_text().strip()
            own |= SECRETS | {"KRONKERS_KEY": key, "KRONKERS_PASSPHRASE": "phrase-secret-1234"}
            own["KRONKERS_TRUST"] = str(self.key_file.with_name("trust.json"))
        return own

    monkeypatch.setattr(type(signing_company), "environment", environment)
    signing_company.write("conf/source/payroll.yaml", SERVER.format(
        department="hr", user="hr", variable="HR_PASSWORD", port=1, options=""))  # fmt: skip
    return signing_company


@pytest.mark.parametrize("variable", ["HR_PASSWORD", "KRONKERS_KEY", "KRONKERS_PASSPHRASE"])
def test_a_department_sends_no_secret_of_others_to_a_server_of_its_own(serviced, variable):
    ann = serviced.by("ann")
    with server() as (port, told):
        text = SERVER.format(department="sales", user="ann", variable=variable, port=port, options="")
        ann.write("conf/source/visits.yaml", text)
        done = ann.run("sign", "buys", "--yes", "--why", "ours", code=2)
        assert f"conf/source/visits.yaml:3: url: the environment variable {variable}" in done.stderr
        assert f"the environment variable {variable}" in serviced.run("run", code=2).stderr
    assert told == []


def test_a_secret_of_the_root_is_no_departments(serviced):
    serviced.write("conf/alerts/none.yaml", "token: ${oc.env:ALERT_TOKEN,none}\n")
    text = SERVER.format(department="sales", user="ann", variable="ALERT_TOKEN", port=1, options="")
    serviced.write("conf/source/visits.yaml", text)
    done = serviced.run("check", code=2)
    assert "ALERT_TOKEN may not be used here: the root configuration uses it" in done.stderr
    model = (serviced.folder / "conf/model/buys.yaml").read_text()
    serviced.write("conf/source/visits.yaml", text.replace("ALERT_TOKEN", "SALES_PASSWORD"))
    serviced.write(
        "conf/model/buys.yaml", model.replace("models/buys/", "models/${oc.env:ALERT_TOKEN,buys}/")
    )
    done = serviced.run("check", code=2)
    assert "conf/model/buys.yaml:7: code: the environment variable ALERT_TOKEN may not" in done.stderr


def test_a_place_in_the_environment_may_be_used_by_all(serviced):
    for name, department in (("one", "sales"), ("two", "hr")):
        text = "department: {}\nkind: csv\npath: ${{oc.env:PLACE,data}}/{}.csv\ncolumns: {{id: integer}}\n"
        serviced.write(f"conf/source/{name}.yaml", text.format(department, name))
        text = "department: {}\nkind: database\nurl: sqlite:///${{oc.env:PLACE,/data}}/{}.db\nquery: t\n"
        serviced.write(
            f"conf/source/{name}_db.yaml", text.format(department, name) + "columns: {id: integer}\n"
        )
    serviced.run("plan", code=None)
    assert "PLACE" not in serviced.run("plan", code=None).stderr


def test_the_programs_own_secrets_are_those_that_conf_may_not_name():
    assert set(account.SECRETS) == {keyfile.VARIABLE, passphrase.VARIABLE}


def test_a_server_is_told_nothing_that_its_url_does_not_say(tmp_path, monkeypatch):
    """libpq would give it the account's own password, from the environment or from a file."""
    monkeypatch.setenv("PGPASSWORD", "account-secret")
    passes = tmp_path / "pass"
    passes.write_text("*:*:*:*:file-secret\n")
    passes.chmod(0o600)
    with server() as (port, told):
        asked = source(
            "database", schema(a="integer"), query="t", url=Secret(f"postgresql://u@127.0.0.1:{port}/d")
        )
        with pytest.raises(SourceError):
            frames(asked)
        monkeypatch.delenv("PGPASSWORD")
        monkeypatch.setenv("PGPASSFILE", str(passes))
        with pytest.raises(SourceError):
            frames(asked)
        own = dataclasses.replace(asked, url=Secret(f"postgresql://u:mine@127.0.0.1:{port}/d"))
        with pytest.raises(SourceError):
            frames(own)
    assert told == [b"mine"]


@pytest.mark.parametrize("options", ["connect_timeout=99999", "host=" + "127.0.0.1," * 8])
def test_a_server_that_never_answers_keeps_nobody_waiting_for_ever(options, monkeypatch):
    monkeypatch.setattr(postgres, "_CONNECT", 2)
    with server(answers=False) as (port, _):
        url = Secret(f"postgresql://u@127.0.0.1:{port}/d?{options}")
        with pytest.raises(SourceError, match=r"too many hosts|options that a source may not set"):
            frames(source("database", schema(a="integer"), query="t", url=url))


# ---------------------------------------------------------------- rows of others


@pytest.mark.parametrize(
    "numbers",
    [range(3, 10), pytest.param(range(10, 40), marks=pytest.mark.long)],
    ids=["low", "high"],
)
def test_a_query_reads_of_an_inputs_file_only_what_is_declared(company, numbers):
    """A view's file has another name in the query's process, which is easily guessed, or asked for.

    Guesses of higher numbers are long.
    """
    pl.DataFrame({"id": [1, 2], "salary": [70_001, 70_002]}).write_parquet(
        company.folder / "hr/people.parquet"
    )
    company.write("conf/source/people_ids.yaml", PEOPLE)
    config, places = company.loaded()
    loot = source("query", schema(x="integer"), query="", inputs={"p": InputRef(source="people_ids")})
    loot = dataclasses.replace(loot, department="sales", name="loot")

    def read(query: str) -> list[Any]:
        spec = dataclasses.replace(loot, query=query)
        found = sources.read(spec, ALL, sources=config.sources, places=places, chunk_rows=10)
        return [row for frame in found for row in frame.rows()]

    assert read("with q as (from p) select sum(id)::bigint as x from q, range(1)") == [(3,)]
    guesses = [f"select salary as x from read_parquet('/proc/self/fd/{n}')" for n in numbers]
    for query in (
        "select salary as x from read_parquet(current_setting('allowed_paths'))",
        "select stats_max::bigint as x from parquet_metadata(current_setting('allowed_paths'))",
        "select x from query('select salary as x from read_parquet(current_setting(''allowed_paths''))')",
        "select (select max(salary) from read_parquet(current_setting('allowed_paths'))) as x",
        "select size as x from read_blob(current_setting('allowed_paths'))",
        "select 1 as x from duckdb_settings()",
        'select 1 as x from (describe "/proc/self/fd/9")',
        "select 1 as x from information_schema.tables",
        *guesses,
    ):
        with pytest.raises(SourceError, match="the query reads what is not under its"):
            read(query)


def database(path: Path, value: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    with sqlite3.connect(path) as made:
        made.execute("create table t (a text)")
        made.execute("insert into t values (?)", (value,))
    made.close()
    return path


def test_a_link_to_a_database_that_is_changed_after_it_was_looked_at_is_not_followed(company, monkeypatch):
    theirs, mine = (
        database(company.folder / "hr/hr.db", "SALARY"),
        database(company.folder / "data/a.db", "good"),
    )
    link = company.folder / "data/link.db"
    link.symlink_to(mine)
    for name, department, path in (("theirs", "hr", theirs), ("mine", "sales", link)):
        text = f"department: {department}\nkind: database\nurl: sqlite:///{path}\nquery: t\n"
        company.write(
            f"conf/source/{name}.yaml", text + "columns: {a: string}\nwatermark: select max(a) from t\n"
        )
    config, places = company.loaded()

    def read() -> list[Any]:
        spec = config.sources["mine"]
        found = sources.read(spec, ALL, sources={}, places=places, chunk_rows=10)
        return [row for frame in found for row in frame.rows()]

    assert read() == [("good",)]
    link.unlink()
    link.symlink_to(theirs)
    with pytest.raises(SourceError, match="the department hr declares it"):
        read()
    link.unlink()
    link.symlink_to(mine)
    connect = sqlite3.connect

    def late(*words: Any, **more: Any) -> sqlite3.Connection:
        mine.unlink()  # between the look and the opening
        mine.symlink_to(theirs)
        return connect(*words, **more)

    monkeypatch.setattr(sqlite3, "connect", late)
    with pytest.raises(SourceError, match="the file was exchanged while it was opened"):
        read()


def test_a_hard_link_to_a_file_that_anothers_pattern_finds_is_refused(company):
    (company.folder / "hr/many").mkdir()
    (company.folder / "hr/many/a.csv").write_text("a\nSALARY\n")
    os.link(company.folder / "hr/many/a.csv", company.folder / "data/x.csv")
    for name, department, path in (("theirs", "hr", "hr/many/*.csv"), ("mine", "sales", "data/x.csv")):
        text = f"department: {department}\nkind: csv\npath: {path}\ncolumns: {{a: string}}\n"
        company.write(f"conf/source/{name}.yaml", text)
    done = company.run("check", code=2)
    assert "conf/source/mine.yaml:3: path: the path is refused: it is another name of a file" in done.stderr


def test_what_one_environments_parser_says_of_code_counts_for_no_other(company):
    """Who owns an environment could have another department's changed code pass for unchanged."""
    services = type("Services", (), {})()
    config, places = company.loaded()
    services.run, services.places, services.config = Run(), places, config
    services.cache = ContentCache(company.folder / "var/cache")
    model = config.models["leavers"]
    hostile = dataclasses.replace(model, environment=Environment(venv=str(company.folder / "venv")))
    said = {hostile.environment: "as it was", model.environment: "changed"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(definitions._Parser, "_normalised", lambda own, *_: said[own._model.environment])
        assert definitions.code_digests(services, hostile) != definitions.code_digests(services, model)


# ---------------------------------------------------------------- environments


def manifest(folder: Path, text: str) -> Environment:
    folder.mkdir(exist_ok=True)
    (folder / "Project.toml").write_text("[deps]\n")
    (folder / "Manifest.toml").write_text(text)
    return Environment(project=str(folder))


@pytest.mark.parametrize(
    "text",
    [
        '[["../../../private"]]\nuuid = "x"\n',
        '[["../servers"]]\nuuid = "x"\n',
        '[["**"]]\nuuid = "x"\n',
        'manifest_format = "2.0"\ndeps = [1]\n',
        'manifest_format = "2.0"\ndeps = {a = [1]}\n',
        '[[a]]\npath = "\\u0000"\n',
        "[[a]]\npath = 1\n",
        "a = " + "[" * 100_000 + "]" * 100_000,
        "a = " + "9" * 10_000,
    ],
)
def test_a_manifest_leads_a_worker_nowhere_and_ends_in_words(tmp_path, monkeypatch, text):
    for place in (".julia/compiled/v1.10/Own", ".julia/packages/Own", ".julia/servers", "private"):
        (tmp_path / place).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("JULIA_DEPOT_PATH", raising=False)
    with pytest.raises(ConfigError):
        command_of(LANGUAGES["julia"], manifest(tmp_path / "project", text), 1)


def test_files_that_are_larger_than_memory_end_in_words(company, monkeypatch):
    """A file of holes takes no room on a disk."""
    project = company.folder / "project"
    manifest(project, "")
    os.truncate(project / "Manifest.toml", 2**40)
    with pytest.raises(ConfigError, match="larger than 64 MiB"):
        command_of(LANGUAGES["julia"], Environment(project=str(project)), 1)
    venv = company.folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to(sys.executable)
    (venv / "pyvenv.cfg").write_text("")
    (venv / "lib/python3.11/site-packages").mkdir(parents=True)
    (venv / "lib/python3.11/os.py").write_text("")
    (venv / "lib/python3.11/site-packages/big.so").touch()
    os.truncate(venv / "lib/python3.11/site-packages/big.so", 2**31)
    monkeypatch.setattr(contents, "LARGEST", 2**30)
    with pytest.raises(ConfigError, match="have more than 1 GiB"):
        environment_contents(
            LANGUAGES["python"], Environment(venv=str(venv)), ContentCache(company.folder / "c")
        )
    os.truncate(company.folder / "models/buys/model.py", 2**40)
    for command, code in (("check", 2), ("run", 1)):
        done = company.run(command, code=code)
        assert "it is larger than 16 MiB" in done.stdout + done.stderr
    (company.folder / "conf/source/big.yaml").touch()
    os.truncate(company.folder / "conf/source/big.yaml", 2**40)
    assert "the file has more than the 1048576 bytes" in company.run("plan", code=2).stderr


# ---------------------------------------------------------------- YAML that takes for ever, or all memory


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('a: "${oc.env:NO,x' + " " * 300_000 + 'y z}"', ""),
        ('a: "' + "${oc.env:NO," * 3_000 + "x" + "}" * 3_000 + '"', "defaults nested deeper than 32"),
        (
            "a: " + "x" * 300_000 + '\nb: "' + "${a}" * 100 + '"',
            "characters once interpolations are expanded",
        ),
    ],
)
def test_interpolations_take_little_time_and_memory(text, says):
    problems = Problems()
    tree = parse(text.encode(), "x.yaml", problems)
    begun = time.monotonic()
    assert tree is not None
    assert len(str(plain(interpolation.resolve(tree, {}, problems)))) < 3_000_000
    assert time.monotonic() - begun < 5
    if says:
        with pytest.raises(ConfigErrors, match=says):
            problems.raise_if_any()
    else:
        problems.raise_if_any()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("source/visits", "- {rows: {min: 1}}", "- {column: at, min: '0001-01-01T00:00+14:00'}"),
        ("source/visits", "- {rows: {min: 1}}", "- {freshness: 999999w, column: at}"),
        ("source/visits", "- {rows: {min: 1}}", "- {expression: 'x in [1, \"a\"]'}"),
        ("source/visits", "kind: csv", "kind: csv\ncsv: {null: " + "x" * 1_000 + "}"),
        ("source/visits", "kind: csv", "kind: csv\ncsv: {delimiter: '\"'}"),
        ("source/visits", "data/visits.csv", "'data/**/x/**/visits.csv'"),
        ("model/buys", "train: 10d", "train: 999999w"),
        ("model/buys", "label_delay: 1d", "label_delay: 999999w"),
        ("model/buys", "score: 1d", "score: 999999w"),
        ("model/buys", "train: 10d, holdout: 3d", "train: all, holdout: 999999w"),
        ("model/buys", "rows: independent", "output: {retention: 999999w}"),
        ("model/buys", "rows: independent", "resources: {memory: 999999999TB}"),
        ("model/buys", "{penalty: 1.0}", "{penalty: 123456789012345678901234567890}"),
    ],
)
def test_values_that_nothing_can_be_done_with_are_refused_with_their_line(company, name, old, new):
    company.edit(f"conf/{name}.yaml", old, new)
    done = company.run("run", code=2)
    assert f"conf/{name}.yaml:" in done.stderr
    assert "unexpected" not in done.stderr


# ---------------------------------------------------------------- data


def patched(raw: bytes, local: int, central: int, value: int) -> bytes:
    """A zip file with one of its numbers changed, in both places where it stands."""
    changed = bytearray(raw)
    struct.pack_into("<H", changed, local, value)
    struct.pack_into("<H", changed, raw.rfind(b"PK\x01\x02") + central, value)
    return bytes(changed)


def test_archives_that_cannot_be_unpacked_end_in_words(tmp_path):
    def made(method: int) -> bytes:
        with zipfile.ZipFile(tmp_path / "whole.csv.zip", "w", method) as archive:
            archive.writestr("a.csv", b"a\n" + b"12345\n" * 1000)
        return (tmp_path / "whole.csv.zip").read_bytes()

    deflated, lzma = made(zipfile.ZIP_DEFLATED), made(zipfile.ZIP_LZMA)
    for raw in (
        patched(deflated, 6, 8, 1),  # encrypted
        patched(deflated, 8, 10, 99),  # packed in another way
        patched(deflated, 6, 8, 0x20),
        patched(deflated, 4, 6, 99),
        deflated[:40] + b"\xff" * 20 + deflated[60:],
        lzma[:39] + b"\xff" * 21 + lzma[60:],
    ):
        (tmp_path / "a.csv.zip").write_bytes(raw)
        asked = source("csv", schema(a="integer"), path=tmp_path / "a.csv.zip")
        if raw[6:8] == b"\x20\0":  # which our own reader does not need to believe
            assert rows(asked) == [(12345,)] * 1000
            continue
        with pytest.raises(SourceError, match=r"the archive is|the packed file|no whole zip archive"):
            rows(asked)


def test_odd_lines_of_column_names_end_in_words_or_rows(tmp_path):
    (tmp_path / "a.csv").write_text("a," + "x" * 200_000 + "\n1,2\n")
    with contextlib.suppress(SourceError):
        assert len(rows(source("csv", schema(a="integer"), path=tmp_path / "a.csv"))) == 1
    (tmp_path / "b.csv").write_text("row,b\n2024-01-01,2\n2024-01-02,3\n")
    spec = source("csv", schema(row="timestamp", b="integer"), path=tmp_path / "b.csv", time_column="row")
    assert [row[1] for row in rows(spec, day("2024-01-01"))] == [2]


def test_no_pattern_and_no_file_name_take_long(tmp_path):
    """In a process of its own: a regular expression cannot be stopped from outside."""
    (tmp_path / f"{'1' * 60}a.csv").write_text("a\n1\n")
    program = (
        "import sys\nfrom kronkers_batch.data import source_kinds\n"
        "from tests.data_support import schema, source\n"
        "for pattern in sys.argv[1:]:\n"
        "    list(source_kinds.of('csv').located(source('csv', schema(a='integer'), path=pattern)))\n"
    )
    patterns = [
        str(tmp_path / text) for text in ("*" * 40 + ".csv", "*1" * 15 + "*.csv", "*[1]?" * 15 + "*.csv")
    ]
    subprocess.run([sys.executable, "-c", program, *patterns], check=True, timeout=60)


def test_a_name_of_digits_is_still_told(tmp_path):
    (tmp_path / "day-2024-01-02.csv").write_text("a\n1\n")
    spec = source("csv", schema(a="integer"), path=tmp_path / "day-*-??.csv")
    found = source_kinds.of("csv").located(spec)
    assert [place.part for _, place in found] == [str(tmp_path / "day-2024-01-02.csv")]
