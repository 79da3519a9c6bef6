"""`[tell]` of escrow.toml: whom a night is told to, and how."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import UsageError

from .credentials import Credential, credential_of, needed_credential
from .tables import Table

if TYPE_CHECKING:
    from escrow.watch.mail import Security
    from escrow.watch.tell import Channel, When

_WHEN: "tuple[When, ...]" = ("always", "trouble")
_SECURITY: "tuple[Security, ...]" = ("starttls", "tls", "none")
_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """One channel: `make` builds it, when there is something to tell."""

    name: str
    when: "When"
    make: Callable[[], "Channel"]


def parse_tell(table: Table | None, root: Path) -> tuple[ChannelConfig, ...]:
    """`[tell.mail]`, `[tell.webhook]`, `[tell.ping]` and `[tell.log]`, as far as they are there. UsageError."""
    if table is None:
        return ()
    found = []
    for name, parse in (("mail", _mail), ("webhook", _webhook), ("ping", _ping), ("log", _log)):
        inner = table.table(name)
        if inner is not None:
            found.append(ChannelConfig(name, inner.one_of("when", _WHEN), parse(inner, root)))
            inner.end()
    table.end()
    return tuple(found)


def _mail(table: Table, root: Path) -> Callable[[], "Channel"]:
    host = table.needed("server")
    security = table.one_of("security", _SECURITY)
    port = table.number("port", 65535)
    sender = _address(table, "from", table.needed("from"))
    to = tuple(_address(table, "to", one) for one in table.text_or_texts("to"))
    user = table.text("user")
    password = credential_of(table, "password", root)
    ca_file = table.file("ca_file", root)
    if not to:
        raise UsageError("config-missing-key", f"{table.where}: expected to, found none")
    if (user is None) != (password is None):
        raise UsageError("config-tell", f"{table.where}: expected user and password together, or neither")
    if password and security == "none":
        hint = 'choose security = "starttls" or "tls"'
        raise UsageError("config-tell", f"{table.where}: a password never goes in clear", hint=hint)

    def make() -> "Channel":
        from escrow.watch.mail import PORTS, Mail

        read = password.read if password else None
        return Mail(host, port or PORTS[security], security, sender, to, user, read, ca_file)

    return make


def _webhook(table: Table, root: Path) -> Callable[[], "Channel"]:
    url, ca_file, proxy = _place(table, root)
    secret = credential_of(table, "secret", root)

    def make() -> "Channel":
        from escrow.watch.web import Address, Webhook

        return Webhook(Address(url.read, ca_file, proxy), secret.read if secret else None)

    return make


def _ping(table: Table, root: Path) -> Callable[[], "Channel"]:
    url, ca_file, proxy = _place(table, root)

    def make() -> "Channel":
        from escrow.watch.web import Address, Ping

        return Ping(Address(url.read, ca_file, proxy))

    return make


def _log(_table: Table, _root: Path) -> Callable[[], "Channel"]:
    def make() -> "Channel":
        from escrow.watch.systemlog import EventLog, Journal

        return EventLog() if os.name == "nt" else Journal()

    return make


def _place(table: Table, root: Path) -> tuple[Credential, Path | None, str | None]:
    return needed_credential(table, "url", root), table.file("ca_file", root), table.text("proxy")


def _address(table: Table, key: str, text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise UsageError("config-value", f"{table.where}: {key}: expected an address such as it@school.example")
    return text
