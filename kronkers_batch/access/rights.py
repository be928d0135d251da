"""Asking for the caller's rights at the entry points, and recording who was refused."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import Connection

from kronkers_batch import texts
from kronkers_batch.errors import AccessRefused, KronkersError
from kronkers_batch.policy import permissions
from kronkers_batch.policy.permissions import Need, Who
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.trust import Grant

_SUBJECT = 256
_SECONDS = 60.0  # keys are remembered for longer; a graph of many models asks many times


def held(services: Services) -> list[Grant]:
    """The caller's grants, as they were verified within the last minute."""
    known = services.request.grants
    if known is not None and time.monotonic() - known[0] < _SECONDS:
        return list(known[1])
    with services.db.read() as connection:
        found = services.vault.held(connection)
    services.request.grants = (time.monotonic(), tuple(found))
    return found


def visible(services: Services, command: str, names: Iterable[str] = ()) -> list[str]:
    """The models on which the caller may use a command that goes over many.

    Args:
        services: The opened system.
        command: As in :data:`kronkers_batch.policy.permissions.COMMANDS`.
        names: The models that were named; none means every declared one.

    Raises AccessRefused where a named one is refused, or where none is left.
    """
    named = list(names)
    for name in named:
        require(services, command, name)
    return named or seen(services, command)


def seen(services: Services, command: str) -> list[str]:
    """The declared models on which the caller may use a command. Raises AccessRefused where there is none."""
    need, mine = permissions.need_of(command), held(services)
    models = services.config.models
    found = [
        name for name, spec in models.items() if permissions.covers(mine, Scope(spec.department, name), need)
    ]
    if models and not found:
        raise AccessRefused(
            f"`kronkers {command}` needs the role {need} on a department or model; you have it on none",
            where=services.vault.principal,
            fix=f"Ask {_administrator(services)} to run: "
            f"kronkers access grant {services.vault.principal} {need} DEPARTMENT",
        )
    return found


def require(services: Services, command: str, model: str) -> None:
    """Raises AccessRefused unless the caller may use a command on a model, UsageError where there is none."""
    require_scope(services, command, _scope(services, model))


def require_scope(services: Services, command: str, scope: Scope) -> None:
    """Raises AccessRefused unless the caller may use a command on a department or model."""
    with services.db.read() as connection:
        _require(services, permissions.need_of(command), scope, connection)


def asked(services: Services, command: str, model: str) -> Callable[[Connection], None]:
    """:func:`require` in the transaction that it is handed, where more is asked. Raises UsageError now."""
    return functools.partial(_require, services, permissions.need_of(command), _scope(services, model))


def _require(services: Services, need: Need, scope: Scope, connection: Connection) -> None:
    if isinstance(need, Role):
        services.vault.require(connection, scope, need)
    elif need is Who.ADMINISTRATOR:
        services.vault.trust.require_authority(connection, services.vault.identity)


def refusal(services: Services, model: str) -> AccessRefused | None:
    """Why the caller may not run a model; None where they may. Worked out once a run."""
    forbidden = services.run.forbidden
    if model not in forbidden:
        try:
            if not permissions.covers(held(services), _scope(services, model), permissions.need_of("run")):
                require(services, "run", model)  # says what is missing
            forbidden[model] = None
        except AccessRefused as error:
            forbidden[model] = error
    return forbidden[model]


def sees(services: Services, model: str) -> bool:
    """Whether the caller sees the records of a model."""
    return permissions.covers(held(services), _scope(services, model), Role.VIEWER)


def require_admin(services: Services, scope: Scope) -> None:
    """Raises AccessRefused unless the caller may grant, revoke and rotate on the scope's department."""
    with services.db.read() as connection:
        services.vault.trust.require_department_admin(connection, services.vault.identity, scope.department)


def may_promote(services: Services, model: str) -> bool:
    """Whether the caller's signature under a promotion of this model would be believed."""
    return permissions.covers(held(services), _scope(services, model), permissions.STORE_ACTIONS["promote"])


@contextlib.contextmanager
def refusals_recorded(services: Services, subject: str) -> Iterator[None]:
    """Leaves a line in the ledger when what is done inside is refused."""
    try:
        yield
    except AccessRefused as error:
        refused(services, subject, error.what)
        raise


def refused(services: Services, subject: str, why: str) -> None:
    """Records a refusal and its reason, where the caller can write to the ledger at all."""
    # The refusal stands whether or not it could be written down: the caller got nothing.
    with contextlib.suppress(KronkersError), services.db.write() as connection:
        services.ledger.append(
            connection,
            services.vault.principal,
            "refuse",
            texts.one_line(f"{subject}: {why}", _SUBJECT),
            department="",
        )


def _scope(services: Services, model: str) -> Scope:
    return Scope(services.model(model).department, model)


def _administrator(services: Services) -> str:
    with services.db.read() as connection:
        return services.vault.trust.administrator(connection)
