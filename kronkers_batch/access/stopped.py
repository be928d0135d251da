"""Models that were signed to run, and that conf alone takes out of service.

Who edits YAML can write ``enabled: false`` into any model's file, or delete it. Where definitions are signed,
that is a change like any other: it is refused, and said, until who answers for the model has signed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kronkers_batch.access import authorisation
from kronkers_batch.errors import AccessRefused
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import scope_of
from kronkers_batch.vault.definition_signatures import Subject

_ENABLED = "enabled"


@dataclass(frozen=True)
class Stopped:
    """A model that a run should have had: its department, and why it was not run."""

    department: str
    error: AccessRefused


def switched_off(services: Services, name: str) -> bool:
    """Whether a model was last signed as enabled, and conf alone says otherwise."""
    if not authorisation.required(services) or authorisation.refusal(services, name) is None:
        return False
    try:
        return _signed_as_enabled(services, name)
    except AccessRefused:  # its signatures were changed: the run says so
        return True


def named(services: Services, names: Sequence[str]) -> list[str]:
    """The models of a run: those that are named, or all; also those that conf alone switched off."""
    declared = services.config.models
    return list(names) or [n for n, model in declared.items() if model.enabled or switched_off(services, n)]


def gone(services: Services) -> dict[str, Stopped]:
    """The models that were last signed as enabled, and that conf no longer has.

    Those whose definition the caller may not see are left out; whoever runs them sees them.
    """
    if not authorisation.required(services):
        return {}
    with services.db.read() as connection:
        signed = services.signatures.names(connection, Subject.MODEL)
    found: dict[str, Stopped] = {}
    for name, department in signed.items():
        if name in services.config.models:
            continue
        department = department or _recorded_department(services, name)
        try:
            if _signed_as_enabled(services, name):
                found[name] = Stopped(department, _missing(name))
        except AccessRefused as error:
            found[name] = Stopped(department, error)
    return found


def _recorded_department(services: Services, name: str) -> str:
    """Whose a model was by the ledger, where its signatures were taken out of the database."""
    with services.db.read() as connection:
        lines = list(services.ledger.entries(connection, subject=f"{Subject.MODEL}/{name}"))
    return scope_of(lines[-1].department).department if lines else ""


def _signed_as_enabled(services: Services, name: str) -> bool:
    signatures = services.signatures
    with services.db.read() as connection:
        if signatures.newest(connection, Subject.MODEL, name) is None:
            return False
        return signatures.details(connection, Subject.MODEL, name).get(_ENABLED) is True


def _missing(name: str) -> AccessRefused:
    return AccessRefused(
        "this model was signed to run, and its file is gone from conf",
        where=f"model {name}",
        fix=f"Put conf/model/{name}.yaml back. To take a model out of service, write `enabled: false` there, "
        f"let an operator of its department run `kronkers sign {name}`, and then delete the file.",
    )
