"""A fitted model as its language stored it, for who wants to open it in that language."""

from __future__ import annotations

from dataclasses import dataclass

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.pipeline import parcel
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.queries.listing import version_of
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import Scope

_OWN = "load_model"


@dataclass(frozen=True)
class Stored:
    """The bytes that the model's language wrote, and how they are opened in it."""

    version: ModelVersion
    artifact: bytes
    how: str


def stored_model(services: Services, ref: str, to: str) -> Stored:
    """The artifact of ``NAME@3``, once its signature and digest were verified. It is not opened here.

    ``to`` is the file that gets it, for the ledger.

    Raises AccessRefused below reader, NotFound, UsageError, IntegrityError, StoreError where it cannot be
    recorded.
    """
    version = version_of(services, "export", ref)
    name = version.model
    with services.db.write() as connection:
        scope = Scope(version.training.department, name)
        add_entry(services.ledger, connection, services.vault, "export", version.ref, scope, {"to": to})
    _files, artifact = parcel.unpacked(version, services.registry.artifact(version))
    return Stored(version, artifact, _how(version, to))


def _how(version: ModelVersion, to: str) -> str:
    declared = version.training.declaration
    if _OWN in declared.get("code", ""):
        return f"load_model({to!r}) of the model's own code"
    language = declared.get("language", "")
    return LANGUAGES[language].opens.replace("{file}", to) if language in LANGUAGES else ""
