"""Which department may use a variable of the environment: like a file, it belongs to who declares it.

The service's environment holds secrets of several departments, and whoever writes a URL decides to which
server a secret is sent. So a variable that a department has in the URL of a server is used by no other
department, and what the root has in its alerts or in the warehouse's URL by none. Where two departments have
the same one in such a URL, neither may use it: nothing in conf says whose it was first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kronkers_batch.config import databases
from kronkers_batch.config.nodes import Mapping, Node, Scalar, mentions, walk
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import Origin

_USED = re.compile(r"oc\.env\s*:\s*([A-Za-z_][A-Za-z0-9_]*)")
ROOT = ""


@dataclass(frozen=True)
class Use:
    """A variable in a file of a department (or of the root); ``claims`` says that it is a secret there."""

    variable: str
    department: str
    claims: bool
    origin: Origin


def uses(tree: Node, department: str, *, claims: bool) -> Iterator[Use]:
    """Every variable that a file names, before its values are put in."""
    for key, node in walk(tree) if mentions(tree, "${") else ():
        if isinstance(node, Scalar) and isinstance(node.value, str) and "${" in node.value:
            for name in _USED.findall(node.value):
                yield Use(name, department, claims, node.origin(key))


def has_server(tree: Node) -> bool:
    """Whether a file's ``url`` may be of a server: all but what begins as the address of a file."""
    url = tree.items.get("url") if isinstance(tree, Mapping) else None
    return url is not None and not (isinstance(url, Scalar) and databases.begins_as_file(url.value))


def check(found: Iterable[Use], problems: Problems) -> None:
    """Reports each use of a variable that is another department's, or the root configuration's."""
    every = list(found)
    owners: dict[str, set[str]] = {}
    for use in every:
        if use.claims:
            owners.setdefault(use.variable, set()).add(use.department)
    for use in every:
        others = owners.get(use.variable, set()) - {use.department}
        if others and use.department != ROOT:
            whose = min(others)
            who = (
                f"the department {whose} has it in the URL of a server"
                if whose
                else "the root configuration uses it"
            )
            problems.add(
                use.origin,
                f"the environment variable {use.variable} may not be used here: {who}",
                "Use a variable of this department's own. To read data of another department, name its "
                "source, and ask its owner to list this department under shared_with.",
            )
