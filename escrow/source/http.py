"""One host, asked over HTTP: tries again what may pass, keeps to limits, and shows its credential to nobody else.

Neither messages nor logs hold an address with its query, a header, or the server's words: any of them may carry a
credential or a name.
"""

import logging
import random
import ssl
import time
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import httpx

from escrow.errors import SourceError, UsageError
from escrow.limits import MIB
from escrow.seal import Secret
from escrow.source.base import UnreadableError
from escrow.source.http_wait import HttpLimits, may_pass, next_wait, retry_after

for _name in ("httpx", "httpcore"):  # both log whole addresses, and httpcore headers
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

T = TypeVar("T")
_NEAR = frozenset({"127.0.0.1", "::1", "localhost"})
_CODES = {
    401: ("http-token", "the server refuses the credential", "make a new one, and put it where the old one is"),
    403: ("http-forbidden", "the server does not permit it", "have the permission granted, or leave this part out"),
    404: ("http-missing", "the server has nothing there", "check the school's id and the address"),
    410: ("http-missing", "the server has it no more", "check the school's id and the address"),
    429: ("http-busy", "the server asks to wait for longer than a night may", "let fewer programs use this credential"),
}


class HttpError(UnreadableError):
    """A request failed for good.

    `http-token`, `http-forbidden`, `http-missing`, `http-busy`, `http-server`, `http-status`, `http-away`,
    `http-redirect`, `http-cap`; and `http-body`, by whoever reads the body.
    """


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: its body as received (decompressed), its headers by names in lower case."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @property
    def media_type(self) -> str:
        """In lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Timing:
    """Time and chance, as the client needs them: `now` is UTC, `monotonic` in seconds."""

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    random: Callable[[], float] = random.SystemRandom().random


class HttpClient:
    """Requests below one base address, with one credential: a Bearer token, or a key in the query (`key`: its name).

    No environment variable names a proxy or a credential. Redirects are not followed: a credential goes to the host
    that it is for. The limits count from here on; connections are closed with the object.
    """

    def __init__(
        self,
        base_url: str,
        *,
        bearer: Secret | None = None,
        key: tuple[str, Secret] | None = None,
        ca_file: Path | None = None,
        proxy: str | None = None,
        limits: HttpLimits | None = None,
        timing: Timing | None = None,
    ) -> None:
        """UsageError `http-url`: no absolute address, or http to another machine; `http-ca`; `http-proxy`.

        SourceError `credential-form`: a credential that is not one line of printable ASCII.
        """
        self._base = _checked(base_url)
        for secret in filter(None, (bearer, key[1] if key else None)):
            _check_form(secret)
        self._key = key
        self._bearer = bearer
        self._limits = limits or HttpLimits()
        self._timing = timing or Timing()
        self._answers = 0
        self._bytes = 0
        self._begun = self._timing.monotonic()
        try:
            self._client = httpx.Client(
                trust_env=False,
                verify=_trust(ca_file),
                proxy=proxy,
                timeout=self._limits.timeout,
                headers={"User-Agent": "escrow", "Accept": "*/*", "Accept-Encoding": "gzip"},
            )
        except (httpx.InvalidURL, ValueError):
            hint = "write http://proxy.school.example:8080"
            raise UsageError("http-proxy", "expected the address of a proxy, found something else", hint=hint) from None
        weakref.finalize(self, self._client.close)

    @property
    def host(self) -> str:
        """The host's name, for messages."""
        return self._base.host

    @property
    def base_path(self) -> str:
        """The base address's path, without a slash at its end."""
        return self._base.path.rstrip("/")

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """GET `path` below the base address. HttpError."""
        return self._tried("GET", path, query or {}, None, {})

    def pieces(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """GET `path`, in pieces as they come, without a limit on one answer. HttpError, `again` where it broke off."""
        with self._asked("GET", path, query or {}, None, {}) as answer:
            try:
                yield from self._body(answer, self._limits.total)
            except httpx.RequestError as away:
                error = self._away(f"broke off ({type(away).__name__})")
                raise HttpError(error.code, error.args[0], hint=error.hint, again=True) from None

    def post(self, path: str, body: bytes, headers: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        """POST `body`. HttpError. Tried again as GET is: what receives it must bear it twice."""
        return self._tried("POST", path, query, body, headers)

    def _tried(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        def whole() -> Answer:
            with self._opened(method, path, query, body, headers) as answer:
                data = b"".join(self._body(answer, self._limits.body))
                return Answer(data, {name.lower(): value for name, value in answer.headers.items()})

        return self._again(whole)

    @contextmanager
    def _asked(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, headers: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        """As `_opened`, tried again until an answer begins."""
        with ExitStack() as stack:
            yield self._again(lambda: stack.enter_context(self._opened(method, path, query, body, headers)))

    def _again(self, action: Callable[[], T]) -> T:
        failures = 0
        while True:
            asked: float | None = None
            try:
                return action()
            except httpx.TimeoutException:
                error = self._away("does not answer in time")
            except httpx.RequestError as away:
                error = self._away(f"cannot be reached, or broke off ({type(away).__name__})")
            except _Refused as refused:
                error, asked = self._refusal(refused.status), refused.asked
                if not may_pass(refused.status):
                    raise error from None
            failures += 1
            wait = next_wait(failures, asked, self._limits, self._timing.random)
            if wait is None:
                raise error
            self._timing.sleep(wait)

    @contextmanager
    def _opened(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None, headers: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        self._check_limits()
        address = self._base.copy_with(path=f"{self.base_path}/{path}" if path else self._base.path)
        address = address.copy_merge_params(dict(query)) if query else address
        if self._key:
            address = address.copy_set_param(self._key[0], self._key[1].reveal().decode())
        sent = dict(headers)
        if self._bearer:
            sent["Authorization"] = f"Bearer {self._bearer.reveal().decode()}"
        with self._client.stream(method, address, content=body, headers=sent) as answer:
            if not answer.is_success:
                raise _Refused(answer.status_code, retry_after(answer.headers.get("retry-after"), self._timing.now()))
            yield answer

    def _body(self, answer: httpx.Response, most: int) -> Iterator[bytes]:
        size = 0
        for piece in _decoded(answer.iter_raw(), answer.headers.get("content-encoding", "identity")):
            size += len(piece)
            self._bytes += len(piece)
            if size > most:
                raise self._over(f"one answer is over {most} bytes")
            self._check_limits()
            yield piece
        self._answers += 1

    def _check_limits(self) -> None:
        if self._answers >= self._limits.answers:
            raise self._over(f"it took more than {self._limits.answers} answers")
        if self._bytes > self._limits.total:
            raise self._over(f"it sent more than {self._limits.total} bytes")
        if self._timing.monotonic() - self._begun > self._limits.seconds:
            raise self._over(f"it took more than {self._limits.seconds:.0f} seconds")

    def _over(self, what: str) -> HttpError:
        return HttpError("http-cap", f"{self.host}: {what}", hint="ask for less, or find out why there is so much")

    def _away(self, what: str) -> HttpError:
        hint = "look at this machine's network, its proxy and its trusted certificates (ca_file)"
        return HttpError("http-away", f"{self.host} {what}", hint=hint)

    def _refusal(self, status: int) -> HttpError:
        if 300 <= status < 400:
            hint = "write the address that it moved to, after you have made sure that it is the vendor's"
            return HttpError("http-redirect", f"{self.host}: answers {status}: it moved", hint=hint)
        kind = "http-server" if status >= 500 else "http-status"
        code, words, hint = _CODES.get(status, (kind, "the server fails", "ask its owner, or try later"))
        return HttpError(code, f"{self.host}: answers {status}: {words}", hint=hint)


class _Refused(Exception):  # noqa: N818 - an answer, not yet an error
    """An answer that is no success; `asked` in seconds."""

    def __init__(self, status: int, asked: float | None) -> None:
        super().__init__(status)
        self.status = status
        self.asked = asked


def _decoded(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The body in pieces of at most a mebibyte. httpx.DecodingError where gzip is broken or breaks off early."""
    if encoding.lower() == "identity":
        yield from pieces
        return
    if encoding.lower() != "gzip":
        raise httpx.DecodingError("an encoding that nobody asked for")
    unzip = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                yield unzip.decompress(rest, MIB)
                rest = unzip.unconsumed_tail
    except zlib.error:
        raise httpx.DecodingError("broken gzip") from None
    if not unzip.eof or unzip.unused_data:
        raise httpx.DecodingError("gzip that breaks off, or goes on behind its end")


def _check_form(secret: Secret) -> None:
    value = secret.reveal()
    if not value.isascii() or not value.decode("ascii").isprintable():
        hint = "one line with the token and nothing else; was the file saved as UTF-16?"
        raise SourceError("credential-form", "expected a credential of printable ASCII, found otherwise", hint=hint)


def _checked(base_url: str) -> httpx.URL:
    hint = "write https://host/path, without a user and a query"
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        raise UsageError("http-url", "expected a web address, found something else", hint=hint) from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query:
        raise UsageError("http-url", "expected a web address, found something else", hint=hint)
    if url.scheme == "http" and url.host not in _NEAR:
        raise UsageError("http-url", f"expected https for {url.host}: pupils' data never goes in clear", hint=hint)
    return url


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """This system's authorities, and those of `ca_file` (PEM): a school's filter may have its own."""
    trusted = ssl.create_default_context()
    if ca_file is not None:
        try:
            trusted.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            hint = "name the certificate (PEM) of the authority that signed the server's"
            raise UsageError("http-ca", f"{ca_file}: cannot be read as a certificate", hint=hint) from error
    return trusted
