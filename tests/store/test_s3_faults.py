"""A server's bad days, through the store and its retries: nothing is lost, and the message says what to do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from escrow.errors import DeniedError, NotFoundError, StoreError, UnreachableError, UsageError
from escrow.store import Retrying, open_store
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from tests.servers.http import Answer, Request, serving

DATE = "Tue, 01 Sep 2026 12:00:00 GMT"
NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
OK = Answer(200, {"Date": DATE, "Last-Modified": DATE})
OWNER = "111122223333"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")


@contextmanager
def store_with(answer: Callable[[Request], Answer], owner: str | None = None) -> Iterator[S3Store]:
    with serving(answer) as endpoint:
        yield S3Store(S3Options("school", "vault", endpoint=endpoint, path_style=True, expected_owner=owner))


def failing(status: int, code: str, message: str = "no") -> Answer:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, {"Date": DATE}, error.encode())


def wordless(answer: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    """A HEAD gets the status alone, as from every server."""
    return lambda request: (
        Answer(answer(request).status, {"Date": DATE}) if request.method == "HEAD" else answer(request)
    )


@pytest.mark.parametrize(
    "bad_day",
    [
        failing(503, "SlowDown"),
        failing(500, "InternalError"),
        failing(400, "RequestTimeout"),
        failing(409, "OperationAborted"),
        Answer(0, close=True),
        Answer(200, {"Content-Length": "100"}, b"half", close=True),
    ],
    ids=["slow-down", "internal", "timeout", "conflict", "reset", "torn"],
)
def test_a_bad_minute_is_waited_out(bad_day: Answer) -> None:
    waits: list[float] = []
    answers = iter([bad_day, bad_day, Answer(200, {"Date": DATE}, b"whole")])
    with store_with(lambda _: next(answers)) as store:
        assert Retrying(store, sleep=waits.append).get("a/b") == b"whole"
    assert len(waits) == 2


def test_a_bad_day_ends_with_what_to_do() -> None:
    with store_with(lambda _: failing(503, "SlowDown")) as store, pytest.raises(UnreachableError) as caught:
        Retrying(store, attempts=3, sleep=lambda _: None).put("a/b", b"one")
    assert "try again later" in str(caught.value)


def test_a_server_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("escrow.store.s3_client.READ_TIMEOUT", 0.2)
    over = threading.Event()

    def hang(_: Request) -> Answer:
        over.wait(10)
        return OK

    with store_with(hang) as store:
        try:
            with pytest.raises(UnreachableError) as caught:
                store.get("a/b")
        finally:
            over.set()
    assert "ReadTimeoutError" in str(caught.value)


EXPIRED = (
    failing(400, "ExpiredToken", "The provided token has expired."),
    failing(403, "InvalidAccessKeyId"),
    failing(403, "SignatureDoesNotMatch"),
)


@pytest.mark.parametrize("answer", EXPIRED, ids=["token", "key", "signature"])
@pytest.mark.parametrize("verb", ["put", "get", "head", "list", "delete"])
def test_credentials_that_expire_half_way_are_not_tried_again(verb: str, answer: Answer) -> None:
    """The night stops at once; it goes on with new ones (tests/engine/test_server_killed.py)."""
    calls = 0

    @wordless
    def expired(request: Request) -> Answer:
        nonlocal calls
        calls += 1
        return answer

    with store_with(expired) as store, pytest.raises(DeniedError) as caught:
        retrying = Retrying(store, sleep=lambda _: None)
        calls_by_verb: dict[str, Callable[[], object]] = {
            "put": lambda: retrying.put("a/b", b"one"),
            "get": lambda: retrying.get("a/b"),
            "head": lambda: retrying.head("a/b"),
            "list": lambda: list(retrying.list()),
            "delete": lambda: retrying.delete("a/b"),
        }
        calls_by_verb[verb]()
    assert caught.value.code == "store-credentials"
    assert caught.value.hint == "renew them"
    assert calls <= 2, "a HEAD is followed by the GET that says why"


def test_twenty_minutes_of_skew_are_told_and_the_servers_time_is_known() -> None:
    skewed = failing(403, "RequestTimeTooSkewed")
    with store_with(lambda _: skewed) as store, pytest.raises(DeniedError) as caught:
        store.put("a/b", b"one")
    assert (caught.value.code, caught.value.hint) == ("store-clock", "set the clock")
    assert 0 <= (store.now() - NOW).total_seconds() < 60, "also from the answer that refuses"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidRequest", "Object Lock configuration does not exist"),
        ("InvalidArgument", "The retain until date must be in the future!"),
        ("InvalidRequest", "Bucket is missing Object Lock Configuration"),
    ],
)
def test_a_lock_that_cannot_be_is_an_error_and_nothing_is_put_without(code: str, message: str) -> None:
    seen: list[Request] = []

    def refuse(request: Request) -> Answer:
        seen.append(request)
        return failing(400, code, message)

    with store_with(refuse) as store, pytest.raises(StoreError) as caught:
        Retrying(store, sleep=lambda _: None).put("a/b", b"one", retain_until=datetime(2001, 1, 1, tzinfo=UTC))
    assert caught.value.code == "store-refused"
    assert message in str(caught.value)
    assert [each.headers["x-amz-object-lock-mode"] for each in seen] == ["COMPLIANCE"]


def test_403_for_an_absent_key_is_no_answer() -> None:
    """AWS, without the right to list: whether the object is there stays unknown, and the message says so."""

    @wordless
    def aws(request: Request) -> Answer:
        return failing(403, "AccessDenied", "Access Denied")

    with store_with(aws) as store:
        for look in (store.get, store.head):
            with pytest.raises(DeniedError) as caught:
                look("a/b")
            assert "an absent object looks like this too" in str(caught.value)


UNREADABLE = (
    ("InvalidRequest", "The object was stored using a form of Server Side Encryption. The correct parameters must be"),
    ("InvalidArgument", "Requests specifying Server Side Encryption with Customer provided keys must provide"),
    ("AccessDenied", "User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt on resource"),
    ("KMS.DisabledException", "key is disabled"),
    ("InvalidObjectState", "The operation is not valid for the object's storage class"),
)


@pytest.mark.parametrize(("code", "message"), UNREADABLE, ids=["aws", "ceph", "kms", "kms-off", "cold"])
def test_what_nobody_can_read_is_as_good_as_absent(code: str, message: str) -> None:
    """So an intruder cannot stop readers by putting one thing that only it can read."""
    answer = wordless(lambda _: failing(403 if code == "AccessDenied" else 400, code, message))
    with store_with(answer) as store:
        for look in (store.get, store.head):
            with pytest.raises(NotFoundError) as caught:
                look("a/b")
            assert caught.value.code == "store-unreadable"
        with pytest.raises(StoreError) as refused:
            store.put("a/b", b"one")
        assert not isinstance(refused.value, NotFoundError), "only reading is judged so"


def all_calls(store: S3Store) -> None:
    warden = store.warden()
    store.put("a/b", b"one")
    store.get("a/b")
    store.head("a/b")
    list(store.list())
    list(store.list(versions=True))
    store.delete("a/b")
    warden.overwrite("a/b", b"two")
    warden.retain("a/b", "v", NOW, "COMPLIANCE")
    warden.remove("a/b", "v")
    warden.versioning()
    warden.set_versioning(True)
    warden.try_expiry("a/")


@pytest.mark.parametrize("owner", [OWNER, None])
def test_every_request_names_the_owner_that_is_expected(owner: str | None) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Answer:
        seen.append(request)
        return OK

    with store_with(answer, owner) as store:
        all_calls(store)
        S3Store.now(store)
    assert len(seen) >= 12
    assert {request.headers["x-amz-expected-bucket-owner"] for request in seen} == {owner}


def test_somebody_elses_bucket() -> None:
    """The right name, another account: made by who waited for the name to become free."""

    def aws(request: Request) -> Answer:
        found = request.headers["x-amz-expected-bucket-owner"]
        return OK if found == OWNER else failing(403, "AccessDenied", "Access Denied")

    with store_with(aws, OWNER) as ours:
        ours.put("a/b", b"one")
    with store_with(aws, "999999999999") as others, pytest.raises(DeniedError) as caught:
        others.put("a/b", b"one")
    assert "whose bucket it is" in str(caught.value)


@pytest.mark.parametrize("owner", ["", "12345", "1111-2222-3333", "arn:aws:iam::111122223333:root", "٣" * 12])
def test_an_owner_is_twelve_digits(owner: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_store("s3://school", expected_owner=owner)
    assert caught.value.code == "store-owner"
