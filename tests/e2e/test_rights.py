"""Every role with every command and function: refused below what the table asks for, and nowhere else."""

import inspect
import shutil

import pytest

import kronkers_batch
from kronkers_batch.cli.command_reference import every_command, has_json
from kronkers_batch.errors import AccessRefused
from kronkers_batch.policy.permissions import COMMANDS, Who
from kronkers_batch.system import System
from kronkers_batch.vault.context import Role
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.pin import to_text
from tests.e2e.company import Project
from tests.e2e.test_access import NIGHT, Person
from tests.e2e.test_python import opened

NOBODY = "nobody"  # certified, without a grant
ROLES = [NOBODY, *map(str, Role)]
OTHER = Identity.generate("other")

WORDS = {
    "access add": [to_text(OTHER.name, OTHER.id, OTHER.public)],
    "access grant": ["guest", "viewer", "support/spends"],
    "access list": [],
    "access revoke": ["guest", "sales"],
    "access whoami": [],
    "check": [],
    "data": ["buys", "--date", NIGHT, "--to", "/nowhere/rows.csv"],
    "diff": ["buys@1", "buys@1"],
    "doctor": [],
    "export": ["buys@1", "--to", "/nowhere/model"],
    "import": ["buys", "fitted.joblib"],
    "keys list": [],
    "keys rotate": ["sales"],
    "keys shred": ["buys@1", "--why", "asked"],
    "ledger show": [],
    "ledger verify": [],
    "live": ["buys"],
    "log": ["buys", "--date", NIGHT],
    "models": [],
    "new": ["--language", "python", "--source", "visits", "--target", "y", "--date", NIGHT, "first"],
    "outputs": ["buys"],
    "plan": ["buys"],
    "predict": ["buys", "--input", "/nowhere/rows.csv"],
    "promote": ["buys@1", "--why", "again"],
    "read": ["buys", "--date", NIGHT],
    "report": [],
    "runs": [],
    "rollback": ["buys", "--why", "asked"],
    "run": ["buys", "--date", NIGHT],
    "show": ["buys@1"],
    "sign": ["buys", "--yes"],
    "sql": ["select count(*) from buys"],
    "train": ["buys", "--date", NIGHT],
    "try": ["buys", "--date", NIGHT, "--rows", "100"],
    "versions": ["buys"],
}
"""What is put behind each command; its model is of the department on which the roles are held."""

FUNCTIONS = {
    "frames": ("read", lambda system: list(system.frames("buys", date=NIGHT))),
    "models": ("models", lambda system: system.models()),
    "outputs": ("outputs", lambda system: system.outputs("buys")),
    "read": ("read", lambda system: system.read("buys", date=NIGHT)),
    "show": ("show", lambda system: system.show("buys@1")),
    "sql": ("sql", lambda system: system.sql("select count(*) from buys")),
    "versions": ("versions", lambda system: system.versions("buys")),
}
"""Each public function of Python, and the command whose role it asks for."""


@pytest.fixture(scope="module")
def company(trained) -> Project:
    """A night's company with one principal a role on the department sales."""
    folder = trained.with_name("company")
    shutil.rmtree(folder)
    shutil.copytree(trained, folder)
    project = Project(folder)
    Person(project, "guest").join()
    for role in ROLES:
        person = Person(project, f"the-{role}").join()
        if role != NOBODY:
            person.granted(role, "sales")
    return project


def test_every_command_and_function_is_tried():
    assert set(WORDS) == set(every_command()) == set(COMMANDS)
    public = {name for name in dir(System) if not name.startswith("_")}
    assert public - {"close"} == set(FUNCTIONS)
    assert [name for name, value in vars(kronkers_batch).items() if inspect.isfunction(value)] == ["open"]


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
    for json in ([], ["--json"]) if has_json(command) else ([],):
        done = run(Person(company, f"the-{role}"), words + json)
        assert (done.returncode == 3) is refused, f"{done.returncode}: {done.stdout}{done.stderr}"
        if refused:
            assert done.stdout == ""
            assert f"the-{role}" in done.stderr


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
@pytest.mark.parametrize("role", ROLES)
def test_a_role_and_a_function(company, role, function):
    command, call = FUNCTIONS[function]
    with opened(Person(company, f"the-{role}")) as system:
        if role == NOBODY or not Role(role).covers(COMMANDS[command]):
            with pytest.raises(AccessRefused, match=f"the-{role}"):
                call(system)
        else:
            assert len(call(system))


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
    for json in ([], ["--json"]) if has_json(command) else ([],):
        done = run(person, words + json)
        assert done.returncode == 3, f"{done.stdout}{done.stderr}"
        assert done.stdout == ""


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_administrator_is_refused_nothing(company, command):
    if COMMANDS[command] is Who.CHECKOUT:
        return
    assert run(company, [*command.split(), *WORDS[command]]).returncode != 3


def run(project: Project, words: list[str]):
    return project.run(*words, code=None)
