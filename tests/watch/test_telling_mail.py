"""Mail, sent to a real SMTP server."""

from dataclasses import replace
from pathlib import Path

import pytest

from escrow.errors import TellError
from escrow.seal import Secret
from escrow.watch.mail import Mail, Security
from escrow.watch.message import subject, text
from tests.servers.certificate import make_certificate
from tests.servers.smtp import PASSWORD, USER, Mailbox, mailbox

from .telling_kit import BAD, WELL


def mail(box: Mailbox, security: Security, *, ca_file: Path | None = None, password: str | None = None) -> Mail:
    read = (lambda: Secret(password.encode())) if password else None
    to = ("it@school.example", "head@school.example")
    return Mail("127.0.0.1", box.port, security, "escrow@school.example", to, USER if password else None, read, ca_file)


def failure(one: Mail) -> str:
    with pytest.raises(TellError) as caught:
        one.tell(BAD)
    assert PASSWORD not in str(caught.value) + repr(caught.value) + repr(one)
    assert caught.value.hint
    return caught.value.code


def test_a_relay_of_the_house() -> None:
    with mailbox() as box:
        mail(box, "none").tell(BAD)
    (got,) = box.mails
    assert got["Subject"] == subject(BAD)
    assert (got["From"], got["To"]) == ("escrow@school.example", "it@school.example, head@school.example")
    assert got["Date"] == "Tue, 24 Nov 2026 02:31:00 +0000"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["X-Escrow-Head"].split() == ["12", "ab" * 32]
    assert got.get_content().replace("\r\n", "\n") == text(BAD)


def test_starttls_and_a_password(tmp_path: Path) -> None:
    pem = make_certificate(tmp_path)
    with mailbox(tls=pem, auth=True) as box:
        mail(box, "starttls", ca_file=pem, password=PASSWORD).tell(WELL)
        assert box.in_clear == [False]
        assert failure(mail(box, "starttls", ca_file=pem, password="wrong-password")) == "tell-mail-login"
        assert failure(mail(box, "starttls", password=PASSWORD)) == "tell-mail-tls"
        assert failure(mail(box, "none")) == "tell-mail-refused"
    assert len(box.mails) == 1


def test_tls_at_once(tmp_path: Path) -> None:
    pem = make_certificate(tmp_path)
    with mailbox(tls=pem, at_once=True) as box:
        mail(box, "tls", ca_file=pem).tell(WELL)
        assert len(box.mails) == 1
        assert failure(mail(box, "tls")) == "tell-mail-tls"


def test_a_password_that_cannot_be_sent(tmp_path: Path) -> None:
    pem = make_certificate(tmp_path)
    with mailbox(tls=pem, auth=True) as box:
        one = mail(box, "starttls", ca_file=pem, password="pässwörd")
        assert failure(one) == "tell-mail-login"
        assert failure(replace(one, password=lambda: Secret(b"\xff\xfe"))) == "tell-mail-login"


def test_no_password_goes_in_clear() -> None:
    with mailbox() as box:
        assert failure(mail(box, "starttls", password=PASSWORD)) == "tell-mail-tls"
    assert box.mails == []


def test_one_of_two_who_does_not_get_it() -> None:
    with mailbox() as box:
        box.gone = "head@school.example"
        with pytest.raises(TellError, match=r"1 of 2 addresses \(550\)") as caught:
            mail(box, "none").tell(BAD)
    assert caught.value.code == "tell-mail-refused"
    assert "head@" not in str(caught.value)
    assert len(box.mails) == 1


def test_a_file_of_authorities_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_bytes(b"")
    with mailbox() as box:
        for name in ("none.pem", "empty.pem"):
            assert failure(mail(box, "tls", ca_file=tmp_path / name)) == "tell-mail-tls"


def test_a_server_that_refuses_or_is_not_there() -> None:
    with mailbox() as box:
        box.refuse = "550 no such user"
        assert failure(mail(box, "none")) == "tell-mail-refused"
    assert failure(mail(box, "none")) == "tell-mail-away"
    assert failure(mail(box, "tls")) == "tell-mail-away"
