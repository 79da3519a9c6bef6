"""E-mail by SMTP (RFC 5321): over TLS, by STARTTLS (RFC 3207), or in clear to a relay that asks for no password."""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Literal

from escrow.errors import TellError
from escrow.seal import Secret
from escrow.watch.message import Message, subject, text

Security = Literal["starttls", "tls", "none"]
PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
_TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class Mail:
    """A mailbox to write to. `password` is asked for when there is something to send; with it, never in clear."""

    host: str
    port: int
    security: Security
    sender: str
    to: tuple[str, ...]
    user: str | None = None
    password: Callable[[], Secret] | None = None
    ca_file: Path | None = None
    name: str = "mail"

    def begin(self) -> None:
        """Nothing: a mail a night is enough."""

    def tell(self, message: Message) -> None:
        """TellError `tell-mail-...`: `away`, `tls`, `login`, `refused`."""
        written = compose(message, self.sender, self.to)
        try:
            with self._connected() as server:
                if self.user and self.password:
                    server.login(self.user, self.password().reveal().decode())
                lost = server.send_message(written)
        except smtplib.SMTPAuthenticationError as error:
            hint = "check user and password; a mail service may want an app password, or SMTP switched on"
            raise self._failed("login", f"refuses the login ({error.smtp_code})", hint) from None
        except UnicodeError:
            hint = "user and password: ASCII, on one line each"
            raise self._failed("login", "takes no such user or password", hint) from None
        except smtplib.SMTPNotSupportedError:
            hint = 'choose security = "tls", or another server: a password never goes in clear'
            raise self._failed("tls", f"does not offer what {self.security} needs", hint) from None
        except smtplib.SMTPServerDisconnected:
            raise self._failed("away", "broke off", "try later, or look at the server's log") from None
        except smtplib.SMTPException as error:
            code = getattr(error, "smtp_code", None)
            hint = "check the addresses, and what the server lets this machine send"
            raise self._failed("refused", f"did not take the mail ({code or type(error).__name__})", hint) from None
        except ssl.SSLError:
            hint = "is the certificate of an authority of the school's own? Name it with ca_file"
            raise self._failed("tls", "shows a certificate that is not trusted, or speaks no TLS here", hint) from None
        except OSError as error:
            hint = "check the server's name, its port, and the firewall"
            raise self._failed("away", f"cannot be reached ({error.strerror or type(error).__name__})", hint) from None

        if lost:
            codes = ", ".join(sorted({str(code) for code, _ in lost.values()}))
            what = f"did not take the mail for {len(lost)} of {len(self.to)} addresses ({codes}); the others have it"
            raise self._failed("refused", what, "check the addresses")

    def _connected(self) -> smtplib.SMTP:
        if self.security == "tls":
            context = self._trust()
            return smtplib.SMTP_SSL(self.host, self.port, "[127.0.0.1]", timeout=_TIMEOUT, context=context)
        server = smtplib.SMTP(self.host, self.port, "[127.0.0.1]", timeout=_TIMEOUT)
        if self.security == "starttls":
            try:
                server.starttls(context=self._trust())
            except (OSError, smtplib.SMTPException):
                server.close()
                raise
        return server

    def _trust(self) -> ssl.SSLContext:
        trusted = ssl.create_default_context()
        if self.ca_file is not None:
            try:
                trusted.load_verify_locations(self.ca_file)
            except OSError:
                hint = "name the certificate (PEM) of the authority that signed the server's"
                raise TellError(
                    "tell-mail-tls", f"{self.ca_file}: cannot be read as a certificate", hint=hint
                ) from None
        return trusted

    def _failed(self, code: str, what: str, hint: str) -> TellError:
        return TellError(f"tell-mail-{code}", f"the mail server {self.host}:{self.port} {what}", hint=hint)


def compose(message: Message, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """Pure but for its Message-ID: the mail, marked as a machine's (RFC 3834), with the vault's head in a header."""
    mail = EmailMessage()
    mail["Subject"] = subject(message)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(message.time)
    mail["Message-ID"] = make_msgid("escrow", sender.rpartition("@")[2].strip("> ") or "localhost")
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Escrow-Result"] = message.result
    mail["X-Escrow-Vault"] = message.vault
    if message.head:
        mail["X-Escrow-Head"] = f"{message.seq} {message.head}"
    mail.set_content(text(message))
    return mail
