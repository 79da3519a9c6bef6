"""The verbs of S3 beyond Store: retention, versions, lifecycle, and uploads that go wrong on purpose."""

import base64
import contextlib
import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

from urllib3.exceptions import ProtocolError

from escrow.errors import NotFoundError
from escrow.store.base import LockMode, ObjectInfo
from escrow.store.s3_library import errors
from escrow.store.s3_options import S3Options
from escrow.store.warden import Damage

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import LifecycleRuleTypeDef, PutObjectOutputTypeDef, PutObjectRequestTypeDef

    Request: TypeAlias = Callable[[str, bytes, datetime | None, LockMode], PutObjectRequestTypeDef]
    Stored: TypeAlias = Callable[[str, int, str | None, PutObjectRequestTypeDef, PutObjectOutputTypeDef], ObjectInfo]

RULE = "escrow-probe"
"""The lifecycle rule's name while the probe tries it."""


class S3Warden:
    """The warden of a bucket. `request` and `stored` are the store's own way to make a put and to read its answer."""

    def __init__(self, client: "S3Client", options: S3Options, request: "Request", stored: "Stored") -> None:
        self._client = client
        self._options = options
        self._request = request
        self._stored = stored

    def create(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        return self._put(key, body, {**self._request(key, body, retain_until, lock_mode), "IfNoneMatch": "*"})

    def overwrite(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        return self._put(key, body, self._request(key, body, retain_until, lock_mode))

    def put_damaged(self, key: str, body: bytes, damage: Damage) -> None:
        request = self._request(key, body, None, "COMPLIANCE")
        request["IfNoneMatch"] = "*"
        if damage == "sha256":
            request["ChecksumSHA256"] = base64.b64encode(hashlib.sha256(body + b"x").digest()).decode()
            request.pop("ContentMD5", None)
        if damage == "md5":
            md5 = hashlib.md5(body + b"x", usedforsecurity=False).digest()
            request["ContentMD5"] = base64.b64encode(md5).decode()
            del request["ChecksumSHA256"]
            del request["ChecksumAlgorithm"]
        with self._tearing() if damage == "torn" else contextlib.nullcontext():
            self._put(key, body, request)

    @contextlib.contextmanager
    def _tearing(self) -> Iterator[None]:
        """Within, uploads of this client break off in the middle of the body."""

        def tear(request: "AWSPreparedRequest", **_: object) -> None:
            request.body = _Torn(request.body)

        self._client.meta.events.register_first("before-send.s3.PutObject", tear)
        try:
            yield
        finally:
            self._client.meta.events.unregister("before-send.s3.PutObject", tear)

    def _put(self, key: str, body: bytes, request: "PutObjectRequestTypeDef") -> ObjectInfo:
        with errors(key):
            answer = self._client.put_object(**request)
        return self._stored(key, len(body), hashlib.sha256(body).hexdigest(), request, answer)

    def retain(self, key: str, version: str, until: datetime, lock_mode: LockMode, *, bypass: bool = False) -> None:
        with errors(key):
            self._client.put_object_retention(
                Bucket=self._options.bucket,
                Key=self._options.root + key,
                VersionId=version,
                Retention={"Mode": lock_mode, "RetainUntilDate": whole_second(until)},
                BypassGovernanceRetention=bypass,
                ChecksumAlgorithm="SHA256",
            )

    def remove(self, key: str, version: str, *, bypass: bool = False) -> None:
        where = {"Bucket": self._options.bucket, "Key": self._options.root + key, "VersionId": version}
        with errors(key):
            if bypass:
                self._client.delete_object(**where, BypassGovernanceRetention=True)  # type: ignore[arg-type]
            else:
                self._client.delete_object(**where)  # type: ignore[arg-type]

    def hold(self, key: str, version: str, *, on: bool) -> None:
        with errors(key):
            self._client.put_object_legal_hold(
                Bucket=self._options.bucket,
                Key=self._options.root + key,
                VersionId=version,
                LegalHold={"Status": "ON" if on else "OFF"},
                ChecksumAlgorithm="SHA256",
            )

    def versioning(self) -> bool:
        with errors(self._options.describe()):
            return self._client.get_bucket_versioning(Bucket=self._options.bucket).get("Status") == "Enabled"

    def set_versioning(self, on: bool) -> None:
        with errors(self._options.describe()):
            self._client.put_bucket_versioning(
                Bucket=self._options.bucket, VersioningConfiguration={"Status": "Enabled" if on else "Suspended"}
            )

    def try_expiry(self, prefix: str) -> None:
        bucket = self._options.bucket
        rule: LifecycleRuleTypeDef = {
            "ID": RULE,
            "Status": "Enabled",
            "Filter": {"Prefix": self._options.root + prefix},
            "Expiration": {"Days": 1},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        }
        with errors(self._options.describe()):
            rules: list[LifecycleRuleTypeDef] = []
            with contextlib.suppress(NotFoundError), errors(bucket):
                found = self._client.get_bucket_lifecycle_configuration(Bucket=bucket)
                rules = [one for one in found.get("Rules", []) if one.get("ID") != RULE]  # type: ignore[misc]
            self._client.put_bucket_lifecycle_configuration(
                Bucket=bucket, LifecycleConfiguration={"Rules": [*rules, rule]}
            )
            if rules:
                self._client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
            else:
                self._client.delete_bucket_lifecycle(Bucket=bucket)


class _Torn(BytesIO):
    """A body that gives its first half, and then the connection is gone."""

    def __init__(self, body: object) -> None:
        data = body if isinstance(body, bytes | bytearray) else body.read()  # type: ignore[attr-defined]
        super().__init__(data[: len(data) // 2])

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data:
            raise ProtocolError("the upload was torn on purpose")
        return data


def whole_second(time: datetime) -> datetime:
    """Never earlier: servers keep retention in seconds."""
    return (time + timedelta(seconds=1, microseconds=-1)).replace(microsecond=0).astimezone(UTC)
