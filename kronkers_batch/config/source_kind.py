"""What a kind of source declares: its keys in YAML, and by them which places it names.

A place is always one of the keys ``FILES``, ``INSIDE`` and ``URL`` below, and every kind must say by exactly
one key where its rows come from. So no kind can name a place that is not claimed for its department, compared
with the forbidden places, covered by the signature and, where it is of files, held to the signed folder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from kronkers_batch.config import source_fields as fields
from kronkers_batch.config.databases import file_of
from kronkers_batch.config.fields import Field
from kronkers_batch.config.nodes import Mapping as Tree
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import SourceSpec


class Leads(Enum):
    """Where the value of a key leads."""

    NOWHERE = auto()  # it is no place
    FILES = auto()  # to a file of this machine, or to those that fit a pattern
    INSIDE = auto()  # to a part of something that is named otherwise, such as a package
    ADDRESS = auto()  # to a database: a server's, or a file of SQLite


@dataclass(frozen=True)
class Key:
    """A key that a kind has besides those of every source.

    ``words`` say what it is for this kind; kinds that have the same key share its field.
    """

    field: Field
    words: str
    required: bool = False
    leads: Leads = Leads.NOWHERE

    @property
    def name(self) -> str:
        """The key itself."""
        return self.field.name


COLUMNS = Key(fields.COLUMNS, "", required=True)
FILES = Key(fields.PATH, "file or glob", required=True, leads=Leads.FILES)
INSIDE = Key(fields.PATH, "the file inside the package", required=True, leads=Leads.INSIDE)
URL = Key(
    fields.URL,
    "sqlite:////PATH or postgresql://USER@HOST/NAME, a password by `${oc.env:NAME}`",
    required=True,
    leads=Leads.ADDRESS,
)
CSV = Key(fields.CSV, "how the file is written")
OUTPUT = Key(fields.OUTPUT, "the model whose published output this is", required=True)
INPUTS = Key(fields.INPUTS, "the tables of the SQL, each a source or a model's output", required=True)
TIME_LIMIT = Key(fields.TIME_LIMIT, "how long reading may take. A watermark may take as long, but at most 5m")

_PLACES = {fields.PATH.name: (Leads.FILES, Leads.INSIDE), fields.URL.name: (Leads.ADDRESS,)}
_EVERYWHERE = {  # what every source has already
    field.name
    for field in dataclasses.fields(SourceSpec)
    if field.default is field.default_factory is dataclasses.MISSING
} | {"options"}


@dataclass(frozen=True)
class SourceKind:
    """A kind of source as it is declared; how it is read is in ``data/source_kinds/NAME.py``.

    Args:
        name: What ``kind:`` says.
        keys: Its keys, besides those of every source.
        is_dated: Its rows belong to dates, although no column of them says so: windows select them.

    Raises:
        ValueError: It says nothing of where its rows come from, or names a place that nobody would look at.
    """

    name: str
    keys: tuple[Key, ...]
    is_dated: bool = False

    def __post_init__(self) -> None:
        for key in self.keys:
            if key.name in _EVERYWHERE:
                raise ValueError(f"the source kind {self.name} takes the key {key.name} for itself")
            allowed = _PLACES.get(key.name, (Leads.NOWHERE,))
            if key.leads not in allowed or key.field.kind.environment != (key.name in _PLACES):
                raise ValueError(
                    f"the key {key.name} of the source kind {self.name} may be a place that nobody looks at: "
                    "use FILES, INSIDE or URL"
                )
        if not self.columns_required and not self.is_output:
            raise ValueError(f"the source kind {self.name} has rows of columns that nobody declares")
        origins = [key for key in self.keys if key.leads is not Leads.NOWHERE or key in (OUTPUT, INPUTS)]
        if len(origins) != 1:
            raise ValueError(f"the source kind {self.name} must say where its rows come from, by one key")

    @property
    def columns_required(self) -> bool:
        """Whether ``columns:`` must be there; else they are those of its output."""
        return COLUMNS in self.keys

    @property
    def is_output(self) -> bool:
        """Whether its rows are a model's published output."""
        return OUTPUT in self.keys

    @property
    def has_files(self) -> bool:
        """Whether its ``path`` is of files of this machine."""
        return any(key.leads is Leads.FILES for key in self.keys)

    @property
    def is_inside(self) -> bool:
        """Whether its ``path`` is of something else than this machine's files."""
        return any(key.leads is Leads.INSIDE for key in self.keys)

    @property
    def place_key(self) -> str:
        """The key that names a place of this machine or a server; empty where none does."""
        leading = (Leads.FILES, Leads.ADDRESS)
        return next((key.name for key in self.keys if key.leads in leading), "")

    def claimed(self, source: SourceSpec) -> str:
        """The file or pattern that a source of it declares, absolute; empty where it declares none."""
        if self.has_files:
            return source.path
        return file_of(source.url.reveal()) if source.url is not None else ""

    def check(self, values: Mapping[str, object], tree: Tree, problems: Problems) -> None:
        """Adds what is wrong with the values of one file, and is not of a single key."""
        del values, tree, problems

    def remarks(self, source: SourceSpec) -> Iterator[str]:
        """What is no error in a source, and yet is to be known: words behind "source NAME "."""
        del source
        yield from ()
