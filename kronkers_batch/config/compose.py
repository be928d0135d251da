"""One Hydra compose of the root, its groups and the overrides that are not about one model or source.

Hydra stops at its first error and knows no lines. So the root's files and overrides are checked here first,
with the project's own tables; what Hydra then still finds is passed on. Interpolation is ours too (see
:mod:`kronkers_batch.config.interpolation`): a value of the environment stays marked as one.
"""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Mapping as MappingType
from typing import Any, NoReturn

from kronkers_batch.config import remembered
from kronkers_batch.config.fields import Bad, read_table, read_value
from kronkers_batch.config.nodes import Mapping, Node, Plain, Scalar, Sequence, from_plain, plain, shown, walk
from kronkers_batch.config.overrides import FILE_GROUPS, Override, check_path
from kronkers_batch.config.problems import Problems, listed, suggest
from kronkers_batch.config.root_schema import GROUPS, ROOT, register
from kronkers_batch.config.spec import Origin
from kronkers_batch.digests import Json

# What Hydra made of which files and overrides, in this process: the daemon and the tests load often, and
# Hydra takes ten times as long as everything else. It holds what files say, and nothing of the environment.
_composed: dict[tuple[Hashable, tuple[str, ...]], Json] = {}
_REMEMBERED = 16


class Root:
    """The files of the root: ``config`` and, by group and name, the files of the groups.

    ``contents`` stands for what is in all of them.
    """

    def __init__(
        self, config: Node, groups: MappingType[str, MappingType[str, Node]], contents: Hashable
    ) -> None:
        self.config, self.groups, self.contents = config, groups, contents
        self.chosen: dict[str, str] = {}


def check_files(root: Root, problems: Problems) -> None:
    """Reports what is wrong in the root's files, the chosen and the others; finds what is chosen."""
    try:
        read_table(ROOT, _masked(root.config), "", problems)
    except Bad as bad:
        problems.add(root.config.origin(""), bad.what, bad.fix)
        return
    for group, files in root.groups.items():
        for tree in files.values():
            if not isinstance(tree, Mapping):
                problems.add(
                    tree.origin(""), f"found {shown(tree)}, where a mapping (key: value) is expected", ""
                )
            elif "defaults" in tree.items:
                what = "the key 'defaults' is for config.yaml and models alone"
                problems.add(
                    tree.items["defaults"].origin("defaults"),
                    what,
                    "write its keys into this file, and delete defaults",
                )
            elif (table := ROOT[group].kind.table) is not None:
                read_table(table, _masked(tree), "", problems)
    assert isinstance(root.config, Mapping)  # noqa: S101 - read_table refuses anything else
    _check_defaults(root, root.config.items.get("defaults"), problems)


def _masked(node: Node) -> Node:
    """The tree without values that are interpolated: they are checked once they are known."""
    if isinstance(node, Mapping):
        return Mapping(node.file, node.line, {k: _masked(v) for k, v in node.items.items()})
    if isinstance(node, Scalar) and isinstance(node.value, str) and "${" in node.value:
        return Scalar(node.file, node.line, None)
    return node


def _check_defaults(root: Root, defaults: Node | None, problems: Problems) -> None:
    form = "write: defaults: [schema, {warehouse: sqlite}, {executor: local}, {alerts: none}, _self_]"
    if not isinstance(defaults, Sequence):
        if defaults is not None:
            problems.add(
                defaults.origin("defaults"), f"found {shown(defaults)}, where a list is expected", form
            )
        return
    words = [n.value if isinstance(n, Scalar) else None for n in defaults.items]
    if words[:1] != ["schema"] or words[-1:] != ["_self_"]:
        problems.add(
            defaults.origin("defaults"), "the list does not begin with schema and end with _self_", form
        )
    for node in defaults.items:
        if isinstance(node, Scalar) and node.value in ("schema", "_self_"):
            continue
        entries = node.items if isinstance(node, Mapping) else {}
        if len(entries) != 1 or next(iter(entries)) not in GROUPS:
            problems.add(node.origin("defaults"), f"found {shown(node)}", f"{form}; groups: {listed(GROUPS)}")
            continue
        group, value = next(iter(entries.items()))
        _choose(
            root,
            group,
            value.value if isinstance(value, Scalar) else None,
            value.origin("defaults"),
            problems,
        )


def _choose(root: Root, group: str, name: Plain, where: Origin, problems: Problems) -> None:
    files = root.groups.get(group, {})
    if not isinstance(name, str) or name not in files:
        # Unquoted null would be a word of YAML; every other odd value is simply no file.
        shown_name = name if isinstance(name, str) else "null"
        problems.add(
            where, f"there is no file '{shown_name}.yaml' in the group {group}", suggest(shown_name, files)
        )
    else:
        root.chosen[group] = name


def check_overrides(
    root: Root, overrides: list[Override], names: MappingType[str, frozenset[str]], problems: Problems
) -> None:
    """Reports overrides of the root that do not fit; ``names`` has the files by group."""
    for override in overrides:
        try:
            if override.path[0] not in (*ROOT.names, "defaults"):
                _unknown(override, names)
            _check_override(root, override, problems)
        except Bad as bad:
            problems.add(override.origin(), bad.what, bad.fix)


def _unknown(override: Override, names: MappingType[str, frozenset[str]]) -> NoReturn:
    """Raises Bad for a key that the root does not have: perhaps a model's name without ``model.``."""
    key = override.path[0]
    text = override.shown.lstrip("+~")
    near = [f"{group}.{text}" for group in FILE_GROUPS if key in names.get(group, ())]
    allowed = suggest(key, [*ROOT.names, *FILE_GROUPS])
    raise Bad(f"the key '{key}' is not known", f"did you mean '{near[0]}'? {allowed}" if near else allowed)


def _check_override(root: Root, override: Override, problems: Problems) -> None:
    key = override.path[0]
    if key == "defaults":
        raise Bad("the list of defaults cannot be overridden", "write GROUP=NAME")
    if check_path(override, ROOT, problems) is None:
        return
    if override.change == "remove" and (key != "alerts" or len(override.path) == 1):
        raise Bad(f"the key '{key}' cannot be removed", f"give it another value: {key}=VALUE")
    if key in GROUPS and len(override.path) == 1:
        if not isinstance(override.value, str) or override.change != "set":
            raise Bad(
                "a group is chosen by a file's name",
                f"write {key}=NAME, or {key}.KEY=value to change one key",
            )
        _choose(root, key, override.value, override.origin(), problems)
        return
    if key == "alerts":
        _check_alert(root, override)
        return
    table, field = ROOT, ROOT[key]
    for part in override.path[1:]:
        table = field.kind.table or table
        field = table[part]
    if override.value is None and field.said is not None:
        raise Bad(f"the value of '{field.name}' is missing", f"allowed: {field.kind.allowed}")
    node = _masked(from_plain(override.value, override.mark, 0))
    if not isinstance(node, Scalar) or node.value is not None:
        read_value(field.kind, node, ".".join(override.path), problems)


def _check_alert(root: Root, override: Override) -> None:
    """Alerts have free keys: one that is changed must be there, as in a model."""
    there = {k for k, _ in walk(root.config)}
    if "alerts" in root.chosen:
        there |= {k for k, _ in walk(root.groups["alerts"][root.chosen["alerts"]], "alerts")}
    if ".".join(override.path) not in there and override.change in ("set", "remove"):
        known = [k for k in there if k.startswith("alerts.")]
        fix = suggest(".".join(override.path), known) + f"; to add a key write +{override.shown.lstrip('~')}"
        raise Bad(f"there is no key '{'.'.join(override.path)}'", fix)


def compose(root: Root, overrides: list[Override], problems: Problems) -> Node | None:
    """The composed root as a tree with marks, not yet interpolated; None where Hydra refused."""
    key = (root.contents, tuple(o.text for o in overrides))
    if key not in _composed:
        try:
            found = _remembered(root, key[1])
        except _Refused as refused:
            file, line = _marks(root, overrides).get(refused.key, (root.config.file, 1))
            problems.add(Origin(file, line, refused.key), *refused.args)
            return None
        while len(_composed) >= _REMEMBERED:
            _composed.pop(next(iter(_composed)))
        _composed[key] = found
    return _marked(_composed[key], _marks(root, overrides), "", (root.config.file, 1))


def _remembered(root: Root, overrides: tuple[str, ...]) -> Json:
    name = remembered.key(root.contents, overrides)
    found = remembered.look_up(name)
    if found is None:
        found = _hydra(root, overrides)
        remembered.remember(name, found)
    return found


class _Refused(Exception):
    """What Hydra refused, and what to do; ``key`` if it says which."""

    key = ""


def _hydra(root: Root, overrides: tuple[str, ...]) -> Json:
    """What Hydra makes of the trees that were checked. It is shown no folder.

    There it would find files that nobody checked (``schema.yaml``, ``hydra/``, a package in a comment), read
    with another parser, and perhaps exchanged since.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize
    from hydra.core.config_store import ConfigStore
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    register()
    store = ConfigStore.instance()
    for name in ("config.yaml", *root.groups):
        store.repo.pop(name, None)  # of another configuration in this process
    try:
        store.store(name="config", node=plain(root.config))
        for group, files in root.groups.items():
            for name, tree in files.items():
                store.store(group=group, name=name, node=plain(tree))
        with initialize(config_path=None, version_base="1.3"):
            composed = hydra_compose("config", overrides=list(overrides))
        plain_values: Any = OmegaConf.to_container(composed, resolve=False, throw_on_missing=True)
    except (
        HydraException,
        OmegaConfBaseException,
        ValueError,
        TypeError,
    ) as error:  # Hydra raises all of these
        # Only the class and the key: Hydra's text repeats values, which may be secrets.
        what = f"Hydra cannot put the root together ({type(error.__cause__ or error).__name__})"
        refused = _Refused(what, "check this key: a value is missing, or of a wrong type")
        refused.key = str(
            getattr(error, "full_key", None) or getattr(error.__cause__, "full_key", None) or ""
        )
        raise refused from None
    found: Json = plain_values
    return found


def _marks(root: Root, overrides: list[Override]) -> dict[str, tuple[str, int]]:
    marks: dict[str, tuple[str, int]] = {}
    for group, name in root.chosen.items():
        marks.update({k: (n.file, n.line) for k, n in walk(root.groups[group][name], group)})
    marks.update({k: (n.file, n.line) for k, n in walk(root.config)})
    for override in overrides:
        marks[".".join(override.path)] = (override.mark, 0)
    return marks


def _marked(value: Json, marks: MappingType[str, tuple[str, int]], key: str, above: tuple[str, int]) -> Node:
    file, line = here = marks.get(key, above)
    prefix = f"{key}." if key else ""
    if isinstance(value, dict):
        return Mapping(
            file, line, {str(k): _marked(v, marks, f"{prefix}{k}", here) for k, v in value.items()}
        )
    if isinstance(value, list):
        return Sequence(file, line, [_marked(v, marks, f"{prefix}{i}", here) for i, v in enumerate(value)])
    return Scalar(file, line, value)
