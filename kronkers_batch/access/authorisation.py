"""Whether a definition may be run with this caller's keys, where signatures are required.

Whoever edits conf must not borrow the nightly service's keys by it. So with signed definitions this is asked
before a step looks at a source, parses code or opens a key; each step refuses what nobody has asked about
(``session.permission``). See docs/how-to/sign-definitions.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from kronkers_batch.access import as_declared
from kronkers_batch.config import account, signing
from kronkers_batch.config.paths import fixed_part
from kronkers_batch.config.root_spec import Config, Definitions
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.config.spec import InputRef, ModelSpec, SourceSpec
from kronkers_batch.data import source_kinds
from kronkers_batch.errors import (
    AccessRefused,
    IntegrityError,
    KronkersError,
    SourceError,
    StoreError,
    described,
)
from kronkers_batch.session.services import Services
from kronkers_batch.vault import remembered_definitions
from kronkers_batch.vault.definition_signatures import Definition, Signed, Subject


def check_place(config: Config, *, is_new: bool = False) -> None:
    """Refuses another warehouse or key file than this account's, before anything of it is opened.

    Only where the account remembers that one of its warehouses requires signed definitions: there, what conf
    says of places is no longer believed.

    Args:
        config: The configuration.
        is_new: Whether the warehouse is empty, and would be given an administrator now.

    Raises:
        AccessRefused, IdentityError, IntegrityError.
    """
    known = remembered_definitions.load(account.memory_file(os.environ))
    if not known.requires:
        return
    inline = "KRONKERS_KEY" in os.environ and account.TRUST in os.environ
    if not inline and config.key_file != account.own_key_file(os.environ):
        raise AccessRefused(
            "conf names a key file, and it is not the one of this account",
            where="conf/config.yaml: key_file",
            fix=f"Delete key_file from conf/config.yaml; set {account.KEY_FILE}=PATH where the key file "
            "has moved.",
        )
    if is_new or signing.address(config.warehouse.url) not in known.addresses:
        raise AccessRefused(
            "this account runs signed definitions only, and has never used the warehouse that conf names"
            if not is_new
            else "the warehouse is empty, and this account runs signed definitions only",
            where="conf: warehouse.url",
            fix="Set warehouse.url to the former address. If the warehouse moved, correct its address in "
            f"{known.path}.",
        )


def required(services: Services) -> bool:
    """Whether only signed definitions run; asked once a run.

    An administrator's signature in the warehouse decides. conf can ask for signatures, but not undo that.

    Raises:
        AccessRefused: The signed requirement was tampered with, or this warehouse has none although another
            one of this account has.
    """
    known = services.run.signatures_required
    if known is not None:
        return known
    found, warehouse = services.signatures, services.vault.trust.warehouse
    with services.db.read() as connection:
        newest = found.newest(connection, Subject.POLICY, as_declared.POLICY)
    signed = as_declared.policy(Definitions.SIGNED).definition.fingerprint
    asked = newest is not None and newest.fingerprint == signed
    if not asked and found.memory.requires and found.memory.of(warehouse).required is None:
        # Its administrator may be anybody: what runs here unsigned could take this account's keys.
        raise AccessRefused(
            "this account runs signed definitions only, and this warehouse does not require signatures",
            where="conf: warehouse.url",
            fix=f"Use another account for this warehouse, or list the warehouse in {found.memory.path} "
            "with required: false.",
        )
    if newest is not None:
        address = signing.address(services.config.warehouse.url)
        found.memory.require(warehouse, asked, address)
        found.memory.save()
    answer = asked or services.config.definitions is Definitions.SIGNED
    services.places.confined = answer
    services.run.signatures_required = answer
    return answer


def require_root(services: Services) -> None:
    """Raises AccessRefused where signatures are required and the root is not as it was signed."""
    if required(services) and not services.run.root_signed:
        _check(services, as_declared.root(services.config).definition)
        services.run.root_signed = True


def authorise(services: Services, name: str) -> None:
    """Raises AccessRefused unless this model's definition may be run."""
    error = refusal(services, name)
    if error is not None:
        raise error


def refusal(services: Services, name: str) -> AccessRefused | None:
    """Why a model's definition may not be run; None where it may. Worked out once a run.

    What cannot be looked at is not what was signed, whyever; and it is one model's failure, no other's.
    """
    permissions = services.run.permissions
    refused = permissions.models
    if name not in refused:
        model = services.model(name)
        try:
            _judge(services, model)
            refused[name] = None
            permissions.inputs.add(model.source)
        except AccessRefused as error:
            refused[name] = error
        except (StoreError, IntegrityError):
            raise  # of the warehouse, and so of all models
        except KronkersError as error:
            refused[name] = AccessRefused(error.what, where=error.where, fix=error.fix)
        except Exception as error:
            refused[name] = AccessRefused(described(error), where=f"model {name}")
    return refused[name]


def authorise_input(services: Services, ref: InputRef) -> None:
    """Raises AccessRefused unless some model whose definition may be run reads just this."""
    allowed = services.run.permissions.inputs
    if not required(services):
        allowed.add(ref)
    if ref in allowed:
        return
    readers = [m.name for m in services.config.models.values() if m.source == ref]
    errors = [refusal(services, name) for name in readers]
    if None not in errors:
        name = ref.source or ref.output
        nobody = AccessRefused(
            "no signed model reads this source or output",
            where=name,
            fix="Sign a model that reads it: kronkers sign MODEL",
        )
        raise next((error for error in errors if error), nobody)


def authorise_all(services: Services, names: Iterable[str]) -> dict[str, AccessRefused]:
    """The refusals of these models by name. Remembers the signatures that it met."""
    found = {name: error for name in names if (error := refusal(services, name)) is not None}
    services.signatures.memory.save()
    return found


def _judge(services: Services, model: ModelSpec) -> None:
    if not required(services):
        return
    require_root(services)
    config = services.config
    for source in signing.reached(model.source, config.sources):
        _refuse_led_astray(source)
    for source in as_declared.foreign(config, model):
        _check(services, as_declared.source_wanted(services, source).definition)
    for name in signing.outputs(model.source, config.sources):
        _refuse_moved(services, name)
    _check(services, as_declared.model_wanted(services, model).definition)


def _refuse_moved(services: Services, name: str) -> None:
    """A model whose output is read must be of the department that signed it; conf alone could move it."""
    with services.db.read() as connection:
        newest = services.signatures.newest(connection, Subject.MODEL, name)
    if newest is None or newest.department != services.model(name).department:
        raise AccessRefused(
            "another model reads the output of this model, and nobody has signed this model"
            if newest is None
            else "another model reads the output of this model, which was signed in department "
            f"{newest.department}",
            where=f"model {name}",
            fix=f"Let an operator of its department run: kronkers sign {name}",
        )


def _refuse_led_astray(source: SourceSpec) -> None:
    """A file that a pattern finds must lie in the signed folder, not only its name."""
    if not SOURCE_KINDS[source.kind].has_files:
        return
    folder = fixed_part(source.path).resolve()
    try:
        found = source_kinds.of(source.kind).paths(source)
    except SourceError:  # nothing is there to be read; the ingest says so
        return
    for path in found:
        if not path.resolve().is_relative_to(folder):
            raise AccessRefused(
                "a file of this source is a link to a file outside the signed folder",
                where=f"source {source.name}",
                fix="Replace the link by the file itself, or set `path` to the folder of the file and run: "
                "kronkers sign",
            )


def _check(services: Services, asked: Definition) -> Signed:
    with services.db.read() as connection:
        return services.signatures.check(connection, asked)


def fingerprint(services: Services, name: str) -> str:
    """Of what must be signed for a model to run; empty where nothing must be.

    Raises as :func:`model_wanted`.
    """
    if not required(services):
        return ""
    return as_declared.model_wanted(services, services.model(name)).definition.fingerprint
