"""Every role with every command of the parser: refused below what the table asks for, and nowhere else."""

import shutil

import pytest

from kronkers_batch.cli.reference import every_command
from kronkers_batch.vault.context import Role
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.pin import to_text
from kronkers_batch.vault.rights import COMMANDS, Who
from tests.e2e.company import Project
from tests.e2e.test_access import NIGHT, Person

NOBODY = "nobody"  # certified, without a grant
ROLES = [NOBODY, *map(str, Role)]
OTHER = Identity.generate("other")

WORDS = {
    "access add": [to_text(OTHER.name, OTHER.id, OTHER.public)],
    "access grant": ["the-nobody", "viewer", "support/spends"],
    "access list": [],
    "access revoke": ["the-nobody", "sales"],
    "access whoami": [],
    "check": [],
    "diff": ["buys@1", "buys@1"],
    "doctor": [],
    "keys list": [],
    "keys rotate": ["sales"],
    "keys shred": ["buys@1", "--why", "asked"],
    "ledger show": [],
    "ledger verify": [],
    "live": ["buys"],
    "models": [],
    "outputs": ["buys"],
    "plan": ["buys"],
    "promote": ["buys@1", "--why", "again"],
    "read": ["buys", "--date", NIGHT],
    "report": [],
    "rollback": ["buys", "--why", "asked"],
    "run": ["buys", "--date", NIGHT],
    "show": ["buys@1"],
    "sign": ["buys", "--yes"],
    "sql": ["select count(*) from buys"],
    "train": ["buys", "--date", NIGHT],
    "versions": ["buys"],
}
"""What is put behind each command; its model is of the department on which the roles are held."""


@pytest.fixture(scope="module")
def company(trained) -> Project:
    """A night's company with one principal a role on the department sales."""
    folder = trained.with_name("company")
    shutil.rmtree(folder)
    shutil.copytree(trained, folder)
    project = Project(folder)
    for role in ROLES:
        person = Person(project, f"the-{role}").join()
        if role != NOBODY:
            person.granted(role, "sales")
    return project


def test_every_command_is_tried():
    assert set(WORDS) == set(every_command()) == set(COMMANDS)


@pytest.mark.parametrize("command", sorted(COMMANDS))
@pytest.mark.parametrize("role", ROLES)
def test_a_role_and_a_command(company, role, command):
    need = COMMANDS[command]
    if isinstance(need, Role):
        refused = role == NOBODY or not Role(role).covers(need)
    else:
        refused = need is Who.ADMINISTRATOR
    words = [*command.split(), *WORDS[command]]
    if command == "access grant" and role == "admin":
        words[-1] = "sales/buys"  # on its own department it may; on another one not even an admin may
    done = run(Person(company, f"the-{role}"), words)
    assert (done.returncode == 3) is refused, f"{done.returncode}: {done.stdout}{done.stderr}"
    if refused:
        assert done.stdout == ""
        assert f"the-{role}" in done.stderr


@pytest.mark.parametrize("command", sorted(c for c in COMMANDS if COMMANDS[c] is not Who.CHECKOUT))
def test_an_admin_of_another_department_is_nobody_here(company, command):
    """Of what names a department or model; lists show it nothing of this one instead."""
    if not isinstance(COMMANDS[command], Role) or not WORDS[command]:
        return
    person = Person(company, "stranger")
    if not person.home.exists():
        person.join().granted("admin", "support")
    words = [*command.split(), *WORDS[command]]
    if command == "access grant":
        words[-1] = "sales/buys"
    done = run(person, words)
    assert done.returncode == 3, f"{done.stdout}{done.stderr}"
    assert done.stdout == ""


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_administrator_is_refused_nothing(company, command):
    if COMMANDS[command] is Who.CHECKOUT:
        return
    assert run(company, [*command.split(), *WORDS[command]]).returncode != 3


def run(project: Project, words: list[str]):
    return project.run(*words, code=None)
