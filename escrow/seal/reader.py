"""Random access into an age file over ranged reads (C2SP age.md, "Payload": seeking)."""

import hashlib
from collections.abc import Callable, Sequence
from io import BytesIO

from escrow.errors import FormatError, IntegrityError, UsageError
from escrow.limits import KIB
from escrow.seal.age import MAX_HEAD, payload_key
from escrow.seal.header import head_of
from escrow.seal.recipient import Identity
from escrow.seal.stream import CHUNK, SEALED_CHUNK, ChunkOpener, plain_size

FIRST_READ = 4 * KIB
"""Bytes of the first read: the head of a file for two post-quantum recipients. Doubled until the head is whole."""


class SealedReader:
    """Reads plaintext ranges of one sealed file of `size` bytes through `read_at(offset, length)`.

    The SHA-256 of the head (header and nonce) is compared with `head_sha256` (32 bytes) before any key is tried.
    `size` is the plaintext's; it is proven once a read has touched the last byte. Raises FormatError, WrongKeyError
    or IntegrityError.
    """

    def __init__(
        self,
        read_at: Callable[[int, int], bytes],
        size: int,
        identities: Sequence[Identity],
        head_sha256: bytes | None,
    ) -> None:
        self._read_at = read_at
        self._sealed_size = size
        head = self._read_head()
        if head_sha256 is not None and hashlib.sha256(head).digest() != head_sha256:
            raise IntegrityError(
                "head-mismatch",
                f"the head's SHA-256 is {hashlib.sha256(head).hexdigest()}, wanted {head_sha256.hex()}",
                hint="the store returned another object; verify the vault",
            )
        self.size = plain_size(len(head), size)
        self._head_len = len(head)
        self._last = max(0, self.size - 1) // CHUNK
        self._chunks = ChunkOpener(payload_key(head, identities))

    def read(self, offset: int, length: int) -> bytes:
        """`length` plaintext bytes from `offset`, by one `read_at` (of whole chunks); none for an empty range.

        Raises UsageError when the range leaves the plaintext, IntegrityError when a chunk does not authenticate.
        """
        if offset < 0 or length < 0 or offset + length > self.size:
            raise UsageError("read-range", f"asked for {length} bytes at {offset}, the plaintext has {self.size}")
        if length == 0 and self.size:
            return b""
        first, last = offset // CHUNK, max(offset, offset + length - 1) // CHUNK
        start = self._head_len + first * SEALED_CHUNK
        end = min(self._head_len + (last + 1) * SEALED_CHUNK, self._sealed_size)
        sealed = memoryview(self._exactly(start, end - start))
        out = BytesIO()
        for index, at in enumerate(range(0, len(sealed), SEALED_CHUNK), first):
            out.write(self._chunks.open(index, sealed[at : at + SEALED_CHUNK], final=index == self._last))
        plain = out.getvalue()
        skip = offset - first * CHUNK
        return plain if len(plain) == length else plain[skip : skip + length]

    def _read_head(self) -> bytes:
        prefix = b""
        while len(prefix) < min(self._sealed_size, MAX_HEAD):
            wanted = min(max(FIRST_READ, 2 * len(prefix)), self._sealed_size, MAX_HEAD)
            prefix += self._exactly(len(prefix), wanted - len(prefix))
            head = head_of(prefix)
            if head is not None:
                return head
        raise FormatError("header-truncated", "the file ends before its header and nonce do")

    def _exactly(self, offset: int, length: int) -> bytes:
        answer = self._read_at(offset, length)
        if len(answer) != length:
            raise IntegrityError(
                "short-read", f"asked for {length} bytes at {offset}, the store answered {len(answer)}"
            )
        return answer
