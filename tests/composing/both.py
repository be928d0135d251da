"""A configuration as Hydra itself composes it, and as this program does, in one form.

A model is composed by Hydra as ``model.m`` of a root that lists it, so that the overrides are the same texts.
Each template is named there with ``@_here_``: without it Hydra lays a template below ``template``, which is
the first difference of :mod:`tests.composing.differences`.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from kronkers_batch.config import nodes, remembered, root
from kronkers_batch.config import overrides as overriding
from kronkers_batch.config.fields import Table
from kronkers_batch.config.load import _Loader, put_together
from kronkers_batch.config.model_file import MODEL
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.root_schema import GROUPS, register
from kronkers_batch.config.yamlparse import parse as parse_yaml

ENVIRON = {
    "NAME": "ada",
    "NUMBER": "7",
    "KRONKERS_KEY": "key",
    "BLANK": "",
    "DOLLAR": "${seed}",
    "HOME": "/home/ada",
}
REFUSED = "refused"
ABSENT = "no such key"
_REFUSALS = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError, TypeError, RecursionError)
_TOGETHER = 12  # a small model takes 10 ms, and one alone 50; of many more each takes longer
_WORDS = ("true", "null", "yes", "no", "on", "off")
_TEMPLATE = re.compile(r"(/template/\w+)(@\w+)?")


@dataclass(frozen=True)
class Written:
    """A model ``m`` (or a file of another table), templates by name, and overrides of ``model.m``."""

    model: str
    templates: Mapping[str, str] = field(default_factory=dict)
    overrides: Sequence[str] = ()
    as_it_is: bool = False  # Hydra gets the names of templates without @_here_
    table: Table = MODEL


def shown(value: Any) -> str:
    """A value with its types and the order of its keys, as YAML would say it on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)}: {shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(shown(v) for v in value) + "]"
    if isinstance(value, str):
        return value if value is REFUSED or value is ABSENT else json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


def _key(key: Any) -> str:
    plain = isinstance(key, str) and re.fullmatch(r"[A-Za-z_]\w*", key) and key not in _WORDS
    return str(key) if plain else shown(key)


def part(whole: Any, key: str) -> Any:
    """The value of a dotted key; REFUSED of what was refused, ABSENT where there is none."""
    for name in key.split(".") if key else ():
        if whole is REFUSED:
            return whole
        whole = whole.get(name, ABSENT) if isinstance(whole, dict) else ABSENT
    return whole


# ---------------------------------------------------------------- a model


def here(written: Written) -> Any:
    """What this program makes of a model; REFUSED where it finds a problem."""
    problems = Problems()
    overrides = overriding.parse(written.overrides, problems)
    tree = parse_yaml(written.model.encode(), "m", problems)
    shared = {name: parse_yaml(text.encode(), name, problems) for name, text in written.templates.items()}
    if len(problems) or tree is None:
        return REFUSED
    there = {name: node for name, node in shared.items() if node is not None}
    _, whole = put_together(tree, written.table, there, overrides, ENVIRON, problems)
    return REFUSED if len(problems) or not isinstance(whole, nodes.Mapping) else nodes.plain(whole)


def hydra(all_of_them: Sequence[Written]) -> list[Any]:
    """What Hydra makes of models: of twelve in one compose, and where it refuses of each half by itself."""
    if len(all_of_them) > _TOGETHER:
        return hydra(all_of_them[:_TOGETHER]) + hydra(all_of_them[_TOGETHER:])
    if not all_of_them:
        return []
    try:
        found = _composed(all_of_them)
    except _REFUSALS:
        if len(all_of_them) == 1:
            return [REFUSED]
        half = len(all_of_them) // 2
        return hydra(all_of_them[:half]) + hydra(all_of_them[half:])
    return [_resolved(found["model"][f"m{i}"]) for i in range(len(all_of_them))]


def _composed(all_of_them: Sequence[Written]) -> Any:
    files: dict[str, str] = {}
    overrides: list[str] = []
    for i, written in enumerate(all_of_them):
        files[f"model/m{i}.yaml"] = _named(written.model, i, written.as_it_is)
        for name, text in written.templates.items():
            files[f"template/{name}_{i}.yaml"] = _named(text, i, written.as_it_is)
        overrides += [re.sub(r"^([+~]*)model\.m\b", rf"\1model.m{i}", text) for text in written.overrides]
    listed = "".join(f"  - /model/m{i}@model.m{i}\n" for i in range(len(all_of_them)))
    files["all.yaml"] = f"defaults:\n{listed}  - _self_\n"
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        return OmegaConf.to_container(composed(Path(folder), "all", overrides), resolve=False)


def _named(text: str, number: int, as_it_is: bool) -> str:
    """Each model has templates of its own, though all lie in one folder."""
    default = "" if as_it_is else "@_here_"
    text = re.sub(r"(/template@_here_: \w+)", rf"\1_{number}", text)
    return _TEMPLATE.sub(lambda found: f"{found[1]}_{number}{found[2] or default}", text)


def _resolved(plain: Any) -> Any:
    """References are to the file itself, whatever root Hydra composed it in."""
    with mock.patch.dict(os.environ, ENVIRON, clear=True):
        try:
            return OmegaConf.to_container(OmegaConf.create(plain), resolve=True, throw_on_missing=True)
        except _REFUSALS:
            return REFUSED


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Files below a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def composed(folder: Path, name: str, overrides: Sequence[str]) -> Any:
    """Hydra's compose, without what this process stored in Hydra."""
    with _empty_store(), warnings.catch_warnings(), mock.patch.dict(os.environ, ENVIRON, clear=True):
        warnings.simplefilter("ignore")  # of a list of defaults without _self_
        with initialize_config_dir(str(folder), version_base="1.3"):
            return compose(name, overrides=list(overrides))


@contextmanager
def _empty_store() -> Iterator[None]:
    repo = ConfigStore.instance().repo
    before = dict(repo)
    for name in ("config.yaml", *GROUPS):
        repo.pop(name, None)
    try:
        yield
    finally:
        repo.clear()
        repo.update(before)


# ---------------------------------------------------------------- the root


def hydra_root(files: Mapping[str, str], overrides: Sequence[str] = ()) -> Any:
    """What Hydra makes of a root, with the schema registered."""
    register()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        try:
            found = composed(Path(folder), "config", overrides)
            with mock.patch.dict(os.environ, ENVIRON, clear=True):
                return OmegaConf.to_container(found, resolve=True, throw_on_missing=True)
        except _REFUSALS:
            return REFUSED


def root_here(files: Mapping[str, str], overrides: Sequence[str] = ()) -> Any:
    """What this program makes of a root; REFUSED where it finds a problem, also once values are known.

    The folder of the project is shown as PROJECT.
    """
    trees: list[nodes.Node] = []
    resolve = root.resolve

    def resolved(*given: Any) -> nodes.Node:
        trees.append(resolve(*given))
        return trees[-1]

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "conf", files)
        loader = _Loader(Path(folder) / "conf", tuple(overrides), ENVIRON)
        with (
            mock.patch.object(root, "resolve", resolved),
            mock.patch.object(remembered, "look_up", _nothing),
            mock.patch.object(remembered, "remember", _nothing),
        ):
            loader.root()
        if len(loader.problems):
            sys.stdout.write("\n".join(map(str, vars(loader.problems).values())))  # for who reads a failure
            return REFUSED
        return _from(folder, nodes.plain(trees[-1]))


def _from(folder: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _from(folder, inner) for key, inner in value.items()}
    return value.replace(folder, "PROJECT") if isinstance(value, str) else value


def _nothing(*_given: Any) -> None:
    return None
