"""The client below Wonde and others: limits, waits, and where a credential goes."""

import gzip
from collections.abc import Callable
from dataclasses import replace

import pytest

from escrow.errors import FormatError, SourceError, UsageError
from escrow.seal import Secret
from escrow.source.http import HttpClient, HttpError
from escrow.source.http_wait import HttpLimits, next_wait, retry_after
from escrow.source.jsonpage import read_page
from tests.servers.http import Answer, Request, serving
from tests.servers.wonde import TOKEN, WondeServer, student, wonde

from .wonde_kit import T0, Waits, client, read, source

LIMITS = HttpLimits(attempts=4, wait=300)


def asked(answer: Callable[[Request], Answer], limits: HttpLimits = LIMITS) -> tuple[HttpError, list[float]]:
    waits = Waits()
    with serving(answer) as endpoint, pytest.raises(HttpError) as caught:
        client(endpoint, waits, limits=limits).get("x")
    return caught.value, waits.slept


def test_a_failing_server_is_tried_again_ever_more_slowly() -> None:
    error, slept = asked(lambda request: Answer(503))
    assert (error.code, "answers 503" in str(error), slept) == ("http-server", True, [1, 2, 4])


def test_a_server_that_asks_for_more_than_a_night_is_not_waited_for() -> None:
    error, slept = asked(lambda request: Answer(429, {"Retry-After": "301"}))
    assert (error.code, slept) == ("http-busy", [])


@pytest.mark.parametrize(("status", "code"), [(401, "http-token"), (403, "http-forbidden"), (404, "http-missing")])
def test_what_will_not_pass_is_asked_once(status: int, code: str) -> None:
    error, slept = asked(lambda request: Answer(status, {}, b"Sam Jones may not"))
    assert (error.code, slept) == (code, [])
    assert "Sam Jones" not in str(error)


def test_nobody_there() -> None:
    waits = Waits()
    with pytest.raises(HttpError) as caught:
        client("http://127.0.0.1:9", waits, limits=LIMITS).get("x")
    assert (caught.value.code, waits.slept) == ("http-away", [1, 2, 4])


def test_a_redirect_is_not_followed_and_nobody_else_sees_the_token() -> None:
    elsewhere: list[Request] = []
    with serving(lambda request: elsewhere.append(request) or Answer(200)) as other:
        error, _ = asked(lambda request: Answer(302, {"Location": f"{other}/stolen"}))
    assert error.code == "http-redirect"
    assert elsewhere == []


def test_a_next_page_elsewhere_is_asked_for_here_or_not_at_all() -> None:
    stolen: list[Request] = []
    rows = [student(number) for number in range(250)]
    with (
        serving(lambda request: stolen.append(request) or Answer(200)) as other,
        wonde(WondeServer({"rooms": rows})) as one,
    ):
        one.base_url, here = f"{other}/v1.0", one.base_url
        found = read(source(replace(one, base_url=here), "rooms"))
        assert found["wonde/rooms.jsonl"] != "http-body"
        one.base_url = f"{other}/elsewhere"
        assert read(source(replace(one, base_url=here), "rooms"))["wonde/rooms.jsonl"] == "http-body"
    assert stolen == []


def test_a_page_that_names_itself_as_the_next_ends() -> None:
    body = b'{"data":[],"meta":{"pagination":{"more":true,"next":"/v1.0/schools/A1930499544/rooms?per_page=200"}}}'
    fault = lambda request, number: Answer(200, {}, body) if "/rooms" in request.path else None  # noqa: E731
    with wonde(WondeServer({"rooms": []}, fault=fault)) as server:
        assert read(source(server, "rooms"))["wonde/rooms.jsonl"] == "http-body"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (replace(LIMITS, body=1000), "one answer is over 1000 bytes"),
        (replace(LIMITS, total=1000), "more than 1000 bytes"),
        (replace(LIMITS, answers=0), "more than 0 answers"),
        (replace(LIMITS, seconds=-1), "seconds"),
    ],
)
def test_there_is_an_end_to_everything(limits: HttpLimits, words: str) -> None:
    error, slept = asked(lambda request: Answer(200, {}, b"x" * 100_000), limits)
    assert (error.code, slept) == ("http-cap", [])
    assert words in str(error)


def test_compressed_answers_are_measured_by_what_they_become() -> None:
    bomb = gzip.compress(bytes(4_000_000), mtime=0)
    error, _ = asked(lambda request: Answer(200, {"Content-Encoding": "gzip"}, bomb), replace(LIMITS, body=1_000_000))
    assert error.code == "http-cap"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", gzip.compress(bytes(9000), mtime=0)[:30]), ("gzip", b"no gzip"), ("gzip", b""), ("br", b"not asked for")],
)
def test_a_body_that_cannot_be_decoded_is_none(encoding: str, body: bytes) -> None:
    error, slept = asked(lambda request: Answer(200, {"Content-Encoding": encoding}, body))
    assert (error.code, slept) == ("http-away", [1, 2, 4])


def test_a_compressed_answer() -> None:
    body = gzip.compress(b"pupil,mark\n" * 400_000, mtime=0)
    with serving(lambda request: Answer(200, {"Content-Encoding": "gzip"}, body)) as endpoint:
        assert client(endpoint).get("x").body == b"pupil,mark\n" * 400_000


@pytest.mark.parametrize(
    "address",
    ["http://api.wonde.com", "https://user:pw@host/", "ftp://host", "host/x", "https://host/?apiKey=1", "https://"],
)
def test_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        HttpClient(address)
    assert caught.value.code == "http-url"
    assert "pw" not in str(caught.value)


def test_waits() -> None:
    assert next_wait(1, None, HttpLimits(), lambda: 1.0) == 1
    assert next_wait(6, None, HttpLimits(), lambda: 0.0) == 16
    assert next_wait(7, None, HttpLimits(), lambda: 0.0) is None
    assert next_wait(1, 90, HttpLimits(), lambda: 0.0) == 90
    assert retry_after("120", T0) == 120
    assert retry_after("Tue, 24 Nov 2026 02:01:30 GMT", T0) == 90
    assert retry_after("Tue, 24 Nov 2026 01:00:00 GMT", T0) == 0
    for odd in (None, "", "soon", "-3", "1.5"):
        assert retry_after(odd, T0) is None


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"data":[1', b'{"data":[]} x', b"\xff\xfe", b"<html>", b'{"data":[1 2]}', b"[" * 100_000],
)
def test_what_is_no_page(body: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        read_page(body)
    assert caught.value.code == "json-page"


def test_rows_keep_their_bytes() -> None:
    page = read_page(b'\xef\xbb\xbf { "data" : [ {"a": 1.50,\r\n "b":"\\u00e9\xc3\xa9"} ,null], "meta" : {"x": [1]} } ')
    assert page.rows is not None
    assert [row.raw for row in page.rows] == [b'{"a": 1.50,   "b":"\\u00e9\xc3\xa9"}', b"null"]
    assert page.rest == {"meta": {"x": [1]}}
    assert read_page(b'{"meta":1,"data":null}').rows is None
    single = read_page(b'{"data":{"id":"A1"}}')
    assert single.rows
    assert single.rows[0].value == {"id": "A1"}
    assert TOKEN not in repr(single)


@pytest.mark.parametrize("secret", [b"tok\nen", b"t\xc3\xb6ken", b"\xff\xfet\0", b"a\0b"])
def test_a_credential_that_cannot_be_sent_is_said(secret: bytes) -> None:
    for given in ({"bearer": Secret(secret)}, {"key": ("apiKey", Secret(secret))}):
        with pytest.raises(SourceError) as caught:
            HttpClient("https://api.example", **given)
        assert caught.value.code == "credential-form"
        assert secret.decode("latin-1") not in str(caught.value)
