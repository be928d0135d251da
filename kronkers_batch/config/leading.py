"""Where every path of a configuration leads, looked at before anything runs, with file and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from kronkers_batch.config.languages import Language
from kronkers_batch.config.places import FIX, Places
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.source_file import RawSource
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.config.spec import CodeFile, ModelSpec, Origin


def check(config: Config, places: Places, raw: Mapping[str, RawSource], problems: Problems) -> None:
    """Reports each path that leads to a forbidden place; ``raw`` knows the sources' lines."""
    for name, source in config.sources.items():
        kind = SOURCE_KINDS[source.kind]
        if path := kind.claimed(source):
            key = kind.place_key
            why = places.pattern_refusal(path, source.department)
            _refuse(why, raw[name].at(key).origin(key), problems)
    for model in config.models.values():
        refused = {key: why for key, why in _model(model, places) if why}
        for key, why in refused.items():
            _refuse(why, model.origins.get(key, model.origin), problems)
        for key, file, language in _code_files(model):
            if key not in refused:  # nothing is said of a file that the model may not have
                _check_ending(file, language, model.origins.get(key, model.origin), problems)


def _model(model: ModelSpec, places: Places) -> Iterator[tuple[str, str]]:
    mine = model.department
    for key, path, _ in _code_files(model):
        yield key, places.refusal(path, department=mine, code=True)
    if model.imported is not None:
        yield "artifact", places.refusal(model.imported.artifact, department=mine)
        if model.imported.golden is not None:
            yield "golden", places.refusal(model.imported.golden, department=mine)
    declared = model.environment
    if "/" in declared.executable:
        yield "environment.executable", places.refusal(declared.executable, department=mine)
    for key in ("venv", "library", "project"):
        if folder := getattr(declared, key):
            yield f"environment.{key}", places.refusal(folder, department=mine, shows_folder=True)
    if declared.renv:  # of which only the restored library is shown
        shown = Path(declared.renv, "renv")
        why = places.refusal(declared.renv, department=mine)
        yield "environment.renv", why or places.refusal(shown, department=mine, shows_folder=True)


def _code_files(model: ModelSpec) -> Iterator[tuple[str, Path, Language]]:
    """The key that names each file of code of a model, the file, and its language."""
    if isinstance(model.model, CodeFile):
        yield "code", model.model.path, model.language
    for measure in model.measures:
        yield f"measures.{measure.name}.code", measure.path, measure.language


def _check_ending(path: Path, language: Language, where: Origin, problems: Problems) -> None:
    if path.suffix not in language.suffixes:
        ends = " or ".join(language.suffixes)
        what = f"the code file does not end in {ends}, and the language is {language}"
        problems.add(where, what, f"name a file that ends in {ends}, or correct `language:`")


def _refuse(why: str, where: Origin, problems: Problems) -> None:
    if why:
        problems.add(where, f"the path is refused: {why}", FIX)
