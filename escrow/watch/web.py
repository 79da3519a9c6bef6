"""Telling over HTTP: a webhook that takes JSON, and a ping address as healthchecks.io and its likes have it."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from escrow.errors import EscrowError, TellError
from escrow.seal import Secret
from escrow.source.http import HttpClient
from escrow.source.http_wait import HttpLimits
from escrow.watch.message import Message, payload, text

LIMITS = HttpLimits(body=1 << 20, total=1 << 20, answers=10, seconds=120, attempts=3, wait=20, timeout=20)
SIGNATURE = "X-Escrow-Signature"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to post. The whole address is a secret: who knows it can post, too."""

    url: Callable[[], Secret]
    ca_file: Path | None = None
    proxy: str | None = None

    def post(self, channel: str, body: bytes, headers: dict[str, str], *, below: str = "") -> None:
        """POST to the address, or to what lies `below` its path. TellError `tell-<channel>`."""
        url = self.url()
        try:
            parts = urlsplit(url.reveal().decode().strip())
            base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
            client = HttpClient(base, ca_file=self.ca_file, proxy=self.proxy, limits=LIMITS)
            client.post(below, body, headers, dict(parse_qsl(parts.query, keep_blank_values=True)))
        except EscrowError as error:
            raise TellError(f"tell-{channel}", f"{error.args[0]} ({error.code})", hint=error.hint) from None
        except ValueError:
            raise TellError(f"tell-{channel}", "expected a web address, found something else") from None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts each message as JSON; with a `secret` signed: `X-Escrow-Signature: sha256=` and the body's HMAC in hex."""

    address: Address
    secret: Callable[[], Secret] | None = None
    name: str = "webhook"

    def begin(self) -> None:
        """Nothing."""

    def tell(self, message: Message) -> None:
        """TellError `tell-webhook`."""
        body = payload(message)
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers[SIGNATURE] = "sha256=" + hmac.new(self.secret().reveal(), body, hashlib.sha256).hexdigest()
        self.address.post(self.name, body, headers)


@dataclass(frozen=True, slots=True)
class Ping:
    """Posts to the address when a night is well, to `/start` when it begins, and to `/fail` when it is not."""

    address: Address
    name: str = "ping"

    def begin(self) -> None:
        """TellError `tell-ping`."""
        self.address.post(self.name, b"", {}, below="start")

    def tell(self, message: Message) -> None:
        """TellError `tell-ping`. A test is a message of its own kind: `/log`, which changes nothing there."""
        below = "log" if message.test else "" if message.urgency == "heartbeat" else "fail"
        self.address.post(self.name, text(message).encode(), {"Content-Type": "text/plain; charset=utf-8"}, below=below)
