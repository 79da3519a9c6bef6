"""A real SMTP server on loopback (aiosmtpd) that keeps what it gets."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "escrow@school.example", "correct-horse-battery"


@dataclass
class Mailbox:
    """What came in. `refuse`: answers every recipient so; `gone`: the one address that is not known."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    in_clear: list[bool] = field(default_factory=list)
    refuse: str | None = None
    gone: str = ""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuse:
            return self.refuse
        if address == self.gone:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.in_clear.append(session.ssl is None)
        return "250 OK"


class _AnyPort(Controller):
    """Takes a port that is free: the controller itself would connect to port 0."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mailbox(*, tls: Path | None = None, at_once: bool = False, auth: bool = False) -> Iterator[Mailbox]:
    """Serve until the block ends: in clear, with STARTTLS (`tls`: a PEM file), or with TLS at once."""
    context = None
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls)

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    box = Mailbox()
    controller = _AnyPort(
        box,
        hostname="127.0.0.1",
        port=0,
        ssl_context=context if at_once else None,
        tls_context=None if at_once else context,
        authenticator=check if auth else None,
        auth_required=auth,
        require_starttls=bool(tls) and not at_once,
    )
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()
