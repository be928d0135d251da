"""Which role each entry point needs: the one table that the command line, each room and the stores ask.

``python -m kronkers_batch.policy.permissions`` writes docs/reference/access.md from it. What is not in the
table is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import Connection

from kronkers_batch.errors import AccessRefused
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.trust import Grant
from kronkers_batch.vault.vault import Vault, highest

PAGE = Path(__file__).parents[2] / "docs/reference/access.md"


class Who(StrEnum):
    """Who may, where no role on a department or model is asked for."""

    CHECKOUT = "anybody with the checkout"  # nothing of the warehouse is opened
    PRINCIPAL = "any principal"  # certified, with or without a grant
    ADMINISTRATOR = "an administrator of the warehouse"


Need = Role | Who

COMMANDS: Mapping[str, Need] = MappingProxyType(
    {
        "access add": Who.ADMINISTRATOR,
        "access grant": Role.ADMIN,
        "access list": Who.PRINCIPAL,
        "access revoke": Role.ADMIN,
        "access whoami": Who.PRINCIPAL,
        "check": Who.CHECKOUT,
        "data": Role.OPERATOR,
        "diff": Role.VIEWER,
        "doctor": Who.CHECKOUT,
        "export": Role.READER,
        "import": Role.OPERATOR,
        "keys list": Role.VIEWER,
        "keys rotate": Role.ADMIN,
        "keys shred": Role.ADMIN,
        "ledger show": Who.PRINCIPAL,
        "ledger verify": Who.PRINCIPAL,
        "live": Role.VIEWER,
        "log": Role.READER,
        "models": Role.VIEWER,
        "new": Role.OPERATOR,
        "outputs": Role.VIEWER,
        "plan": Role.VIEWER,
        "predict": Role.OPERATOR,
        "promote": Role.APPROVER,
        "read": Role.READER,
        "report": Role.VIEWER,
        "runs": Role.VIEWER,
        "rollback": Role.APPROVER,
        "run": Role.OPERATOR,
        "show": Role.VIEWER,
        "sign": Role.OPERATOR,
        "sql": Role.READER,
        "train": Role.OPERATOR,
        "try": Role.OPERATOR,
        "versions": Role.VIEWER,
    }
)
"""Each command, and the role that its model or department asks for."""

STORE_ACTIONS: Mapping[str, Role] = MappingProxyType(
    {
        "freeze": Role.OPERATOR,  # a snapshot, under the department's key or one model's
        "record": Role.OPERATOR,  # a model version
        "publish": Role.OPERATOR,  # an output: begin, finish, judge
        "expire": Role.OPERATOR,  # outputs past their declared retention, snapshots that nothing needs
        "promote": Role.APPROVER,  # and roll back, by hand or by the declared policy
        "shred": Role.ADMIN,
    }
)
"""What the stores do, whichever command asked for it."""

LINES: Mapping[str, Need] = MappingProxyType(
    {
        "add": Who.ADMINISTRATOR,
        "discard": STORE_ACTIONS["expire"],
        "expire": STORE_ACTIONS["expire"],
        "freeze": STORE_ACTIONS["freeze"],
        "grant": Role.ADMIN,  # of the department, or an administrator of the warehouse; and the next two
        "hold": STORE_ACTIONS["publish"],
        "promote": STORE_ACTIONS["promote"],
        "publish": STORE_ACTIONS["publish"],
        "record": STORE_ACTIONS["record"],
        "revoke": Role.ADMIN,  # of a principal altogether: an administrator of the warehouse
        "rollback": STORE_ACTIONS["promote"],
        "rotate": Role.ADMIN,
        "shred": STORE_ACTIONS["shred"],
        "sign": Role.OPERATOR,  # of the root configuration and the policy: an administrator of the warehouse
    }
)
"""Which lines of the ledger tell of what not everybody may do, and what their writer must hold then.

Others (somebody read, opened, exported, or was refused) change nothing that others see.
"""

PEOPLE = frozenset({"add", "grant", "revoke", "rotate"})
"""The lines after which others may do something, or no longer."""

_WAREHOUSE = ("house", "policy")  # what is signed for all departments

ROLES: Mapping[Role, tuple[str, str]] = MappingProxyType(
    {
        Role.VIEWER: (
            "sees records: versions, metrics, reasons, states, plans, reports, details of the ledger",
            "the view key, sealed to the principal: this key opens only records",
        ),
        Role.READER: (
            "also reads rows and artifacts",
            "the key of the department or model, sealed to the principal: it also opens snapshots, "
            "artifacts and outputs",
        ),
        Role.OPERATOR: (
            "also runs: freezes, trains, scores, publishes, lets outputs and snapshots expire",
            "its signature on snapshots, model versions and outputs is accepted; a reader's is not",
        ),
        Role.APPROVER: (
            "also promotes and rolls back",
            "its signature in the log of champions is accepted; an operator's is not",
        ),
        Role.ADMIN: (
            "also grants, revokes, rotates and shreds",
            "its signature on grants, revocations and keys of the department is accepted",
        ),
    }
)
"""What each role may do beyond the one before it, and which key or signature makes it so."""


def need_of(command: str) -> Need:
    """What a command asks for. Raises AccessRefused on one that is not in the table."""
    try:
        return COMMANDS[command]
    except KeyError:
        raise AccessRefused(
            f"nobody has said who may use {command!r}",
            fix="Report this: the command is missing from kronkers_batch/policy/permissions.py.",
        ) from None


def require(vault: Vault, conn: Connection, scope: Scope, action: str) -> None:
    """Raises AccessRefused unless the caller's role on the scope covers one of :data:`STORE_ACTIONS`."""
    vault.require(conn, scope, STORE_ACTIONS[action])


def need_of_line(action: str, subject: str) -> Need | None:
    """What a line of the ledger asks of its writer; None for what anybody may write."""
    of_warehouse = (action == "revoke" and " " not in subject) or (
        action == "sign" and subject.partition("/")[0] in _WAREHOUSE
    )
    return Who.ADMINISTRATOR if of_warehouse else LINES.get(action)


def require_line(vault: Vault, conn: Connection, action: str, subject: str, scope: Scope) -> None:
    """Raises AccessRefused where the caller may not write this line now.

    To be asked under the ledger's lock, so that nobody's line stands after the one that took their right. Of
    :data:`PEOPLE` it is asked before, under the lock of grants.
    """
    need = need_of_line(action, subject)
    if need is None or action in PEOPLE:
        return
    if isinstance(need, Who):
        vault.trust.require_authority(conn, vault.identity)
    else:
        vault.require(conn, scope, need)


def covers(held: Iterable[Grant], scope: Scope, need: Need) -> bool:
    """Whether these grants are enough on a scope."""
    if isinstance(need, Who):
        return need is not Who.ADMINISTRATOR
    role = highest(held, scope)
    return role is not None and role.covers(need)


def page() -> str:
    """The reference page as Markdown. A test holds the committed file against it."""
    lines = [
        "# Who may do what",
        "",
        "*Made from the program: `python -m kronkers_batch.policy.permissions`.*",
        "",
        "A grant gives a principal one role on a department, or on one model. By default nobody has a role.",
        "Each role may also do everything that the roles above it in this table may do.",
        "",
        "| role | may do | enforced by |",
        "|---|---|---|",
        *(f"| {role} | {may} | {key} |" for role, (may, key) in ROLES.items()),
        "",
        "Keys limit reading: without the key, the program cannot open the data. Signatures limit writing:",
        "the program refuses rows that the wrong role signed, whoever wrote them into the database.",
        "",
        "| command | requires |",
        "|---|---|",
        *(f"| `kronkers {name}` | {_words(need)} |" for name, need in sorted(COMMANDS.items())),
        "",
        "The program also checks the caller's role at each of these actions, whichever command leads to it.",
        "",
        "| action | requires |",
        "|---|---|",
        *(f"| {action} | {role} |" for action, role in STORE_ACTIONS.items()),
        "",
        "`kronkers ledger verify` checks from the earlier entries that the writer of each entry held the",
        "required role.",
        "",
        "| ledger entry | role of its writer |",
        "|---|---|",
        *(f"| {action} | {_words(need)} |" for action, need in LINES.items()),
        "",
        _REMARKS,
    ]
    return "\n".join(lines)


def _words(need: Need) -> str:
    return f"{need}" if isinstance(need, Who) else f"{need} of the model or department"


_REMARKS = """\
- **Commands over many models** (`models`, `plan`, `report`, `run`, `log`, `ledger show`, `access list`,
  `keys list`) show or run the models on which you have the role, and leave out the others. If you have
  the role on no model, the command is refused, except `ledger show` and `access list`, which every
  principal may use. `run` names the enabled models that you may not run, and
  ends with exit code 1, or 3 if you may run none.
- **Python**: a function of `kronkers_batch.open` ([from Python](python.md)) requires the same role as the
  command of its name.
- **Names**: anybody who has the checkout sees the names of models, sources and departments in `conf/`.
  Contents of the database (versions, times, metrics, models that `conf/` no longer names) require a
  grant.
- **A grant on one model** opens this model: its versions, outputs and promotions, and with operator its
  runs. The rows that the model reads are then frozen under the model's own key and signed by this
  operator. Only this model accepts them; the department freezes the same rows again for itself. Signing a
  definition requires operator on the department.
- **Sources of others**: a source that another department shares (`shared_with`) is frozen under the key
  of the department whose model reads it. Another model's output requires reader on that model.
- **Promotion**: `promote: automatic` promotes with the key of the caller. If an operator runs, the
  version is recorded and waits until an approver runs `kronkers promote`; a `kronkers run` by an approver
  does not promote it. If the nightly service should promote, give it the role approver.
- **Records**: the ledger records each refusal of the command line (`refuse`). A read whose entry cannot
  be written is refused.
- **Administrators** of the warehouse certify public keys (`access add`). They have the role
  admin on every department: the administrator who adds them passes on the department keys that they hold.
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
