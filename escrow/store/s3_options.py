"""Where a bucket is and how to speak to it; no botocore, so that reading a configuration stays quick."""

import re
from dataclasses import dataclass
from pathlib import Path

from escrow.errors import UsageError


@dataclass(frozen=True, slots=True)
class S3Options:
    """A bucket, or the part of one under `prefix`. Raises UsageError `store-url`, `store-ca` or `store-owner`.

    Credentials come from botocore's standard chain only (`profile` names one there). `ca_file` is a PEM file;
    `content_md5` adds an MD5 to every put for servers that ignore the SHA-256 (Ceph). `expected_owner` is the AWS
    account (12 digits) that must own the bucket; every request names it, and AWS refuses where it does not.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    ca_file: str | None = None
    path_style: bool = False
    profile: str | None = None
    content_md5: bool = False
    expected_owner: str | None = None

    def __post_init__(self) -> None:
        if not self.bucket or "@" in self.bucket + (self.endpoint or ""):
            hint = "write s3://bucket/prefix, and leave credentials to AWS's standard places"
            raise UsageError("store-url", "expected a bucket and an endpoint without a user", hint=hint)
        if self.ca_file is not None and not Path(self.ca_file).is_file():
            hint = "name the certificate of the authority that signed the store's"
            raise UsageError("store-ca", f"expected a PEM file at {self.ca_file}, found none", hint=hint)
        if self.expected_owner is not None and not re.fullmatch(r"[0-9]{12}", self.expected_owner, re.ASCII):
            hint = "AWS shows it as the account id; leave it out for other servers"
            raise UsageError("store-owner", f"expected 12 digits, found {self.expected_owner[:40]!r}", hint=hint)

    @property
    def root(self) -> str:
        """What stands before every key in the bucket."""
        return f"{self.prefix}/" if self.prefix else ""

    def describe(self) -> str:
        """The address for messages."""
        where = f" at {self.endpoint}" if self.endpoint else ""
        return f"s3://{self.bucket}/{self.prefix}{where}"
