"""Writes docs/reference/configuration.md from the field tables.

Run it as ``python -m kronkers_batch.config.field_reference``.
"""
# ruff: noqa: E501 - a paragraph of the page is one line

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kronkers_batch.config import fingerprint_fields
from kronkers_batch.config.check_specs import CHECK
from kronkers_batch.config.fields import Field, Table
from kronkers_batch.config.model_file import MODEL
from kronkers_batch.config.root_schema import EXECUTOR, ROOT, WAREHOUSE
from kronkers_batch.config.source_file import DEPARTMENT, SOURCE

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"

_INTRODUCTION = """\
# Configuration: every key

*Made from the program: `python -m kronkers_batch.config.field_reference`.* To change the page, change the tables in `kronkers_batch/config/`.

A file's name without `.yaml` is the name of the model, source or department: letters, digits, `_` and `-`, beginning with a letter. Two names that differ only in case are an error. `kronkers check` reports every mistake at once, with file, line, key, the found value and the allowed values.

- **Hydra.** Files, templates, references and overrides work as in Hydra, with [few differences](hydra.md).
- **Plain words.** Only `true` and `false` are booleans: `NO` and `on` are text, and so is `02:00`. There are no YAML tags and no merge keys.
- **Templates.** `defaults: [/template/NAME, ...]` in a model merges the model over these files of `conf/template/`. Mappings are merged key by key, lists are replaced. The model overrides its templates, and a later template overrides an earlier one. With `???` a template leaves a value to the model.
- **References.** `${key.path}` is another value of the same file, and `${.key}` a value in the same mapping. `\\${` is the text `${`.
- **Variables of the environment.** `${oc.env:NAME}` and `${oc.env:NAME,default}` are allowed only where the table says *environment*; the default may be `null`. If one department uses a variable in the URL of a server, no other department may use this variable. No department may use a variable of the alerts or of the warehouse's URL.
- **Secrets.** Messages, pages and records show a variable as `${oc.env:NAME}` instead of its value, with three exceptions:
  - a value that is also written in a file of `conf/`
  - the values of `HOME`, `USER`, `LOGNAME`, `PWD`, `KRONKERS_CONF`, `KRONKERS_KEY_FILE` and `KRONKERS_TRUST`
  - a value of fewer than four characters that is not part of a longer value
- **Overrides.** Write them after a command: `model.NAME.key=value`, `source.NAME.key=value`, or a key of the root configuration. `+key=value` adds a missing entry, and `+key={entry: value}` adds an entry to a mapping. `~key` removes an entry. `warehouse=NAME` chooses another file of a group.
- **Paths** are absolute or below the project folder, which is the parent of `conf/`.
- **Forbidden places.** After links are followed, no path may lead to one of these places, and no folder that code sees (`environment`) may contain one:
  - this account's key files: their folder, the trust file, keys of other programs such as `~/.ssh`
  - the folder `home`, the database, the artifacts and the checkpoints. If `home` or the artifacts are in a folder that also contains the project or a home folder, only the files that the program makes there are forbidden.
  - `/proc`, `/sys`, `/dev` and `/run`
  - a file that another department declares and does not share (`shared_with`). If two departments declare one file, neither can read it until each shares it with the other: let one department declare the file, and the other read that source.
- **Links.** A file of `conf/` may be a link to another YAML file.
"""
_EXPRESSIONS = """\
## Expressions in checks

An expression is parsed, and never run as code. It may contain comparisons (`<`, `<=`, `>`, `>=`, `==`, `!=`, also chained: `0 < x < 9`), `and`, `or`, `not`, `+ - * / %`, `x in ['EWR', 'JFK']`, `x not in [...]`, numbers, texts in quotes, `true`, `false`, `null`, and the functions `isnull(x)`, `abs(x)` and `length(x)` (characters of a text). Every other name is a column; write a column with an unusual name as `` `in backticks` `` or `col("odd name")`. A comparison with a null is null, and a row whose result is null fails.
"""
_FINGERPRINTS = """\
## What counts as a changed definition

A model trains again when a field marked *training* changes. A date is scored again when a field marked *scoring*, the champion or the source's identity changes. Comments, layout and line numbers never count, and neither does whether a value comes from a file, a template or an override. Checks that drop rows count for training; checks that drop or fail count for scoring. The type that the source declares for the target counts for training.
"""


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for table in (ROOT, WAREHOUSE, EXECUTOR, DEPARTMENT, SOURCE, MODEL):
        parts.append("\n".join(_section(table, table.title, "")))
    parts.append("## conf/alerts/NAME.yaml\n\nNo key is allowed yet, because nothing sends alerts yet.\n")
    parts.append("\n".join(_section(CHECK, "One entry of checks", "")))
    parts.append(_EXPRESSIONS)
    parts.append(_FINGERPRINTS)
    for title, keys in (
        ("model", fingerprint_fields.model_keys()),
        ("source", fingerprint_fields.source_keys()),
    ):
        rows = [f"| `{name}` | {counts} |" for name, counts in keys.items()]
        parts.append("\n".join([f"| of a {title} | counts for |", "|---|---|", *rows, ""]))
    return "\n".join(parts)


def _section(table: Table, title: str, prefix: str) -> Iterator[str]:
    yield f"## {title}" if not prefix else f"### {title}"
    yield ""
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    for field in table.fields:
        yield from _rows(field, prefix)
    yield ""


def _rows(field: Field, prefix: str) -> Iterator[str]:
    name = f"{prefix}{field.name}"
    default = "**required**" if field.required else field.in_words
    environment = " (environment)" if field.kind.environment else ""
    cells = (f"`{name}`", field.kind.allowed + environment, default, field.doc)
    yield "| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |"
    inner = field.kind.table
    if inner is not None and inner not in (WAREHOUSE, EXECUTOR):
        for below in inner.fields:
            yield from _rows(below, f"{name}.")


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
