"""Whole nights from Wonde: deposited, opened again, and small when little changed."""

import json
import tracemalloc
from contextlib import closing
from pathlib import Path
from random import Random

from escrow.completeness.reader import FileReader
from escrow.engine.night import Agent, Work, run_night
from escrow.engine.ports import NoProgress
from escrow.engine.profiling import Watch
from escrow.engine.state import State
from escrow.limits import MIB
from escrow.source import FileItem, FolderSource, Rule
from tests.engine.kit import AGENT, School, school
from tests.servers.http import Answer, Request
from tests.servers.wonde import WondeServer, student, wonde

from .wonde_kit import source

RULES = (Rule("records", ("*.jsonl", "*.json")),)
PUPILS = [student(number, note=Random(number).randbytes(300).hex()) for number in range(6000)]


def rows(one: School) -> list[object]:
    return [json.loads(line) for line in one.restore_all()["students.jsonl"].splitlines()]


def test_what_wonde_has_comes_back_row_by_row(tmp_path: Path) -> None:
    pupils = list(PUPILS)
    one = school(tmp_path)
    with wonde(WondeServer({"students": pupils}, photos={})) as server:
        first = one.night(sources=[source(server, "students?include=")], rules=RULES)
        assert rows(one) == pupils
        pupils.insert(9, student(9000))
        pupils[4000] = pupils[4000] | {"surname": "Changed"}
        second = one.night(sources=[source(server, "students?include=")], rules=RULES)
        assert rows(one) == pupils
    assert first.verdict is not None
    assert first.verdict.codes == ()
    assert first.compartments["records"].bytes_put > 1.5 * MIB
    assert second.compartments["records"].bytes_put < 1.1 * MIB  # one pack, and none is smaller than a mebibyte


def test_one_entity_that_fails_is_unread_and_the_rest_is_in(tmp_path: Path) -> None:
    def fault(request: Request, number: int) -> Answer | None:
        return Answer(403) if "/contacts" in request.path else None

    one = school(tmp_path)
    with wonde(WondeServer({"students": PUPILS[:3], "contacts": []}, fault=fault)) as server:
        report = one.night(sources=[source(server, "students?include=", "contacts")], rules=RULES)
    assert report.verdict is not None
    assert report.verdict.codes == ("unread",)
    assert set(one.restore_all()) == {"students.jsonl", "counts.json", "school.json"}
    assert any("contacts: not read (http-forbidden)" in warning for warning in report.warnings)


def test_a_refused_token_lets_the_other_source_go_on(tmp_path: Path) -> None:
    one = school(tmp_path)
    one.source.mkdir(parents=True, exist_ok=True)
    (one.source / "pupils.csv").write_text("upn\nA1\n")
    with wonde(WondeServer({"students": PUPILS[:3]})) as server:
        sources = [FolderSource("mis", one.source), source(server, "students", token="wrong")]
        report = one.night(sources=sources, rules=(Rule("records", ("*",)),))
    assert report.verdict is not None
    assert "source-failed" in report.verdict.codes
    assert set(one.restore_all()) == {"pupils.csv"}
    assert any("http-token" in warning and "refuses the credential" in warning for warning in report.warnings)


def test_the_servers_count_is_judged(tmp_path: Path) -> None:
    one = school(tmp_path)
    counted = wonde(WondeServer({"students": PUPILS[:50]}, counts={"students": 60}))
    with counted as server, closing(State.open(one.state)) as state:
        work = Work([source(server, "students?include=")], RULES, lambda: True, Watch(FileReader))
        report = run_night(Agent(one.store, state, AGENT, one.clock, one.anchor), work, NoProgress())
    assert report.verdict is not None
    assert [code.partition("_")[0] for code in report.verdict.codes] == ["counts-differ"]


def test_a_long_list_is_never_in_memory() -> None:
    long = [student(number, note="x" * 4000) for number in range(6000)]
    with wonde(WondeServer({"attendance/lesson": long})) as server:
        one = source(server, "attendance/lesson")
        item = next(item for item in one.scan() if item.path.endswith(b"lesson.jsonl"))
        assert isinstance(item, FileItem)
        size, buffer = 0, bytearray(MIB)
        tracemalloc.start()
        try:
            with one.open(item) as raw:
                while count := raw.readinto(buffer):
                    size += count
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert size > 20 * MIB
    assert peak < 10 * MIB  # a page here and at the server, and the last 20,000 ids
