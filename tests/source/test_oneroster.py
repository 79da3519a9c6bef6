"""OneRoster over REST: lists in full whatever pages a server gives, and every fault told and never taken for data."""

import json
import tracemalloc
from pathlib import Path

import pytest

from escrow.errors import SourceError, UsageError
from escrow.limits import MIB
from escrow.seal import Secret
from escrow.source.http import HttpClient
from escrow.source.http_wait import HttpLimits
from escrow.source.oneroster import OneRosterSource, Token, log_in
from tests.engine.kit import school
from tests.servers.http import Answer, Request
from tests.servers.oneroster import CLIENT, SECRET, OneRosterServer, oneroster, user

from .wonde_kit import Waits, read

_OR = "https://purl.imsglobal.org/spec/or/v1p1/scope/"
LIMITS = HttpLimits(attempts=3)


def source(server: OneRosterServer, *entities: str, secret: str = SECRET, **options: object) -> OneRosterSource:
    waits = Waits()

    def enter(scope: str) -> Token:
        at = HttpClient(f"{server.base_url}/token", timing=waits.timing(), limits=LIMITS)
        return log_in(at, CLIENT, Secret(secret.encode()), scope)

    def connect(bearer: Secret) -> HttpClient:
        return HttpClient(f"{server.base_url}/sis", bearer=bearer, timing=waits.timing(), limits=LIMITS)

    options = {"version": server.version} | options
    return OneRosterSource("mis", enter, connect, entities=entities, now_ns=lambda: 1, **options)  # type: ignore[arg-type]


def users(number: int) -> list[dict[str, object]]:
    return [user(one) for one in range(number)]


def ids(data: bytes | str) -> list[str]:
    assert isinstance(data, bytes)
    return [json.loads(line)["sourcedId"] for line in data.splitlines()]


@pytest.mark.parametrize("number", [0, 100, 101, 240])
@pytest.mark.parametrize(("counts", "links"), [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("most", [100, 40])
def test_a_list_is_whole_whatever_the_server_says_of_its_pages(
    number: int, counts: bool, links: bool, most: int
) -> None:
    with oneroster(OneRosterServer({"users": users(number)}, counts=counts, links=links, most=most)) as server:
        one = source(server, "users")
        found = read(one)
    assert ids(found["mis/users.jsonl"]) == [f"u{n:06}" for n in range(number)]
    assert one.notes.told == []
    assert one.notes.rows == ({"mis/users.jsonl": number} if counts else {})


def test_rows_are_kept_byte_for_byte() -> None:
    body = b'{"users" : [ {"sourcedId":"a",\r\n "n" : 1.50, "x":"\\u00e9/"} ,{"sourcedId":"b"}], "more": {"users": 1}}'
    with oneroster(OneRosterServer({"users": []})) as server:
        server.fault = lambda request, number: (
            Answer(200, {"X-Total-Count": "2"}, body) if "users" in request.path else None
        )
        found = read(source(server, "users"))
    assert found["mis/users.jsonl"] == b'{"sourcedId":"a",   "n" : 1.50, "x":"\\u00e9/"}\n{"sourcedId":"b"}\n'


@pytest.mark.parametrize(
    ("version", "entities", "paths", "scopes"),
    [
        ("1.1", (), "ims/oneroster/v1p1/users", "roster-demographics.readonly roster.readonly"),
        ("1.1", ("results",), "ims/oneroster/v1p1/results", "gradebook.readonly"),
        ("1.2", ("users",), "ims/oneroster/rostering/v1p2/users", "roster.readonly"),
        ("1.2", ("scoreScales",), "ims/oneroster/gradebook/v1p2/scoreScales", "gradebook.readonly"),
    ],
)
def test_each_version_has_its_addresses_and_scopes(
    version: str, entities: tuple[str, ...], paths: str, scopes: str
) -> None:
    every = ("academicSessions", "classes", "courses", "demographics", "enrollments", "orgs", "users")
    lists = {name: users(1) for name in (*every, "results", "scoreScales")}
    with oneroster(OneRosterServer(lists, version=version)) as server:
        found = read(source(server, *entities))
    assert set(found) == {f"mis/{one}.jsonl" for one in entities or every}
    assert f"/sis/{paths}?limit=100&offset=0" in server.seen
    assert [one.rpartition("/")[2] for one in server.scopes[0].split()] == scopes.split()
    assert all(f"/or/v{version.replace('.', 'p')}/scope/" in one for one in server.scopes[0].split())


def test_a_list_that_is_not_permitted_stops_no_other() -> None:
    with oneroster(OneRosterServer({"users": users(3)})) as server:
        one = source(server, "classes", "users")
        found = read(one)
    assert found["mis/classes.jsonl"] == "http-forbidden"
    assert len(ids(found["mis/users.jsonl"])) == 3
    assert any("classes: not read (http-forbidden)" in line for line in one.notes.told)


def test_a_scope_that_is_not_granted_is_told() -> None:
    with oneroster(OneRosterServer({"users": [], "demographics": []}, granted=f"{_OR}roster.readonly")) as server:
        one = source(server, "users", "demographics")
        read(one)
    assert one.notes.told == ["the scope roster-demographics.readonly was asked for and is not granted"]


def test_null_is_not_taken_for_empty() -> None:
    with oneroster(OneRosterServer({"users": []})) as server:
        server.fault = lambda request, number: Answer(200, {}, b'{"users": null}') if "users" in request.path else None
        assert read(source(server, "users")) == {"mis/users.jsonl": "http-scope"}


@pytest.mark.parametrize(
    "body", [b'{"users": [{"a": 1}', b'{"orgs": []}', b"<html>Sign in</html>", b"", b'{"users": 1e}']
)
def test_what_is_no_list_is_no_data(body: bytes) -> None:
    with oneroster(OneRosterServer({"users": []})) as server:
        server.fault = lambda request, number: Answer(200, {}, body) if "offset=0" in request.path else None
        assert read(source(server, "users")) == {"mis/users.jsonl": "http-body"}


def test_a_token_that_runs_out_is_made_anew_and_the_list_goes_on() -> None:
    with oneroster(OneRosterServer({"users": users(450)}, expires=3)) as server:
        found = read(source(server, "users"))
    assert len(ids(found["mis/users.jsonl"])) == 450
    assert len(server.scopes) == 2


def test_a_token_that_is_never_good_ends_the_source_and_not_the_night() -> None:
    with oneroster(OneRosterServer({"users": users(1)}, expires=0)) as server:
        with pytest.raises(SourceError) as raised:
            source(server, "users").scan()
        assert raised.value.code == "http-token"
        assert len(server.scopes) == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(400, {}, b'{"error":"invalid_scope"}'), "http-token"),
        (Answer(401), "http-token"),
        (Answer(403), "http-token"),
        (Answer(503), "http-server"),
        (Answer(302, {"Location": "https://elsewhere.example"}), "http-redirect"),
        (Answer(200, {}, b"<html>Sign in</html>"), "http-body"),
        (Answer(200, {}, b'["access_token"]'), "http-body"),
        (Answer(200, {}, b'{"access_token": 5}'), "http-body"),
        (Answer(200, {}, b'{"access_token": "x", "scope": 5}'), "http-body"),
        (Answer(200, {}, b'{"access_token": "caf\xc3\xa9"}'), "credential-form"),
    ],
)
def test_without_a_token_the_source_says_why(answer: Answer, code: str) -> None:
    with oneroster(OneRosterServer({"users": []})) as server:
        server.fault = lambda request, number: answer if request.path == "/token" else None
        with pytest.raises(SourceError) as raised:
            source(server, "users").scan()
    assert raised.value.code == code


def test_no_secret_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    with oneroster(OneRosterServer({"users": users(1)})) as server:
        with pytest.raises(SourceError) as raised:
            source(server, "users", secret="wrong-secret").scan()
        one = source(server, "classes", "users")
        read(one)
    shown = " ".join([str(raised.value), raised.value.hint, *one.notes.told, repr(one), caplog.text])
    assert not [word for word in ("wrong-secret", SECRET, "token-1", "Basic") if word in shown]


def test_a_page_that_breaks_off_is_asked_again_and_the_rest_goes_on() -> None:
    broken: list[str] = []

    def fault(request: Request, number: int) -> Answer | None:
        if "offset=100" in request.path and len(broken) < 2:
            broken.append(request.path)
            return Answer(429, {"Retry-After": "2"}) if len(broken) == 1 else Answer(0, close=True)
        return None

    with oneroster(OneRosterServer({"users": users(250)}, fault=fault)) as server:
        found = read(source(server, "users"))
    assert len(ids(found["mis/users.jsonl"])) == 250


def test_a_list_that_moves_is_read_again() -> None:
    server = OneRosterServer({"users": users(250)})
    moved: list[int] = []

    def fault(request: Request, number: int) -> Answer | None:
        if "offset=100" in request.path and not moved:
            moved.append(number)
            server.lists["users"].insert(0, user(999))
        return None

    server.fault = fault
    with oneroster(server):
        one = source(server, "users")
        found = read(one)
    assert sorted(ids(found["mis/users.jsonl"])) == sorted(row["sourcedId"] for row in server.lists["users"])  # type: ignore[type-var]
    assert one.notes.told == []


def test_a_list_that_never_holds_still_is_said() -> None:
    server = OneRosterServer({"users": users(250)})
    server.fault = lambda request, number: server.lists["users"].append(user(1000 + number))  # type: ignore[func-returns-value]
    with oneroster(server):
        one = source(server, "users")
        assert read(one) == {"mis/users.jsonl": "changing"}
    assert one.notes.told == ["users: the list changed each time that it was read"]


def test_a_server_that_counts_more_than_it_gives_is_told() -> None:
    with oneroster(OneRosterServer({"users": users(120)})) as server:
        real = server._page
        server._page = lambda name, offset, limit: _count(real(name, offset, limit), 130)  # type: ignore[method-assign]
        one = source(server, "users")
        found = read(one)
    assert len(ids(found["mis/users.jsonl"])) == 120
    assert one.notes.told == ["users: 120 rows were read, the server counts 130"]
    assert one.notes.rows["mis/users.jsonl"] == 130


def _count(answer: Answer, count: int) -> Answer:
    return Answer(answer.status, answer.headers | {"X-Total-Count": str(count)}, answer.body)


@pytest.mark.parametrize(("number", "whole"), [(60, True), (100, False), (240, False)])
def test_a_server_that_does_not_page(number: int, whole: bool) -> None:
    with oneroster(OneRosterServer({"users": users(number)}, counts=False, links=False)) as server:
        real = server._page
        server._page = lambda name, offset, limit: real(name, 0, limit)  # type: ignore[method-assign]
        one = source(server, "users")
        found = read(one)["mis/users.jsonl"]
    if whole:
        assert len(ids(found)) == number
        assert "neither pages nor a count" in one.notes.told[0]
    else:
        assert found == "http-body"


def test_a_server_that_gives_all_at_once_is_believed() -> None:
    with oneroster(OneRosterServer({"users": users(500)}, counts=False, links=False)) as server:
        real = server._page
        server._page = lambda name, offset, limit: real(name, 0, 10_000)  # type: ignore[method-assign]
        assert len(ids(read(source(server, "users"))["mis/users.jsonl"])) == 500


@pytest.mark.parametrize(("version", "entity"), [("1.1", "attendance"), ("1.1", "scoreScales"), ("1.2", "../users")])
def test_what_no_server_has_is_refused_at_once(version: str, entity: str) -> None:
    with pytest.raises(UsageError) as raised:
        source(OneRosterServer({}, version=version), entity)
    assert raised.value.code == "oneroster-entity"


def test_a_night_is_deposited_and_restored(tmp_path: Path) -> None:
    one = school(tmp_path)
    with oneroster(OneRosterServer({"users": users(120), "orgs": users(1)})) as server:
        report = one.night(sources=[source(server, "orgs", "users")])
    assert report.verdict is not None
    assert report.verdict.codes == ()
    assert ids(one.restore_all()["users.jsonl"]) == [f"u{n:06}" for n in range(120)]


def test_memory_does_not_grow_with_a_list() -> None:
    with oneroster(OneRosterServer({"users": [user(n, note="x" * 1000) for n in range(6_000)]})) as server:
        one = source(server, "users")
        (item,) = one.scan()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        with one.open(item) as raw:  # type: ignore[arg-type]
            while raw.read(65536):
                pass
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
    assert peak < 8 * MIB
