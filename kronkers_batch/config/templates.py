"""``defaults: [/template/NAME, ...]``: templates merged under a file; each value keeps its file and line.

Mappings are merged key by key; lists and single values of the later one replace the earlier one's. The file
itself always wins over its templates, and of two templates the later one wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from dataclasses import replace

from kronkers_batch.config.nodes import Mapping, Node, Scalar, Sequence, shown
from kronkers_batch.config.problems import Problems, suggest

_REFERENCE = re.compile(r"/?template/([^/]+)\Z")
_IDENTITY = ("_target_", "function")  # a mapping that says another one of these replaces, and is not merged


def merge(base: Node, over: Node) -> Node:
    """``over`` laid on ``base``; neither is changed."""
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)) or is_another(base, over):
        return over
    items = dict(base.items)
    for key, node in over.items.items():
        items[key] = merge(items[key], node) if key in items else node
    return replace(over, items=items, reported=base.reported or over.reported)


def is_another(base: Mapping, over: Mapping) -> bool:
    """Whether ``over`` names another class or function, and so replaces ``base``."""
    return any(
        k in over.items and k in base.items and not _same(base.items[k], over.items[k]) for k in _IDENTITY
    )


def _same(a: Node, b: Node) -> bool:
    return isinstance(a, Scalar) and isinstance(b, Scalar) and a.value == b.value


def apply(tree: Node, templates: MappingType[str, Node], problems: Problems) -> Node:
    """The tree with its templates merged under it and ``defaults`` taken out."""
    return _apply(tree, templates, problems, ())


def _apply(
    tree: Node, templates: MappingType[str, Node], problems: Problems, inside: tuple[str, ...]
) -> Node:
    if not isinstance(tree, Mapping) or "defaults" not in tree.items:
        return tree
    own = Mapping(tree.file, tree.line, {k: v for k, v in tree.items.items() if k != "defaults"})
    base: Node = Mapping(tree.file, tree.line, {})
    for name, node in _names(tree.items["defaults"], problems):
        if name not in templates:
            problems.add(node.origin("defaults"), f"there is no template '{name}'", suggest(name, templates))
            base = replace(base, reported=True)
        elif name in inside:
            chain = " > ".join((*inside, name))
            problems.add(
                node.origin("defaults"),
                f"templates include each other: {chain}",
                "remove one of them from its defaults",
            )
        else:
            base = merge(base, _apply(templates[name], templates, problems, (*inside, name)))
    return merge(base, own)


def _names(defaults: Node, problems: Problems) -> list[tuple[str, Node]]:
    fix = "write defaults: [/template/NAME, ...]; the templates are the files of conf/template/"
    if not isinstance(defaults, Sequence):
        problems.add(defaults.origin("defaults"), f"found {shown(defaults)}, where a list is expected", fix)
        return []
    names = []
    for i, item in enumerate(defaults.items):
        text = item.value if isinstance(item, Scalar) else None
        if text == "_self_" and i == len(defaults.items) - 1:
            continue  # Hydra's word for "and then this file", which is always so here
        match = _REFERENCE.match(text) if isinstance(text, str) else None
        if match:
            names.append((match[1], item))
        else:
            problems.add(item.origin("defaults"), f"found {shown(item)}, where a template is expected", fix)
    return names
