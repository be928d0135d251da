"""It is Hydra: what is shipped and what is generated mean the same there and here."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf

from kronkers_batch.config import nodes
from kronkers_batch.config.load import _Loader, put_together
from kronkers_batch.config.root_schema import register
from kronkers_batch.config.source_file import DEPARTMENT
from kronkers_batch.errors import ConfigErrors
from tests.composing import differences, generated
from tests.composing.both import (
    ENVIRON,
    REFUSED,
    Written,
    composed,
    here,
    hydra,
    hydra_root,
    root_here,
    shown,
    write,
)
from tests.config_project import ENVIRON as TESTS_ENVIRON
from tests.config_project import FILES

SHIPPED = Path(__file__).parents[2] / "conf"
_SEED, _MODELS, _WORDS = 20261127, 200, 600


# ---------------------------------------------------------------- what is generated


def test_generated_models_mean_the_same() -> None:
    """200 models with templates, references and overrides: the values, their types and their order."""
    models = generated.models(_SEED, _MODELS)
    ours = [here(model) for model in models]
    accepted = [m for m, mine in zip(models, ours, strict=True) if mine is not REFUSED]
    refused = [m for m, mine in zip(models, ours, strict=True) if mine is REFUSED]
    assert 20 < len(refused) < len(accepted)
    theirs = [shown(found) for found in hydra(accepted)]
    mine = [shown(found) for found in ours if found is not REFUSED]
    assert [x for x in zip(accepted, theirs, mine, strict=True) if x[1] != x[2]] == []
    # Where Hydra refuses, each takes a compose of its own: a sample.
    sample = refused[:10]
    assert [
        (m, shown(found))
        for m, found in zip(sample, map(_alone, sample), strict=True)
        if found is not REFUSED
    ] == []


@pytest.mark.parametrize("model", generated.refused(), ids=lambda model: model.overrides[0])
def test_both_refuse_an_override(model: Written) -> None:
    assert here(model) is REFUSED
    assert _alone(model) is REFUSED


def _alone(model: Written) -> Any:
    return hydra([model])[0]


def test_generated_words_mean_the_same_or_as_listed() -> None:
    listed = re.compile("|".join(f"(?:{d.words})" for d in differences.VALUES if d.words) + r"\Z")
    words = generated.words(_SEED, _WORDS)
    text = "parameters:\n" + "".join(f"  k{i}: {word}\n" for i, word in enumerate(words))
    theirs, mine = hydra([Written(text)])[0], here(Written(text))
    other = [
        (word, shown(their), shown(our))
        for word, their, our in zip(
            words, theirs["parameters"].values(), mine["parameters"].values(), strict=True
        )
        if shown(their) != shown(our)
    ]
    assert [x for x in other if not listed.match(x[0])] == []
    for difference in differences.VALUES:
        if difference.words:
            pattern = re.compile(rf"(?:{difference.words})\Z")
            assert all(pattern.match(row.says) for row in difference.rows)


# ---------------------------------------------------------------- what is shipped


@pytest.mark.parametrize("shipped", [True, False], ids=["conf", "the project of the tests"])
def test_every_file_means_the_same(shipped: bool, tmp_path: Path) -> None:
    # A key null is none in Hydra, and a text here: one of the listed differences.
    files = {name: text.replace("{null: NA}", "{'null': NA}") for name, text in FILES.items()}
    if shipped:
        files = {p.relative_to(SHIPPED).as_posix(): p.read_text("utf-8") for p in SHIPPED.rglob("*.yaml")}
    environ = ENVIRON | TESTS_ENVIRON
    overrides = [
        "+model.air_time.parameters.C=0.5",
        "model.air_time.owner='Ada, and others'",
        "~model.air_time.language",
        "+model.air_time.language=julia",
        "+model.air_time.seed=7",
        "+source.flights.checks.0.on_failure=warn",
        "source.flights.columns.distance=integer",
    ]
    assert shown(_here(tmp_path, files, overrides, environ)) == shown(
        _hydra(tmp_path, files, overrides, environ)
    )


_GROUPS = ("department", "model", "source")


def _here(folder: Path, files: dict[str, str], overrides: list[str], environ: dict[str, str]) -> Any:
    write(folder / "conf", files)
    loader = _Loader(folder / "conf", tuple(overrides), environ)
    models = loader.models(loader.group("model"), loader.group("template"))
    sources = loader.sources(loader.group("source"))
    departments = {
        name: put_together(tree, DEPARTMENT, {}, (), environ, loader.problems)[1]
        for name, tree in loader.group("department").items()
    }
    loader.problems.raise_if_any()
    return {
        "department": {name: nodes.plain(tree) for name, tree in departments.items()},
        "model": {name: nodes.plain(model.tree) for name, model in models.items()},
        "source": {name: nodes.plain(source.tree) for name, source in sources.items()},
    }


def _hydra(folder: Path, files: dict[str, str], overrides: list[str], environ: dict[str, str]) -> Any:
    there = {n: re.sub(r"(/template/\w+)", r"\1@_here_", t) for n, t in files.items()}
    names = {g: sorted(Path(n).stem for n in files if n.startswith(f"{g}/")) for g in _GROUPS}
    listed = "".join(f"  - /{g}/{name}@{g}.{name}\n" for g in _GROUPS for name in names[g])
    write(folder / "hydra", there | {"all.yaml": f"defaults:\n{listed}  - _self_\n"})
    found = OmegaConf.to_container(composed(folder / "hydra", "all", overrides), resolve=False)
    assert isinstance(found, dict)
    with mock.patch.dict(os.environ, environ, clear=True):
        return {
            g: {n: OmegaConf.to_container(OmegaConf.create(found[g][n]), resolve=True) for n in names[g]}
            for g in _GROUPS
        }


# ---------------------------------------------------------------- the root


@pytest.mark.parametrize(
    "overrides",
    [
        "",
        "home=a executor.workers=3 logical_date=2013-06-01 definitions=signed warehouse.checkpoints=''",
        "warehouse.url=sqlite:///x/${home}.db warehouse=other ++executor.kept_workers=0 home='é'",
        "warehouse=other warehouse=sqlite warehouse.keep_snapshots=3d executor.sandbox=off home=a home=b",
    ],
    ids=["none", "values", "a group", "again"],
)
def test_roots_mean_the_same(overrides: str) -> None:
    theirs = hydra_root(differences.ROOT_FILES, overrides.split())
    ours = root_here(differences.ROOT_FILES, overrides.split())
    assert shown(ours).replace("PROJECT/", "") == shown(theirs)


def test_the_shipped_root_means_the_same() -> None:
    files = {
        n: (SHIPPED / n).read_text("utf-8")
        for n in ("config.yaml", "warehouse/sqlite.yaml", "executor/local.yaml", "alerts/none.yaml")
    }
    assert shown(root_here(files)).replace("PROJECT/", "") == shown(hydra_root(files))


@pytest.mark.parametrize(
    "override",
    [
        "executor.x=1",
        "~home",
        "warehouse=nothing",
        "home=null",
        "extra=1",
        "warehouse@x=other",
        "executor.workers=x",
        "+home=a",
        "home=[a]",
        "home=???",
        "alerts.x=1",
        "executor=null",
    ],
)
def test_both_refuse(override: str) -> None:
    assert root_here(differences.ROOT_FILES, [override]) is REFUSED
    assert hydra_root(differences.ROOT_FILES, [override]) is REFUSED


def test_hydra_names_its_first_error_and_no_line(tmp_path: Path) -> None:
    write(
        tmp_path / "conf",
        differences.ROOT_FILES | {"executor/local.yaml": "workers: many\npiece_rows: few\n"},
    )
    register()
    with pytest.raises(HydraException) as theirs:
        composed(tmp_path / "conf", "config", [])
    assert "many" in str(theirs.value)
    assert not {"few", "local.yaml"} & set(re.split(r"[\s':]+", str(theirs.value)))
    loader = _Loader(tmp_path / "conf", (), ENVIRON)
    loader.root()
    with pytest.raises(ConfigErrors) as ours:
        loader.problems.raise_if_any()
    assert [str(p).partition(": found")[0] for p in ours.value.problems] == [
        "conf/executor/local.yaml:1: workers",
        "conf/executor/local.yaml:2: piece_rows",
    ]
