"""What a model file says of a model that was fitted elsewhere, held against the rest of the file.

Whether the files exist and open is found by ``check`` and by a run, for this model alone: the command that
imports a model puts them there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from kronkers_batch.config.fields import Bad
from kronkers_batch.config.import_fields import GOLDEN_ENDINGS
from kronkers_batch.config.imported import Imported
from kronkers_batch.config.languages import LANGUAGES, Language
from kronkers_batch.config.paths import safe_path
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.raw_model import RawModel
from kronkers_batch.config.spec import Feature, Unseen
from kronkers_batch.frames.schema import ColumnType

_NO_FIT = "the model is imported (`artifact:`), so fit is not called"


def read(raw: RawModel, features: Iterable[Feature], project: Path, problems: Problems) -> Imported | None:
    """The files of an imported model; None where the model is fitted here, or a path is refused."""
    artifact, golden = raw.values["artifact"], raw.values["golden"]
    if not artifact:
        if golden:
            what = "golden rows are for a model that was fitted elsewhere, and there is no artifact"
            problems.add(raw.at("golden").origin("golden"), what, "write artifact: FILE, or delete golden")
        return None
    _endings(raw, raw.values["language"], problems)
    for path, what, fix in (*_needless(raw), *_unknown_levels(raw, features)):
        problems.add(raw.at(*path).origin(".".join(path)), what, fix)
    try:
        return Imported(safe_path(artifact, project), safe_path(golden, project) if golden else None)
    except Bad:  # reported where the value was read
        return None


def refuse_ending(file: str, language: Language) -> tuple[str, str]:
    """Why a file cannot hold a model of a language, and what to do; two empty texts where it may."""
    if not file.endswith(language.stored):
        allowed = ", ".join(language.stored) or "none"
        for other in LANGUAGES.values():
            if file.endswith(other.stored or ("\0",)):
                what = f"the artifact is a file of {other.title}, and the language is {language}"
                return what, f"store the model with {language.stores}, or correct language"
        what = f"the artifact does not end in one of: {allowed}"
        return what, f"store the model with {language.stores}, in a file with such an ending"
    return "", ""


def _endings(raw: RawModel, language: Language | None, problems: Problems) -> None:
    what, fix = refuse_ending(raw.values["artifact"], language) if language is not None else ("", "")
    if what and not raw.at("artifact").environment:
        problems.add(raw.at("artifact").origin("artifact"), what, fix)
    golden = raw.values["golden"]
    if golden and not golden.endswith(GOLDEN_ENDINGS):
        what = f"the file of golden rows does not end in {' or '.join(GOLDEN_ENDINGS)}"
        problems.add(raw.at("golden").origin("golden"), what, "write the rows as CSV or Parquet")


def _needless(raw: RawModel) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Keys that only a fit reads: who writes them believes that they do something."""
    for key in ("weights", "train_only"):
        if raw.values[key]:
            yield (key,), f"'{key}' is for fit, and {_NO_FIT}", "delete it"
    if raw.values["window"]["refit"]:
        yield ("window", "refit"), f"'refit' fits once more, and {_NO_FIT}", "delete it"
    if raw.values["task"] is not None and not raw.values["task"].learns:
        what = f"the task {raw.values['task']} learns nothing, so there is no fitted model to import"
        yield ("artifact",), what, "delete it, or declare the task that says what was learned"
    estimator = raw.values["estimator"] or {}
    for key in ("arguments", "formula", "per_quantile"):
        if estimator.get(key):
            at = ("estimator", key) if key in getattr(raw.at("estimator"), "items", {}) else ("estimator",)
            named = ", ".join(estimator[key]) if at == ("estimator",) else key
            yield at, f"'{named}' is for fit, and {_NO_FIT}", "delete it; predict_arguments may stay"


def _unknown_levels(raw: RawModel, features: Iterable[Feature]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Where the model would get levels that it was not fitted with, in another order or as one more."""
    for feature in features:
        if feature.type is ColumnType.CATEGORY and not feature.levels:
            yield (
                ("features", feature.name),
                f"the category '{feature.name}' has no levels, and only the fit elsewhere knew them",
                "write {type: category, levels: [...]} with the levels in the order in which the model knows "
                "them, or type: string",
            )
    if raw.values["unseen"] is Unseen.OTHER:
        yield (
            ("unseen",),
            "unseen: other gives the model a level '(other)' that it was not fitted with",
            "write missing or error",
        )
