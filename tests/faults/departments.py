"""Two departments that do not trust each other, their people, and a nightly service, for attacks.

``sales`` and ``hr`` each have a source and a model. ``admin`` made the warehouse; ``nightly`` is approver on
both; ``ann`` is operator and ``vic`` viewer in sales; ``bob`` is operator in hr.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from kronkers_batch.config.load import load
from kronkers_batch.config.places import Places
from kronkers_batch.config.root_spec import Config
from tests.e2e import company

_HR = {name.replace("support", "hr"): text for name, text in company.FILES.items() if "spends" not in name}
FILES = {
    name: text.replace("shared_with: [support]\n", "")
    for name, text in _HR.items()
    if "scored" not in name and "buys_scores" not in name
} | {
    "conf/source/people.yaml": """\
department: hr
description: salaries
kind: csv
path: hr/people.csv
columns: {id: integer, at: timestamp, x: float, colour: category, y: boolean}
key: [id]
time_column: at
""",
    "conf/model/leavers.yaml": """\
department: hr
owner: Bob
description: Who leaves
task: binary
language: python
data: numpy
code: models/buys/model.py
parameters: {penalty: 1.0}
source: people
features: {x: float, colour: category}
target: y
window: {train: 10d, holdout: 3d, score: 1d, label_delay: 1d}
rows: independent
thresholds: {training: {}, output: {rows: {min: 1}}}
""",
}


class Departments(company.Project):
    """The company as one of its people sees it; ``run`` runs a command as them."""

    def __init__(self, folder: Path, who: str = "nightly") -> None:
        super().__init__(folder)
        self.home = folder / "homes" / who

    def by(self, who: str) -> Departments:
        """The same company as somebody else sees it."""
        return Departments(self.folder, who)

    @property
    def key_file(self) -> Path:
        """The key file of this person."""
        return self.home / ".config/kronkers/identity.key"

    @property
    def database(self) -> Path:
        """The warehouse's database."""
        return self.folder / "var/warehouse.db"

    def loaded(self) -> tuple[Config, Places]:
        """The configuration as this person loads it, and where none of its paths may lead."""
        config = load(self.folder / "conf", environ=self.environment())
        return config, Places.of(config, self.environment())

    def join(self, who: str, role: str, *departments: str) -> None:
        """Makes a key for somebody, adds them and grants them a role."""
        admin = self.by("admin")
        self.by(who).home.mkdir(parents=True)
        line = self.by(who).run("access", "whoami", "--new", "--name", who).stdout.strip()
        admin.run("access", "add", line)
        for department in departments:
            admin.run("access", "grant", who, role, department)
        shutil.copy(admin.home / ".config/kronkers/trust.json", self.by(who).home / ".config/kronkers")


def make(folder: Path, *, signed: bool = False) -> Departments:
    """A new company in a folder that is not there yet; nothing has run."""
    folder.mkdir(parents=True)
    made = Departments(folder)
    made.home.parent.mkdir()
    admin = made.by("admin")
    admin.home.mkdir()
    for name, text in FILES.items():
        admin.write(name, text)
    for group in ("warehouse", "executor", "alerts"):
        shutil.copytree(company.ROOT / "conf" / group, folder / "conf" / group)
    admin.data(company.visits())
    (folder / "hr").mkdir()
    shutil.copy(folder / "data/visits.csv", folder / "hr/people.csv")
    admin.run("access", "list")
    made.join("nightly", "approver", "sales", "hr")
    made.join("ann", "operator", "sales")
    made.join("bob", "operator", "hr")
    made.join("vic", "viewer", "sales")
    if signed:
        admin.run("sign", "--require", "--yes")
        admin.run("sign", "--all", "--yes", "--why", "ok")
    return made
