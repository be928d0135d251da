"""Julia workers: Julia 1.5 or later, alone or with a project (Project.toml and Manifest.toml)."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kronkers_batch.config.spec import Environment
from kronkers_batch.errors import ConfigError, MissingPart
from kronkers_batch.runtimes.languages import (
    MIB,
    WORKERS,
    Builder,
    Command,
    bytes_of,
    hash_files,
    inner,
    require_runnable,
)

HOME = Path(__file__).resolve().parents[3]
"""The project's own folder, where ``scripts/setup-julia`` puts its ``.tools``."""

FIX = f"run {HOME / 'scripts' / 'setup-julia'}, or install Julia 1.5 or later and set environment.executable"
DEBIAN = Path("/usr/bin/julia")
INSTALLATION_PARTS = ("bin", "lib", "libexec", "share", "etc")
PACKAGE_PARTS = ("src", "ext", "deps", "assets", "Artifacts.toml", "JuliaArtifacts.toml")
PREFERENCES = ("LocalPreferences.toml", "JuliaLocalPreferences.toml")

PROJECTS = ("JuliaProject.toml", "Project.toml")
MANIFESTS = ("JuliaManifest.toml", "Manifest.toml", "JuliaManifest-v*.toml", "Manifest-v*.toml")


def command(environment: Environment, threads: int) -> Command:
    """Julia with the declared project alone: no start-up file, no packages of the user's own environments."""
    executable = _executable(environment)
    project = Path(environment.project) if environment.project else None
    visible = [WORKERS / "worker.jl", *_installation(executable)]
    options = ["--startup-file=no", "--history-file=no", "--color=no"]
    depots: list[Path] = []
    if project is not None:
        packages = _packages(project)
        depots = _depots()
        _check_installed(project, packages, depots)
        options.append(f"--project={project}")
        visible += [*_project_files(project), *_path_dependencies(project, packages)]
        visible += _of_depots(depots, [*packages, *_own_name(project)])
    private = _libunwind(executable)
    if private is not None:
        visible.append(private)
    return Command(
        argv=(str(executable), *options, str(WORKERS / "worker.jl")),
        visible=tuple(dict.fromkeys(visible)),
        environment={
            "JULIA_NUM_THREADS": str(threads),
            # Without the user's shared environment, which no lock file of the model pins.
            "JULIA_LOAD_PATH": "@:@stdlib",
            # First the worker's own scratch, where it may write; ~ is HOME there. Last, Julia's defaults.
            "JULIA_DEPOT_PATH": ":".join(["~/.julia", *map(str, depots), ""]),
            **({"LD_LIBRARY_PATH": str(private)} if private else {}),
        },
        minimum_memory=1024 * MIB,
        fix=FIX,
    )


def fingerprint(environment: Environment) -> str:
    """Over the project's Project.toml and its manifests."""
    if not environment.project:
        return ""
    project = Path(environment.project)
    return hash_files([p for name in (*PROJECTS, *MANIFESTS) for p in sorted(project.glob(name))])


def unlocked(environment: Environment) -> str:  # noqa: ARG001 - one interface for all languages
    """Nothing: a project with dependencies and without a manifest does not start."""
    return ""


def install(environment: Environment, package: str) -> str:
    """Into the declared project; else into one of the model's own."""
    if environment.project:
        return f"julia --project='{environment.project}' -e 'using Pkg; Pkg.add(\"{package}\")'"
    return (
        f"julia --project=FOLDER -e 'using Pkg; Pkg.add(\"{package}\")', and declare "
        "environment: {project: FOLDER}"
    )


def by_path(environment: Environment) -> Mapping[str, tuple[Path, ...]]:
    """The packages that the manifest takes from a path (``dev``)."""
    if not environment.project:
        return {}
    project = Path(environment.project)
    taken = {name: [e for e in entries if "path" in e] for name, entries in _packages(project).items()}
    return {
        name: tuple(_path_dependencies(project, {name: entries}))
        for name, entries in taken.items()
        if entries
    }


# ---------------------------------------------------------------- Julia itself


def _executable(environment: Environment) -> Path:
    require_runnable(Path(environment.executable or "julia"))
    found = shutil.which(environment.executable or "julia")
    if not found:
        where = environment.executable or "julia on PATH"
        raise MissingPart("Julia is not installed here", where=where, fix=FIX)
    path = Path(found).resolve()
    if "julialauncher" in path.name:
        raise MissingPart(
            "this is juliaup's launcher, which a worker cannot use",
            where=found,
            fix="set environment.executable to what julia -e 'print(joinpath(Sys.BINDIR, \"julia\"))' prints",
        )
    return path


def _installation(executable: Path) -> Iterator[Path]:
    """What the sandbox shows besides the system's folders: Debian's settings, or an unpacked Julia."""
    if executable == DEBIAN:
        yield from (p for p in [Path("/etc/julia")] if p.is_dir())
    elif executable.parent.name == "bin" and (executable.parent.parent / "share" / "julia").is_dir():
        yield from inner(executable.parent.parent, INSTALLATION_PARTS)
    else:
        yield executable


def _libunwind(executable: Path) -> Path | None:
    """The folder of the private libunwind, which only Debian 11's Julia needs, and only on later Debians.

    Raises:
        MissingPart: It is needed but not there: Julia would die at its first exception.
    """
    old = executable == DEBIAN and any(Path("/usr/lib").glob("*/libjulia.so.1.5"))
    if not old:
        return None
    for library in sorted((HOME / ".tools" / "julia-libunwind" / "usr" / "lib").glob("*/libunwind.so.8")):
        return library.parent
    if _debian_release() > 11:
        raise MissingPart(
            "the Julia of Debian 11 crashes at its first exception on this system",
            where=str(executable),
            fix=FIX,
        )
    return None


def _debian_release() -> int:
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return 0
    found = re.search(
        r'^ID=debian$[\s\S]*^VERSION_ID="?(\d+)|^VERSION_ID="?(\d+)[\s\S]*^ID=debian$', text, re.M
    )
    return int(found[1] or found[2]) if found else 0


# ---------------------------------------------------------------- a project


def _packages(project: Path) -> dict[str, list[Mapping[str, Any]]]:
    """The manifest's entries by package name; none where the project declares no dependencies.

    Raises:
        MissingPart: There is no project, or it has dependencies but no manifest.
        ConfigError: One of the files is not TOML, or the manifest is none of Julia's.
    """
    file = next((project / name for name in PROJECTS if (project / name).is_file()), None)
    if file is None:
        raise MissingPart(
            "this folder has no Project.toml",
            where=str(project),
            fix="correct environment.project: it is the folder with Project.toml",
        )
    manifest = next((found for name in MANIFESTS for found in sorted(project.glob(name))), None)
    if manifest is None:
        if _toml(file).get("deps"):
            raise MissingPart(
                "this Julia project has no Manifest.toml", where=str(project), fix=_instantiate(project)
            )
        return {}
    content = _toml(manifest)
    # Since format 2.0 the packages are in a table of their own.
    entries = content.get("deps", {}) if "manifest_format" in content else content
    if not isinstance(entries, Mapping):
        raise _no_manifest(manifest)
    found = {name: entry for name, entry in entries.items() if isinstance(entry, list)}
    if not all(name.isidentifier() and all(map(_is_entry, entry)) for name, entry in found.items()):
        raise _no_manifest(manifest)
    return found


def _is_entry(entry: object) -> bool:
    path = entry.get("path", "") if isinstance(entry, Mapping) else None
    return isinstance(path, str) and "\0" not in path


def _no_manifest(manifest: Path) -> ConfigError:
    """Names of packages become paths in a depot, so they must be names."""
    return ConfigError(
        "this is not a valid Manifest.toml: the name or entry of a package is wrong",
        where=str(manifest),
        fix="delete it, and run Julia's Pkg.instantiate() in the project",
    )


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(bytes_of(file).decode())
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        raise ConfigError(
            f"this is not TOML{_line_of(error)}",
            where=str(file),
            fix="correct the file, or delete it and run Pkg.instantiate()",
        ) from None


def _line_of(error: Exception) -> str:
    """Where the parser stopped; the rest of its words may quote the file."""
    found = re.search(r"at line \d+, column \d+", str(error))
    return f" ({found[0]})" if found else ""


def _project_files(project: Path) -> list[Path]:
    """What Julia reads of a project's folder, which may hold anything else as well."""
    named = [p.name for name in (*PROJECTS, *MANIFESTS) for p in sorted(project.glob(name))]
    own = [name for name in PACKAGE_PARTS if _own_name(project)]
    return inner(project, [*named, *PREFERENCES, *own])


def _own_name(project: Path) -> list[str]:
    """The name of the package that a project's folder is, if it is one."""
    file = next((project / name for name in PROJECTS if (project / name).is_file()), None)
    name = _toml(file).get("name") if file else None
    is_one = isinstance(name, str) and name.isidentifier() and (project / "src" / f"{name}.jl").is_file()
    return [name] if is_one and name else []


def _path_dependencies(project: Path, packages: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[Path]:
    """What the packages that the manifest takes from a path consist of. Raises MissingPart."""
    for name, entries in packages.items():
        for path in (entry["path"] for entry in entries if "path" in entry):
            folder = (project / str(path)).resolve()
            if name not in _own_name(folder):
                raise MissingPart(
                    f"the Julia project's package {name} is not where its manifest says",
                    where=str(folder),
                    fix=f"put it there, or correct the path in {project / 'Manifest.toml'}",
                )
            yield from _project_files(folder)


def _of_depots(depots: list[Path], names: list[str]) -> Iterator[Path]:
    """These packages as they lie in the user's depots, precompiled ones and artifacts too.

    Not registries, logs or package servers' tokens; nor other projects' packages.
    """
    for depot in depots:
        for name in names:
            yield from inner(depot, [f"packages/{name}"])
            yield from (p for p in sorted(depot.glob(f"compiled/v*/{name}")) if p.is_dir())
        yield from inner(depot, ["artifacts"])


def _depots() -> list[Path]:
    """The user's depots: of JULIA_DEPOT_PATH, or the default; as Julia reads it, an empty entry is that."""
    default = Path.home() / ".julia"
    entries = os.environ.get("JULIA_DEPOT_PATH", "").split(":")
    folders = [Path(entry).expanduser() if entry else default for entry in entries]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _check_installed(
    project: Path, packages: Mapping[str, list[Mapping[str, Any]]], depots: list[Path]
) -> None:
    """Raises MissingPart naming the packages of the manifest that no depot holds."""
    missing = [
        name
        for name, entries in packages.items()
        if any("git-tree-sha1" in entry for entry in entries)
        and not any((depot / "packages" / name).is_dir() for depot in depots)
    ]
    if missing:
        names = ", ".join(missing[:5]) + (" and others" if len(missing) > 5 else "")
        raise MissingPart(
            f"packages of the Julia project are not installed: {names}",
            where=str(project),
            fix=_instantiate(project),
        )


def _instantiate(project: Path) -> str:
    return f"julia --project={project} -e 'using Pkg; Pkg.instantiate(); Pkg.precompile()'"


_SENTENCES = """
UndefVarError: {name} not defined
type {name} has no field {name}
no method matching {call}
Package {name} not found in current path
attempt to access {count}-element {call} at index
got a dimension with lengths {count} and {count}
has dimensions {shape} but
has dimensions {shape}
score gave {count} values for {count} rows in column {name}
"""

KIND = Builder(command, fingerprint, unlocked, by_path, install, sentences=_SENTENCES)
