"""Real servers as the bucket script meets them: an endpoint, its owner's keys, and a way to make users."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from infra.policies import Server
from tests.servers.ceph import Ceph
from tests.servers.seaweed import Seaweed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True)
class User:
    """One credential of a server."""

    access_key: str
    secret_key: str
    arn: str


@dataclass(frozen=True)
class Running:
    """A running server; `make_user` gives a user without rights."""

    kind: Server
    endpoint: str
    owner: User
    make_user: Callable[[str], User]

    def client(self, user: User) -> "S3Client":
        client: S3Client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=user.access_key,
            aws_secret_access_key=user.secret_key,
            config=Config(retries={"total_max_attempts": 1}, request_checksum_calculation="when_required"),
        )
        return client


def of_seaweed(server: Seaweed) -> Running:
    owner = User(server.access_key, server.secret_key, "")
    iam = boto3.client(
        "iam",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=owner.access_key,
        aws_secret_access_key=owner.secret_key,
    )

    def make_user(name: str) -> User:
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return User(key["AccessKeyId"], key["SecretAccessKey"], iam.get_user(UserName=name)["User"]["Arn"])

    return Running(Server.SEAWEEDFS, server.endpoint, owner, make_user)


def of_ceph(server: Ceph) -> Running:
    owner = User(server.access_key, server.secret_key, "")
    return Running(Server.CEPH, server.endpoint, owner, lambda name: User(*server.make_user(name)))
