"""The audit log in sentences: one for each entry of the ledger that the caller may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kronkers_batch.access import rights as asked
from kronkers_batch.access.people import is_administrator
from kronkers_batch.ledger.actions import ACTIONS
from kronkers_batch.ledger.ledger import Entry
from kronkers_batch.policy import permissions
from kronkers_batch.session.services import Services
from kronkers_batch.vault import names
from kronkers_batch.vault.context import Role, scope_of

_SHORT = 12  # digits of a fingerprint that people compare

# Details in the order in which a sentence tells them; others follow under their own names in JSON alone.
_CLAUSES = (
    ("model_version", "by {}"),
    ("for", "for {}"),
    ("window", "{}"),
    ("rows", "{} rows"),
    ("keys", "{} keys"),
    ("texts", "{} texts"),
    ("why", "because: {}"),
    ("metrics", "{}"),
    ("missed", "missed: {}"),
    ("thresholds", "thresholds: {}"),
    ("overrides", "with {}"),
    ("definition", "definition {}"),
    ("fingerprint", "fingerprint {}"),
    ("snapshot", "snapshot {}"),
    ("snapshot_fingerprint", "snapshot {}"),
)
_DIGESTS = ("definition", "fingerprint", "snapshot", "snapshot_fingerprint")


def entries(services: Services, *, since: int | None = None, subject: str | None = None) -> Iterator[Entry]:
    """The entries that the caller may see, oldest first.

    Those about a department or model are seen by who has a role there; refusals and principals let in are
    seen by administrators of the warehouse, and one's own by oneself.

    Args:
        services: The opened system.
        since: A time (microseconds UTC).
        subject: Only entries whose subject or department names this.
    """
    mine = asked.held(services)
    everything = is_administrator(services)
    with services.db.read() as connection:
        for entry in services.ledger.entries(connection):
            if since is not None and entry.at < since:
                continue
            if subject is not None and not _names(entry, subject):
                continue
            scope = scope_of(entry.department)
            own = everything or entry.principal == services.vault.principal
            if own or (entry.department and permissions.covers(mine, scope, Role.VIEWER)):
                yield entry


def sentence(entry: Entry) -> str:
    """One entry in words."""
    details = entry.details
    known, _ = ACTIONS.get(
        entry.action, (f"did {entry.action}, which this program does not know: {{subject}}", "")
    )
    to = f" to {details['to']}" if details and details.get("to") else ""
    text = f"{names.shown(entry.principal)} {known.format(action=entry.action, subject=entry.subject, to=to)}"
    if details is None:
        return f"{text} (details are sealed for others)"
    clauses = [words.format(_text(name, details[name])) for name, words in _CLAUSES if _worth(details, name)]
    return f"{text}; {'; '.join(clauses)}" if clauses else text


def _names(entry: Entry, wanted: str) -> bool:
    words = entry.subject.replace("@", " ").replace("/", " ").replace("#", " ").split()
    places = entry.department.split("/")
    return wanted in (
        entry.subject,
        entry.department,
        entry.principal,
        *words,
        *places,
        *entry.subject.split(),
    )


def _worth(details: Mapping[str, Any], name: str) -> bool:
    return details.get(name) not in (None, "", [], {})


def _text(name: str, value: object) -> str:
    if name in _DIGESTS:
        return str(value)[:_SHORT]
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_text('', v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text("", v) for v in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
