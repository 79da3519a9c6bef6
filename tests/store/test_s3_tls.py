"""A server with a certificate of a private authority: `ca_file` makes it trusted, nothing else does."""

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from escrow.errors import UnreachableError
from escrow.store import Store, open_store, s3_client
from tests.servers.certificate import make_certificate
from tests.servers.http import Answer, Request, serving


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path)


def answer(request: Request) -> Answer:
    """Over https botocore would send checksums in a trailer, which Ceph refuses; ours is a header, and is signed."""
    signed = request.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    simple = "x-amz-checksum-sha256" in signed and "Transfer-Encoding" not in request.headers
    over_tls = request.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    return Answer(200 if simple and over_tls else 411, {"Date": "Tue, 01 Sep 2026 12:00:00 GMT"})


@pytest.fixture
def endpoint(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with serving(answer, tls=context) as address:
        yield address


def connect(endpoint: str, ca_file: Path | None) -> Store:
    return open_store("s3://school", endpoint=endpoint, path_style=True, ca_file=str(ca_file) if ca_file else None)


def test_a_private_authority_is_trusted_when_named(endpoint: str, certificate: Path) -> None:
    assert connect(endpoint, certificate).put("a/b", b"one").size == 3


@pytest.mark.parametrize("loopback", [True, False])
def test_the_body_is_signed_too_where_somebody_may_be_between(loopback: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    if not loopback:
        monkeypatch.setattr(s3_client, "_LOOPBACK", set())
    sent: list[str] = []

    def keep(request: Request) -> Answer:
        sent.append(request.headers["x-amz-content-sha256"])
        return Answer(200, {"Date": "Tue, 01 Sep 2026 12:00:00 GMT"})

    with serving(keep) as endpoint:
        connect(endpoint, None).put("a/b", b"one")
    assert sent == ["UNSIGNED-PAYLOAD" if loopback else hashlib.sha256(b"one").hexdigest()]


def test_no_other_certificate_is_trusted(endpoint: str) -> None:
    with pytest.raises(UnreachableError) as caught:
        connect(endpoint, None).put("a/b", b"one")
    assert caught.value.code == "store-tls"
    assert "ca_file" in caught.value.hint
