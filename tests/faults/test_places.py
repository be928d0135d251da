"""Forbidden places through the whole command line, also by links that change while they are read."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.config.opening import PathRefused, opened
from kronkers_batch.config.places import Places
from kronkers_batch.data import sources
from kronkers_batch.data.source_identity import stated
from kronkers_batch.data.window import Window
from kronkers_batch.errors import KronkersError, SourceError
from tests.data_support import ALL, schema, source

LOOT = """\
department: hr
kind: csv
path: {path}
columns: {{format: string, key: string}}
key: [format]
"""
READS = """\
department: hr
owner: Bob
task: regression
language: python
code: models/buys/model.py
source: loot
features: [key]
target: key
rows: independent
"""
SECRET = "SALARY-OF-THE-CHIEF"


def loot(company, path, text: str = LOOT) -> None:
    company.write("conf/source/loot.yaml", text.format(path=path))


def secret(key_file: Path) -> str:
    return key_file.read_text().split('"ed25519_seed":"')[1][:40]


# ---------------------------------------------------------------- a source that is the service's key


def test_a_source_that_is_the_services_key_file_is_refused_and_shows_nothing(company):
    for who in ("nightly", "ann"):
        key = company.by(who).key_file
        link = company.folder / f"data/{who}.csv"
        link.symlink_to(company.key_file)
        for path in (company.key_file, link, company.key_file.parent / "*.key"):
            loot(company, path)
            for command in ("check", "run", "plan", "report"):
                done = company.run(command, code=2)
                assert "conf/source/loot.yaml:3: path: the path is refused: it is" in done.stderr
                assert secret(key) not in done.stdout + done.stderr
        link.unlink()


def test_the_database_the_cache_and_another_department_are_refused(company):
    os.link(company.database, company.folder / "hr/copy.csv")
    for path, says in (
        ("var/warehouse.db", "it is the warehouse's database"),
        ("hr/copy.csv", "it is another name of the warehouse's database"),
        ("/proc/self/environ", "it is in /proc"),
        ("data/visits.csv", "the department sales declares it (source visits) and does not share it with hr"),
        ("'*/visits*'", "the pattern also finds a file of another department: the department sales"),
    ):
        loot(company, path)
        done = company.run("check", code=2)
        assert f"conf/source/loot.yaml:3: path: the path is refused: {says}" in done.stderr
    text = "department: hr\nkind: database\nurl: sqlite:///{path}\nquery: keys\ncolumns: {{id: string}}\n"
    loot(company, company.database, text)
    done = company.run("check", code=2)
    assert "conf/source/loot.yaml:3: url: the path is refused: it is the warehouse's database" in done.stderr


def test_exports_and_public_lines_stay_out_of_forbidden_places(company):
    ann = company.by("ann")
    for place in (ann.key_file.parent / "x.csv", company.folder / "var/x.csv", "/dev/shm/../full.csv"):
        done = ann.run("read", "buys", "--to", str(place), code=2)
        assert "the path is refused: it is in" in done.stderr
        done = ann.run("report", "--to", str(place), code=2)
        assert "the path is refused: it is in" in done.stderr
    (company.folder / "out").symlink_to(ann.key_file.parent)
    assert "refused" in ann.run("read", "buys", "--to", str(company.folder / "out/x.csv"), code=2).stderr
    assert "export" not in company.by("admin").run("ledger", "show").stdout
    ann.run("read", "buys", "--to", str(company.folder / "fine.csv"))
    admin = company.by("admin")
    done = admin.run("access", "add", str(admin.key_file), code=2)
    assert "it is this account's key file" in done.stderr
    assert secret(admin.key_file) not in done.stderr


# ---------------------------------------------------------------- what is no file


def test_pipes_devices_folders_and_sockets_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.csv"))
        for name in ("pipe.csv", "folder.csv", "socket.csv"):
            with (
                pytest.raises(PathRefused, match="it is a folder, a device, a pipe or a socket, not a file"),
                opened(tmp_path / name, Places.machine()),
            ):
                pass
        for kind in ("csv", "parquet"):
            spec = source(kind, schema(a="integer"), path=tmp_path / "pipe.csv")
            with pytest.raises(SourceError):
                list(sources.read(spec, ALL, sources={}, places=Places.machine(), chunk_rows=10))
    with pytest.raises(PathRefused, match="/dev"), opened(Path("/dev/zero"), Places.machine()):
        pass


def test_a_package_lists_nothing_outside_of_the_folder_of_packages(tmp_path, monkeypatch):
    site = tmp_path / "site"
    for name, text in (
        ("loot-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: loot\nVersion: 1.0\n"),
        ("loot-1.0.dist-info/RECORD", f"loot/a.csv,,\n../out.csv,,\n{tmp_path}/out.csv,,\n"),
        ("loot/a.csv", "a\n1\n"),
        ("../out.csv", f"a\n{SECRET}\n"),
    ):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    monkeypatch.syspath_prepend(str(site))
    spec = source("package", schema(a="string"), package="loot", path="a.csv")
    read = sources.read(spec, ALL, sources={}, places=Places.machine(), chunk_rows=10)
    assert [frame.rows() for frame in read] == [[("1",)]]
    spec = source("package", schema(a="string"), package="loot", path="out.csv")
    with pytest.raises(SourceError, match="the package has no file out"):
        list(sources.read(spec, ALL, sources={}, places=Places.machine(), chunk_rows=10))


# ---------------------------------------------------------------- races of links

SWAP = """\
import os, sys
link, good, bad = sys.argv[1:4]
n = 0
print("on", flush=True)
while True:
    for target in (good, bad):
        n += 1
        os.symlink(target, f"{link}.{n % 7}")
        os.replace(f"{link}.{n % 7}", link)
"""


class Swapped:
    """A link that another process turns between an allowed file and a forbidden one, all the time."""

    def __init__(self, link: Path, good: Path, bad: Path) -> None:
        link.symlink_to(good)
        self.command = [sys.executable, "-c", SWAP, str(link), str(good), str(bad)]

    def __enter__(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE)
        self.process.stdout.read(3)

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def write(kind: str, path: Path, value: str) -> Path:
    frame = pl.DataFrame({"a": [value] * 50})
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path) if kind == "parquet" else frame.write_csv(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet", "pattern", "view"])
def test_a_link_that_is_swapped_while_it_is_read_gives_no_byte_of_a_forbidden_file(company, kind):
    """Whether the path was looked at before or after the swap: what is opened is what is judged."""
    of = "csv" if kind in ("csv", "pattern") else "parquet"
    good = write(of, company.folder / f"hr/good.{of}", "good")
    bad = write(of, company.folder / f"sales/bad.{of}", SECRET)
    link = company.folder / f"links/rows.{of}"
    link.parent.mkdir()
    columns = "columns: {a: string}\n"
    company.write("conf/source/bad.yaml", f"department: sales\nkind: {of}\npath: {bad}\n{columns}")
    path = f"{link.parent}/*.{of}" if kind == "pattern" else str(link)
    company.write("conf/source/loot.yaml", f'department: hr\nkind: {of}\npath: "{path}"\n{columns}')
    link.symlink_to(good)
    config, places = company.loaded()
    link.unlink()
    spec = config.sources["loot"]
    if kind == "view":
        company.write("conf/source/joined.yaml", "department: hr\nkind: query\nquery: select a from loot\n"
                      f"inputs: {{loot: loot}}\n{columns}")  # fmt: skip
        link.symlink_to(good)
        config, places = company.loaded()
        link.unlink()
        spec = config.sources["joined"]
    assert spec.kind == ("query" if kind == "view" else of)
    seen, said = read_often(Swapped(link, good, bad), spec, config, places, 150 if kind == "view" else 700)
    assert seen == {"good"}
    assert SECRET not in said
    assert "the path is refused" in said  # the race was run: both were met


def read_often(swapped, spec, config, places, times: int) -> tuple[set[str], str]:
    seen: set[str] = set()
    said: set[str] = set()
    given = {"sources": config.sources, "places": places}
    with swapped:
        for _ in range(times):
            try:
                stated(spec, Window(None, None), **given)
                for frame in sources.read(spec, ALL, chunk_rows=1000, **given):
                    seen |= set(frame.get_column("a"))
            except KronkersError as error:
                said.add(str(error))
    return seen, "\n".join(said)


def test_a_link_that_is_changed_after_it_was_signed_is_not_followed(signing_company):
    """Conf is loaded and compared with the signature; the rows are those of the file that was compared."""
    company = signing_company
    data, other = company.folder / "data/visits.csv", company.folder / "data/other.csv"
    shutil.copy(data, other)
    config, places = company.loaded()
    data.unlink()
    data.symlink_to(other)
    with pytest.raises(SourceError, match="its link was changed after the configuration was loaded"):
        list(sources.read(config.sources["visits"], ALL, sources={}, places=places, chunk_rows=10))


def test_a_file_that_is_deleted_while_it_is_opened_is_not_known_by_its_old_name(company, monkeypatch):
    """The kernel calls it "... (deleted)": another department's file would be nobody's."""
    _, places = company.loaded()
    theirs = company.folder / "data/visits.csv"
    link = company.folder / "hr/link.csv"
    link.symlink_to(theirs)
    real, copy = os.open, theirs.read_bytes()

    def delivered_anew(path, flags, *rest, **more):
        descriptor = real(path, flags, *rest, **more)
        if path == link:
            theirs.unlink()
            theirs.write_bytes(copy)
        return descriptor

    monkeypatch.setattr(os, "open", delivered_anew)
    with pytest.raises(PathRefused, match="deleted again and again"), opened(link, places, department="hr"):
        pass


def test_a_file_that_is_delivered_anew_all_the_time_is_read_or_has_changed(tmp_path):
    """What is renamed over a file that was just opened has no name any more; it is opened again."""
    path = write("csv", tmp_path / "a.csv", "good")
    done = threading.Event()

    def deliver() -> None:
        while not done.is_set():
            write("csv", tmp_path / "next.csv", "good").replace(path)

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        for _ in range(300):
            spec = source("csv", schema(a="string"), path=path)
            frames = sources.read(spec, ALL, sources={}, places=Places.machine(), chunk_rows=100)
            try:
                assert sum(frame.height for frame in frames) == 50
            except SourceError as error:
                assert "changed while the program read them" in str(error)  # noqa: PT017 - either is right
    finally:
        done.set()
        thread.join()
