"""What S3Store says to a server, and what it makes of answers, of bad days and of other servers' habits."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest

from escrow.errors import (
    DeniedError,
    EscrowError,
    ExistsError,
    LimitError,
    NotFoundError,
    StoreError,
    UnreachableError,
    UsageError,
)
from escrow.store import Retrying
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from tests.servers.http import Answer, Request, serving

DATE = "Tue, 01 Sep 2026 12:00:00 GMT"
OK = Answer(200, {"Date": DATE})


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")


@contextmanager
def store_with(answer: Callable[[Request], Answer], **options: bool) -> Iterator[S3Store]:
    with serving(answer) as endpoint:
        yield S3Store(S3Options("school", "vault", endpoint=endpoint, path_style=True, **options))  # type: ignore[arg-type]


def failing(status: int, code: str = "") -> Answer:
    error = f"<Error><Code>{code}</Code><Message>why \N{RIGHT-TO-LEFT OVERRIDE}not</Message></Error>"
    return Answer(status, {"Date": DATE}, error.encode() if code else b"")


def test_what_a_put_sends() -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Answer:
        seen.append(request)
        return Answer(200, {"Date": DATE, "x-amz-version-id": "v1"})

    until = datetime(2026, 9, 30, 12, 0, 0, 1, tzinfo=timezone(timedelta(hours=1)))
    with store_with(answer, content_md5=True) as store:
        info = store.put("a/b", b"one", retain_until=until)
    (request,) = seen
    assert (request.method, request.path, request.body) == ("PUT", "/school/vault/a/b", b"one")
    expected = {
        "If-None-Match": "*",
        "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"one").digest()).decode(),
        "Content-MD5": base64.b64encode(hashlib.md5(b"one").digest()).decode(),
        "x-amz-object-lock-mode": "COMPLIANCE",
        "x-amz-object-lock-retain-until-date": "2026-09-30T11:00:01Z",
        "Content-Length": "3",
    }
    assert {name: request.headers[name] for name in expected} == expected
    assert "Transfer-Encoding" not in request.headers
    assert (info.version, info.sha256, info.retain_until) == ("v1", None, datetime(2026, 9, 30, 11, 0, 1, tzinfo=UTC))


def test_no_lock_and_no_md5_unless_asked() -> None:
    def answer(request: Request) -> Answer:
        assert not [name for name in request.headers if "lock" in name.lower() or "md5" in name.lower()]
        return OK

    with store_with(answer) as store:
        store.put("a/b", b"one")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (failing(403, "AccessDenied"), DeniedError, "store-denied"),
        (failing(403, "InvalidAccessKeyId"), DeniedError, "store-credentials"),
        (failing(403, "SignatureDoesNotMatch"), DeniedError, "store-credentials"),
        (failing(403, "RequestTimeTooSkewed"), DeniedError, "store-clock"),
        (failing(404, "NoSuchBucket"), UsageError, "store-bucket"),
        (failing(404, "NoSuchKey"), NotFoundError, "store-absent"),
        (failing(301, "PermanentRedirect"), UsageError, "store-region"),
        (failing(400, "RequestTimeout"), UnreachableError, "store-unreachable"),
        (failing(400, "BadDigest"), UnreachableError, "store-checksum"),
        (failing(400, "InvalidRequest"), StoreError, "store-refused"),
        (failing(409, "ConditionalRequestConflict"), UnreachableError, "store-unreachable"),
        (failing(429), UnreachableError, "store-unreachable"),
        (failing(500, "InternalError"), UnreachableError, "store-unreachable"),
        (failing(503, "SlowDown"), UnreachableError, "store-unreachable"),
        (Answer(502, body=b"<html>proxy</html>"), UnreachableError, "store-unreachable"),
        (Answer(0, close=True), UnreachableError, "store-unreachable"),
    ],
)
def test_answers_become_errors(answer: Answer, kind: type[EscrowError], code: str) -> None:
    requests = 0

    def count(_: Request) -> Answer:
        nonlocal requests
        requests += 1
        return answer

    with store_with(count) as store, pytest.raises(kind) as caught:
        store.put("a/b", b"one")
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert str(caught.value).isprintable()
    assert "very-secret" not in str(caught.value) + repr(caught.value.__cause__)
    assert requests == 1, "retries are the wrapper's"


@pytest.mark.parametrize(("status", "kind"), [(403, DeniedError), (404, NotFoundError), (503, UnreachableError)])
def test_a_head_has_only_a_status(status: int, kind: type[StoreError]) -> None:
    with store_with(lambda _: Answer(status)) as store, pytest.raises(kind):
        store.head("a/b")


@pytest.mark.parametrize(
    "body",
    [
        Answer(200, body=b"not xml"),
        Answer(200, {"Content-Length": "900"}, b"<ListBucketResult>", close=True),
        Answer(200, body=b"<ListBucketResult><Contents><Key>vault/a</Key></Contents></ListBucketResult>"),
        Answer(200, body=b"<ListBucketResult><Contents><Size>no</Size></Contents></ListBucketResult>"),
    ],
)
def test_garbage_in_a_listing(body: Answer) -> None:
    with store_with(lambda _: body) as store, pytest.raises(UnreachableError):
        list(store.list())


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (Answer(200, {"Content-Length": "100"}, b"half", close=True), UnreachableError, "store-unreachable"),
        (Answer(200, {"Content-Length": "99999999"}, close=True), LimitError, "store-size"),
        (failing(416, "InvalidRange"), StoreError, "store-short"),
    ],
)
def test_a_torn_or_huge_body(answer: Answer, kind: type[EscrowError], code: str) -> None:
    with store_with(lambda _: answer) as store, pytest.raises(kind) as caught:
        store.get("a/b")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(200, body=b"0123456789"), "store-range"),
        (Answer(206, {"Content-Range": "bytes 0-3/10"}, b"0123"), "store-range"),
        (Answer(206, {"Content-Range": "bytes 2-4/5"}, b"234"), "store-short"),
    ],
)
def test_a_wrong_range(answer: Answer, code: str) -> None:
    with store_with(lambda _: answer) as store, pytest.raises(StoreError) as caught:
        store.get("a/b", start=2, length=4)
    assert caught.value.code == code


class Bucket:
    """One object's worth of a server: real enough for lost answers and for servers without some feature."""

    def __init__(self, *, conditional: bool = True, checksums: bool = True, readable: bool = True) -> None:
        self.body: bytes | None = None
        self.conditional, self.checksums, self.readable = conditional, checksums, readable
        self.lose = 0

    def __call__(self, request: Request) -> Answer:
        if request.method == "PUT":
            if request.headers["If-None-Match"] and not self.conditional:
                return failing(501, "NotImplemented")
            if request.headers["If-None-Match"] and self.body is not None:
                return failing(412, "PreconditionFailed")
            self.body = request.body
            self.lose -= 1
            return Answer(0, close=True) if self.lose >= 0 else OK
        if not self.readable:
            return failing(403, "AccessDenied")
        if self.body is None:
            return failing(404, "NoSuchKey")
        headers = {"Date": DATE, "Last-Modified": DATE}
        if self.checksums:
            headers["x-amz-checksum-sha256"] = base64.b64encode(hashlib.sha256(self.body).digest()).decode()
        return Answer(200, headers, self.body)


@pytest.mark.parametrize("checksums", [True, False])
def test_an_answer_lost_after_the_effect(checksums: bool) -> None:
    bucket = Bucket(checksums=checksums)
    bucket.lose = 1
    with store_with(bucket) as store:
        info = Retrying(store, attempts=2, sleep=lambda _: None).put("a/b", b"one")
    assert (info.size, bucket.body) == (3, b"one")


@pytest.mark.parametrize("checksums", [True, False])
@pytest.mark.parametrize("conditional", [True, False])
def test_other_content_is_told_without_any_feature(checksums: bool, conditional: bool) -> None:
    bucket = Bucket(checksums=checksums, conditional=conditional)
    with store_with(bucket) as store:
        store.put("a/b", b"one")
        store.put("a/b", b"one")
        with pytest.raises(ExistsError):
            store.put("a/b", b"two")
    assert bucket.body == b"one"


def test_a_write_only_credential_cannot_compare() -> None:
    with store_with(Bucket(readable=False)) as store:
        store.put("a/b", b"one")
        with pytest.raises(DeniedError):
            store.put("a/b", b"one")


def test_another_checksum_in_the_answer_is_no_success() -> None:
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    answer = Answer(200, {"Date": DATE, "x-amz-checksum-sha256": wrong})
    with store_with(lambda _: answer) as store, pytest.raises(UnreachableError) as caught:
        store.put("a/b", b"one")
    assert caught.value.code == "store-checksum"


def test_the_clock_is_the_servers() -> None:
    ticks = iter([100.0, 130.5])
    with serving(lambda _: failing(403)) as endpoint:
        store = S3Store(S3Options("school", endpoint=endpoint, path_style=True), monotonic=lambda: next(ticks))
        assert store.now() == datetime(2026, 9, 1, 12, 0, 30, 500000, tzinfo=UTC)


def test_a_server_without_a_clock() -> None:
    with store_with(lambda _: Answer(200)) as store, pytest.raises(StoreError) as caught:
        store.now()
    assert caught.value.code == "store-date"


def listing(*keys: str, more: bool = False) -> Answer:
    rows = "".join(
        f"<Contents><Key>{key}</Key><Size>1</Size><LastModified>2026-09-01T12:00:00Z</LastModified></Contents>"
        for key in keys
    )
    token = "<NextContinuationToken>t</NextContinuationToken>" if more else ""
    head = f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}"
    return Answer(200, {"Date": DATE}, f"<ListBucketResult>{head}{rows}</ListBucketResult>".encode())


def test_a_listing_that_repeats_itself_ends() -> None:
    with store_with(lambda _: listing("vault/a", more=True)) as store, pytest.raises(StoreError) as caught:
        list(store.list())
    assert caught.value.code == "store-order"


def test_garbage_in_headers() -> None:
    for headers in ({"Last-Modified": "yesterday"}, {"Last-Modified": DATE, "x-amz-checksum-sha256": "%"}, {}):
        answer = Answer(200, headers)
        with store_with(lambda _, answer=answer: answer) as store, pytest.raises(UnreachableError):  # type: ignore[misc]
            store.head("a/b")


def test_a_listing_out_of_order_is_sorted_in_its_page_and_refused_across() -> None:
    pages = iter([listing("vault/b", "vault/a", more=True), listing("vault/c", more=True), listing("vault/bb")])
    found: list[str] = []
    with store_with(lambda _: next(pages)) as store, pytest.raises(StoreError) as caught:
        found.extend(info.key for info in store.list())
    assert found == ["a", "b", "c"]
    assert caught.value.code == "store-order"
