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
        "add": ("let in the {subject}", "an administrator certified a principal's public key"),
        "discard": (
            "deleted the rows that were frozen from {subject}, since nothing needed them",
            "a run deleted a snapshot that was unused for longer than `warehouse.keep_snapshots`",
        ),
        "draft": (
            "read {subject} in order to draft a model",
            "`kronkers new` read the rows of a source; a file behind `--csv` is the caller's own",
        ),
        "expire": (
            "deleted {subject}, whose retention was over",
            "a run deleted an output that was older than `output.retention`",
        ),
        "export": (
            "exported {subject}{to}",
            "a principal wrote outputs, the rows that fit gets, or a stored model to a file in clear",
        ),
        "freeze": (
            "froze {subject}",
            "a run read and checked a window of a source, and stored it as a snapshot",
        ),
        "grant": ("granted {subject}", "a principal received a role and the key of its department or model"),
        "hold": (
            "made {subject} and held it back",
            "an output was held: it missed a threshold or failed a check",
        ),
        "log": (
            "read what the errors of {subject} had found in the data, and what its models printed",
            "`kronkers log` decrypted values that errors found in the data, or what models printed",
        ),
        "open": (
            "opened {subject}",
            "a run decrypted a snapshot for a model, or a model version in order to score; or a principal "
            "read the description of a version",
        ),
        "predict": (
            "scored rows of a file with {subject}{to}",
            "`kronkers predict` opened a model version and scored a file; nothing was published",
        ),
        "promote": (
            "made {subject} the champion",
            "a version became champion, by hand or by `promote: automatic`",
        ),
        "publish": ("published {subject}", "an output was published: readers get it from now on"),
        "read": ("read {subject}", "a principal read outputs, or a run read them for a source"),
        "record": ("trained {subject}", "a training recorded a model version"),
        "refuse": ("was refused: {subject}", "a command was refused because its caller lacks the role"),
        "revoke": (
            "revoked {subject}, and the keys were rotated",
            "a principal lost its grants on a department or model, or its public key was revoked",
        ),
        "rollback": ("went back to {subject}", "an earlier version became the champion again"),
        "rotate": (
            "rotated the keys of {subject}",
            "new keys replaced the keys of a department or model",
        ),
        "shred": ("shredded {subject}", "somebody deleted the keys of a version by hand"),
        "sign": (
            "signed {subject}",
            "somebody signed a definition of a model, a source or the root configuration, or the rule that "
            "says whether signatures are required",
        ),
        "sql": (
            "queried {subject} with SQL",
            "a principal read outputs with a query; the text of the query is not recorded",
        ),
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
        "`kronkers ledger show` prints one sentence for each entry: time, principal, action and subject.",
        "Where they apply, it adds details: the reason, the metrics, the thresholds, and the first 12",
        "digits of the fingerprints of definition and snapshot (`--json` shows all digits). Details are",
        "sealed for the viewers of the model or department.",
        "",
        "An entry is written in the transaction of its action, or before the action. If the entry cannot be",
        "written, the action is not done.",
        "",
        "| action | recorded when |",
        "|---|---|",
        *(f"| {name} | {when} |" for name, (_, when) in ACTIONS.items()),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
