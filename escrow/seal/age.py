"""age v1 files: header, wrapped file key and STREAM payload put together (C2SP age.md)."""

import hashlib
import hmac
import os
from collections.abc import Iterable, Sequence
from io import BytesIO

from escrow.errors import FormatError, IntegrityError, UsageError, WrongKeyError
from escrow.limits import MAX_AGE_HEADER
from escrow.seal.header import NONCE, Header, Stanza, authenticated_part, head_of, parse_header
from escrow.seal.recipient import FILE_KEY, Family, Identity, Recipient
from escrow.seal.secret import Secret, derive
from escrow.seal.stream import StreamOpener, StreamSealer

MAX_HEAD = MAX_AGE_HEADER + NONCE


def _mac(file_key: Secret, stanzas: Sequence[Stanza]) -> bytes:
    key = derive(file_key, "header").reveal()
    return hmac.digest(key, authenticated_part(stanzas), hashlib.sha256)


def payload_key(head: bytes, identities: Iterable[Identity]) -> Secret:
    """The payload key of the file that begins with `head` (header and nonce, whole).

    Raises FormatError for a malformed header or stanza, WrongKeyError when no identity opens it, IntegrityError
    when the header MAC does not match.
    """
    parsed = parse_header(head)
    if parsed is None or len(head) != parsed[1] + NONCE:
        raise FormatError("header-truncated", "the file ends before its header and nonce do")
    header = parsed[0]
    for identity in identities:
        file_key = identity.unwrap(header.stanzas)
        if file_key is None:
            continue
        if not hmac.compare_digest(_mac(file_key, header.stanzas), header.mac):
            raise IntegrityError("hmac-mismatch", "the header does not match its MAC: it was altered")
        return derive(file_key, "payload", head[-NONCE:])
    raise WrongKeyError(
        "no-identity-matched",
        f"none of the given identities opens this file ({len(header.stanzas)} recipients)",
        hint="use the identity of one of the recipients it was sealed to",
    )


class Sealer:
    """Seals a stream in constant memory: write `head`, every `update`, then `finish`.

    Raises UsageError when there is no recipient, when post-quantum and classical ones are mixed, or when a
    passphrase is not alone.
    """

    def __init__(self, recipients: Sequence[Recipient]) -> None:
        families = {recipient.family for recipient in recipients}
        if len(families) != 1 or (Family.PASSPHRASE in families and len(recipients) > 1):
            names = ", ".join(sorted(family.value for family in families)) or "none"
            raise UsageError(
                "recipients-mixed",
                f"expected one passphrase, or recipients that are all post-quantum or all classical; found {names}",
            )
        file_key, nonce = Secret(os.urandom(FILE_KEY)), os.urandom(NONCE)
        stanzas = tuple(recipient.wrap(file_key) for recipient in recipients)
        self.head = Header(stanzas, _mac(file_key, stanzas)).encode() + nonce
        self._stream = StreamSealer(derive(file_key, "payload", nonce))

    def update(self, data: bytes | memoryview) -> bytes:
        """The sealed chunks that `data` completes; at most 64 KiB of plaintext are kept back."""
        out = BytesIO()
        self._stream.update(data, out)
        return out.getvalue()

    def finish(self) -> bytes:
        """The final chunk. Call once."""
        out = BytesIO()
        self._stream.finish(out)
        return out.getvalue()

    def seal_all(self, data: bytes | memoryview) -> bytes:
        """The whole file of one plaintext, with one copy less than `head + update + finish`."""
        out = BytesIO()
        out.write(self.head)
        self._stream.update(data, out)
        self._stream.finish(out)
        return out.getvalue()


def seal(data: bytes | memoryview, recipients: Sequence[Recipient]) -> bytes:
    """`data` as an age file for `recipients`. Raises UsageError as Sealer does."""
    return Sealer(recipients).seal_all(data)


class Opener:
    """Opens a stream in constant memory: what `update` and `finish` return is authenticated, chunk by chunk.

    Only after `finish` is it known that nothing is missing. Raises FormatError, WrongKeyError or IntegrityError.
    """

    def __init__(self, identities: Sequence[Identity]) -> None:
        self._identities = identities
        self._prefix = bytearray()
        self._stream: StreamOpener | None = None

    def update(self, data: bytes | memoryview) -> bytes:
        """The plaintext that `data` completes."""
        out = BytesIO()
        self._update(data, out)
        return out.getvalue()

    def finish(self) -> bytes:
        """The last plaintext. Raises IntegrityError when the file does not end here."""
        out = BytesIO()
        self._finish(out)
        return out.getvalue()

    def open_all(self, data: bytes | memoryview) -> bytes:
        """The plaintext of one whole file, with one copy less than `update + finish`."""
        out = BytesIO()
        self._update(data, out)
        self._finish(out)
        return out.getvalue()

    def _update(self, data: bytes | memoryview, out: BytesIO) -> None:
        view = memoryview(data)
        if self._stream is None:
            known = len(self._prefix)
            self._prefix += view[: MAX_HEAD - known]
            head = head_of(bytes(self._prefix))
            if head is None:
                return
            self._stream = StreamOpener(payload_key(head, self._identities))
            view = view[len(head) - known :]
        self._stream.update(view, out)

    def _finish(self, out: BytesIO) -> None:
        if self._stream is None:
            raise FormatError("header-truncated", "the file ends before its header and nonce do")
        self._stream.finish(out)


def open_sealed(data: bytes | memoryview, identities: Sequence[Identity]) -> bytes:
    """The plaintext of the age file `data`. Raises FormatError, WrongKeyError or IntegrityError."""
    return Opener(identities).open_all(data)
