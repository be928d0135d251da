"""What leaves a line in the ledger: every action, and the sentence that tells it.

``python -m kronkers_batch.ledger.actions`` writes docs/reference/ledger.md from it. The ledger takes no
other action.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

PAGE = Path(__file__).parents[2] / "docs/reference/ledger.md"

ACTIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "add": ("let in the {subject}", "a public key is certified"),
        "discard": (
            "deleted the rows that were frozen from {subject}, since nothing needed them",
            "a run found a snapshot that was not used for `warehouse.keep_snapshots`",
        ),
        "expire": ("deleted {subject}, whose retention was over", "a run found an output past its retention"),
        "export": ("exported {subject}{to}", "outputs were read into a file in clear"),
        "freeze": ("froze {subject}", "a window of a source was read, checked and kept as a snapshot"),
        "grant": ("granted {subject}", "a principal got a role, and the key that goes with it"),
        "hold": ("made {subject} and held it back", "an output missed a threshold"),
        "log": (
            "read what the errors of {subject} had found in the data",
            "texts that errors found in the data were decrypted, by `kronkers log`",
        ),
        "open": (
            "opened {subject}",
            "a snapshot was decrypted for a model, or a model version to score",
        ),
        "promote": ("made {subject} the champion", "by hand or by the declared policy"),
        "publish": ("published {subject}", "readers see this output from now on"),
        "read": ("read {subject}", "outputs were decrypted: by a person, or by a source that needs them"),
        "record": ("trained {subject}", "a training gave a model version"),
        "refuse": ("was refused: {subject}", "somebody asked for what they have no right to"),
        "revoke": ("revoked {subject}, and the keys were rotated", "a principal lost grants, or its key"),
        "rollback": ("went back to {subject}", "an earlier version is the champion again"),
        "rotate": ("rotated the keys of {subject}", "new keys; what hung on the old ones hangs on these"),
        "shred": ("shredded {subject}", "the keys of one version were deleted, by hand"),
        "sign": ("signed {subject}", "a definition may be run by the service"),
        "sql": ("queried {subject} with SQL", "outputs were decrypted for a query, which is not recorded"),
    }
)
"""The sentence without who did it, and when there is such a line."""

DECISIONS = frozenset({"add", "grant", "promote", "revoke", "rollback", "rotate", "shred", "sign"})
"""What somebody decided by hand: a command that did one of these writes a checkpoint, as a run does."""


def page() -> str:
    """The reference page as Markdown. A test holds the committed file against it."""
    lines = [
        "# What the ledger tells",
        "",
        "*Made from the program: `python -m kronkers_batch.ledger.actions`.*",
        "",
        "`kronkers ledger show` tells one sentence an entry: when, who, what, and as far as it applies why,",
        "with which metrics, against which thresholds, of which definition and snapshot (the first 12 digits",
        "of their fingerprints; `--json` has all). Those details are sealed for who may see the model or",
        "department. An entry and what it tells of are one transaction, or the entry comes first: where it",
        "cannot be written, the thing is not done.",
        "",
        "| action | there is a line when |",
        "|---|---|",
        *(f"| {name} | {when} |" for name, (_, when) in ACTIONS.items()),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
