"""Names between bytes and the file system, for both styles of system. Pure.

Paths of the format are raw bytes with `/`. On POSIX a name is any bytes; on Windows it is UTF-16, here as WTF-8 (UTF-8
that may hold lone surrogates). Restoring treats every path as hostile.
"""

import hashlib
import os
import unicodedata
from typing import Literal

from escrow.errors import FormatError
from escrow.limits import MAX_PATH

Style = Literal["posix", "windows"]

HERE: Style = "windows" if os.name == "nt" else "posix"
"""The style of the system that runs this."""

_MAX_COMPONENT = 255
_FORBIDDEN = frozenset('<>:"|?*\\') | {chr(n) for n in range(32)}
_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [device + digit for device in ("COM", "LPT") for digit in "0123456789¹²³"]
)


def encode_name(name: str, style: Style) -> bytes:
    """A name as Python's `os` gives it, as bytes of the format. The inverse of `decode_name`."""
    return name.encode("utf-8", "surrogatepass" if style == "windows" else "surrogateescape")


def decode_name(name: bytes, style: Style) -> str:
    """Bytes of the format as a name for Python's `os`. FormatError `path-hostile`: no name on Windows."""
    try:
        return name.decode("utf-8", "surrogatepass" if style == "windows" else "surrogateescape")
    except UnicodeDecodeError as error:
        raise _hostile(name, "is not UTF-8, which this system's names must be") from error


def extended(path: str) -> str:
    r"""An absolute Windows path in the form without the 260-character limit: `\\?\C:\x`, `\\?\UNC\server\share`."""
    if path.startswith("\\\\?\\"):
        return path
    return "\\\\?\\UNC\\" + path[2:] if path.startswith("\\\\") else "\\\\?\\" + path


def safe_target(path: bytes, style: Style = HERE) -> tuple[str, ...]:
    """The components below the restore folder to which a path of a vault may be written.

    Raises FormatError `path-hostile`: absolute, up or out, over-long, or (on Windows) a name that Windows reserves,
    cannot have or would quietly change. `escape_component` makes such names harmless.
    """
    if len(path) > MAX_PATH:
        raise _hostile(path, f"has {len(path)} bytes, over {MAX_PATH}")
    return tuple(_safe_component(part, path, style) for part in path.split(b"/"))


def _safe_component(part: bytes, path: bytes, style: Style) -> str:
    if part in (b"", b".", b"..") or b"\0" in part:
        raise _hostile(path, "is absolute, has an empty part, `.`, `..` or NUL")
    name = decode_name(part, style)
    units = len(name.encode("utf-16-le", "surrogatepass")) // 2 if style == "windows" else len(part)
    if units > _MAX_COMPONENT:
        raise _hostile(path, f"has a part of {units} units, over {_MAX_COMPONENT}")
    if style == "windows" and (not _FORBIDDEN.isdisjoint(name) or name[-1] in ". " or _is_reserved(name)):
        raise _hostile(path, "has a part that Windows reserves or changes")
    return name


def escape_component(part: bytes, style: Style = HERE) -> str:
    """One part of a path as a harmless name: `%XX` for each hostile byte and for `%`; percent-decoding reverses it.

    Raises FormatError `path-hostile` for an empty part and for one that grows over 255 units.
    """
    part = part.replace(b"%", b"%25").replace(b"/", b"%2F").replace(b"\0", b"%00")
    if style == "posix":
        escaped = decode_name(part, style)
    else:
        text = part.decode("utf-8", "surrogateescape")
        escaped = "".join(_percent(c) if c in _FORBIDDEN or "\udc80" <= c <= "\udcff" else c for c in text)
        if escaped.endswith((".", " ")):
            escaped = escaped[:-1] + _percent(escaped[-1])
        if _is_reserved(escaped):
            escaped = _percent(escaped[0]) + escaped[1:]
    if escaped in (".", ".."):
        escaped = escaped.replace(".", "%2E")
    return safe_target(encode_name(escaped, style), style)[0]


def _percent(character: str) -> str:
    return f"%{ord(character) & 0xFF:02X}"


def _is_reserved(name: str) -> bool:
    return name.split(".", 1)[0].rstrip(" ").upper() in _RESERVED


def _hostile(path: bytes, why: str) -> FormatError:
    shown = ascii(path[:200])[2:-1]
    return FormatError(
        "path-hostile", f"path {shown} {why}", hint="nothing was written for it; restore it under an escaped name"
    )


def fold(text: str) -> str:
    """A form that is equal for names which some file system takes for one: composed (NFC), without case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class Collisions:
    """Finds two paths that would be written to one place. About 200 bytes of memory for each path and folder."""

    def __init__(self, *, ignore_case: bool) -> None:
        """`ignore_case`: the target folder takes names for equal that differ in case or composition."""
        self._ignore_case = ignore_case
        self._seen: dict[bytes, tuple[bytes, bool]] = {}

    def add(self, target: tuple[str, ...], *, folder: bool = False) -> None:
        """Take the next path (`folder`: an empty folder).

        Raises FormatError `path-collision` when it is there already, when one is a folder that the other needs to
        be a file, or when a part differs only in case from that of an earlier path.
        """
        for depth in range(1, len(target) + 1):
            spelled = "/".join(target[:depth])
            leaf = depth == len(target)
            entry = (_digest(spelled), folder or not leaf)
            key = _digest(fold(spelled)) if self._ignore_case else entry[0]
            if (leaf and key in self._seen) or self._seen.setdefault(key, entry) != entry:
                raise FormatError(
                    "path-collision",
                    f"path {spelled[:200]!a} falls together with an earlier one in the target folder",
                    hint="restore to a file system that keeps upper and lower case apart, or in two parts",
                )


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
