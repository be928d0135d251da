"""The composed root as frozen objects: folders are absolute, the URL and the alerts' secrets Secrets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kronkers_batch.config import databases
from kronkers_batch.config.fields import Bad, read_table, read_value
from kronkers_batch.config.interpolation import resolve
from kronkers_batch.config.nodes import Mapping, Node, Scalar, Sequence
from kronkers_batch.config.paths import absolute
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.root_schema import EXECUTOR, ROOT, WAREHOUSE
from kronkers_batch.config.root_spec import Definitions, ExecutorSpec, WarehouseSpec
from kronkers_batch.config.secret import Secret


@dataclass(frozen=True)
class RootValues:
    """What the root says."""

    home: Path
    logical_date: dt.date | None
    key_file: Path
    warehouse: WarehouseSpec
    executor: ExecutorSpec
    alerts: MappingType[str, object]
    definitions: Definitions


def read_root(
    tree: Node, project: Path, environ: MappingType[str, str], problems: Problems
) -> RootValues | None:
    """The root's values; None where something is wrong, which is reported."""
    try:
        return _read_root(tree, project, environ, problems)
    except Bad as bad:  # a path that cannot be made absolute
        problems.add(tree.origin(""), bad.what, bad.fix)
        return None


def _read_root(
    tree: Node, project: Path, environ: MappingType[str, str], problems: Problems
) -> RootValues | None:
    before = len(problems)
    assert isinstance(tree, Mapping)  # noqa: S101 - Hydra composes a mapping
    home = absolute(_home(tree, environ, problems), project)
    # Other values refer to ${home}: they shall see the absolute folder.
    where = tree.items["home"]
    named = replace(tree, items=tree.items | {"home": Scalar(where.file, where.line, str(home))})
    full = resolve(named, environ, problems)
    assert isinstance(full, Mapping)  # noqa: S101
    if len(problems) > before:
        return None
    warehouse = read_table(WAREHOUSE, full.items["warehouse"], "warehouse", problems)
    executor = read_table(EXECUTOR, full.items["executor"], "executor", problems)
    date = _optional(full, "logical_date", problems)
    key_file = _optional(full, "key_file", problems)
    definitions = _optional(full, "definitions", problems)
    if len(problems) > before:
        return None
    for group, key in (("warehouse", "url"), ("warehouse", "artifacts")):
        if not (warehouse[key].reveal() if key == "url" and warehouse[key] else warehouse[key]):
            problems.add(
                full.items[group].origin(f"{group}.{key}"),
                f"the value of '{key}' is missing",
                f"write {key}: VALUE in conf/{group}/NAME.yaml",
            )
    if key_file is None:
        problems.add(
            full.items["key_file"].origin("key_file"),
            "the value of 'key_file' is missing",
            "delete the line to use the default, or write key_file: PATH",
        )
    if len(problems) > before:
        return None
    return RootValues(
        home=home,
        logical_date=date,
        key_file=absolute(key_file, project),
        warehouse=WarehouseSpec(
            url=Secret(databases.absolute(warehouse["url"].reveal(), project)),
            artifacts=_address(warehouse["artifacts"], project),
            checkpoints=_address(warehouse["checkpoints"] or "", project),
            keep_snapshots=warehouse["keep_snapshots"],
        ),
        executor=ExecutorSpec(**executor),
        alerts=_alerts(full.items["alerts"]),
        definitions=definitions,
    )


def _home(tree: Mapping, environ: MappingType[str, str], problems: Problems) -> str:
    before = len(problems)
    only = Mapping(tree.file, tree.line, {"home": tree.items["home"]})
    found = resolve(only, environ, problems)
    value = _optional(found, "home", problems)
    if value is None and len(problems) == before:
        problems.add(tree.items["home"].origin("home"), "the value of 'home' is missing", "write home: var")
    return value or ""


def _optional(tree: Node, key: str, problems: Problems) -> Any:
    assert isinstance(tree, Mapping)  # noqa: S101
    node, field = tree.items[key], ROOT[key]
    if isinstance(node, Scalar) and node.value is None:
        return field.default
    return read_value(field.kind, node, key, problems)


def _address(text: str, project: Path) -> str:
    """Folders are made absolute; addresses such as s3://bucket/path stay as they are."""
    return text if not text or "://" in text else str(absolute(text, project))


def _alerts(node: Node) -> dict[str, object]:
    assert isinstance(node, Mapping)  # noqa: S101 - Hydra composes a mapping
    return {k: _alert(v) for k, v in node.items.items()}


def _alert(node: Node) -> object:
    if isinstance(node, Mapping):
        return _alerts(node)
    if isinstance(node, Sequence):
        return [_alert(v) for v in node.items]
    assert isinstance(node, Scalar)  # noqa: S101
    return Secret(str(node.value)) if node.environment else node.value
