"""A folder of code: ``code: models/NAME`` names a folder, in which one file is the main file."""

from __future__ import annotations

import os
from pathlib import Path

from kronkers_batch.config.fields import Bad, Kind
from kronkers_batch.config.kinds import PATH
from kronkers_batch.config.languages import Language
from kronkers_batch.config.nodes import Node, Sequence
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import CodeFile, Origin

MAIN = "model"
"""What the main file is called, without its ending."""


def _path(node: Node, key: str, problems: Problems) -> str:
    if isinstance(node, Sequence):
        raise Bad(
            "found a list of files",
            f"put the files into one folder, call the one with fit and score {MAIN}.py, {MAIN}.R or "
            f"{MAIN}.jl, and name the folder: code: models/NAME",
        )
    return PATH.parse(node, key, problems)


CODE = Kind("a path of a code file or its folder, without '..'", _path, environment=True, plain=str)


def report_missing(code: str, node: Node, where: Origin, project: Path, problems: Problems) -> None:
    """Reports that there is no such code file."""
    shown = "the file of an environment variable" if node.environment else f"the file '{code}'"
    fix = f"looked in {project}; write the path from there, or an absolute one"
    problems.add(where, f"{shown} does not exist", "check the variable" if node.environment else fix)


def main_file(
    folder: Path, said: str, language: Language | None, where: Origin, problems: Problems
) -> CodeFile | None:
    """The main file of a folder; None where there is not exactly one, which is reported.

    Args:
        folder: The folder.
        said: How the model file names it.
        language: Of the model; None where that is not known, which was reported.
        where: The line that names the folder.
        problems: Gets what is wrong.
    """
    if language is None:
        return None
    names = [f"{MAIN}{suffix}" for suffix in language.suffixes]
    allowed = " or ".join(names)
    if not os.access(folder, os.R_OK | os.X_OK):
        problems.add(where, "this account may not look into the folder of the code", f"chmod u+rx '{said}'")
        return None
    found = [name for name in names if os.path.lexists(folder / name)]
    if len(found) == 1:
        return CodeFile(folder / found[0], where, is_folder=True)
    if found:
        problems.add(where, f"the folder has several main files: {', '.join(found)}", "keep one of them")
    else:
        problems.add(
            where,
            f"the folder has no {allowed}",
            f"call the file with fit and score {allowed}, or write the path of the code file",
        )
    return None
