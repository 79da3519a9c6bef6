"""Looks into gzip and zip as they stream by. What unfolds beyond all measure is let be, and that is said.

A zip is read by its local headers (APPNOTE 4.3.7), as a stream gives them; its central directory proves only that the
file is whole. A member that is stored with its size behind it, or is encrypted, cannot be found so: opaque.
"""

import struct
import zlib
from collections.abc import Callable
from typing import Protocol

import numpy as np

from escrow.completeness.profile import OPAQUE, Profile
from escrow.completeness.textflow import Bytes

MAX_UNFOLDED = 64 << 30
"""Bytes that one archive may unfold to before the rest is not looked into."""
_BOMB_RATIO = 200
_BOMB_FLOOR = 256 << 20
_PIECE = 1 << 20
_MEMBERS = 1000
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_HEADER = struct.Struct("<4xHHHHHIIIHH")


class Part(Protocol):
    """What profiles one file."""

    def feed(self, data: Bytes) -> None:
        """The next bytes; they are not kept."""

    def finish(self) -> Profile:
        """The end."""


Opener = Callable[[str], Part]
"""Gives a Part for a file of this name."""


class _Unfolding:
    """Counts what goes in and comes out; a bomb is what grows 200-fold past 256 MiB."""

    def __init__(self) -> None:
        self.taken = 0
        self.given = 0

    def is_bomb(self) -> bool:
        return self.given > MAX_UNFOLDED or (self.given > _BOMB_FLOOR and self.given > _BOMB_RATIO * max(self.taken, 1))


class GzipFile:
    """One gzip file, of one member or several."""

    def __init__(self, name: str, opener: Opener) -> None:
        """`name`: the file's own; its content is called so without the last ending."""
        self._inner = opener(name.rpartition(".")[0] or name)
        self._gunzip = zlib.decompressobj(31)
        self._size = _Unfolding()
        self._note = ""

    def feed(self, data: Bytes) -> None:
        """The next bytes."""
        rest = data.tobytes()
        self._size.taken += len(rest)
        while rest and not self._note:
            if self._gunzip.eof:
                self._gunzip = zlib.decompressobj(31)
            try:
                made = self._gunzip.decompress(rest, _PIECE)
            except zlib.error:
                self._note = "malformed"
                return
            rest = self._gunzip.unused_data if self._gunzip.eof else self._gunzip.unconsumed_tail
            self._size.given += len(made)
            if made:
                self._inner.feed(np.frombuffer(made, np.uint8))
            if self._size.is_bomb():
                self._note = "bomb"

    def finish(self) -> Profile:
        """The content's profile, as of format `gzip`: rows, columns and members are those inside."""
        inner = self._inner.finish()
        if not self._note and not self._gunzip.eof:
            self._note = "truncated"
        notes = {*inner.notes, self._note} - {""}
        return Profile(
            f"gzip+{inner.format}",
            inner.rows,
            inner.columns,
            inner.encoding,
            inner.declared,
            tuple(sorted(notes)),
            inner.members,
        )


class ZipFile:
    """One zip file: a member for each file in it."""

    def __init__(self, opener: Opener) -> None:
        self._open = opener
        self._rest = bytearray()
        self._members: dict[str, Profile] = {}
        self._notes: set[str] = set()
        self._size = _Unfolding()
        self._part: Part | None = None
        self._name = ""
        self._inflate: zlib._Decompress | None = None  # type: ignore[name-defined,unused-ignore]
        self._left = 0
        self._done = False
        self._ended = False

    def feed(self, data: Bytes) -> None:
        """The next bytes."""
        self._size.taken += len(data)
        if self._done:
            self._look_for_end(data.tobytes())
            return
        self._rest += data.tobytes()
        while self._rest and not self._done and self._step():
            pass

    def _look_for_end(self, data: bytes) -> None:
        self._rest = (self._rest + data)[-(1 << 16) - 22 :]
        self._ended = self._ended or _END in self._rest

    def _step(self) -> bool:
        """Go on by one header or one piece of content; False where more bytes are needed."""
        if self._inflate is not None:
            return self._unfold()
        if self._left:
            piece = bytes(self._rest[: min(self._left, _PIECE)])
            self._give(piece)
            self._left -= len(piece)
            del self._rest[: len(piece)]
            if not self._left:
                self._close()
            return True
        return self._header()

    def _header(self) -> bool:
        start = bytes(self._rest[:4])
        if start in (_CENTRAL, _END):
            self._done = True
            self._look_for_end(b"")
            return False
        if start == b"PK\x07\x08":  # a data descriptor, with its signature
            return self._drop(16)
        if len(self._rest) < 30:
            return False
        if start != _LOCAL:
            return self._lost("malformed")
        _, flags, method, _, _, _, packed, _, name_size, extra = _HEADER.unpack_from(self._rest)
        if len(self._rest) < 30 + name_size + extra:
            return False
        self._name = self._rest[30 : 30 + name_size].decode("utf-8", "replace")
        del self._rest[: 30 + name_size + extra]
        return self._begin(flags, method, packed)

    def _begin(self, flags: int, method: int, packed: int) -> bool:
        if len(self._members) == _MEMBERS:
            return self._lost("too-many-tables")
        if method == 8 and not flags & 1:
            self._inflate = zlib.decompressobj(-15)
            self._part = self._open(self._name)
        elif flags & 8 or packed == 0xFFFFFFFF:
            return self._lost("opaque-member")
        else:
            self._left = packed
            self._part = self._open(self._name) if method == 0 and not flags & 1 else None
            if not packed:
                self._close()
        return True

    def _lost(self, note: str) -> bool:
        """The next header cannot be found."""
        self._notes.add(note)
        self._done = True
        return False

    def _drop(self, size: int) -> bool:
        if len(self._rest) < size:
            return False
        del self._rest[:size]
        return True

    def _unfold(self) -> bool:
        assert self._inflate is not None
        try:
            made = self._inflate.decompress(bytes(self._rest), _PIECE)
        except zlib.error:
            return self._lost("malformed")
        self._rest = bytearray(self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail)
        self._give(made)
        if self._inflate.eof:
            self._inflate = None
            self._close()
        return not self._size.is_bomb() or self._lost("bomb")

    def _give(self, data: bytes) -> None:
        self._size.given += len(data)
        if self._part is not None and data:
            self._part.feed(np.frombuffer(data, np.uint8))

    def _close(self) -> None:
        if not self._name.endswith("/"):
            self._members[self._name] = self._part.finish() if self._part is not None else OPAQUE
        self._part = None

    def finish(self) -> Profile:
        """The archive: a member for each file."""
        if not self._ended:
            self._look_for_end(b"")
        if not self._ended and not self._notes:
            self._notes.add("truncated")
        if self._part is not None:
            self._close()
        notes = self._notes
        return Profile("zip", None, notes=tuple(sorted(notes)), members=dict(sorted(self._members.items())))
