"""Three models as departments write them: classes in R with a folder of files, a forecast in Julia, odd
payments in Python. Each is at most 25 lines of YAML. On request only: three trainings with final fits.
"""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.e2e.company import ROOT, Project
from tests.e2e.lab import project_of, told

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
EXAMPLES = Path(__file__).parent / "examples"
DATE = "2025-08-01"
WORDS = {
    "motor": "car crash tyre", "home": "water roof kitchen", "travel": "flight hotel bag",
    "legal": "court lawyer letter",
}  # fmt: skip


def claims(rng: np.random.Generator, n: int = 9000) -> pl.DataFrame:
    """Claims of 300 days; what the desk is stands in the text."""
    desk = rng.choice(list(WORDS), n, p=[0.45, 0.3, 0.2, 0.05])
    hours = np.sort(rng.uniform(0, 24 * 300, n))
    return pl.DataFrame(
        {
            "claim": [f"K{number:06d}" for number in range(n)],
            "at": [dt.datetime(2025, 1, 1, 8) + dt.timedelta(hours=float(hour)) for hour in hours],
            "text": [" ".join(rng.permutation([*WORDS[one].split(), "the", "a"])[:4]) for one in desk],
            "channel": rng.choice(["web", "phone", "mail"], n),
            "amount": [None if rng.random() < 0.05 else float(rng.gamma(2, 300)) for _ in range(n)],
            "region": rng.choice(["north", "east", "south", "west"], n),
            "desk": desk,
            "handling_minutes": rng.integers(5, 90, n),
        }
    )


def store_days(rng: np.random.Generator, stores: int = 40) -> pl.DataFrame:
    """Days of stores, of the last 28 of them only what is known ahead."""
    rows: list[tuple[object, ...]] = []
    for store in range(stores):
        base, week = rng.gamma(5, 8), rng.uniform(0.6, 1.4, 7)
        for number in range(240):
            day, promo = dt.date(2025, 1, 1) + dt.timedelta(days=number), bool(rng.random() < 0.1)
            price, warm = float(rng.uniform(1, 3)), float(rng.normal(10, 5))
            sold = int(rng.poisson(base * week[day.weekday()] * (1.5 if promo else 1)))
            known = (warm, sold) if number < 212 else (None, None)
            rows.append((f"S{store:03d}", day, "ns"[store % 2], 50.0 + store, price, promo, *known))
    names = ["store", "day", "region", "size", "price", "promo", "temperature", "sold"]
    return pl.DataFrame(rows, schema=names, orient="row")


def payments(rng: np.random.Generator, n: int = 20_000) -> pl.DataFrame:
    """Payments of 120 days."""
    minutes = np.sort(rng.uniform(0, 1440 * 120, n))
    at = [dt.datetime(2025, 5, 1) + dt.timedelta(minutes=float(one)) for one in minutes]
    return pl.DataFrame(
        {
            "payment": range(n),
            "at": at,
            "amount": np.round(rng.lognormal(4, 1, n), 2),
            "hour": [one.hour for one in at],
            "country": rng.choice(["DE", "FR", "PL", "US"], n, p=[0.7, 0.15, 0.1, 0.05]),
            "method": rng.choice(["card", "sepa"], n),
            "days_since_last": [None if rng.random() < 0.1 else float(rng.exponential(5)) for _ in range(n)],
        }
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = project_of(tmp_path_factory.mktemp("examples"))
    (made.folder / "conf/source/orders.yaml").unlink()
    for folder, to in (("model", "conf/model"), ("source", "conf/source"), ("code", "models")):
        shutil.copytree(EXAMPLES / folder, made.folder / to, dirs_exist_ok=True)
    shutil.copytree(ROOT / "conf/template", made.folder / "conf/template")
    for department in ("claims", "finance"):
        made.write(f"conf/department/{department}.yaml", "owner: Ann\n")
    rng = np.random.default_rng(5)
    for rows in (claims, store_days, payments):
        path = made.folder / f"data/{rows.__name__}.csv"
        rows(rng).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S")
    return made


def test_each_is_short() -> None:
    for path in (EXAMPLES / "model").iterdir():
        assert len(path.read_text().splitlines()) <= 25, path.name


def test_each_is_trained_and_published(project: Project) -> None:
    found = told(project, "claim_desk", "store_demand", "--date", DATE)
    assert "claim_desk@1 promoted" in found["claim_desk"]
    assert "refit on all" in found["claim_desk"]
    assert "published (1,120 rows) by store_demand@1" in found["store_demand"]
    first = told(project, "odd_payments", "--date", DATE, code=1)["odd_payments"]
    assert "there is no champion yet to compare with" in first
    project.run("promote", "odd_payments@1", "--why", "the first one")
    assert "published" in told(project, "odd_payments", "--date", DATE)["odd_payments"]
    again = project.json("train", "odd_payments", "--force", "--date", "2025-08-02")
    assert "compared with odd_payments@1" in str(again)
