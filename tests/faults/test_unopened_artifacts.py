"""Artifacts that were tampered with are refused before their language sees one byte of them.

Each artifact here betrays itself where it is loaded: a pickle that calls a function, and a ``load_model``
that prints. What a worker prints is in the log, so an empty log says that nothing was loaded.
"""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Row, insert, select, update

from kronkers_batch.access.authorisation import authorise_all
from kronkers_batch.bootstrap import open_system
from kronkers_batch.declared.declaration import as_trained, declaration
from kronkers_batch.errors import IntegrityError
from kronkers_batch.pipeline.champion import open_champion
from kronkers_batch.registry import champions, records
from kronkers_batch.registry.training import Training
from kronkers_batch.runtimes.worker_spec import PLACE, KeptCode
from kronkers_batch.session.services import Services
from kronkers_batch.store.tables import registry as r
from kronkers_batch.vault import grants, keyfile, manifest
from kronkers_batch.vault.context import Kind, Role, Scope
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.manifest import ChunkEntry
from kronkers_batch.vault.vault import Vault
from tests.e2e.company import FILES, Project
from tests.warehouse_support import training

MARK = "ARTIFACT_WAS_LOADED"


class Bomb:
    """What joblib, and pickle below it, do with an artifact: whatever it says."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.write, (2, f"{MARK}\n".encode())


PYTHON = f"""\
# {MARK}
def fit(data, params):
    return 1

def score(model, data):
    return data["x"]
"""
R = f"""\
fit <- function(data, params) 1
score <- function(model, data) data$x
save_model <- function(model, path) cat("1", file = path)
load_model <- function(path) {{ message("{MARK}"); 1 }}
"""
JULIA = f"""\
fit(data, params) = 1
score(model, data) = data.x
save_model(model, path) = write(path, "1")
load_model(path) = (println(stderr, "{MARK}"); 1)
"""
CODE = {"python": ("model.py", PYTHON), "r": ("model.R", R), "julia": ("model.jl", JULIA)}
ARTIFACTS = {"python": pickle.dumps(Bomb()), "r": b"anything", "julia": b"anything"}
MODEL = """\
department: sales
owner: Ann
description: A model
task: regression
language: {language}
code: models/{language}/{file}
source: visits
features: {{x: float}}
target: x2
window: {{train: 10d, holdout: 3d, score: 1d, label_delay: 1d}}
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """Two versions of a model in each language, of which the second is champion."""
    folder = tmp_path_factory.mktemp("artifacts") / "company"
    project = Project(folder)
    folder.mkdir()
    for name, text in FILES.items():
        if not name.startswith(("conf/model/", "models/")) and "scor" not in name:
            project.write(name, text.replace("x: float,", "x: float, x2: float,"))
    for group in ("warehouse", "executor", "alerts"):
        shutil.copytree(Path(__file__).parents[2] / "conf" / group, folder / "conf" / group)
    for language, (file, code) in CODE.items():
        project.write(f"conf/model/{language}.yaml", MODEL.format(language=language, file=file))
        project.write(f"models/{language}/{file}", code)
    project.home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        services = opened(folder, patch, first_run=True)
        for language in CODE:
            for _ in range(2):
                services.registry.record(trained(services, language), ARTIFACTS[language])
            services.registry.promote(language, 2, why="it is for the test")
        reader = Identity.generate("anna")
        keyfile.create(folder / "anna.key", reader)
        with services.db.write() as conn:
            vault = services.vault
            vault.trust.add_principal(conn, vault.identity, reader.id, "anna", reader.public)
            grants.grant(vault.ring, conn, "anna", Scope("sales"), Role.READER)
        services.close()
    return folder


def opened(folder: Path, patch: pytest.MonkeyPatch, *, first_run: bool = False) -> Services:
    for name in [name for name in os.environ if name.startswith(("KRONKERS", "XDG"))]:
        patch.delenv(name)
    patch.setenv("HOME", str(folder / "home"))
    log: list[str] = []
    services = open_system(folder / "conf", log=log.append, first_run=first_run)
    authorise_all(services, services.config.models)
    return services


def trained(services: Services, language: str) -> Training:
    model = services.model(language)
    file, text = CODE[language]
    code = KeptCode(PLACE / file, model.origin, text)
    features = services.source("visits").schema.select(("x",))
    return training(
        model=language, department="sales", features=features, target="x2", runtime={}, verdict=(),
        golden=pl.DataFrame({"x": [1.5], "score:score": [1.5]}), declaration=declaration(model, code),
    )  # fmt: skip


@pytest.fixture
def services(template, tmp_path, monkeypatch):
    folder = tmp_path / "company"
    tmp_path.chmod(0o755)
    shutil.copytree(template, folder)
    services = opened(folder, monkeypatch)
    yield services
    services.close()


def use(services: Services, language: str) -> None:
    """What scoring does: asks for the champion, and loads it."""
    champion = services.registry.champion(language)
    assert champion is not None
    worker = open_champion(services, as_trained(services.model(language), champion), champion)
    worker.close()


def log_of(services: Services) -> str:
    return "\n".join(services.log.__self__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("language", CODE)
def test_the_artifact_as_it_was_recorded_is_loaded_and_betrays_itself(services, language):
    use(services, language)
    assert MARK in log_of(services)


# ---------------------------------------------------------------- attacks


def row_of(services: Services, model: str, number: int) -> Row:
    with services.db.read() as conn:
        versions = r.model_versions
        query = select(versions).where(versions.c.model == model, versions.c.number == number)
        return conn.execute(query).one()


def artifact_of(services: Services, row: Row) -> Path:
    path = services.config.warehouse.artifacts.removeprefix("file://")
    return Path(path) / records.artifact_path(row.department, row.model, row.id)


def change(services: Services, row: Row, **values: object) -> None:
    with services.db.write() as conn:
        versions = r.model_versions
        assert conn.execute(update(versions).where(versions.c.id == row.id).values(**values)).rowcount == 1


def forged(services: Services, row: Row) -> tuple[Vault, bytes, manifest.Manifest]:
    """What a reader can make: a well sealed artifact, and a manifest that lists it."""
    anna = Vault(keyfile.load(services.config.root.parent / "anna.key"), services.vault.trust.pin)
    with services.db.read() as conn:
        given = records.verified(conn, anna, row)
        key = anna.data_key(conn, row.key_id)
    context = records.artifact_context(trained(services, row.model), row.id)
    blob = anna.seal(key, context, ARTIFACTS[row.model] + b" ")
    chunks = (ChunkEntry(0, 0, manifest.digest(blob)), *given.chunks[1:])
    return anna, blob, manifest.Manifest(**{**given.__dict__, "chunks": chunks})


def altered(services: Services, row: Row) -> None:
    path = artifact_of(services, row)
    raw = bytearray(path.read_bytes())
    raw[-20] ^= 1
    path.write_bytes(raw)


def cut_short(services: Services, row: Row) -> None:
    path = artifact_of(services, row)
    path.write_bytes(path.read_bytes()[:-1])


def sealed_by_a_reader(services: Services, row: Row) -> None:
    _, blob, _ = forged(services, row)
    artifact_of(services, row).write_bytes(blob)


def unsigned(services: Services, row: Row) -> None:
    change(services, row, signature=b"")


def signed_by_nobody(services: Services, row: Row) -> None:
    stranger = Identity.generate("admin")
    change(services, row, signer_key=stranger.public.id, signature=stranger.sign(row.manifest))


def signed_by_a_reader(services: Services, row: Row) -> None:
    anna, blob, listed = forged(services, row)
    artifact_of(services, row).write_bytes(blob)
    with services.db.read() as conn:
        sealed, signature = manifest.seal_manifest(anna, anna.data_key(conn, row.record_key_id), listed)
    change(
        services, row, manifest=sealed, signer="anna", signer_key=signature.key_id, signature=signature.value
    )


def in_the_administrators_name(services: Services, row: Row) -> None:
    signed_by_a_reader(services, row)
    change(services, row, signer=row.signer, signer_key=row.signer_key)


def another_versions_artifact(services: Services, row: Row) -> None:
    older = artifact_of(services, row_of(services, row.model, 1))
    artifact_of(services, row).write_bytes(older.read_bytes())


def another_versions_row_and_artifact(services: Services, row: Row) -> None:
    replayed(services, row, row_of(services, row.model, 1))


def another_models_row_and_artifact(services: Services, row: Row) -> None:
    replayed(services, row, row_of(services, "r" if row.model == "python" else "python", 2))


def replayed(services: Services, row: Row, other: Row) -> None:
    """All of it: keys, manifest, signature, golden rows and the artifact; only names and number stay."""
    artifact_of(services, row).write_bytes(artifact_of(services, other).read_bytes())
    stay = {"id", "model", "number", "department", "state"}
    change(services, row, **{name: value for name, value in other._mapping.items() if name not in stay})


def another_version_as_the_champion(services: Services, row: Row) -> None:
    """A reader signs a promotion of a version that nobody promoted."""
    anna, _, _ = forged(services, row)
    older = row_of(services, row.model, 1)
    with services.db.write() as conn:
        champions.lines(conn, anna, row.model)
        champions.append(conn, anna, anna.data_key(conn, older.record_key_id), older, "promote", "mine")


def a_version_of_ones_own(services: Services, row: Row) -> None:
    """A reader records a whole version in the newest number's place, everything but the right to."""
    anna, blob, listed = forged(services, row)
    with services.db.write() as conn:
        key = anna.record_key(conn, Scope("sales", row.model), "mine")
        context = (Kind.ARTIFACT, row.department, row.model, "0" * 26)
        mine = manifest.Manifest(**{**listed.__dict__, "version_id": context[3]})
        sealed, signature = manifest.seal_manifest(anna, key, mine)
        values = dict(row._mapping) | {
            "id": context[3], "number": 3, "record_key_id": key.id, "manifest": sealed, "signer": "anna",
            "signer_key": signature.key_id, "signature": signature.value,
        }  # fmt: skip
        conn.execute(insert(r.model_versions).values(**values))
        conn.execute(update(r.champions).where(r.champions.c.model == row.model).values(version_id="0" * 26))
    artifact_of(services, row_of(services, row.model, 3)).write_bytes(blob)


ATTACKS = [
    altered, cut_short, sealed_by_a_reader, unsigned, signed_by_nobody, signed_by_a_reader,
    in_the_administrators_name, another_versions_artifact, another_versions_row_and_artifact,
    another_models_row_and_artifact, another_version_as_the_champion, a_version_of_ones_own,
]  # fmt: skip


@pytest.mark.parametrize("language", CODE)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_it_is_refused_before_one_byte_is_deserialised(services, attack, language):
    attack(services, row_of(services, language, 2))
    with pytest.raises(IntegrityError):
        use(services, language)
    assert MARK not in log_of(services)
