"""Pieces of bytes as an unbuffered reader."""

import io
from collections.abc import Iterator
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class PieceReader(io.RawIOBase):
    """Reads what an iterator gives; its errors pass. Closing it closes the iterator where that can be closed.

    A read that another thread is in ends before that.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self._lock = Lock()

    def readable(self) -> bool:
        """As io.RawIOBase."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` as far as there is something; 0 only at the end."""
        view = memoryview(buffer).cast("B")
        filled = 0
        with self._lock:
            while filled < len(view):
                if not self._rest:
                    piece = next(self._pieces, None)
                    if piece is None:
                        break
                    self._rest = memoryview(piece)
                    continue
                taken = self._rest[: len(view) - filled]
                view[filled : filled + len(taken)] = taken
                self._rest = self._rest[len(taken) :]
                filled += len(taken)
        return filled

    def close(self) -> None:
        """As io.RawIOBase."""
        close = getattr(self._pieces, "close", None)
        if close is not None and not self.closed:
            with self._lock:
                close()
        super().close()
