"""A store in an S3 bucket, through botocore."""

import base64
import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from escrow.errors import DeniedError, EscrowError, ExistsError, NotFoundError, StoreError, UnreachableError
from escrow.record import parse_name
from escrow.store.base import LockMode, ObjectInfo, check_key, check_put, check_range, check_size, short
from escrow.store.s3_admin import S3Warden, whole_second
from escrow.store.s3_client import connect
from escrow.store.s3_library import errors, hex_of, refuse_redirects
from escrow.store.s3_options import S3Options

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel
    from types_boto3_s3.type_defs import (
        DeleteMarkerEntryTypeDef,
        ObjectLockRetentionOutputTypeDef,
        ObjectTypeDef,
        ObjectVersionTypeDef,
        PutObjectOutputTypeDef,
        PutObjectRequestTypeDef,
    )

READS_AT_ONCE = 8
MAX_PAGE = 1000
"""Objects in one answer to a listing (Amazon S3 API, MaxKeys)."""


class S3Store:
    """Objects in a bucket, versioned and locked as the bucket is. It does not retry: wrap it in Retrying."""

    def __init__(
        self, options: S3Options, *, monotonic: Callable[[], float] = time.monotonic, page: int = MAX_PAGE
    ) -> None:
        self._options = options
        self._page = page
        self._root = options.root
        self._monotonic = monotonic
        self._seen: tuple[datetime, float] | None = None
        self._conditional = True
        self._client = connect(options)
        self._client.meta.events.register("before-parameter-build.s3", refuse_redirects)
        self._client.meta.events.register("after-call.s3", self._note_date)
        if options.expected_owner:
            self._client.meta.events.register("provide-client-params.s3", self._name_owner)

    def _name_owner(self, params: dict[str, object], model: "OperationModel", **_: object) -> None:
        if model.input_shape is not None and "ExpectedBucketOwner" in model.input_shape.members:
            params["ExpectedBucketOwner"] = self._options.expected_owner

    def _note_date(self, http_response: "AWSResponse", **_: object) -> None:
        with contextlib.suppress(KeyError, ValueError, TypeError):
            date = parsedate_to_datetime(http_response.headers["date"]).astimezone(UTC)
            self._seen = date, self._monotonic()

    def put(
        self,
        key: str,
        body: bytes,
        *,
        retain_until: datetime | None = None,
        lock_mode: LockMode = "COMPLIANCE",
    ) -> ObjectInfo:
        check_put(key, body, retain_until)
        request = self._request(key, body, retain_until, lock_mode, _promised(key))
        try:
            answer = self._create(key, request)
        except ExistsError:
            return self._same(key, body)
        return self._stored(key, len(body), hex_of(request["ChecksumSHA256"]), request, answer)

    def _request(
        self, key: str, body: bytes, retain_until: datetime | None, lock_mode: LockMode, sha256: bytes | None = None
    ) -> "PutObjectRequestTypeDef":
        request: PutObjectRequestTypeDef = {
            "Bucket": self._options.bucket,
            "Key": self._root + key,
            "Body": body,
            "ChecksumAlgorithm": "SHA256",
            "ChecksumSHA256": base64.b64encode(sha256 or hashlib.sha256(body).digest()).decode(),
        }
        if self._options.content_md5:
            md5 = hashlib.md5(body, usedforsecurity=False).digest()
            request["ContentMD5"] = base64.b64encode(md5).decode()
        if retain_until is not None:
            request["ObjectLockMode"] = lock_mode
            request["ObjectLockRetainUntilDate"] = whole_second(retain_until)
        return request

    def _stored(
        self,
        key: str,
        size: int,
        sent: str | None,
        request: "PutObjectRequestTypeDef",
        answer: "PutObjectOutputTypeDef",
    ) -> ObjectInfo:
        """What the answer to a put says, which must not be another hash than that of the bytes `sent`."""
        with errors(key):
            claim = hex_of(answer.get("ChecksumSHA256"))
        if claim not in {None, sent}:
            raise UnreachableError("store-checksum", f"{key}: sent SHA-256 {sent}, found {claim}")
        until = request.get("ObjectLockRetainUntilDate")
        return ObjectInfo(
            key=key,
            size=size,
            version=answer.get("VersionId", ""),
            sha256=claim,
            modified=self.now(),
            retain_until=until if isinstance(until, datetime) else None,
            lock_mode=request.get("ObjectLockMode"),
            locks="ask",
        )

    def _create(self, key: str, request: "PutObjectRequestTypeDef") -> "PutObjectOutputTypeDef":
        if self._conditional:
            created: PutObjectRequestTypeDef = {**request, "IfNoneMatch": "*"}
            try:
                with errors(key):
                    return self._client.put_object(**created)
            except StoreError as error:
                if error.code != "store-unsupported":
                    raise
                self._conditional = False
        with contextlib.suppress(NotFoundError):
            self.head(key)
            raise ExistsError("store-exists", f"{key}: expected no object, found one")
        with errors(key):
            return self._client.put_object(**request)

    def _same(self, key: str, body: bytes) -> ObjectInfo:
        """The object that is already there, when it is this one: an earlier try whose answer was lost.

        A credential that may only write cannot look. Nobody can know a name that carries the content's hash before who
        made the content, so then the name is enough (docs/decisions/0061).
        """
        digest = hashlib.sha256(body).hexdigest()
        try:
            found = self.head(key)
        except DeniedError:
            if digest[:16] not in key:
                raise
            return ObjectInfo(key=key, size=len(body), version="", sha256=None, modified=self.now())
        if found.size == len(body):
            if found.sha256 == digest:
                return found
            if found.sha256 is None and self.get(key) == body:
                return found
        raise ExistsError(
            "store-exists",
            f"{key}: expected no object or the same one, found {found.size} other bytes",
            hint="objects never change; run escrow verify",
        )

    def get(self, key: str, *, start: int = 0, length: int | None = None, version: str | None = None) -> bytes:
        check_key(key)
        check_range(start, length)
        check_size(key, length or 0)
        request = self._address(key, version)
        if start or length is not None:
            request["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        with errors(key):
            answer = self._client.get_object(**request)  # type: ignore[arg-type]
            with contextlib.closing(answer["Body"]) as stream:
                size = answer["ContentLength"]
                check_size(key, size)
                if "Range" in request and not answer.get("ContentRange", "").startswith(f"bytes {start}-"):
                    raise StoreError(
                        "store-range",
                        f"{key}: expected bytes from {start}, found another range",
                        hint="this store cannot read parts of objects",
                    )
                if length is not None and size != length:
                    raise short(key, start + length, start + size)
                body = stream.read()
        if len(body) != size:
            raise short(key, start + size, start + len(body))
        return body

    def list(self, prefix: str = "", *, versions: bool = False, after: str = "") -> Iterator[ObjectInfo]:
        last = after
        for page in self._version_pages(prefix, after) if versions else self._pages(prefix, after):
            for info in sorted(page, key=lambda info: info.key):
                if info.key <= after:
                    continue
                if info.key < last or (info.key == last and not versions):
                    raise StoreError(
                        "store-order",
                        f"{self.describe()}: expected keys in order, found {info.key} after {last}",
                        hint="use a bucket with versions (SeaweedFS sorts only those)",
                    )
                last = info.key
                yield info

    def _pages(self, prefix: str, after: str) -> Iterator[Iterable[ObjectInfo]]:
        request = self._scope(prefix, after, "StartAfter")
        while True:
            with errors(self.describe()):
                page = self._client.list_objects_v2(**request)  # type: ignore[arg-type]
                found = [self._one(each, each["Size"]) for each in page.get("Contents", [])]
            yield found
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page.get("NextContinuationToken", "")

    def _version_pages(self, prefix: str, after: str) -> Iterator[Iterable[ObjectInfo]]:
        request = self._scope(prefix, after, "KeyMarker")
        while True:
            with errors(self.describe()):
                page = self._client.list_object_versions(**request)  # type: ignore[arg-type]
                found = [self._one(each, each["Size"]) for each in page.get("Versions", [])]
                found += [self._one(each, None) for each in page.get("DeleteMarkers", [])]
            # two lists in one answer, with times in whole seconds: within one, markers count as newer
            yield sorted(found, key=lambda info: (info.latest, info.modified, info.delete_marker), reverse=True)
            if not page.get("IsTruncated"):
                return
            request["KeyMarker"] = page.get("NextKeyMarker", "")
            request["VersionIdMarker"] = page.get("NextVersionIdMarker", "")

    def _scope(self, prefix: str, after: str, marker: str) -> dict[str, str | int]:
        scope: dict[str, str | int] = {"Prefix": self._root + prefix, "MaxKeys": self._page}
        scope["Bucket"] = self._options.bucket
        # SeaweedFS finds nothing when the marker stands before the prefix
        return scope | {marker: self._root + after} if after > prefix else scope

    def _one(
        self, each: "ObjectTypeDef | ObjectVersionTypeDef | DeleteMarkerEntryTypeDef", size: int | None
    ) -> ObjectInfo:
        return ObjectInfo(
            key=each["Key"].removeprefix(self._root),
            size=size or 0,
            version=str(each.get("VersionId", "")),
            sha256=None,
            modified=each["LastModified"].astimezone(UTC),
            latest=bool(each.get("IsLatest", True)),
            delete_marker=size is None,
            locks="ask",
            etag=str(each.get("ETag", "")),
        )

    def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        check_key(key)
        try:
            return self._head(key, version)
        except StoreError as refusal:
            if refusal.code in ("store-refused", "store-denied"):
                self.get(key, length=1, version=version)  # a refused HEAD has no words, a refused GET says why
            raise

    def _head(self, key: str, version: str | None) -> ObjectInfo:
        with errors(key):
            answer = self._client.head_object(**self._address(key, version), ChecksumMode="ENABLED")  # type: ignore[arg-type]
            retain_until = answer.get("ObjectLockRetainUntilDate")
            return ObjectInfo(
                key=key,
                size=answer["ContentLength"],
                version=answer.get("VersionId", ""),
                sha256=hex_of(answer.get("ChecksumSHA256")),
                modified=answer["LastModified"].astimezone(UTC),
                latest=version is None,
                retain_until=retain_until and retain_until.astimezone(UTC),
                lock_mode=answer.get("ObjectLockMode"),
                locks="told",
                etag=answer.get("ETag", ""),
            )

    def lock_of(self, key: str, version: str | None) -> tuple[datetime | None, LockMode | None]:
        check_key(key)
        retention: ObjectLockRetentionOutputTypeDef = {}
        with contextlib.suppress(NotFoundError), errors(key):  # S3's answer where there is no lock
            retention = self._client.get_object_retention(**self._address(key, version))["Retention"]  # type: ignore[arg-type]
        until = retention.get("RetainUntilDate")
        return until and until.astimezone(UTC), retention.get("Mode")

    def delete(self, key: str, *, version: str | None = None) -> None:
        check_key(key)
        with contextlib.suppress(NotFoundError), errors(key):
            self._client.delete_object(**self._address(key, version))  # type: ignore[arg-type]

    def _address(self, key: str, version: str | None) -> dict[str, str]:
        address = {"Bucket": self._options.bucket, "Key": self._root + key}
        return address | {"VersionId": version} if version else address

    def now(self) -> datetime:
        """The Date of the last answer, whatever it was, and the time since. Whole seconds at the source."""
        if self._seen is None:
            try:
                with errors(self.describe()):
                    self._client.head_bucket(Bucket=self._options.bucket)
            except EscrowError:
                if self._seen is None:
                    raise
        if self._seen is None:
            raise StoreError("store-date", f"{self.describe()}: expected a Date in the answer, found none")
        date, then = self._seen
        return date + timedelta(seconds=self._monotonic() - then)

    def warden(self) -> S3Warden:
        """The verbs beyond Store, with the same credential."""
        return S3Warden(self._client, self._options, self._request, self._stored)

    def describe(self) -> str:
        return self._options.describe()

    @property
    def reads_at_once(self) -> int:
        return READS_AT_ONCE


def _promised(key: str) -> bytes | None:
    """The SHA-256 that a name holds the whole of, and that a put lets the server check."""
    name = parse_name(key)
    return bytes.fromhex(name.digest) if name and len(name.digest) == 64 else None
