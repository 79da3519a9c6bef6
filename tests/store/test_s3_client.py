"""Every error of the libraries below is mapped, credentials stay inside, and botocore loads only when needed."""

import base64
import hashlib
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import botocore.exceptions
import pytest
import urllib3.exceptions
from botocore.parsers import ResponseParserError

from escrow.errors import StoreError, UnreachableError, UsageError
from escrow.record import pack_name
from escrow.store import FolderStore, open_store
from escrow.store.s3 import S3Store
from escrow.store.s3_client import SMALL
from escrow.store.s3_library import errors
from escrow.store.s3_options import S3Options
from tests.servers.http import Answer, Request, serving

LIBRARY_ERRORS = [
    error
    for _, error in sorted(inspect.getmembers(botocore.exceptions, inspect.isclass))
    if issubclass(error, Exception)
    and not issubclass(error, Warning)
    # raised for the developer of a service model only
    and not issubclass(error, botocore.exceptions.UndefinedModelAttributeError)
]


def make(error: type[Exception]) -> Exception:
    if issubclass(error, botocore.exceptions.ClientError):
        return error({"Error": {"Code": "Odd", "Message": "odd"}}, "PutObject")
    return error.__new__(error, "x")  # their constructors take all kinds of arguments


@pytest.mark.parametrize("error", LIBRARY_ERRORS, ids=lambda error: error.__name__)
def test_every_library_error_is_mapped(error: type[Exception]) -> None:
    with pytest.raises((StoreError, UsageError)) as caught, errors("a/b"):
        raise make(error)
    assert caught.value.code.startswith("store-")
    assert caught.value.hint


def test_there_are_libraryerrors() -> None:
    assert len(LIBRARY_ERRORS) > 80


@pytest.mark.parametrize(
    "error",
    [
        ResponseParserError("x"),
        urllib3.exceptions.SSLError("x"),
        urllib3.exceptions.ProtocolError("x"),
        botocore.exceptions.EndpointConnectionError(endpoint_url="x"),
        botocore.exceptions.ConnectTimeoutError(endpoint_url="x"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="x"),
        botocore.exceptions.ConnectionClosedError(endpoint_url="x"),
        botocore.exceptions.ResponseStreamingError(error="x"),
        botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        botocore.exceptions.ProxyConnectionError(proxy_url="x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_network_errors_are_worth_another_try(error: Exception) -> None:
    with pytest.raises(UnreachableError), errors("a/b"):
        raise error


def test_no_credentials_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    store = S3Store(S3Options("school", endpoint="http://127.0.0.1:9", path_style=True))
    with pytest.raises(UsageError) as caught:
        store.get("a/b")
    assert caught.value.code == "store-credentials"
    with pytest.raises(UsageError) as caught:
        S3Store(S3Options("school", profile="nobody"))
    assert caught.value.code == "store-credentials"


@pytest.mark.parametrize(
    ("url", "options", "code"),
    [
        ("", {}, "store-url"),
        ("ftp://host/x", {}, "store-url"),
        ("s3://", {}, "store-url"),
        ("s3://key:secret@bucket", {}, "store-url"),
        ("s3://school", {"endpoint": "https://key:secret@host"}, "store-url"),
        ("s3://school", {"endpoint": "not a url"}, "store-url"),
        ("s3://school", {"ca_file": "no/such.pem"}, "store-ca"),
    ],
)
def test_bad_addresses(url: str, options: dict[str, str], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_store(url, **options)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


def test_addresses(tmp_path: Path) -> None:
    folder = open_store(str(tmp_path / "a b"), create=True)
    assert isinstance(folder, FolderStore)
    folder.put("a", b"one")
    assert open_store((tmp_path / "a b").as_uri()).get("a") == b"one"
    bucket = open_store("s3://school/some/prefix/", endpoint="https://s3.example", region="eu-west-2")
    assert isinstance(bucket, S3Store)
    assert bucket.describe() == "s3://school/some/prefix at https://s3.example"
    assert open_store("s3://school", region="eu-west-2").describe() == "s3://school/"


def test_a_store_does_not_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    store = S3Store(S3Options("school", region="eu-west-2"))
    assert "very-secret" not in repr(store) + repr(vars(store))
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(store)


def test_botocore_is_not_loaded_for_a_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from escrow.store import open_store; open_store(sys.argv[1]).now();"
        "sys.exit(any(name.split('.')[0] in {'boto3', 'botocore', 'urllib3'} for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)


def test_a_bucket_needs_botocore_alone() -> None:
    """boto3 and what it brings take a third of a client's time, and escrow uses nothing of them."""
    code = (
        "import sys; from escrow.store import open_store; open_store('s3://school', region='eu-west-2');"
        "sys.exit(any(name.split('.')[0] in {'boto3', 's3transfer'} for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(("size", "asks"), [(1, False), (SMALL, False), (SMALL + 1, True)])
def test_only_a_large_body_asks_leave_to_be_sent(size: int, asks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking (`Expect: 100-continue`) costs a round trip, a refused small body next to nothing."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    sent: list[tuple[bool, int]] = []

    def keep(request: Request) -> Answer:
        sent.append(("Expect" in request.headers, len(request.body)))
        return Answer(200, {"Date": "Tue, 01 Sep 2026 12:00:00 GMT"})

    with serving(keep) as endpoint:
        S3Store(S3Options("school", endpoint=endpoint, path_style=True)).put("a/b", bytes(size))
    assert sent == [(asks, size)]


def test_the_hash_in_a_packs_name_is_what_the_server_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made the name hashed the bytes; what was altered in memory since then, the server refuses."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    sent: list[str] = []

    def keep(request: Request) -> Answer:
        sent.append(request.headers["x-amz-checksum-sha256"])
        return Answer(200, {"Date": "Tue, 01 Sep 2026 12:00:00 GMT"})

    one, two = (hashlib.sha256(body) for body in (b"one", b"two"))
    with serving(keep) as endpoint:
        store = S3Store(S3Options("school", endpoint=endpoint, path_style=True))
        store.put(pack_name("0" * 16, one.hexdigest()), b"two")
        store.put(f"notices/00000001-{one.hexdigest()[:16]}.json", b"two")
    assert sent == [base64.b64encode(each.digest()).decode() for each in (one, two)]
