"""Where no path may lead, and that ordinary layouts go on."""

import os
import shutil
from pathlib import Path

import pytest

from kronkers_batch.config.databases import file_of
from kronkers_batch.config.load import load
from kronkers_batch.config.paths import fits
from kronkers_batch.config.places import Places
from kronkers_batch.errors import ConfigErrors
from tests import config_project

SOURCE = "department: {department}\nkind: csv\npath: {path}\ncolumns: {{a: float}}\nkey: [a]\n"


class Site:
    """A project in ``site/``, an account's home in ``home/``, and data where a test wants it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project, self.home = folder, folder / "site", folder / "home"
        self.conf = config_project.make(self.project)
        self.keys = self.home / ".config/kronkers"
        self.key = self.put("home/.config/kronkers/identity.key", "the key")
        self.environ = dict(config_project.ENVIRON)

    def put(self, name: str, text: str = "a\n1\n") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def source(self, name: str, department: str, path: object, more: str = "") -> None:
        text = SOURCE.format(department=department, path=f'"{path}"')
        (self.conf / f"source/{name}.yaml").write_text(text + more)

    def model(self, name: str, old: str, new: str) -> None:
        path = self.conf / f"model/{name}.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def load(self, *overrides: str):
        return load(self.conf, overrides, self.environ)

    def places(self, *overrides: str) -> Places:
        return Places.of(self.load(*overrides), self.environ)

    def problems(self, *overrides: str) -> list[str]:
        with pytest.raises(ConfigErrors) as caught:
            self.load(*overrides)
        return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return Site(tmp_path)


# ---------------------------------------------------------------- the house


def closed_files(site: Site) -> dict[str, Path]:
    names = (
        "trust.json",
        "signed.json",
        "MOVE-OFFLINE-recovery-1.key",
        ".recovery-1.key",
        ".trust-12",
        "anything",
    )
    found = {name: site.put(f"home/.config/kronkers/{name}") for name in names}
    found |= {name: site.put(f"site/var/{name}") for name in ("warehouse.db", "warehouse.db-wal", "cache/x")}
    found |= {"artifact": site.put("site/var/artifacts/artifacts/sales/m/1")}
    found |= {name: site.put(f"home/{name}") for name in (".ssh/id_ed25519", ".aws/credentials", ".netrc")}
    found |= {name: Path(name) for name in ("/proc/self/environ", "/sys/kernel", "/dev/zero", "/run/x.sock")}
    return found | {"key": site.key}


def test_no_path_leads_to_keys_the_warehouse_or_the_machine(site):
    places = site.places()
    for name, path in closed_files(site).items():
        link, hard = site.folder / "link", site.folder / "hard"
        assert places.refusal(path, department="planning"), name
        assert places.refusal(path), f"{name}: a person's export"
        link.symlink_to(path)
        assert places.refusal(link, department="planning"), f"{name}: through a link"
        link.unlink()
        if (path.is_relative_to(site.keys) and name != "anything") or name.startswith("warehouse"):
            again = site.places()  # files that came meanwhile are found anew
            os.link(path, hard)
            assert "another name of" in again.refusal(hard, department="planning"), f"{name}: a hard link"
            hard.unlink()
    site.environ["KRONKERS_TRUST"] = str(site.put("elsewhere/trust.json"))
    elsewhere = site.places()
    assert "trust file" in elsewhere.refusal(site.folder / "elsewhere/trust.json")
    assert elsewhere.refusal(site.folder / "elsewhere/other.json") == ""


def test_a_link_among_the_folders_of_a_path_is_followed(site):
    (site.folder / "data").symlink_to(site.keys)
    assert "folder of this account's key file" in site.places().refusal(site.folder / "data/x.csv")
    (site.folder / "loop").symlink_to(site.folder / "loop")
    assert site.places().refusal(site.folder / "loop/x") == ""  # it leads nowhere, and opens nothing


def test_conf_cannot_talk_the_environments_key_away(site):
    other = site.put("k/identity.key")
    site.environ["KRONKERS_KEY_FILE"] = str(other)
    places = site.places(f"key_file={site.folder}/mine/me.key")
    assert "this account's key file" in places.refusal(other)
    assert "key file" in places.refusal(site.folder / "mine/me.key")


def test_a_warehouse_elsewhere_is_closed_too(site):
    there = site.folder / "w"
    places = site.places(
        f"warehouse.url=sqlite+pysqlite:///{there}/x.db",
        f"warehouse.artifacts=file://{there}/store",
        f"warehouse.checkpoints={site.folder}/points",
    )
    for name in ("w/x.db", "w/x.db-shm", "w/x.db-journal", "w/store/a", "points/ledger/1.json"):
        assert places.refusal(site.folder / name), name
    assert places.refusal(there / "visits.csv") == ""


def test_every_key_of_conf_that_holds_a_path_is_looked_at_and_all_are_said_at_once(site):
    venv = site.folder / "venv"
    venv.mkdir()
    (venv / "keys").symlink_to(site.keys)
    site.source("one", "planning", site.key)
    site.source("two", "planning", f"{site.keys}/*")
    site.source("three", "planning", f"{site.project}/var/**/*.csv")
    (site.conf / "source/four.yaml").write_text(
        f"department: planning\nkind: database\nurl: sqlite:///{site.project}/var/warehouse.db\n"
        "query: keys\ncolumns: {a: float}\n"
    )
    site.model("late", "estimator:\n  _target_: sklearn.linear_model.LogisticRegression\n  C: 0.5\n",
               f"code: {site.key}\nenvironment: {{venv: {venv}/keys}}\n")  # fmt: skip
    site.model("air_time", "target: air_time", f"target: air_time\nenvironment: {{library: {site.home}}}")
    site.model("delay", "target: distance", f"target: distance\nenvironment: {{project: {site.project}}}")
    found = site.problems()
    for start in (
        "conf/source/one.yaml:3: path: the path is refused: it is this account's key file\n",
        "conf/source/two.yaml:3: path: the path is refused: it is the folder of this account's key file\n",
        "conf/source/three.yaml:3: path: the path is refused: it is the folder of the program's own files",
        "conf/source/four.yaml:3: url: the path is refused: it is",
        "conf/model/late.yaml:6: code: the path is refused: it is this account's key file\n",
        "conf/model/late.yaml:7: environment.venv: the path is refused: it is the folder of this account's",
        "conf/model/air_time.yaml:9: environment.library: the path is refused: it holds",
        "conf/model/delay.yaml:9: environment.project: the path is refused: it holds",
    ):
        assert [line for line in found if line.startswith(start)], (start, found)
    assert len(found) == 8


def test_a_file_of_conf_that_is_a_link_shows_no_other_file(site):
    """A problem quotes what it found in a file of conf."""
    loot = site.conf / "source/loot.yaml"
    for target, says in (
        (site.key, "it is this account's key file"),
        (site.put("home/.ssh/config.yaml"), "it is in the place of this account's keys of other programs"),
        (site.put("secret/rows.csv", "SALARY 1"), "this is a link to a file that is not YAML"),
        (Path("/dev/zero"), "it is in /dev"),
    ):
        loot.symlink_to(target)
        if target.is_file():
            found = "\n".join(site.problems())
            assert f"conf/source/loot.yaml:1: this file may not be read: {says}" in found
            assert "SALARY" not in found
        else:
            assert site.load()  # not taken for a file
        loot.unlink()
    site.source("shared", "planning", site.put("site/data/x.csv"))
    (site.conf / "source/shared.yaml").rename(site.folder / "shared.yaml")
    (site.conf / "source/shared.yaml").symlink_to(site.folder / "shared.yaml")
    assert "shared" in site.load().sources


def test_what_a_renv_project_shows_is_its_library_alone(site):
    site.model("air_time", "target: air_time", f"target: air_time\nenvironment: {{renv: {site.project}}}")
    assert site.load()
    (site.project / "renv").symlink_to(site.home)
    assert "environment.renv: the path is refused: it holds" in site.problems()[0]


# ---------------------------------------------------------------- the departments


def test_a_file_that_another_department_declares_is_refused_until_it_is_shared(site):
    site.source("mine", "planning", site.put("site/data/flights.csv"))
    (only,) = site.problems()  # flights is shared with planning, but is not planning's to declare
    assert only.startswith("conf/source/flights.yaml:4: path: the path is refused: the department planning")
    assert "ask its owner to list this department under shared_with" in only
    site.source("theirs", "operations", site.put("secret/rows.csv"))
    site.source("mine", "planning", site.folder / "secret/rows.csv")
    both = site.problems()
    assert [line.split("\n")[0] for line in both] == [
        "conf/source/mine.yaml:3: path: the path is refused: the department operations declares it "
        "(source theirs) and does not share it with planning",
        "conf/source/theirs.yaml:3: path: the path is refused: the department planning declares it "
        "(source mine) and does not share it with operations",
    ]
    # Who writes somebody else's file down does not get it by sharing it with them.
    site.source("mine", "planning", site.folder / "secret/rows.csv", "shared_with: [operations]\n")
    (only,) = site.problems()
    assert only.startswith("conf/source/mine.yaml:3")
    site.source("theirs", "operations", site.folder / "secret/rows.csv", "shared_with: [planning]\n")
    assert site.load()


def test_a_pattern_that_finds_another_departments_file_says_whose_it_is(site):
    site.source("theirs", "operations", site.put("secret/rows.csv"))
    site.source("mine", "planning", f"{site.folder}/**/*.csv")
    found = [line for line in site.problems() if line.startswith("conf/source/mine.yaml:3")]
    assert "the pattern also finds a file of another department: the department operations" in found[0]


def test_what_a_pattern_of_another_department_finds_is_refused(site):
    site.source("theirs", "operations", f"{site.folder}/secret/*/rows-[0-9].csv")
    places = site.places()
    one = site.put("secret/2024/rows-1.csv")
    assert "operations declares it (source theirs)" in places.refusal(one, department="planning")
    assert places.refusal(one, department="operations") == ""
    assert places.refusal(site.put("secret/2024/rows-a.csv"), department="planning") == ""
    assert "it holds a file" in places.refusal(
        site.folder / "secret/2024", department="planning", shows_folder=True
    )
    assert places.refusal(one) == ""  # a person's own export


def test_other_names_of_another_departments_file(site):
    file = site.put("secret/rows.csv")
    site.source("theirs", "operations", site.folder / "way")
    (site.folder / "way").symlink_to(file)
    os.link(file, site.folder / "hard.csv")
    places = site.places()
    for name in ("secret/rows.csv", "way", "hard.csv"):
        assert places.refusal(site.folder / name, department="planning"), name
        assert places.refusal(site.folder / name, department="operations") == "", name
    assert "another name of a file of another department" in places.refusal(
        site.folder / "hard.csv", department="planning"
    )


def test_a_sqlite_file_is_its_departments_too(site):
    file = site.put("secret/shop.db")
    (site.conf / "source/theirs.yaml").write_text(
        f"department: operations\nkind: database\nurl: sqlite:///{file}\nquery: t\ncolumns: {{a: float}}\n"
    )
    assert site.places().refusal(file, department="planning")


def test_a_source_may_not_be_another_departments_code_but_code_may_be_shared(site):
    site.put("site/models/delay/weights.csv")
    site.source("loot", "operations", "models/delay/weights.csv")
    (only,) = site.problems()
    assert "it is where the code of a model of the department planning lies" in only
    (site.conf / "source/loot.yaml").unlink()
    site.model("late", "estimator:\n  _target_: sklearn.linear_model.LogisticRegression\n  C: 0.5\n",
               "code: models/delay/model.py\n")  # fmt: skip
    site.put("site/models/delay/model.py")
    assert site.load()  # one helper for two departments
    site.source("own", "operations", "models/delay/weights.csv")
    assert site.load()  # the folder is both departments' now
    site.source("theirs", "planning", site.put("secret/rows.csv"))
    site.model("late", "models/delay/model.py", str(site.folder / "secret/rows.csv"))
    assert site.problems()[0].startswith(
        "conf/model/late.yaml:6: code: the path is refused: the department planning"
    )


# ---------------------------------------------------------------- ordinary layouts


def test_two_departments_may_keep_files_in_one_folder(site):
    for name, department in (("one", "operations"), ("two", "planning")):
        site.source(name, department, site.put(f"site/data/{name}.csv"))
    site.source("many", "planning", f"{site.project}/data/two-*.csv")
    assert site.load()


def test_a_warehouse_right_in_somebodys_home(site):
    """Everything else lies in it too: what the program makes there is closed, and the rest is not."""
    home = site.home
    places = site.places(
        f"home={home}", f"warehouse.url=sqlite:///{home}/x.db", f"warehouse.artifacts={home}",
        f"warehouse.checkpoints={home}",
    )  # fmt: skip
    assert places.refusal(site.put("home/data/visits.csv"), department="planning") == ""
    for name in ("x.db", "cache/models/a", "reports/x.html", "artifacts/a/b", "snapshots/a", "ledger/w/1"):
        assert places.refusal(home / name, department="planning"), name


def test_a_project_in_the_home_of_the_account_with_the_interpreter_below_it(site, monkeypatch):
    home = site.folder / "root"
    monkeypatch.setenv("HOME", str(home))
    shutil.move(site.project, home / "project")
    inside = Site.__new__(Site)
    inside.__dict__ |= vars(site) | {"project": home / "project", "conf": home / "project/conf", "home": home}
    inside.source("own", "planning", inside.put("root/project/data/x.csv"))
    places = inside.places()
    for name in (".pyenv/versions/3.11", ".local/share/uv/python/3.12", ".julia", "project/.venv"):
        (home / name).mkdir(parents=True)
        assert places.refusal(home / name, department="planning", shows_folder=True) == "", name
    assert places.refusal(home, department="planning", shows_folder=True)
    assert places.refusal(home / "project", department="planning", shows_folder=True)


def test_a_key_file_beside_the_project(site):
    site.environ["KRONKERS_KEY_FILE"] = str(site.put("identity.key"))
    site.put("trust.json")
    places = site.places()
    assert places.refusal(site.put("site/data/x.csv"), department="planning") == ""
    assert places.refusal(site.folder / "identity.key")
    assert places.refusal(site.folder / "trust.json")


def test_what_is_masked_is_there_and_grows_by_what_other_departments_declare(site):
    theirs = site.put("secret/rows.csv")
    site.source("theirs", "operations", theirs)
    masked = site.places().masked()
    assert {site.key, site.keys} <= set(masked)
    assert all(os.path.lexists(path) for path in masked)
    assert theirs not in masked
    assert theirs in site.places().masked("planning")
    assert theirs not in site.places().masked("operations")


def test_patterns_as_the_disk_understands_them():
    for pattern, yes, no in (
        ("/a/*.csv", "/a/b.csv", "/a/b/c.csv"),
        ("/a/**/c", "/a/c", "/b/c"),
        ("/a/**/c", "/a/x/y/c", "/a/x/y/d"),
        ("/a/**", "/a/b/c", "/b"),
        ("/a/b-[12]?.c", "/a/b-1x.c", "/a/b-3x.c"),
    ):
        assert fits(Path(yes).parts, Path(pattern).parts), pattern
        assert not fits(Path(no).parts, Path(pattern).parts), pattern
    many = Path("/" + "/".join(["**", "a"] * 12))
    assert not fits(Path("/" + "/".join("a" * 30) + "/b").parts, many.parts)


def test_which_file_a_sqlite_url_opens():
    for url, file in (
        ("sqlite:////a/b.db", "/a/b.db"),
        ("sqlite+pysqlite:////a/b.db?timeout=3", "/a/b.db"),
        ("sqlite:///file:/a/b%20c.db?mode=ro&uri=true", "/a/b c.db"),
        ("sqlite:///file:///a/b.db?uri=true", "/a/b.db"),
        ("sqlite:///b.db", str(Path.cwd() / "b.db")),
        ("sqlite://", ""),
        ("sqlite:///:memory:", ""),
        ("postgresql://x/a", ""),
    ):
        assert file_of(url) == file, url
