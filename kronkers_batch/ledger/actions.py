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
        "grant": ("granted {subject}", "a principal got a role and its key"),
        "hold": ("made {subject} and held it back", "an output missed a threshold"),
        "log": (
            "read what the errors of {subject} had found in the data",
            "texts that errors found in the data were decrypted, by `kronkers log`",
        ),
        "open": (
            "opened {subject}",
            "a snapshot was decrypted for a model, or a model version to score",
        ),
        "promote": (
            "made {subject} the champion",
            "a version became champion, by hand or by the declared policy",
        ),
        "publish": ("published {subject}", "readers see this output from now on"),
        "read": ("read {subject}", "outputs were decrypted: by a person, or by a source that needs them"),
        "record": ("trained {subject}", "a training made a model version"),
        "refuse": ("was refused: {subject}", "somebody asked for what they have no right to"),
        "revoke": ("revoked {subject}, and the keys were rotated", "a principal lost grants, or its key"),
        "rollback": ("went back to {subject}", "an earlier version is the champion again"),
        "rotate": (
            "rotated the keys of {subject}",
            "new keys replaced the old ones, and wrap what the old ones wrapped",
        ),
        "shred": ("shredded {subject}", "the keys of one version were deleted, by hand"),
        "sign": (
            "signed {subject}",
            "an operator or administrator signed a definition, so that the service may run it",
        ),
        "sql": ("queried {subject} with SQL", "outputs were decrypted for a query, which is not recorded"),
    }
)
"""The sentence without who did it, and when there is such a line."""

DECISIONS = frozenset({"add", "grant", "promote", "revoke", "rollback", "rotate", "shred", "sign"})
"""What somebody decided by hand: a command that did one of these writes a checkpoint, as a run does."""


def page() -> str:
    """The reference page as Markdown. A test holds the committed file against it."""
    lines = [
        "# What the ledger records",
        "",
        "*Made from the program: `python -m kronkers_batch.ledger.actions`.*",
        "",
        "`kronkers ledger show` prints one sentence per entry: when, who, what, and where it applies why,",
        "with which metrics, against which thresholds, of which definition and snapshot (the first 12 digits",
        "of their fingerprints; `--json` shows all). These details are sealed for people who may see the",
        "model or department. An entry is written in the transaction of the action, or before it: if the",
        "entry cannot be written, the action is not done.",
        "",
        "| action | recorded when |",
        "|---|---|",
        *(f"| {name} | {when} |" for name, (_, when) in ACTIONS.items()),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
