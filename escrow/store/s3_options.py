"""Where a bucket is and how to speak to it; no boto3, so that reading a configuration stays quick."""

from dataclasses import dataclass
from pathlib import Path

from escrow.errors import UsageError


@dataclass(frozen=True, slots=True)
class S3Options:
    """A bucket, or the part of one under `prefix`. Raises UsageError `store-url` or `store-ca`.

    Credentials come from boto3's standard chain only (`profile` names one there). `ca_file` is a PEM file;
    `content_md5` adds an MD5 to every put for servers that ignore the SHA-256 (Ceph).
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    ca_file: str | None = None
    path_style: bool = False
    profile: str | None = None
    content_md5: bool = False

    def __post_init__(self) -> None:
        if not self.bucket or "@" in self.bucket + (self.endpoint or ""):
            hint = "write s3://bucket/prefix, and leave credentials to boto3's standard places"
            raise UsageError("store-url", "expected a bucket and an endpoint without a user", hint=hint)
        if self.ca_file is not None and not Path(self.ca_file).is_file():
            hint = "name the certificate of the authority that signed the store's"
            raise UsageError("store-ca", f"expected a PEM file at {self.ca_file}, found none", hint=hint)

    @property
    def root(self) -> str:
        """What stands before every key in the bucket."""
        return f"{self.prefix}/" if self.prefix else ""

    def describe(self) -> str:
        """The address for messages."""
        where = f" at {self.endpoint}" if self.endpoint else ""
        return f"s3://{self.bucket}/{self.prefix}{where}"
