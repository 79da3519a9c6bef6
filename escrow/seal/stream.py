"""age's STREAM: the payload in chunks of 64 KiB, knowing only the AEAD (C2SP age.md, "Payload")."""

from collections.abc import Iterator
from io import BytesIO
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from escrow.errors import FormatError, IntegrityError, UsageError
from escrow.limits import KIB
from escrow.seal.secret import Secret

CHUNK: Final = 64 * KIB
"""Plaintext bytes of every chunk but the last."""

TAG: Final = 16
SEALED_CHUNK: Final = CHUNK + TAG


def sealed_size(head_len: int, plain: int) -> int:
    """Bytes of the age file that has a head (header and nonce) of `head_len` and a plaintext of `plain` bytes."""
    return head_len + plain + TAG * max(1, -(-plain // CHUNK))


def plain_size(head_len: int, sealed: int) -> int:
    """Plaintext bytes of an age file of `sealed` bytes. Raises FormatError when no plaintext gives that size."""
    payload = sealed - head_len
    plain = payload - TAG * -(-payload // SEALED_CHUNK)
    if payload < TAG or sealed_size(head_len, plain) != sealed:
        raise FormatError("payload-size", f"no age payload has {payload} bytes: the file is cut or padded")
    return plain


def _nonce(index: int, *, final: bool) -> bytes:
    return (index << 8 | final).to_bytes(12, "big")


class _Splitter:
    """Cuts a stream into whole chunks, always keeping back what may be the last one (1 to `size` bytes)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.rest = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[bytearray | memoryview]:
        view = memoryview(data)
        start = 0
        if self.rest:
            start = self._size - len(self.rest)
            self.rest += view[:start]
            if start >= len(view):
                return
            yield self.rest
        stop = start + max(0, len(view) - start - 1) // self._size * self._size
        for at in range(start, stop, self._size):
            yield view[at : at + self._size]
        self.rest = bytearray(view[stop:])


class StreamSealer:
    """Seals a payload chunk by chunk into a buffer; memory does not grow with the payload."""

    def __init__(self, key: Secret) -> None:
        self._aead = ChaCha20Poly1305(key.reveal())
        self._index = 0
        self._plain = _Splitter(CHUNK)
        self._finished = False

    def update(self, data: bytes | memoryview, out: BytesIO) -> None:
        self._check_open()
        for chunk in self._plain.feed(data):
            out.write(self._aead.encrypt(_nonce(self._index, final=False), chunk, None))
            self._index += 1

    def finish(self, out: BytesIO) -> None:
        self._check_open()
        self._finished = True
        out.write(self._aead.encrypt(_nonce(self._index, final=True), self._plain.rest, None))

    def _check_open(self) -> None:
        if self._finished:
            raise UsageError("sealer-finished", "this file is finished; a nonce would be used twice")


class ChunkOpener:
    """Opens single chunks of a payload, in any order."""

    def __init__(self, key: Secret) -> None:
        self._aead = ChaCha20Poly1305(key.reveal())

    def open(self, index: int, sealed: bytes | bytearray | memoryview, *, final: bool) -> bytes:
        """The plaintext of chunk `index`. Raises IntegrityError when it is altered, moved, or not `final`."""
        try:
            plain = self._aead.decrypt(_nonce(index, final=final), sealed, None)
        except InvalidTag:
            raise IntegrityError(
                "payload-chunk", f"chunk {index} does not authenticate: the file is altered, cut or extended"
            ) from None
        if final and index and not plain:
            raise IntegrityError("payload-empty-chunk", "the final chunk is empty but not the only one")
        return plain


class StreamOpener:
    """Opens a payload chunk by chunk into a buffer. After an error it opens nothing more."""

    def __init__(self, key: Secret) -> None:
        self._chunks = ChunkOpener(key)
        self._index = 0
        self._sealed = _Splitter(SEALED_CHUNK)
        self._failed = False

    def update(self, data: bytes | memoryview, out: BytesIO) -> None:
        self._check_sound()
        for chunk in self._sealed.feed(data):
            self._open(chunk, out, final=False)

    def finish(self, out: BytesIO) -> None:
        self._check_sound()
        self._open(self._sealed.rest, out, final=True)

    def _check_sound(self) -> None:
        if self._failed:
            raise IntegrityError("payload-chunk", "an earlier chunk of this file did not authenticate")

    def _open(self, chunk: bytearray | memoryview, out: BytesIO, *, final: bool) -> None:
        self._failed = True
        out.write(self._chunks.open(self._index, chunk, final=final))
        self._failed = False
        self._index += 1
