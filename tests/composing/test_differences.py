"""Every listed difference is one, and the page lists them."""

from __future__ import annotations

from tests.composing import differences
from tests.composing.both import REFUSED, here, hydra, hydra_root, part, root_here, shown


def test_each_listed_difference_is_one() -> None:
    rows = list(differences.rows())
    wanted = [(row.says, row.hydra, row.here) for row in rows]
    ours = [here(row.written) for row in rows]
    together = [row for row in rows if row.hydra != REFUSED]
    alone = [row for row in rows if row.hydra == REFUSED]
    theirs = dict(zip([r.says for r in together], hydra([r.written for r in together]), strict=True))
    theirs |= {row.says: hydra([row.written])[0] for row in alone}
    found = [
        (row.says, shown(part(theirs[row.says], row.key)), shown(part(mine, row.key)))
        for row, mine in zip(rows, ours, strict=True)
    ]
    assert [f for f in found if f not in wanted] == []
    assert all(row.hydra != row.here for row in rows)


def test_each_listed_difference_of_the_root_is_one() -> None:
    rows = list(differences.root_rows())
    # Overrides of different keys: Hydra composes them all at once.
    together = hydra_root(differences.ROOT_FILES, [row.override for row in rows if row.override])
    found = []
    for row in rows:
        theirs = together if row.override else hydra_root(row.files)
        mine = root_here(row.files, [row.override] if row.override else [])
        found.append((row.says, shown(part(theirs, row.key)), shown(part(mine, row.key))))
    wanted = [(row.says, row.hydra, row.here) for row in rows]
    assert [f for f in found if f not in wanted] == []
    assert all(row.hydra != row.here for row in rows)


def test_no_row_is_there_twice() -> None:
    says = [row.says for row in (*differences.rows(), *differences.root_rows())]
    assert len(says) == len(set(says))


def test_the_page_is_current() -> None:
    assert differences.PAGE.read_text(encoding="utf-8") == differences.page(), (
        "run: python -m tests.composing.differences"
    )
