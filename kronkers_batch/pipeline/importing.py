"""A model that was fitted elsewhere: its file opened in a worker, and proven by the rows that came with it.

Nothing here knows how the model was fitted. So what is believed of it is what it shows: it opens in a worker
that has nothing else, and gives the golden rows of its importer the scores that it had there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kronkers_batch.config.places import Places
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import Feature, ModelSpec
from kronkers_batch.declared import artifact_file
from kronkers_batch.errors import ModelError, ScoreFailed, WorkerFailed
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.pipeline import given_rows, golden
from kronkers_batch.pipeline.features import as_features

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.runtimes.model_worker import Worker
    from kronkers_batch.runtimes.worker_spec import Walls

Part = tuple["pl.DataFrame", "pl.DataFrame"]


def known_levels(model: ModelSpec) -> Schema:
    """The features as the model knew them where it was fitted: with the declared levels of each category."""
    return Schema(tuple(Column(f.name, f.type, _levels(f), f.nulls) for f in model.features))


def _levels(feature: Feature) -> tuple[str, ...]:
    if feature.type is not ColumnType.CATEGORY or not feature.reference:
        return feature.levels
    return (feature.reference, *(level for level in feature.levels if level != feature.reference))


def opened(
    worker: Worker, model: ModelSpec, features: Schema, places: Places, digests: dict[str, str]
) -> tuple[bytes, list[Part]]:
    """The artifact, loaded in a worker that has given its golden rows; and those rows with their scores.

    Args:
        worker: A fresh one of this model.
        model: As it is declared.
        features: With their levels.
        places: Where no file may lie.
        digests: Of the files, as they were looked at.

    Raises:
        ModelError: A file cannot be read or has changed, or the artifact does not open.
        ScoreFailed: It gives golden rows other scores, or none. SourceError: those rows cannot be read.
    """
    artifact = artifact_file.bytes_of(model, artifact_file.ARTIFACT, places, digests[artifact_file.ARTIFACT])
    _load(worker, model, artifact)
    digest = digests.get(artifact_file.GOLDEN)
    if digest is None:
        return artifact, []
    rows = given_rows.read(model, places, digest)
    return artifact, [_proven(worker, model, as_features(rows, features), rows)]


def with_given(kept: pl.DataFrame, given: list[Part]) -> pl.DataFrame:
    """Golden rows with those of the importer, packed."""
    return golden.packed([*golden.unpacked(kept), *given]) if given else kept


def _load(worker: Worker, model: ModelSpec, artifact: bytes) -> None:
    try:
        worker.load(artifact)
    except WorkerFailed:
        raise
    except ModelError as error:
        said = error.what.removeprefix("load failed: ")
        raise ModelError(
            f"the artifact does not open: {said}",
            where=_at(model, "artifact"),
            fix=f"store it again with {model.language.stores}, with the same version of "
            f"{model.language.title} and its packages as here, or {error.fix}",
            found=error.found,
        ) from None


def _proven(worker: Worker, model: ModelSpec, rows: pl.DataFrame, given: pl.DataFrame) -> Part:
    """The rows with the scores that came with them. Raises ScoreFailed where the model gives others."""
    try:
        found = worker.score(rows, apart=True)
    except WorkerFailed:
        raise
    except ScoreFailed as error:
        raise ScoreFailed(
            f"the imported model does not score its golden rows: {error.what}",
            where=_at(model, "golden"),
            fix=error.fix,
            found=error.found,
        ) from None
    expected = given_rows.scores(model, given, found)
    if golden.same_scores(expected, found.select(expected.columns)):
        return rows, found.with_columns(expected.get_columns())
    others = sum(
        not golden.same_scores(one, other.select(one.columns))
        for one, other in zip(expected.iter_slices(1), found.iter_slices(1), strict=True)
    )
    raise ScoreFailed(
        f"the imported model gives {others:,} of its {rows.height:,} golden rows other scores than the file",
        where=_at(model, "golden"),
        fix=_why(expected, found.select(expected.columns))
        or "check that the file was written with this artifact, that the features have the declared names, "
        "types and levels, and that the environment has the packages that the model was fitted with",
    )


def _why(expected: pl.DataFrame, found: pl.DataFrame) -> str:
    """What is known to go wrong, where the scores look like it; else empty. Of one column alone."""
    import polars as pl

    if expected.width != 1 or not expected.to_series().dtype.is_float():
        return ""
    gave = pl.col(expected.columns[0])
    response = "declare predict_arguments: {type: response}, or correct score"
    known = {
        "the model gives the probability of the other class: declare target.positive, or correct score": [
            1 - gave
        ],
        f"the model gives logits: {response}": [1 / (1 + (-gave).exp())],
        f"the model gives logarithms: {response}": [gave.exp()],
        "the scores in the file are rounded: write all their digits": [
            gave.round(digits) for digits in range(2, 9)
        ],
    }
    for words, forms in known.items():
        if any(golden.same_scores(expected, found.select(form.alias(expected.columns[0]))) for form in forms):
            return words
    return ""


def _at(model: ModelSpec, key: str) -> str:
    return str(model.origins.get(key, model.origin))


def tried(
    model: ModelSpec, sandbox: SandboxPolicy, walls: Walls, places: Places, digests: dict[str, str]
) -> None:
    """Opens the artifact and asks for its golden rows, in a worker of its own.

    ``model`` has its code as a version keeps it. Raises as :func:`opened`, and MissingPart.
    """
    from kronkers_batch.declared.workers import worker_spec_for
    from kronkers_batch.runtimes.model_worker import start

    features = known_levels(model)
    with start(worker_spec_for(model, features, sandbox, walls)) as worker:
        opened(worker, model, features, places, digests)
