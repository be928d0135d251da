"""How long what is known stays known: three types, for a process, a run and a request.

The process's is :class:`~kronkers_batch.session.services.Services`: configuration, database, vault.
Nothing that could change while a server lives is in it. What a run has worked out holds for that run, so that
it decides once; what one request has asked holds for that request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kronkers_batch.session.permission import Permissions
from kronkers_batch.session.printed import Printed

if TYPE_CHECKING:
    from kronkers_batch.config.languages import Language
    from kronkers_batch.data.snapshots import SnapshotRef
    from kronkers_batch.errors import AccessRefused
    from kronkers_batch.events.types import Commit
    from kronkers_batch.planning.plan import Plan
    from kronkers_batch.registry.training import ModelVersion
    from kronkers_batch.runtimes.worker_spec import KeptCode, Walls
    from kronkers_batch.session.known import Definition, Neighbours, Own
    from kronkers_batch.vault.definition_signatures import Signatures
    from kronkers_batch.vault.trust import Grant

Environment = tuple["Language", str]
"""A language, and the environment that is declared for it, as text."""


@dataclass
class Run:
    """What one run works on, and what it has worked out. A command that runs nothing has one too.

    Attributes:
        id: The run's id; empty where nothing is recorded.
        plan: What it does; None before that is decided.
        planned_here: Whether this process has decided it, and so knows what there was just now.
        frozen: What was found frozen, or frozen, by source, window, whose key, and identity.
        versions: Model versions by id, opened and verified.
        definitions: Today's definitions by model.
        code: The code that a version would keep, by model; None for a declared estimator.
        imported: Digests of the files of models that were fitted elsewhere, by model.
        measure_code: The code of own measures, by model and by measure.
        neighbours: Which folders of code belong to several models.
        permissions: Which definitions may be run.
        forbidden: Why the caller may not run a model, by model.
        root_signed: Whether the root was found as it was signed.
        signatures: The warehouse's signatures as this account sees them.
        signatures_required: Whether only signed definitions run.
        contents: Digests of environments' files.
        by_path: Digests of what environments have by path.
        walls: Where workers may not look, by department.
        opened: Snapshots of which the ledger says that a model opened them: model and id.
        events: What this process recorded of a run, by run and number.
        commits: The commit of the definitions, once it was asked for; None where there is none.
        printed: What models printed in this process, and no event holds yet.
    """

    id: str = ""
    plan: Plan | None = None
    planned_here: bool = False
    frozen: dict[tuple[str, str, str, str], SnapshotRef] = field(default_factory=dict)
    versions: dict[str, ModelVersion] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    code: dict[str, KeptCode | None] = field(default_factory=dict)
    imported: dict[str, dict[str, str]] = field(default_factory=dict)
    measure_code: dict[str, dict[str, KeptCode]] = field(default_factory=dict)
    neighbours: Neighbours | None = None
    permissions: Permissions = field(default_factory=Permissions)
    forbidden: dict[str, AccessRefused | None] = field(default_factory=dict)
    root_signed: bool = False
    signatures: Signatures | None = None
    signatures_required: bool | None = None
    contents: dict[Environment, str] = field(default_factory=dict)
    by_path: dict[Environment, dict[str, str]] = field(default_factory=dict)
    walls: dict[str, Walls] = field(default_factory=dict)
    opened: set[tuple[str, str]] = field(default_factory=set)
    events: dict[str, dict[int, Own]] = field(default_factory=dict)
    commits: list[Commit | None] = field(default_factory=list)
    printed: Printed = field(default_factory=Printed)


@dataclass
class Request:
    """What one request has asked.

    Attributes:
        grants: The caller's grants, and the time (monotonic, seconds) at which they were verified.
    """

    grants: tuple[float, tuple[Grant, ...]] | None = None
