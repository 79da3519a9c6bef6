"""Wonde's API, read in full: rows byte for byte, in the server's order, page by page, and as few waits as may be."""

import json

import pytest

from escrow.errors import SourceError, UsageError
from escrow.source import FileItem
from escrow.source.wonde import WondeSource
from escrow.source.wonde_entities import ENTITIES, Entity, parse_entity
from tests.servers.http import Answer, Request
from tests.servers.wonde import SCHOOL, TOKEN, WondeServer, student, wonde

from .wonde_kit import Waits, client, read, source

PUPILS = [student(number) for number in range(450)]
SECOND = "?page=2&"
BUSY = Answer(429, {"Retry-After": "17"}, b"slow down")


def test_every_row_is_a_line_as_the_server_wrote_it() -> None:
    with wonde(WondeServer({"students": PUPILS, "attendance/session": [student(1)], "rooms": []})) as server:
        found = read(source(server, "students?include=year", "attendance/session", "rooms"))
    lines = found["wonde/students.jsonl"]
    assert isinstance(lines, bytes)
    assert [json.loads(line) for line in lines.splitlines()] == PUPILS
    assert lines.splitlines()[0].startswith('{"id":"A000000000","mis_id":"0","forename":"Manuël 0"'.encode())
    assert found["wonde/rooms.jsonl"] == b""
    assert list(found) == sorted(found)
    assert set(found) == {
        *("wonde/school.json", "wonde/counts.json", "wonde/students.jsonl", "wonde/rooms.jsonl"),
        "wonde/attendance/session.jsonl",
    }
    pages = [path for path in server.seen if path.startswith(f"/v1.0/schools/{SCHOOL}/students?")]
    assert len(pages) == 3
    assert all("per_page=200" in page and "include=year" in page and "updated_after" not in page for page in pages)


def test_the_servers_own_count_is_told() -> None:
    with wonde(WondeServer({"students": PUPILS, "rooms": []}, counts={"students": 451})) as server:
        one = source(server, "students?include=", "rooms")
        read(one)
    assert one.notes.rows == {"wonde/students.jsonl": 451}
    assert one.notes.told == ["students: 450 rows were read, the server counts 451"]


def test_an_include_that_is_null_everywhere_is_told() -> None:
    rows = [student(number, year=None, house={"data": None}) for number in range(3)]
    with wonde(WondeServer({"students": rows})) as server:
        one, two = source(server, "students?include=year,house"), source(server, "students?include=year,sen_needs")
        read(one)
        read(two)
    assert one.notes.told == ["students: year is null in each of 3 rows: the permission may be missing"]
    assert two.notes.told == ["students: sen_needs, year are null in each of 3 rows: the permission may be missing"]


def test_a_photo_is_a_file() -> None:
    photos = {f"A{number}": b"\xff\xd8" + bytes([number]) * 9 for number in range(3)}
    with wonde(WondeServer({"photos": [{"id": known, "hash": "h"} for known in photos]}, photos)) as server:
        one = source(server, "photos")
        found = read(one)
        items = [item for item in one.scan() if isinstance(item, FileItem) and item.path.startswith(b"wonde/photos/")]
    assert {name: found[f"wonde/photos/{name}.jpg"] for name in photos} == photos
    assert {(item.dataset, item.kind) for item in items} == {("wonde/photos", "document")}


def test_asked_to_wait_it_waits() -> None:
    with wonde(WondeServer({"rooms": PUPILS}, fault=lambda request, number: BUSY if number in (2, 3) else None)) as one:
        waits = Waits()
        found = read(source(one, "rooms", waits=waits))
    assert len(str(found["wonde/rooms.jsonl"]).split("\\n")) == 451
    assert waits.slept == [17, 17]


@pytest.mark.parametrize("cut", [Answer(0, close=True), Answer(200, {"Content-Length": "9999"}, b'{"da', close=True)])
def test_a_dropped_connection_goes_on_at_the_page(cut: Answer) -> None:
    def fault(request: Request, number: int) -> Answer | None:
        return cut if SECOND in request.path and not any(SECOND in path for path in server.seen[:-1]) else None

    server = WondeServer({"rooms": PUPILS}, fault=fault)
    with wonde(server):
        found = read(source(server, "rooms"))
    lines = found["wonde/rooms.jsonl"]
    assert isinstance(lines, bytes)
    assert len(lines.splitlines()) == 450
    assert sum(SECOND in path for path in server.seen) == 2
    assert sum("per_page" in path and "?page=" not in path for path in server.seen) == 1


def test_a_row_added_while_pages_are_read_is_noticed_and_the_list_read_again() -> None:
    rows = list(PUPILS)

    def fault(request: Request, number: int) -> Answer | None:
        if SECOND in request.path and len(rows) == 450:
            rows.insert(0, student(999))
        return None

    with wonde(WondeServer({"attendance/lesson": rows}, fault=fault)) as server:
        found = read(source(server, "attendance/lesson"))
    lines = found["wonde/attendance/lesson.jsonl"]
    assert isinstance(lines, bytes)
    assert [json.loads(line) for line in lines.splitlines()] == rows


def test_a_row_removed_while_pages_are_read_is_noticed_by_the_count() -> None:
    rows = list(PUPILS)

    def fault(request: Request, number: int) -> Answer | None:
        if SECOND in request.path and len(rows) == 450:
            rows.pop(0)
        return None

    with wonde(WondeServer({"students": rows}, fault=fault)) as server:
        found = read(source(server, "students"))
    lines = found["wonde/students.jsonl"]
    assert isinstance(lines, bytes)
    assert [json.loads(line) for line in lines.splitlines()] == rows


def test_a_list_that_never_holds_still_is_said_to_change() -> None:
    rows = list(PUPILS)

    def fault(request: Request, number: int) -> Answer | None:
        if SECOND in request.path:
            rows.insert(0, student(1000 + number))
        return None

    with wonde(WondeServer({"rooms": rows}, fault=fault)) as server:
        one = source(server, "rooms")
        assert read(one)["wonde/rooms.jsonl"] == "changing"
    assert one.notes.told == ["rooms: the list changed each time that it was read"]


def test_counts_that_are_not_permitted_are_told_and_nothing_is_unread() -> None:
    def fault(request: Request, number: int) -> Answer | None:
        return Answer(403) if "/counts" in request.path else None

    with wonde(WondeServer({"students": PUPILS}, fault=fault)) as server:
        one = source(server, "students?include=")
        assert set(read(one)) == {"wonde/school.json", "wonde/students.jsonl"}
        assert sum("/counts" in path for path in server.seen) == 1
    assert one.notes.told == ["counts: not permitted: nothing to hold the rows against"]


def test_a_count_that_fails_meanwhile_loses_no_rows() -> None:
    def fault(request: Request, number: int) -> Answer | None:
        return Answer(500) if "/counts" in request.path and number > 4 else None

    with wonde(WondeServer({"students": PUPILS[:3]}, fault=fault)) as server:
        found = read(source(server, "students?include="))
    assert isinstance(found["wonde/students.jsonl"], bytes)
    assert found["wonde/counts.json"] != found["wonde/students.jsonl"]


def test_photos_that_fail_are_told_once() -> None:
    def fault(request: Request, number: int) -> Answer | None:
        return Answer(403) if "/photos/" in request.path else None

    listed: list[dict[str, object]] = [{"id": f"A{number}"} for number in range(5)]
    with wonde(WondeServer({"photos": listed}, fault=fault)) as server:
        one = source(server, "photos")
        found = read(one)
    assert [reason for path, reason in found.items() if path.endswith(".jpg")] == ["http-forbidden"] * 5
    assert [sentence.split(")")[0] for sentence in one.notes.told] == ["photos: not read (http-forbidden"]


def test_a_missing_permission_is_a_reason_of_its_own_and_stops_nothing_else() -> None:
    null = Answer(200, {}, b'{"data":null,"meta":null}')

    def fault(request: Request, number: int) -> Answer | None:
        return null if "/doctors" in request.path else None

    with wonde(WondeServer({"rooms": PUPILS}, fault=fault)) as server:
        one = source(server, "rooms", "contacts", "doctors")
        found = read(one)
    assert found["wonde/contacts.jsonl"] == "http-forbidden"
    assert found["wonde/doctors.jsonl"] == "http-scope"
    assert isinstance(found["wonde/rooms.jsonl"], bytes)
    assert [sentence.split(":")[0] for sentence in one.notes.told] == ["contacts", "doctors"]
    assert "permission" in " ".join(one.notes.told)


def test_a_refused_token_is_told_once_and_not_tried_again() -> None:
    with wonde(WondeServer({"rooms": PUPILS})) as server:
        waits = Waits()
        with pytest.raises(SourceError, match="refuses the credential") as caught:
            list(source(server, "rooms", token="wrong-token", waits=waits).scan())
    assert caught.value.code == "http-token"
    assert len(server.seen) == 1
    assert waits.slept == []


def test_the_token_stands_nowhere(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(1)
    answers = [Answer(401), Answer(403), Answer(500), Answer(200, {}, b"<html>"), Answer(0, close=True), Answer(302)]
    shown = []
    for given in answers:
        with wonde(WondeServer({}, fault=lambda request, number, given=given: given)) as server:
            made = client(server.base_url)
            one = WondeSource("wonde", lambda made=made: made, SCHOOL, entities=[Entity("rooms")])
            with pytest.raises(SourceError) as caught:
                list(one.scan())
        error: BaseException | None = caught.value
        while error is not None:
            shown.append(f"{error} {error!r} {error.args}")
            error = error.__cause__ or error.__context__
        shown += [repr(made), str(vars(made)), repr(one), *server.seen]
    assert TOKEN not in " ".join(shown)
    assert TOKEN not in caplog.text
    out, err = capfd.readouterr()
    assert TOKEN not in out + err


def test_entities_are_known_or_written_out() -> None:
    assert parse_entity("students") is ENTITIES["students"]
    assert parse_entity("students?include=year,house") == Entity("students", ("year", "house"), counted=True)
    assert parse_entity("rooms?include=") == Entity("rooms", (), counted=True)
    assert parse_entity("house-points") == Entity("house-points")
    with pytest.raises(UsageError, match="expected an entity"):
        WondeSource("wonde", lambda: client("https://api.wonde.example"), SCHOOL, entities=[Entity("../students")])
    with pytest.raises(UsageError, match="expected a Wonde id"):
        WondeSource("wonde", lambda: client("https://api.wonde.example"), "../all")
