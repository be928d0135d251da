"""An empty database in the place of the warehouse's: a night must not begin a new one without a word."""

import shutil

import pytest

from tests.faults.departments import Departments
from tests.faults.test_forged_logs import change


def emptied(company: Departments) -> None:
    for path in company.database.parent.glob("warehouse.db*"):
        path.unlink()


@pytest.mark.parametrize("who", ["nightly", "admin"])
def test_an_empty_database_gets_no_new_administrator(company, who):
    emptied(company)
    one = company.by(who)
    before = sorted(one.key_file.parent.iterdir())
    done = one.run("run", "buys", code=4)
    assert "the database is empty, and there are checkpoints" in done.stderr
    assert "restore the newest backup" in done.stderr
    assert sorted(one.key_file.parent.iterdir()) == before
    assert not company.database.exists()
    one.run("plan", "--new-warehouse")


def test_a_warehouse_without_the_row_that_names_it_is_damaged_not_new(company):
    change(company, "DELETE FROM warehouse")
    shutil.rmtree(company.folder / "var/checkpoints")
    done = company.by("admin").run("run", "buys", code=4)
    assert "the table warehouse is empty, and other tables" in done.stderr
