"""iSAMS beside Wonde: one document, one key in the address, the same client."""

from pathlib import Path

import pytest

from escrow.seal import Secret
from escrow.source.http import HttpClient
from escrow.source.isams import KEY, IsamsSource
from tests.engine.kit import school
from tests.servers.http import Answer, Request, serving

from .wonde_kit import Waits, read

SECRET = "0A1B2C3D-batch-key"
WHOLE = b"<iSAMS>\r\n<PupilManager><CurrentPupils/></PupilManager>\r\n</iSAMS>\r\n"


def source(endpoint: str, waits: Waits) -> IsamsSource:
    key = (KEY, Secret(SECRET.encode()))
    return IsamsSource("isams", lambda: HttpClient(endpoint, key=key, timing=waits.timing()), now_ns=lambda: 1)


def asked(answers: list[Answer]) -> tuple[bytes | str, IsamsSource, list[Request], Waits]:
    got: list[Request] = []
    waits = Waits()
    with serving(lambda request: got.append(request) or answers[min(len(got), len(answers)) - 1]) as endpoint:
        one = source(endpoint, waits)
        found = read(one)
    assert list(found) == ["isams/batch.xml"]
    return found["isams/batch.xml"], one, got, waits


def test_the_document_is_kept_byte_for_byte(samples: Path) -> None:
    real = (samples / "isams-batch" / "GetCurrentPupils.xml").read_bytes()
    for body in (WHOLE, real):
        found, one, got, _ = asked([Answer(200, {"Content-Type": "text/xml"}, body)])
        assert found == body
        assert got[0].path == f"/api/batch/1.0/xml.ashx?apiKey={SECRET}"
        assert one.notes.told == []


def test_an_error_in_xml_is_no_data(samples: Path) -> None:
    body = (samples / "isams-batch" / "Error_MethodsNotAllocatedToKey.xml").read_bytes()
    found, one, _, _ = asked([Answer(200, {}, body)])
    assert found == "isams-refused"
    assert "ticked" in one.notes.told[0]


@pytest.mark.parametrize("body", [b"", WHOLE[:40], b"<html>Sign in</html>"])
def test_a_document_that_breaks_off_is_none(body: bytes) -> None:
    assert asked([Answer(200, {}, body)])[0] == "isams-cut"


def test_a_server_that_is_busy_is_asked_again() -> None:
    found, _, got, waits = asked([Answer(503), Answer(429, {"Retry-After": "5"}), Answer(200, {}, WHOLE)])
    assert (found, len(got), waits.slept) == (WHOLE, 3, [1, 5])


def test_the_key_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    shown = []
    for answer in (Answer(401), Answer(404), Answer(302, {"Location": f"/x?apiKey={SECRET}"}), Answer(0, close=True)):
        found, one, _, _ = asked([answer])
        shown += [str(found), *one.notes.told, repr(one)]
    cut = Answer(200, {"Content-Length": "9999"}, WHOLE[:30], close=True)
    found, one, _, _ = asked([cut])
    assert found == "http-away"
    assert SECRET not in " ".join([*shown, *one.notes.told, caplog.text])


def test_a_document_that_is_whole_the_second_time(tmp_path: Path) -> None:
    answers = [Answer(200, {}, WHOLE[:40]), Answer(200, {}, WHOLE)]
    one = school(tmp_path)
    with serving(lambda request: answers.pop(0)) as endpoint:
        report = one.night(sources=[source(endpoint, Waits())])
    assert report.verdict is not None
    assert report.verdict.codes == ()
    assert one.restore_all() == {"batch.xml": WHOLE}
    assert not any("isams" in warning for warning in report.warnings)
