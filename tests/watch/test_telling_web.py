"""A webhook and a ping address, posted to a real server."""

import hashlib
import hmac

import pytest

from escrow.errors import TellError
from escrow.seal import Secret
from escrow.watch import web
from escrow.watch.message import payload, text
from escrow.watch.web import Address, Ping, Webhook
from tests.servers.http import Answer, Request, serving

from .telling_kit import BAD, TEST, WELL

TOKEN = "0f5c1a3e-secret-path"


def address(url: str) -> Address:
    return Address(lambda: Secret(url.encode()))


def test_a_webhook_is_signed() -> None:
    got: list[Request] = []
    with serving(lambda request: got.append(request) or Answer(204)) as endpoint:
        hook = Webhook(address(f"{endpoint}/hooks/x?sig={TOKEN}&v=2"), lambda: Secret(b"shared"))
        hook.begin()
        hook.tell(BAD)
    (one,) = got
    assert (one.method, one.path) == ("POST", f"/hooks/x?sig={TOKEN}&v=2")
    assert one.headers["Content-Type"] == "application/json"
    assert one.body == payload(BAD)
    assert one.headers["X-Escrow-Signature"] == "sha256=" + hmac.new(b"shared", one.body, hashlib.sha256).hexdigest()


def test_a_ping_begins_and_ends() -> None:
    got: list[Request] = []
    with serving(lambda request: got.append(request) or Answer(200)) as endpoint:
        ping = Ping(address(f"{endpoint}/{TOKEN}/"))
        ping.begin()
        ping.tell(WELL)
        ping.tell(BAD)
        ping.tell(TEST)
    assert [(one.method, one.path) for one in got] == [
        ("POST", f"/{TOKEN}/start"),
        ("POST", f"/{TOKEN}"),
        ("POST", f"/{TOKEN}/fail"),
        ("POST", f"/{TOKEN}/log"),
    ]
    assert got[1].body == text(WELL).encode()


def test_what_goes_wrong_does_not_show_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "LIMITS", web.HttpLimits(attempts=1))
    with serving(lambda request: Answer(404)) as endpoint:
        urls = [
            f"{endpoint}/{TOKEN}",
            f"http://127.0.0.1:9/{TOKEN}",
            f"http://elsewhere/{TOKEN}",
            TOKEN,
            f"https://[{TOKEN}",
        ]
        for url in urls:
            for one in (Webhook(address(url)), Ping(address(url))):
                with pytest.raises(TellError) as caught:
                    one.tell(WELL)
                assert caught.value.code == f"tell-{one.name}"
                assert TOKEN not in f"{caught.value}{caught.value!r}{one!r}{caught.value.__cause__}"


def test_an_address_that_is_no_text() -> None:
    with pytest.raises(TellError) as caught:
        Ping(Address(lambda: Secret(b"\xff\xfeh\0t\0t\0p\0"))).tell(WELL)
    assert caught.value.code == "tell-ping"
