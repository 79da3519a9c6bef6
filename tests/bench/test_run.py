"""The bench itself: what it measures of a process, that it compares restores, how it judges."""

import os
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench.chart import chart
from bench.measure import Run, measure, medians
from bench.report import Results, judge, table
from bench.run import Bench
from escrow.errors import IntegrityError

pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="the bench measures with os.wait4")


class Copier:
    """A peer that copies folders, and spoils one byte when told to."""

    name = "copier"

    def __init__(self, source: Path, repo: Path, spoil: str = "") -> None:
        self.source, self.repo, self.spoil = source, repo, spoil

    def version(self) -> str:
        return "1"

    def init(self) -> None:
        shutil.rmtree(self.repo, ignore_errors=True)

    def backup(self, night: int) -> Run:
        shutil.copytree(self.source, self.repo / str(night))
        return Run(1.0, 2.0, 3.0, 0)

    def restore_all(self, snapshot: int, to: Path) -> Run:
        shutil.copytree(self.repo / str(snapshot), to, dirs_exist_ok=True)
        if self.spoil:
            with (to / self.spoil).open("r+b") as file:
                file.write(b"X")
        return Run(1.0, 2.0, 3.0, 0)

    def restore_one(self, snapshot: int, path: str, to: Path) -> Run:
        (to / path).parent.mkdir(parents=True)
        shutil.copy(self.repo / str(snapshot) / path, to / path)
        return Run(1.0, 2.0, 3.0, 0)

    def repo_bytes(self) -> int:
        return sum(p.stat().st_size for p in self.repo.rglob("*") if p.is_file())


def _bench(work: Path, spoil: str = "") -> Bench:
    results = Results(4, 1, 2, quick=False, machine={"cores": "2"})
    return Bench(work, [Copier(work / "source", work / "repo", spoil)], 7, results)


def _results(**ours: float) -> Results:
    results = Results(500, 1, 1, quick=False, machine={})
    for peer, factor in (("restic", 1.0), ("borg-small", 0.3), ("escrow", ours.get("factor", 0.07))):
        for operation in ("first night", "later night", "whole restore"):
            run = Run(10 * factor, 10 * factor, ours.get("memory", 100.0), 0)
            results.add(peer, operation, run, int(1e8 * factor))
    return results


def test_measures_cpu_memory_and_exit_code_of_grandchildren(tmp_path: Path) -> None:
    child = "x = bytearray(64 << 20); [i for i in range(10**6)]"
    code = f"""import subprocess, sys
subprocess.run([sys.executable, "-c", {child!r}])
print(1, file=sys.stderr)
sys.exit(3)"""
    run = measure([sys.executable, "-c", code], cwd=tmp_path, env=os.environ)
    assert (run.exit_code, run.errors) == (3, "1\n")
    assert 64 < run.rss_mib < 120
    assert 0.02 < run.cpu < 2


def test_the_benchs_own_memory_is_not_counted(tmp_path: Path) -> None:
    ballast = bytearray(os.urandom(1) * (150 << 20))
    assert measure(["true"], cwd=tmp_path, env=os.environ).rss_mib < 60
    assert len(ballast) == 150 << 20


def test_medians_keep_the_largest_peak() -> None:
    runs = [Run(1, 9, 50, 0), Run(3, 7, 70, 0), Run(2, 8, 60, 1)]
    assert medians(runs) == Run(2, 8, 70, 1)


def test_bench_counts_growth_and_compares_restores(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    bench.first_night(4, 2)
    bench.later_night()
    bench.restores(2)
    sizes = bench.results.added["copier"]
    assert [len(runs) for runs in bench.results.runs["copier"].values()] == [2, 1, 2, 2]
    assert sizes["first night"][0] == sizes["first night"][1] < sizes["later night"][0]
    assert not (tmp_path / "restored").exists()


def test_a_restore_that_differs_in_a_byte_stops_the_bench(tmp_path: Path) -> None:
    bench = _bench(tmp_path, spoil="pupils.csv")
    bench.first_night(4, 1)
    with pytest.raises(IntegrityError, match=r"night 0 back byte for byte.*pupils\.csv") as caught:
        bench.restores(1)
    assert caught.value.code == "bench-restore-differs"


def test_targets_are_judged_by_ratio() -> None:
    assert {verdict.words for verdict in judge(_results())} == {"stretch", "pass"}
    words = [verdict.words for verdict in judge(_results(factor=0.125, memory=201))]
    assert words == ["FAIL", "FAIL", "stretch", "stretch", "stretch", "stretch", "FAIL"]


def test_what_was_not_measured_does_not_pass() -> None:
    results = _results()
    del results.runs["escrow"], results.added["escrow"]
    assert {(verdict.words, verdict.held) for verdict in judge(results)} == {("not measured", False)}


def test_table_and_chart_show_every_tool() -> None:
    results = _results()
    results.skipped["borg"] = "expected the program borg"
    text = table(results)
    assert "| later night | MB added | 100 | 30.0 | 7.00 | 0.30 | 0.07 |" in text
    assert "- borg, not measured: expected the program borg" in text
    picture = ET.fromstring(chart(results))
    assert len(picture.findall("{http://www.w3.org/2000/svg}rect")) == 1 + 6 * 3
