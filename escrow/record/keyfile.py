"""The text of identity files: series keys and the custody key (docs/format.md, sections 5.1 and 5.2).

The bytes here are secret in the clear: callers wrap them at once, and no error repeats a line.
"""

import re
from dataclasses import dataclass, field
from typing import NoReturn

from escrow.errors import FormatError

_IDENTITY = rb"(?P<identity>AGE-SECRET-KEY-PQ-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})"
_SERIES = re.compile(
    rb"# escrow series key\r?\n"
    rb"# vault: (?P<vault>[0-9a-f]{32})\r?\n"
    rb"# key id: (?P<key_id>[0-9a-f]{16})\r?\n"
    rb"# compartment: (?P<compartment>[a-z0-9][a-z0-9_-]{0,63})\r?\n" + _IDENTITY + rb"(?:\r?\n)?"
)
_CUSTODY = re.compile(
    rb"# escrow custody key\r?\n"
    rb"# vault: (?P<vault>[0-9a-f]{32})\r?\n"
    rb"# secret: (?P<secret>[0-9a-f]{64})\r?\n" + _IDENTITY + rb"(?:\r?\n)?"
)


class _Unpicklable:
    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret does not pickle")


@dataclass(frozen=True, slots=True)
class SeriesKeyFile(_Unpicklable):
    """An opened `stock/<key-id>-<sha16>.age`; `identity` is the secret line, without its LF."""

    vault: str
    key_id: str
    compartment: str
    identity: bytes = field(repr=False)

    def text(self) -> bytes:
        """The identity file. FormatError key-file when a member is not of its grammar."""
        return _checked(
            _SERIES,
            f"# escrow series key\n# vault: {self.vault}\n# key id: {self.key_id}\n"
            f"# compartment: {self.compartment}\n".encode()
            + self.identity
            + b"\n",
        )


@dataclass(frozen=True, slots=True)
class CustodyKeyFile(_Unpicklable):
    """An opened `custody.key`: the 32-byte custody secret, and the identity line derived from it."""

    vault: str
    secret: bytes = field(repr=False)
    identity: bytes = field(repr=False)

    def text(self) -> bytes:
        """The identity file. FormatError key-file when a member is not of its grammar."""
        return _checked(
            _CUSTODY,
            f"# escrow custody key\n# vault: {self.vault}\n# secret: {self.secret.hex()}\n".encode()
            + self.identity
            + b"\n",
        )


def parse_series_key(text: bytes) -> SeriesKeyFile:
    """The members of a series key's text. FormatError key-file."""
    found = _match(_SERIES, text).groupdict()
    return SeriesKeyFile(
        found["vault"].decode(), found["key_id"].decode(), found["compartment"].decode(), found["identity"]
    )


def parse_custody_key(text: bytes) -> CustodyKeyFile:
    """The members of a custody key's text. FormatError key-file."""
    found = _match(_CUSTODY, text).groupdict()
    return CustodyKeyFile(found["vault"].decode(), bytes.fromhex(found["secret"].decode()), found["identity"])


def _checked(grammar: re.Pattern[bytes], text: bytes) -> bytes:
    _match(grammar, text)
    return text


def _match(grammar: re.Pattern[bytes], text: bytes) -> re.Match[bytes]:
    match = grammar.fullmatch(text)
    if match is None:
        what = "series key" if grammar is _SERIES else "custody key"
        raise FormatError(
            "key-file",
            f"expected the text of an escrow {what} (docs/format.md, section 5), found another text",
            hint="give the opened identity file as it was made, unedited",
        )
    return match
