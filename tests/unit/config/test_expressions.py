from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kronkers_batch.config import expressions as ex
from kronkers_batch.config.expressions import ExpressionError, columns, parse


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a > 0", ex.Comparison(">", ex.Name("a"), ex.Literal(0))),
        (
            "0 < a <= 9.5",
            ex.And(
                (
                    ex.Comparison("<", ex.Literal(0), ex.Name("a")),
                    ex.Comparison("<=", ex.Name("a"), ex.Literal(9.5)),
                )
            ),
        ),
        ("not isnull(a)", ex.Not(ex.Call("isnull", ex.Name("a")))),
        ("a in ['x', 'y']", ex.Membership(ex.Name("a"), ("x", "y"), False)),
        ("a not in [1, -2]", ex.Membership(ex.Name("a"), (1, -2), True)),
        ("flag", ex.Name("flag")),
        ("flag == true", ex.Comparison("==", ex.Name("flag"), ex.Literal(True))),
        ("`odd name` > 1", ex.Comparison(">", ex.Name("odd name"), ex.Literal(1))),
        ('col("odd `name`") > 1', ex.Comparison(">", ex.Name("odd `name`"), ex.Literal(1))),
        ("a == '`x`'", ex.Comparison("==", ex.Name("a"), ex.Literal("`x`"))),
        (
            "abs(a - b) % 2 == -1 or length(c) < 3",
            ex.Or(
                (
                    ex.Comparison(
                        "==",
                        ex.Arithmetic(
                            "%",
                            ex.Call("abs", ex.Arithmetic("-", ex.Name("a"), ex.Name("b"))),
                            ex.Literal(2),
                        ),
                        ex.Negate(ex.Literal(1)),
                    ),
                    ex.Comparison("<", ex.Call("length", ex.Name("c")), ex.Literal(3)),
                )
            ),
        ),
        ("a > 0\n  and b > 0", parse("a > 0 and b > 0")),
    ],
)
def test_trees(text: str, tree: ex.Expression) -> None:
    assert parse(text) == tree


def test_columns_once_in_order() -> None:
    assert columns(parse("b > a and `c d` in [1] and b < 2 and not isnull(-e)")) == ("b", "a", "c d", "e")


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a >", 3),
        ("a > 0 and b.c > 1", 11),
        ("  a > x[0]", 7),
        ("`odd name` > b.c", 14),
        ("(lambda: 1)() > 0", 1),
        ("open('x') == 1", 1),
        ("abs(a, b) > 1", 1),
        ("a > 1j", 5),
        ("a == null", 6),
        ("a is None", 6),
        ("a in b", 6),
        ("a ** 9 > 1", 1),
        ("[x for x in a] == 1", 1),
        ("f'{a}' == 'x'", 1),
        ("(a := 1) > 0", 2),
        ("a + 1", 1),
        ("1", 1),
        ("a > 1e999", 5),
        ("", 1),
    ],
)
def test_refused_with_its_place(text: str, column: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.column == column


@pytest.mark.parametrize(
    "text", ["a > 0 and " * 300 + "a > 0", "(" * 900 + "a", "-" * 1900 + "a > 0", "a > " + "9" * 1990]
)
def test_large_ones_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@given(st.text(alphabet="ab01 .<>=!()[]'\"`+-*/%,\\\n:{}@#_and or not in null", max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        tree = parse(text)
    except ExpressionError as error:
        place = error.column
    else:
        place = 1
        assert all(isinstance(c, str) for c in columns(tree))
    assert 1 <= place <= len(text) + 2
