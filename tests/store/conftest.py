"""The stores that the contract suite runs on, and what each can do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.common_types import TYPE_RESPONSE

from escrow.store import FolderStore, MemoryStore, Store
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from tests.servers.seaweed import Seaweed, seaweed, seaweed_bucket

__all__ = ["seaweed", "seaweed_bucket"]

PAGE = 3
"""Objects a page in S3 listings, so that a few objects make several pages."""


@dataclass(frozen=True)
class Subject:
    """A store under test; `versioned` stores keep old versions, `locking` ones enforce retention.

    A bucket without versions refuses a retention, a folder ignores it: `accepts_locks`. moto lists versions
    `after` existing keys only: `any_marker`.
    """

    store: Store
    versioned: bool
    locking: bool
    accepts_locks: bool = True
    any_marker: bool = True


def connect(server: Seaweed, bucket: str, prefix: str = "vault") -> S3Store:
    options = S3Options(bucket=bucket, prefix=prefix, endpoint=server.endpoint, path_style=True)
    return S3Store(options, page=PAGE)


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
    ]
)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
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


@pytest.fixture
def store(subject: Subject) -> Store:
    return subject.store
