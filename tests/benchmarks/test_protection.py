"""What encryption, signatures and the ledger cost of a nightly run: under 5 % is the aim.

A run counts for itself what it spends on them (``programs/guarded.py``), so that share is of one and the same
run; and in turn with it runs one that leaves the bulk of it out. Rows by KRONKERS_BENCH_ROWS (1,000,000);
medians of KRONKERS_BENCH_ROUNDS (3).
"""

import json
import statistics

import pytest

from tests.benchmarks.measure import Timing, in_turn, median, timed
from tests.benchmarks.project import ROOT, ROUNDS, ROWS
from tests.benchmarks.test_scoring import bench

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]

KINDS = ("sealing", "signing", "ledger")


def test_what_protection_costs_of_a_night(tmp_path, capsys):
    project = bench(tmp_path)
    counts = tmp_path / "counts.json"
    found = []

    def night(mode: str) -> Timing:
        project.use(ROWS)
        words = ["run", "--date", project.next_date(), "--conf", str(project.conf)]
        timing = timed(project.program("guarded", mode, counts, *words), ROOT, project.environment)
        if mode == "full":
            found.append(json.loads(counts.read_text()))
        return timing

    results = in_turn({mode: lambda mode=mode: night(mode) for mode in ("full", "bare")}, ROUNDS)
    with capsys.disabled():
        print(f"\nof a night of {ROWS:,} rows   processor's seconds      by the clock, at most")
        for kind in (*KINDS, "whole"):
            cpu, clock = (statistics.median(f[kind][how] for f in found) for how in ("processor", "clock"))
            print(f"  {kind:10} {cpu:26.3f} s {clock:24.3f} s")
        for how in ("processor", "clock"):
            shares = [sum(f[kind][how] for kind in KINDS) / f["whole"][how] for f in found]
            print(f"  together, {how}: {100 * statistics.median(shares):.1f} %")
        full, bare = median(results["full"]), median(results["bare"])
        print(f"  the night {full:.2f} s, without it {bare:.2f} s: {100 * (full / bare - 1):+.1f} %")
    assert all(f[kind]["calls"] > 0 for f in found for kind in KINDS)
