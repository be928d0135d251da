"""What one department's YAML or environment could do to everybody's night, or leave out of it unsaid."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kronkers_batch.access import as_declared, authorisation
from kronkers_batch.config import compose, load, signing
from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.spec import Environment
from kronkers_batch.data import duck, select
from kronkers_batch.errors import KronkersError
from kronkers_batch.runtimes.contents import environment_contents
from kronkers_batch.runtimes.languages import command_of, environment_fingerprint, julia
from kronkers_batch.store.cache import ContentCache
from tests.faults.departments import Departments

PACKAGES = "lib/python3.11/site-packages"


def venv(folder: Path) -> Path:
    python = Path(os.path.realpath(sys.executable))
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").symlink_to(sys.executable)
    (folder / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
    (folder / PACKAGES).mkdir(parents=True)
    return folder


def with_venv(made: Departments) -> Path:
    """The company, where buys has an environment of its own, and it has what the program has."""
    folder = venv(made.folder / "own/venv")
    installed = Path(sys.prefix, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
    (folder / PACKAGES / "numpy.pth").write_text(f"{installed}\n")
    made.edit("conf/model/buys.yaml", "language: python", "language: python\nenvironment: {venv: own/venv}")
    return folder


def said(folder: Path, text: bytes) -> None:
    (folder / "pyvenv.cfg").write_bytes(text)


def huge(folder: Path) -> None:
    (folder.parent / "requirements.txt").touch()
    os.truncate(folder.parent / "requirements.txt", 2**40)


# ---------------------------------------------------------------- environments


def _circle(folder: Path) -> Path:
    (folder / "circle").symlink_to(folder / "circle")
    return folder / "circle"


def _bytes(folder: Path, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("")


def _python(kind: str, folder: Path) -> Environment:
    own = venv(folder / "venv")
    match kind:
        case "nul":
            said(own, b"home = /a\0b/bin\n")
        case "circle":
            said(own, f"home = {_circle(folder)}/x/bin\n".encode())
        case "deep":
            deep = os.open(own / "lib", os.O_RDONLY)
            for _ in range(30):
                os.mkdir("d" * 200, dir_fd=deep)
                inner = os.open("d" * 200, os.O_RDONLY, dir_fd=deep)
                os.close(deep)
                deep = inner
            os.close(deep)
    return Environment(venv=str(own))


def _r(kind: str, folder: Path) -> Environment:
    home, script = folder / "home", folder / "r/bin/Rscript"
    (home / "library/base").mkdir(parents=True)
    version = {"dash": b"4-2", "long": b"9" * 5000}.get(kind, b"4.2")
    (home / "library/base/DESCRIPTION").write_bytes(b"Package: base\nBuilt: R 4\nVersion: " + version + b"\n")
    script.parent.mkdir(parents=True)
    where = b"/a\0b" if kind == "nul" else bytes(home)
    script.write_bytes(b"#!/bin/sh\nR_HOME_DIR=" + where + b"\n")
    script.chmod(0o755)
    return Environment(executable=str(script))


def _julia(_kind: str, folder: Path) -> Environment:
    (folder / "Project.toml").write_text("[deps]\n")
    (folder / "Manifest.toml").write_text(f'[[a]]\npath = "{_circle(folder)}/x"\n')
    return Environment(project=str(folder))


@pytest.mark.parametrize(
    ("language", "kind"),
    [
        (LANGUAGES["python"], "nul"),
        (LANGUAGES["python"], "circle"),
        (LANGUAGES["python"], "deep"),
        (LANGUAGES["r"], "nul"),
        (LANGUAGES["r"], "dash"),
        (LANGUAGES["r"], "long"),
        (LANGUAGES["julia"], "circle"),
    ],
)
def test_what_an_environment_holds_ends_in_words(tmp_path, monkeypatch, language, kind):
    monkeypatch.setattr(julia, "_executable", lambda _environment: julia.DEBIAN)
    monkeypatch.setattr(julia, "_libunwind", lambda _executable: None)
    make = {LANGUAGES["python"]: _python, LANGUAGES["r"]: _r, LANGUAGES["julia"]: _julia}[language]
    environment = make(kind, tmp_path)
    environment_fingerprint(language, environment)
    with pytest.raises(KronkersError):
        environment_contents(language, environment, ContentCache(tmp_path / "cache"))
    if kind != "deep":
        with pytest.raises(KronkersError):
            command_of(language, environment, 1)


def test_names_that_are_no_utf8_count_as_all_others(tmp_path):
    own, cache = venv(tmp_path / "venv"), ContentCache(tmp_path / "cache")
    environment = Environment(venv=str(own))
    before = environment_contents(LANGUAGES["python"], environment, cache)
    locked = environment_fingerprint(LANGUAGES["python"], environment)
    _bytes(own / PACKAGES, b"\xff.dist-info")
    after = environment_contents(LANGUAGES["python"], environment, cache)
    assert before != after
    assert environment_fingerprint(LANGUAGES["python"], environment) != locked
    (own / PACKAGES / os.fsdecode(b"\xff.dist-info")).rename(own / PACKAGES / os.fsdecode(b"\xfe.dist-info"))
    assert environment_contents(LANGUAGES["python"], environment, cache) != after


@pytest.mark.parametrize("signed", [False, True], ids=["trusted", "signed"])
def test_an_environment_that_cannot_be_read_is_its_own_models_failure(company, signing_company, signed):
    made = signing_company if signed else company
    folder = with_venv(made)
    if signed:
        made.by("ann").run("sign", "buys", "--yes", "--why", "ours")
    huge(folder) if signed else said(folder, b"home = /a\0b/bin\n")
    done = made.run("run", code=1)
    assert "leavers  up to date" in done.stdout
    assert f"buys {'refused' if signed else 'failed'}" in done.stdout
    assert "unexpected" not in done.stdout + done.stderr
    made.run("plan")


def test_what_nobody_foresaw_is_one_models_failure(signing_company, monkeypatch):
    """Whatever else goes wrong where one model is looked at."""
    from kronkers_batch.pipeline import definitions

    def fails(*_given):
        raise ArithmeticError("nobody foresaw it")

    for module, name in ((as_declared, "read_code"), (definitions, "code_digests")):
        asked = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda s, model, asked=asked: (fails if model.name == "buys" else asked)(s, model)
        )
    done = signing_company.run("run", code=1)
    assert "leavers  up to date" in done.stdout
    assert "buys refused: model buys: unexpected ArithmeticError" in done.stdout
    monkeypatch.setattr(authorisation, "required", lambda _services: False)
    done = signing_company.run("run", code=1)
    assert "leavers  up to date" in done.stdout
    assert "; training failed: unexpected ArithmeticError" in done.stdout, done.stdout


def test_nobody_signs_an_environment_that_cannot_be_looked_at(signing_company):
    """A signature on words such as "too large" would fit whatever lies there later."""
    folder = with_venv(signing_company)
    (folder / PACKAGES / "large.bin").touch()
    os.truncate(folder / PACKAGES / "large.bin", 2**40)
    done = signing_company.by("ann").run("sign", "buys", "--yes", "--why", "ours", code=2)
    assert "the environment's files have more than 100 GiB" in done.stderr
    assert "buys refused" in signing_company.run("run", code=1).stdout
    assert 'environment.contents: added "cannot be read"' in signing_company.run("plan").stdout


# ---------------------------------------------------------------- models that are left out


def test_a_signed_model_that_conf_alone_switches_off_is_not_left_out_in_silence(signing_company):
    made = signing_company
    made.edit("conf/model/leavers.yaml", "owner: Bob", "owner: Bob\nenabled: false")
    done = made.run("run", code=1)
    assert "buys     up to date" in done.stdout
    assert "leavers refused: model leavers: the definition changed" in done.stdout
    assert "enabled: true -> false" in made.run("plan").stdout
    made.by("bob").run("sign", "leavers", "--yes", "--why", "no longer needed")
    assert "leavers" not in made.run("run").stdout
    made.edit(
        "conf/model/leavers.yaml", "penalty: 1.0", "penalty: 2.0"
    )  # of one that does not run, anybody's
    assert "leavers" not in made.run("run").stdout


def test_a_signed_model_whose_file_is_deleted_is_not_left_out_in_silence(signing_company):
    made, file = signing_company, signing_company.folder / "conf/model/leavers.yaml"
    text = file.read_text()
    file.unlink()
    done = made.run("run", code=1)
    assert (
        "leavers refused: model leavers: this model was signed to run, and its file is gone from conf"
        in done.stdout
    )
    assert "this model was signed to run" in made.run("plan").stderr
    assert "leavers" in (made.folder / "var/reports/2024-01-20.html").read_text()
    assert "leavers" not in made.run("run", "buys").stdout
    made.write("conf/model/leavers.yaml", text + "enabled: false\n")
    made.by("bob").run("sign", "leavers", "--yes", "--why", "no longer needed")
    file.unlink()
    assert "leavers" not in made.run("run").stdout


# ---------------------------------------------------------------- SQL


def selected(text: str) -> select.Tree:
    with duck.connect(2**28) as connection:
        return select.parsed(connection, text)


@pytest.mark.parametrize(
    "text",
    [
        "from " + "(from " * 100_000 + "p" + ")" * 100_000,
        "with a as (" * 3_000 + "select 1" + ") from a" * 3_000,
        "select 1" + "+1" * 900,
        "with x as (copy p to '/proc/self/fd/9' (format parquet, use_tmp_file false)) from x",
        "with y as (with x as (insert into p values (1) returning *) from x) from y",
        "with x as (delete from p returning *) select 1 from x",
        "select (with x as (update p set id = 1 returning *) select count(*) from x)",
    ],
    ids=["endless", "nested", "sum", "copy", "insert", "delete", "update"],
)
def test_a_query_that_ends_the_process_or_writes_is_none(text):
    """In a process of its own: one of these would end it without a word."""
    program = (
        "import sys\nfrom kronkers_batch.data import duck, select\n"
        "with duck.connect(2**28) as connection:\n"
        "    try: select.parsed(connection, sys.stdin.read())\n"
        "    except select.NoSelect as refused: print(refused.what, refused.fix)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=text, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert any(words in done.stdout for words in ("more than 65,536", "too deeply", "out of its WITH"))


@pytest.mark.parametrize(
    "text",
    [
        "with tables as (select 1) select * from information_schema.tables",
        "with pg_settings as (select 1) select * from pg_catalog.pg_settings",
        'with parquet as (select 1) select * from "/proc/self/fd/9"."parquet"',
        "select * from system.information_schema.p",
    ],
    ids=["tables", "settings", "file", "input"],
)
def test_a_name_with_a_schema_is_no_input_whatever_with_calls_its_own(text):
    assert select.read_besides(selected(text), ["p"])


def test_what_only_reads_is_still_read():
    text = """with a as (select id from p)
        select * from (pivot p on id in (1, 2) using count(*)), a, range(3) union all from p"""
    assert select.read_besides(selected(text), ["P"]) == []
    deep = "with recursive t(n) as (select 1 union all select n + 1 from t where n < 9) from t"
    assert select.read_besides(selected(deep), []) == []


def test_inputs_that_differ_only_in_case_are_refused(company):
    text = """department: sales
kind: query
inputs: {v: visits, V: people_ids}
query: select id from v
columns: {id: integer}
"""
    company.write("conf/source/q.yaml", text)
    company.write("conf/source/people_ids.yaml", (company.folder / "conf/source/visits.yaml").read_text())
    done = company.run("check", code=2)
    assert "conf/source/q.yaml:3: inputs.V: the inputs 'v' and 'V' differ only in case" in done.stderr


# ---------------------------------------------------------------- the root


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("schema.yaml", "home: elsewhere\n"),
        ("alerts/none.yaml", "# @package _global_\nhome: elsewhere\nwarehouse: {url: 'sqlite:///x.db'}\n"),
        ("hydra/env/default.yaml", "# @package _global_\nhome: elsewhere\n"),
    ],
    ids=["schema", "package", "hydra"],
)
def test_no_file_says_of_the_root_what_was_not_checked(company, monkeypatch, file, text):
    monkeypatch.setattr(load._Loader, "unread", lambda *_given: None)  # although nothing reads it
    monkeypatch.chdir(company.folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(company.folder / "cache"))  # where nothing is remembered yet
    monkeypatch.setattr(compose, "_composed", {})
    company.write(f"conf/{file}", text)
    config = company.loaded()[0]
    assert config.home == company.folder / "var"
    assert config.warehouse.url.reveal() == f"sqlite:///{company.database}"


def test_a_group_includes_no_other_file(company):
    company.write("conf/alerts/none.yaml", "defaults: [/model/buys]\n")
    done = company.run("check", code=2)
    assert (
        "conf/alerts/none.yaml:1: defaults: the key 'defaults' is for config.yaml and models" in done.stderr
    )


def test_a_group_says_what_its_text_says(company, monkeypatch):
    """Read by one parser, for what is checked and what counts: no country is a boolean."""
    monkeypatch.setattr(compose, "_composed", {})
    monkeypatch.setattr(load._Loader, "unread", lambda *_given: None)  # although nothing reads it
    company.write("conf/alerts/none.yaml", "a: NO\nb: 02:30\nc: 'off'\nd: [1, '2', null]\n")
    assert company.loaded()[0].alerts == {"a": "NO", "b": "02:30", "c": "off", "d": [1, "2", None]}


def test_a_folder_with_an_arrow_in_its_name_is_no_link(tmp_path):
    """Who may write beside a signed link could have another file read in place of what it leads to."""
    data, text = tmp_path / "data", "x.csv -> project:data/y.csv"
    (data / text).parent.mkdir(parents=True)
    (data / text).write_text("another")
    (data / "y.csv").write_text("signed")
    (data / "x.csv").symlink_to(data / "y.csv")
    linked = signing.place(str(data / "x.csv"), tmp_path)
    assert linked == "project:data/x.csv -> project:data/y.csv"
    assert signing.place(str(data / text), tmp_path) != linked
