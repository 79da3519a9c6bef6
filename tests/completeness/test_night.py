"""A night with completeness: profiles in the sealed list, codes in the notice, nothing read twice, nothing stopped."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from escrow_cli import demo_school

from escrow.completeness import Expectation, Expected, Terms, from_json
from escrow.completeness.learn import learn
from escrow.completeness.reader import FileReader
from escrow.engine.memory import write_report
from escrow.engine.night import Agent, NightReport, Work, run_night
from escrow.engine.ports import NoProgress
from escrow.engine.profile_memory import remembered_nights
from escrow.engine.profiling import Watch
from escrow.engine.state import State
from escrow.source import FolderSource
from escrow.store import FolderStore, MemoryStore
from tests.engine.kit import AGENT, RULES, FixedClock, School, write_tree

MONDAY = datetime(2026, 11, 9, 19, 0, tzinfo=UTC)
PUPILS = b"UPN,Surname,Born\r\n" + b"".join(b"Z%012d,Name %d,2012-03-%02d\r\n" % (n, n, n % 28 + 1) for n in range(300))


def school(folder: Path) -> School:
    clock = FixedClock(MONDAY)
    return School(folder, MemoryStore(clock=clock.now), clock)


def night(place: School, files: Mapping[str, bytes] | None, expectation: Expectation | None = None) -> NightReport:
    if files is not None:
        write_tree(place.source, files)
    state = State.open(place.state)
    try:
        agent = Agent(place.store, state, AGENT, place.clock, place.anchor)
        watch = Watch(FileReader, expectation, remembered_nights(place.state))
        return run_night(agent, Work([FolderSource("mis", place.source)], RULES, lambda: True, watch), NoProgress())
    finally:
        state.close()
        place.clock.at += timedelta(days=1)


def profiles(place: School) -> dict[bytes, object]:
    return {
        entry.path: entry.profile
        for view in place.views()
        for entry in view.entries()
        if getattr(entry, "profile", None) is not None
    }


def test_the_profile_stands_in_the_list_and_stays_with_what_is_not_read_again(tmp_path: Path) -> None:
    place = school(tmp_path)
    night(place, {"pupils.csv": PUPILS, "letter.pdf": b"%PDF"})
    first = profiles(place)
    assert set(first) == {b"mis/pupils.csv"}
    profile = from_json(first[b"mis/pupils.csv"])  # type: ignore[arg-type]
    upn, _, born = profile.columns
    assert (profile.rows, upn.distinct, upn.invalid) == (300, 300, 289)
    assert (born.least, born.most) == ("2012-03-01", "2012-03-28")
    report = night(place, None)
    assert sum(one.unchanged for one in report.compartments.values()) == 2
    assert profiles(place) == first
    assert [one.datasets["mis/pupils.csv"].rows for one in remembered_nights(place.state)] == [300, 300]


def test_a_list_of_before_is_read_once_more(tmp_path: Path) -> None:
    place = school(tmp_path)
    write_tree(place.source, {"pupils.csv": PUPILS})
    assert place.night(sources=[FolderSource("mis", place.source)]).findings == ()
    assert profiles(place) == {}
    assert sum(one.unchanged for one in night(place, None).compartments.values()) == 0
    assert set(profiles(place)) == {b"mis/pupils.csv"}


EXPECTED = Expected("mis/pupils.csv", "pupils", columns=("UPN", "Surname", "Born"), ids=("UPN",), changes=True)
CONFIRMED = Expectation("2026-11-09 by a test", Terms(), (EXPECTED,))


@pytest.mark.parametrize(
    ("files", "codes"),
    [
        ({"pupils.csv": PUPILS[:3000] + b"\r\n"}, ("rows-fell_pupils",)),
        ({"pupils.csv": PUPILS}, ("identical_pupils",)),
        ({}, ("dataset-missing_pupils",)),
        ({"pupils.csv": b""}, ("unreadable_pupils",)),
        ({"pupils.csv": PUPILS.replace(b"Born", b"Age")}, ("column-missing_pupils",)),
        ({"pupils.csv": PUPILS.replace(b"UPN", b"Key"), "more.csv": PUPILS}, ("ids-gone_pupils",)),
        ({"pupils.csv": re.sub(rb"Name [0-9]+", b"", PUPILS)}, ("column-empty_pupils",)),
        ({"pupils.csv": PUPILS + PUPILS.split(b"\n", 1)[1] * 3}, ("rows-multiplied_pupils",)),
        ({"pupils.csv": PUPILS[:-5] + b'"'}, ("unreadable_pupils",)),
    ],
)
def test_a_night_that_looks_wrong_is_deposited_and_told(
    tmp_path: Path, files: dict[str, bytes], codes: tuple[str, ...]
) -> None:
    place = school(tmp_path)
    first = night(place, {"pupils.csv": PUPILS}, CONFIRMED)
    assert first.verdict is not None
    assert (first.verdict.status, first.verdict.codes) == ("warn", ("ids-invalid_pupils",))
    report = night(place, files, CONFIRMED)
    assert report.verdict is not None
    assert (report.seq, report.verdict.status) == (2, "fail")
    assert set(codes) <= set(report.verdict.codes)
    assert place.restore_all() == files
    assert place.history().snapshots[-1].link.notice.verdict == report.verdict


def test_without_a_confirmed_expectation_a_night_only_warns(tmp_path: Path) -> None:
    place = school(tmp_path)
    night(place, {"pupils.csv": PUPILS})
    unconfirmed = Expectation("", Terms(), (EXPECTED,))
    for expectation, codes in ((None, ["rows-fell"]), (unconfirmed, ["identical", "rows-fell"])):
        report = night(place, {"pupils.csv": PUPILS[:3000]}, expectation)
        assert report.verdict is not None
        assert (report.verdict.status, report.verdict.codes) == ("warn", tuple(codes))


def test_a_fault_is_told_again_until_it_is_mended(tmp_path: Path) -> None:
    place = school(tmp_path)
    night(place, {"pupils.csv": PUPILS})
    for n in range(3):
        assert "rows-fell_pupils" in [
            one.public for one in night(place, {"pupils.csv": PUPILS[: 3000 + n]}, CONFIRMED).findings
        ]
    assert night(place, {"pupils.csv": PUPILS + b"\r\n"}, CONFIRMED).findings == ()


class Faulty:
    """A reader with a fault of its own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def take(self, data: memoryview) -> None:
        raise IndexError(bytes(data[:20]).decode())

    def finish(self) -> None:
        raise AssertionError


def test_a_fault_in_a_reader_stops_no_night(tmp_path: Path) -> None:
    place = school(tmp_path)
    write_tree(place.source, {"pupils.csv": PUPILS})
    state = State.open(place.state)
    agent = Agent(place.store, state, AGENT, place.clock, place.anchor)
    work = Work([FolderSource("mis", place.source)], RULES, lambda: True, Watch(Faulty))  # type: ignore[arg-type]
    assert run_night(agent, work, NoProgress()).seq == 1
    state.close()
    assert profiles(place) == {b"mis/pupils.csv": {"format": "opaque", "notes": ["not-understood"]}}


def test_a_fault_in_a_rule_stops_no_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = school(tmp_path)
    monkeypatch.setattr("escrow.engine.profiling.judge", lambda *_: {}["Smith"])
    (one,) = night(place, {"pupils.csv": PUPILS}, CONFIRMED).findings
    assert (one.code, one.severity, one.detail) == ("not-judged", "warn", "KeyError")


def test_days_that_are_in_no_calendar_stop_nothing(tmp_path: Path) -> None:
    place = school(tmp_path)
    expected = Expectation("x", Terms(), (Expected("mis/pupils.csv", "pupils", newest="Born", newest_days=3),))
    for day in (b"2026-02-31", b"9999-99-99", b"31/02/2026"):
        text = b"UPN,Born\r\n" + b"".join(b"U%d,%s\r\n" % (n, day) for n in range(50))
        assert "not-judged" not in [one.code for one in night(place, {"pupils.csv": text}, expected).findings]
    assert learn(remembered_nights(place.state), Terms())


def test_no_name_and_no_upn_leaves_the_sealed_list(tmp_path: Path) -> None:
    place = school(tmp_path)
    demo_school.create(place.source, 7)
    reports = [night(place, None)]
    for path in place.source.glob("*.csv"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reports += [night(place, None), night(place, None, CONFIRMED)]
    assert all(report.findings for report in reports[1:])
    told = [json.dumps(asdict(report), default=str) for report in reports]
    write_report(tmp_path, reports[-1], place.clock.now())
    told += [(tmp_path / "last-night.json").read_text(), (place.state / "profiles.jsonl").read_text()]
    told += [place.store.get(one.key).decode() for one in place.store.list("notices/")]
    rows = [line.split(",") for line in (place.source / "pupils.csv").read_text("utf-8").splitlines()[1:]]
    words = {cell for row in rows for cell in row if len(cell) > 5}
    assert len(words) > 200
    for text in told:
        assert not [word for word in words if word in text and not word.startswith("20")]


def test_a_bad_memory_is_no_memory(tmp_path: Path) -> None:
    assert remembered_nights(tmp_path) == []
    (tmp_path / "profiles.jsonl").write_text(
        '{"day": "2026-11-09", "datasets": {}}\n{"day": 3}\n[\n{"day":"x","datasets":{}}\n'
    )
    assert [one.day.day for one in remembered_nights(tmp_path)] == [9]


def test_a_folder_store_keeps_the_same(tmp_path: Path) -> None:
    place = School(tmp_path, FolderStore(tmp_path / "vault", create=True), FixedClock(datetime.now(UTC)))
    assert night(place, {"pupils.csv": PUPILS}).seq == 1
    place.check_healthy()
