"""Signing definitions: what would be signed, what changed since the last signature, and the action itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kronkers_batch.access import as_declared, rights
from kronkers_batch.access.as_declared import Wanted
from kronkers_batch.config import signing
from kronkers_batch.config.definition_changes import changes
from kronkers_batch.config.root_spec import Definitions
from kronkers_batch.errors import AccessRefused, ConfigError, MissingPart, ModelError, UsageError
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.definition_signatures import Signed, Subject

_SOURCE = "source."


@dataclass(frozen=True)
class State:
    """How a definition stands to its newest signature.

    ``state`` is ``signed``, ``changed`` (then ``changed`` says what, where the caller may see it),
    ``unsigned`` or ``refused`` (then ``why`` says why the signature does not count).
    """

    wanted: Wanted
    state: str
    signer: str = ""
    created: int = 0
    changed: tuple[str, ...] = ()
    why: str = ""

    @property
    def name(self) -> str:
        """How the command line calls it."""
        definition = self.wanted.definition
        if definition.kind is Subject.ROOT:
            return str(definition)
        return _SOURCE + definition.name if definition.kind is Subject.SOURCE else definition.name


def state(services: Services, wanted: Wanted) -> State:
    """How a definition stands now."""
    what, found = wanted.definition, services.signatures
    with services.db.read() as connection:
        try:
            newest = found.newest(connection, what.kind, what.name)
        except AccessRefused as error:
            return State(wanted, "refused", changed=_changed(services, wanted), why=error.what)
        if newest is None:
            return State(wanted, "unsigned")
        try:
            found.check(connection, what)
        except AccessRefused as error:
            changed = _changed(services, wanted)
            if not changed and newest.fingerprint != what.fingerprint:
                changed = ("a value of the environment that it uses: changed",)
            return State(wanted, "changed", newest.signer, newest.created, changed, error.what)
    return State(wanted, "signed", newest.signer, newest.created)


def _changed(services: Services, wanted: Wanted) -> tuple[str, ...]:
    what = wanted.definition
    signed: Mapping[str, Any] = {}
    with services.db.read() as connection, contextlib.suppress(AccessRefused):
        signed = services.signatures.details(connection, what.kind, what.name)
    return tuple(changes(signed, wanted.fields)) if signed else ()


def in_use(services: Services) -> bool:
    """Whether anybody ever signed anything in this warehouse."""
    with services.db.read() as connection:
        return services.signatures.any(connection)


def needed(services: Services, names: Iterable[str]) -> list[Wanted]:
    """The definitions that must be signed for these models to run, without the root configuration; each once.

    No signature fits one whose code or environment cannot be read.
    """
    found: dict[str, Wanted] = {}
    for name in names:
        model = services.model(name)
        for source in as_declared.foreign(services.config, model):
            wanted = as_declared.source_wanted(services, source)
            found[wanted.definition.key] = wanted
        try:
            wanted = as_declared.model_wanted(services, model)
        except (ModelError, MissingPart, ConfigError):
            wanted = as_declared.unreadable(services, model)
        found[wanted.definition.key] = wanted
    return list(found.values())


def named(services: Services, names: Sequence[str]) -> list[Wanted]:
    """The definitions that were named: ``MODEL``, or ``source.NAME``.

    Raises UsageError, NotFound, AccessRefused where the caller may not sign one, ModelError, MissingPart and
    ConfigError where its code or environment cannot be read.
    """
    found = []
    for name in names:
        if name.startswith(_SOURCE):
            source = services.source(name.removeprefix(_SOURCE))
            rights.require_scope(services, "sign", Scope(source.department))
            found.append(as_declared.source_wanted(services, source))
        else:
            # Not operator of the model alone: a definition says what of its department a run reads.
            model = services.model(name)
            rights.require_scope(services, "sign", Scope(model.department))
            found.append(as_declared.model_wanted(services, model))
    return found


def every(services: Services) -> list[Wanted]:
    """Every model, and every source that is shared, of the departments in which the caller may sign."""
    config = services.config
    with services.db.read() as connection:
        mine = {name for name in config.departments if _may(services.vault.role(connection, Scope(name)))}
    models = [as_declared.model_wanted(services, m) for m in config.models.values() if m.department in mine]
    shared = [s for s in config.sources.values() if s.department in mine and s.shared_with]
    if not models and not shared:
        raise AccessRefused(
            "you may not sign for any department that conf declares",
            where=services.vault.principal,
            fix=f"Ask an administrator to run: kronkers access grant {services.vault.principal} operator "
            "DEPARTMENT",
        )
    return [*models, *(as_declared.source_wanted(services, s) for s in shared)]


def _may(role: Role | None) -> bool:
    return role is not None and role.covers(Role.OPERATOR)


def root(services: Services) -> list[Wanted]:
    """The root's values."""
    return [as_declared.root(services.config)]


def requirement(services: Services, required: bool) -> list[Wanted]:
    """The policy; with the root's values where signatures become required."""
    if not required:
        return [as_declared.policy(Definitions.TRUSTED)]
    return [as_declared.policy(Definitions.SIGNED), *root(services)]


def require_rights(services: Services, wanted: Sequence[Wanted]) -> None:
    """Raises AccessRefused where the caller may not sign one of these: asked before anybody confirms."""
    with services.db.read() as connection:
        for one in wanted:
            services.signatures.require_right(connection, one.definition)


def sign(services: Services, wanted: Sequence[Wanted], why: str) -> list[Signed]:
    """Signs all of them, or none.

    Raises AccessRefused where the caller may not.
    """
    found = services.signatures
    with services.db.write() as connection:
        for one in wanted:
            found.require_right(connection, one.definition)
        signed = []
        for one in wanted:
            what = one.definition
            department = what.department or _any_department(services)
            signed.append(found.sign(connection, what, one.fields, why, department))
            details = {"fingerprint": what.fingerprint, "why": why}
            add_entry(
                services.ledger,
                connection,
                services.vault,
                "sign",
                what.key,
                Scope(department),
                details,
            )
    address = signing.address(services.config.warehouse.url)
    for one in wanted:
        if one.definition.kind is Subject.POLICY:
            asked = one.definition == as_declared.policy(Definitions.SIGNED).definition
            found.memory.require(found.warehouse, asked, address)
    found.memory.save()
    return signed


def _any_department(services: Services) -> str:
    """A department under whose key the caller can seal what belongs to no department."""
    with services.db.read() as connection:
        for name in services.config.departments:
            if _may(services.vault.role(connection, Scope(name))):
                return name
    raise AccessRefused(
        "you need the role operator on a department to sign",
        where=services.vault.principal,
        fix=f"Ask an administrator to run: kronkers access grant {services.vault.principal} operator "
        "DEPARTMENT",
    )


def check_words(names: Sequence[str], modes: Sequence[str]) -> None:
    """Raises UsageError unless exactly one thing is asked for: names, or one of the options."""
    if (len(modes) + bool(names)) != 1:
        raise UsageError(
            "say what to sign: names of models, or one of --all, --root, --require, --no-require",
            fix="kronkers sign MODEL",
        )
