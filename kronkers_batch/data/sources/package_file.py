"""A file that ships inside an installed Python package; the package itself is never imported."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources.place import Place
from kronkers_batch.errors import MissingPart


def distribution(source: SourceSpec) -> metadata.Distribution:
    """The installed package. Raises MissingPart."""
    try:
        return metadata.distribution(source.package)
    except metadata.PackageNotFoundError:
        raise MissingPart(
            f"the Python package {source.package} is not installed",
            where=str(Place.of(source)),
            fix=f"Install it into the program's environment: pip install {source.package}",
        ) from None


def locate(source: SourceSpec) -> Path:
    """The declared file, found in the package's own list of files. Raises SourceError, MissingPart.

    ``path`` may be the whole path in the package or its end (``data/flights.csv``); a file that ships
    zipped is found by its name without ``.zip``.
    """
    place = Place.of(source).at(f"package {source.package}")
    wanted = tuple(Path(source.path).parts)
    files = distribution(source).files or []
    # The list is the package's own: a name in it may not lead out of the folder of packages.
    inside = [f for f in files if ".." not in f.parts and not f.is_absolute()]
    data = [f for f in inside if f.name.endswith((".csv", ".csv.gz", ".csv.zip", ".parquet"))]
    for ending in ("", ".zip", ".gz"):
        parts = (*wanted[:-1], wanted[-1] + ending)
        found = [f for f in data if f.parts[-len(parts) :] == parts]
        if len(found) > 1:
            raise place.error(
                f"{len(found)} files of the package end in {source.path}",
                f"Write more of the path: python -m pip show --files {source.package} lists them.",
                "\n".join(map(str, found)),
            )
        if found:
            return Path(str(found[0].locate()))
    raise place.error(
        f"the package has no file {source.path}, but {len(data)} other CSV and Parquet files",
        f"Correct `path:`: python -m pip show --files {source.package} lists them.",
        "\n".join(map(str, data)),
    )
