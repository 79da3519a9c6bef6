"""How a database server is reached, for every kind of server."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from escrow.errors import SourceError
from escrow.seal import Secret

Tls = Literal["verify", "unverified", "off"]
CONNECT_SECONDS = 20
LOCK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Address:
    """`host`: a name, or a socket's path; `password` is asked when the night connects; `ca_file`: PEM."""

    host: str
    port: int | None
    database: str
    user: str
    password: Callable[[], Secret] | None = None
    tls: Tls = "verify"
    ca_file: Path | None = None

    def word(self) -> str:
        """The password as text, "" where there is none. SourceError of the credential."""
        return self.password().reveal().decode("utf-8", "surrogateescape") if self.password else ""

    def context(self) -> ssl.SSLContext | None:
        """For drivers that take Python's TLS. SourceError `sql-tls` for a file that holds no certificates."""
        if self.tls == "off":
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise no_tls(f"{self.ca_file}: cannot be used ({type(error).__name__})") from None
        if self.tls == "unverified":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def no_tls(found: str = "the server and this machine do not agree on TLS") -> SourceError:
    """SourceError `sql-tls`."""
    hint = 'set tls to "verify" with the ca_file of the server\'s authority, "unverified", or "off" on one machine'
    return SourceError("sql-tls", f"expected a connection as tls in escrow.toml says; {found}", hint=hint)


def refused(address: Address) -> SourceError:
    """SourceError `sql-password`."""
    hint = "check user, password, and that the account has no other connection open; docs/guide-sql.md has the GRANTs"
    return SourceError("sql-password", f"the server refuses the account {address.user or 'of Windows'}", hint=hint)


def no_database(address: Address) -> SourceError:
    """SourceError `sql-database`."""
    hint = "check the database's name, and that the account may use it"
    return SourceError("sql-database", f"expected the database {address.database}, found none of use", hint=hint)


def no_driver() -> SourceError:
    """SourceError `sql-driver`: what speaks to SQL Server is no part of escrow."""
    hint = "pip install 'escrow[sqlserver]', and Microsoft's ODBC Driver 18 (msodbcsql18), see docs/guide-sql.md"
    return SourceError("sql-driver", "expected pyodbc and an ODBC driver for SQL Server, found none of use", hint=hint)


def away(address: Address, why: str) -> SourceError:
    """SourceError `sql-away`. `why`: a class or code, never the server's own text, which may hold data."""
    hint = "check host and port, and that the server runs and lets this machine in"
    return SourceError("sql-away", f"{address.host}: the database server does not answer ({why})", hint=hint)
