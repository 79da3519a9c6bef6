"""The stores that the contract suite runs on, and what each can do."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.common_types import TYPE_RESPONSE

from escrow.store import FolderStore, MemoryStore, Store
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from tests.servers.ceph import Ceph, ceph
from tests.servers.seaweed import Seaweed, seaweed, seaweed_bucket

__all__ = ["ceph", "seaweed", "seaweed_bucket"]

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PAGE = 3
"""Objects a page in S3 listings, so that a few objects make several pages."""


@dataclass(frozen=True)
class Subject:
    """A store under test; `versioned` stores keep old versions, `locking` ones enforce retention.

    A bucket without versions refuses a retention, a folder ignores it: `accepts_locks`. moto lists versions
    `after` existing keys only: `any_marker`. Ceph keeps no SHA-256 (`checksums`), and on a bucket with locks its
    `If-None-Match` refuses nothing: there a name can be taken twice, in two versions (`exclusive`).
    """

    store: Store
    versioned: bool
    locking: bool
    accepts_locks: bool = True
    any_marker: bool = True
    checksums: bool = True
    exclusive: bool = True


def connect(server: Seaweed | Ceph, bucket: str, prefix: str = "vault") -> S3Store:
    options = S3Options(bucket=bucket, prefix=prefix, endpoint=server.endpoint, path_style=True)
    return S3Store(options, page=PAGE)


def bucket_on(server: Seaweed | Ceph, patch: pytest.MonkeyPatch, *, lock: bool = True) -> str:
    """A new bucket, and the server's keys in the environment for boto3's chain."""
    patch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    patch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    bucket = f"b{secrets.token_hex(8)}"
    owner(server).create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=lock)
    return bucket


def owner(server: Seaweed | Ceph) -> "S3Client":
    """A plain client with the owner's keys (a new session: boto3's default one keeps the first keys it saw)."""
    client: S3Client = boto3.Session(server.access_key, server.secret_key, region_name="us-east-1").client(
        "s3", endpoint_url=server.endpoint
    )
    return client


@contextmanager
def moto_bucket(*, lock: bool = True) -> Iterator[str]:
    """In-process moto, which sends no Date; every real server does, so it is added here."""
    answer = BotocoreStubber.process_request

    def with_date(stubber: BotocoreStubber, request: AWSPreparedRequest) -> TYPE_RESPONSE | None:
        given = answer(stubber, request)
        if given is not None:
            given[1]["date"] = formatdate(usegmt=True)
        return given

    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setattr(BotocoreStubber, "process_request", with_date)
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", "moto")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "moto")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="school", ObjectLockEnabledForBucket=lock)
        yield "school"


@pytest.fixture(
    params=[
        "memory",
        "folder",
        "moto",
        pytest.param("seaweed", marks=pytest.mark.s3),
        pytest.param("seaweed-plain", marks=pytest.mark.s3),
        pytest.param("ceph", marks=[pytest.mark.s3, pytest.mark.ceph]),
    ]
)
def subject(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subject]:
    match request.param:
        case "memory":
            yield Subject(MemoryStore(), versioned=True, locking=True)
        case "folder":
            yield Subject(FolderStore(tmp_path / "vault", create=True), versioned=False, locking=False)
        case "moto":
            with moto_bucket() as bucket:
                store = S3Store(S3Options(bucket, "vault"), page=PAGE)
                yield Subject(store, versioned=True, locking=True, any_marker=False)
        case "seaweed":
            server = request.getfixturevalue("seaweed")
            bucket = request.getfixturevalue("seaweed_bucket")
            yield Subject(connect(server, bucket), versioned=True, locking=True)
        case "seaweed-plain":
            server = request.getfixturevalue("seaweed")
            plain = request.getfixturevalue("seaweed_bucket") + "-plain"
            server.client.create_bucket(Bucket=plain)
            yield Subject(connect(server, plain), versioned=False, locking=False, accepts_locks=False)
        case "ceph":
            server = request.getfixturevalue("ceph")
            store = connect(server, bucket_on(server, monkeypatch))
            yield Subject(store, versioned=True, locking=True, checksums=False, exclusive=False)


@pytest.fixture
def store(subject: Subject) -> Store:
    return subject.store
