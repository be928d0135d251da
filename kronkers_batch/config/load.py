"""From a conf folder to a checked :class:`Config`, with all problems at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kronkers_batch import redaction
from kronkers_batch.config import (
    compose,
    interpolation,
    leading,
    model_build,
    nodes,
    opening,
    templates,
    variables,
)
from kronkers_batch.config import overrides as overriding
from kronkers_batch.config.fields import Bad, Table, read_table
from kronkers_batch.config.kinds import unsafe_name
from kronkers_batch.config.link import Linker
from kronkers_batch.config.model_file import MODEL
from kronkers_batch.config.nodes import MAX_BYTES, Node, Scalar, walk
from kronkers_batch.config.places import Places
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.raw_model import RawModel, read_model
from kronkers_batch.config.root import RootValues, read_root
from kronkers_batch.config.root_schema import GROUPS
from kronkers_batch.config.root_spec import Config, DepartmentSpec
from kronkers_batch.config.source_file import DEPARTMENT, SOURCE, RawSource, check_name, read_source
from kronkers_batch.config.spec import Origin
from kronkers_batch.config.yamlparse import parse

_SUFFIXES = (".yaml", ".yml")
_FILE_GROUPS = ("department", "source", "template", "model")
_MISSING = "???"  # Hydra's word for a value that a template leaves to whoever uses it


def load(conf: Path, overrides: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Config:
    """Everything below ``conf``, checked; nothing but these files is read, and nothing is run.

    Args:
        conf: The folder with config.yaml.
        overrides: Overrides in Hydra's grammar, in the order given.
        environ: The environment for ``${oc.env:...}``; the process's own by default.

    Raises:
        ConfigErrors: with every problem, each with file, line and key.
    """
    return _Loader(conf.absolute(), tuple(overrides), os.environ if environ is None else environ).load()


def put_together(
    tree: Node,
    table: Table,
    shared: Mapping[str, Node],
    overrides: Sequence[overriding.Override],
    environ: Mapping[str, str],
    problems: Problems,
) -> tuple[Node, Node]:
    """A file with its templates and overrides: with its interpolations as they are written, and replaced.

    Args:
        tree: What is in the file.
        table: Its keys; with ``defaults`` among them it may have templates.
        shared: All templates by name.
        overrides: Those of this file, in the order given.
        environ: The environment.
        problems: Gets what is wrong.
    """
    if "defaults" in table.names:
        tree = templates.apply(tree, shared, problems)
    for override in overrides:
        tree = overriding.apply(tree, override, table, problems)
    whole = interpolation.resolve(tree, environ, problems)
    if "defaults" in table.names and nodes.mentions(whole, _MISSING):
        for key, node in walk(whole):
            if isinstance(node, Scalar) and node.value == _MISSING:
                what = f"the value of '{key}' is missing: a template leaves it to the model ({_MISSING})"
                problems.add(
                    node.origin(key),
                    what,
                    f"write {key}: VALUE in the model's file, or give it as an override",
                )
    return tree, whole


def _said(tree: Node) -> Iterator[str]:
    """Every key and text of a file that is no interpolation."""
    for key, node in walk(tree):
        yield key.rpartition(".")[2]
        if isinstance(node, Scalar) and isinstance(node.value, str):
            yield node.value


class _Loader:
    def __init__(self, conf: Path, texts: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self.conf, self.project, self.environ = conf, conf.parent, environ
        self.problems = Problems()
        self.places = Places.before(conf, environ)
        self.overrides = overriding.parse(texts, self.problems)
        self.names: dict[str, frozenset[str]] = {}
        self.read: dict[str, bytes] = {}  # what was in which file
        self.uses: list[variables.Use] = []  # of the environment

    def load(self) -> Config:
        redaction.begin(str(self.conf), str(self.project))
        trees = {group: self.group(group) for group in _FILE_GROUPS}
        self.no_secrets(trees)
        departments = self.departments(trees["department"])
        sources = self.sources(trees["source"])
        models = self.models(trees["model"], trees["template"])
        self.unknown_names()
        linker = Linker(self.project, self.names, sources, models, self.problems)
        source_specs = linker.sources()
        model_specs = {n: m for n, raw in models.items() if (m := model_build.build(raw, linker)) is not None}
        root = self.root()
        variables.check(self.uses, self.problems)
        if root is None:
            self.problems.raise_if_any()
        assert root is not None  # noqa: S101 - else there would have been a problem
        config = Config(
            root=self.conf,
            home=root.home,
            logical_date=root.logical_date,
            key_file=root.key_file,
            departments=departments,
            sources=source_specs,
            models=model_specs,
            warehouse=root.warehouse,
            executor=root.executor,
            alerts=root.alerts,
            definitions=root.definitions,
            overrides=tuple(o.shown for o in self.overrides),
        )
        leading.check(config, Places.of(config, self.environ), sources, self.problems)
        self.problems.raise_if_any()
        return config

    # ------------------------------------------------------------ files

    def file(self, path: Path) -> Node | None:
        """The tree of one file, or None with a problem reported."""
        shown = f"{self.conf.name}/{path.relative_to(self.conf).as_posix()}"
        where = Origin(shown, 1, "")
        try:
            with opening.opened(path, self.places) as file:
                if Path(file.real).suffix.lower() not in _SUFFIXES:
                    # What is read is shown in problems: a link may not choose just any file for that.
                    raise opening.PathRefused("this is a link to a file that is not YAML")
                with Path(file.reading).open("rb") as raw:
                    data = raw.read(MAX_BYTES + 1)
        except opening.PathRefused as refused:
            self.problems.add(
                where, f"this file may not be read: {refused.why}", "replace it by a file of its own"
            )
            return None
        except OSError as error:
            self.problems.add(where, f"cannot be read: {error.strerror}", "check its permissions")
            return None
        self.read[shown] = data
        return parse(data, shown, self.problems)

    def group(self, group: str) -> dict[str, Node]:
        """The trees of a group's files by name; bad names are reported."""
        folder = self.conf / group
        trees: dict[str, Node] = {}
        seen: dict[str, str] = {}
        try:
            paths = sorted(folder.iterdir()) if folder.is_dir() else []
        except OSError as error:
            where = Origin(f"{self.conf.name}/{group}", 0, "")
            self.problems.add(where, f"cannot be read: {error.strerror}", "check its permissions")
            paths = []
        for path in paths:
            where = Origin(f"{self.conf.name}/{group}/{path.name!a}"[:300].replace("'", ""), 1, "")
            if path.name.startswith(".") or path.suffix.lower() not in _SUFFIXES or not path.is_file():
                continue
            why = unsafe_name(path.stem)
            if why or path.suffix != ".yaml":
                self.problems.add(where, why or f"the file ends in {path.suffix}", "rename it: NAME.yaml")
                continue
            other = seen.setdefault(path.stem.casefold(), path.stem)
            if other != path.stem:
                what = f"the {group}s '{other}' and '{path.stem}' differ only in case"
                self.problems.add(where, what, "rename one of the files")
            tree = self.file(path)
            if tree is not None:
                trees[path.stem] = tree
        self.names[group] = frozenset(seen.values()) | trees.keys()
        return trees

    def departments(self, trees: dict[str, Node]) -> dict[str, DepartmentSpec]:
        """All departments."""
        found = {}
        for name, tree in trees.items():
            _, tree = put_together(tree, DEPARTMENT, {}, (), self.environ, self.problems)
            try:
                values = read_table(DEPARTMENT, tree, "", self.problems)
            except Bad as bad:
                self.problems.add(tree.origin(""), bad.what, bad.fix)
                continue
            check_name(name, values["name"], tree, self.problems)
            title = values["title"] or name
            found[name] = DepartmentSpec(name, title, values["owner"] or "", tree.origin(""))
        return found

    def sources(self, trees: dict[str, Node]) -> dict[str, RawSource]:
        """All sources, before references are followed."""
        found = {}
        for name, tree in trees.items():
            mine = self.of("source", name)
            written, tree = put_together(tree, SOURCE, {}, mine, self.environ, self.problems)
            raw = read_source(name, tree, self.problems)
            if raw is not None:
                found[name] = raw
                claims = variables.has_server(written)
                self.uses += variables.uses(written, raw.values["department"] or "", claims=claims)
        return found

    def models(self, trees: dict[str, Node], shared: dict[str, Node]) -> dict[str, RawModel]:
        """All models with their templates, before references are followed."""
        found = {}
        for name, tree in trees.items():
            mine = self.of("model", name)
            written, tree = put_together(tree, MODEL, shared, mine, self.environ, self.problems)
            raw = read_model(name, tree, tuple(o.shown for o in mine), self.problems)
            if raw is not None:
                found[name] = raw
                self.uses += variables.uses(written, raw.values["department"] or "", claims=False)
        return found

    def of(self, group: str, name: str) -> list[overriding.Override]:
        """The overrides of one file."""
        return [o for o in self.overrides if (o.group, o.name) == (group, name)]

    def unknown_names(self) -> None:
        """Reports overrides of models and sources that there are not."""
        for override in self.overrides:
            known = self.names.get(override.group)
            if known is not None and override.name not in known:
                where = Origin(override.mark, 0, f"{override.group}.{override.name}")
                what = f"there is no {override.group} '{override.name}'"
                self.problems.add(where, what, suggest(override.name, known))

    def no_secrets(self, trees: Mapping[str, Mapping[str, Node]]) -> None:
        """What stands in these files is not hidden, also where a value of the environment is the same."""
        if any(b"oc.env" in data for data in self.read.values()) or self.overrides:
            for group, files in trees.items():
                redaction.literal([group, *files])
                for tree in files.values():
                    redaction.literal(_said(tree))

    # ------------------------------------------------------------ the root

    def unread(self, alerts: Node) -> None:
        """Who lists recipients of alerts believes that they get them: what nothing reads is refused."""
        for key, value in alerts.items.items() if isinstance(alerts, nodes.Mapping) else ():
            self.problems.add(
                value.origin(f"alerts.{key}"),
                "the program does not send alerts yet, and ignores this key",
                "Delete it. Let cron mail the output of each night: docs/how-to/run-every-night.md",
            )

    def root(self) -> RootValues | None:
        """The root, composed by Hydra once its own files and overrides are right."""
        before = len(self.problems)
        config = self.file(self.conf / "config.yaml")
        if config is None:
            return None
        groups = {group: self.group(group) for group in GROUPS}
        contents = tuple(
            sorted((k, v) for k, v in self.read.items() if k.split("/")[1] in (*GROUPS, "config.yaml"))
        )
        root = compose.Root(config, groups, contents)
        self.no_secrets({"": {"": config}} | groups)
        mine = [o for o in self.overrides if not o.group]
        compose.check_files(root, self.problems)
        compose.check_overrides(root, mine, self.names, self.problems)
        if len(self.problems) > before:
            return None
        composed = compose.compose(root, mine, self.problems)
        if isinstance(composed, nodes.Mapping):
            self.unread(composed.items["alerts"])
            secret = [composed.items["alerts"]]
            if variables.has_server(composed.items["warehouse"]):
                secret.append(composed.items["warehouse"])
            for part in secret:
                self.uses += variables.uses(part, variables.ROOT, claims=True)
        return None if composed is None else read_root(composed, self.project, self.environ, self.problems)
