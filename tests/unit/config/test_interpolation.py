"""``${...}`` as OmegaConf reads it; what else it knows is in tests/composing/differences.py."""

from __future__ import annotations

import pytest

from kronkers_batch.config import interpolation, nodes, yamlparse
from kronkers_batch.config.problems import Problems

SAID = "seed: 3\nparameters: {b: 2, t: true, n: null, l: [1], a: %s}\n"


def resolved(text: str, **environ: str) -> object:
    problems = Problems()
    quoted = "'" + text.replace("'", "''") + "'"
    tree = yamlparse.parse((SAID % quoted).encode(), "file", problems)
    assert tree is not None
    found = nodes.plain(interpolation.resolve(tree, environ, problems))["parameters"]["a"]
    problems.raise_if_any()
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"\${seed}", "${seed}"),
        (r"\\${seed}", "\\3"),
        (r"\\\${seed}", r"\${seed}"),
        (r"\\\\x${seed}", r"\\\\x3"),
        (r"${.b}\${x}\\${.b}", r"2${x}\2"),
    ],
)
def test_backslashes_before_an_interpolation(text: str, found: str) -> None:
    assert resolved(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${oc.env:X,null}", None),
        ("${oc.env:X,NULL}", None),
        ("${oc.env:X,'null'}", "null"),
        ("${oc.env:X,${.n}}", None),
        ("${oc.env:X,${.b}}", "2"),
        ("${oc.env:X,${.t}}", "true"),
        ("${oc.env:X,'a}b'}", "a}b"),
        (r"${oc.env:X,'it\'s'}", "it's"),
        (r"${oc.env:X,'a\\'}", "a\\"),
        ("${oc.env:X,it's}", "it's"),
        ("${oc.env:X,'x${oc.env:Y,'z'}'}", "xz"),
        ("x${oc.env:X,'}'}${.b}", "x}2"),
    ],
)
def test_defaults(text: str, found: object) -> None:
    assert resolved(text) == found
    assert str(resolved(text, X="set")).startswith(("set", "xset"))


def test_a_default_of_null_is_no_value_of_the_environment() -> None:
    problems = Problems()
    tree = yamlparse.parse(b"a: ${oc.env:X,null}\nb: ${oc.env:X,${c}}\nc: 1\n", "file", problems)
    assert tree is not None
    found = interpolation.resolve(tree, {}, problems)
    assert isinstance(found, nodes.Mapping)
    assert [node.environment for node in found.items.values()] == ["", "X", ""]


def test_a_list_is_no_default() -> None:
    with pytest.raises(Exception, match="a list cannot be a default"):
        resolved("${oc.env:X,${.l}}")


def test_dots_lead_up_and_not_out_of_the_file() -> None:
    assert resolved("${..seed}") == 3
    with pytest.raises(Exception, match=r"'\.\.\.' leads out of the file"):
        resolved("${...b}")


def test_many_commas_and_quotes_take_little_time() -> None:
    for part in (",'", ', "', ",'\\", ",\\'"):
        text = "${oc.env:X" + part * 50_000
        with pytest.raises(Exception, match="without its '}'"):
            resolved(text)
