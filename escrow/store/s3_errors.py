"""What an S3 answer that is not success means, by S3 error code and HTTP status (Amazon S3 API, "Error responses")."""

from collections.abc import Collection
from typing import NamedTuple

from escrow.errors import DeniedError, ExistsError, NotFoundError, StoreError, UnreachableError, UsageError


class _Rule(NamedTuple):
    codes: Collection[str]
    statuses: Collection[int]
    kind: type[StoreError] | type[UsageError]
    code: str
    says: str
    hint: str = ""


_RULES = (
    _Rule(
        {"NotImplemented"}, {501}, StoreError, "store-unsupported", "the store cannot do this", "run escrow store probe"
    ),
    _Rule(
        {
            "ConditionalRequestConflict",
            "InternalError",
            "OperationAborted",
            "RequestTimeout",
            "ServiceUnavailable",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
        },
        {408, 425, 429, *range(500, 600)},
        UnreachableError,
        "store-unreachable",
        "the store is busy or failing",
        "try again later",
    ),
    _Rule(
        {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"},
        (),
        UnreachableError,
        "store-checksum",
        "other bytes arrived than were sent",
        "if it happens again, suspect this machine's memory or network card",
    ),
    _Rule({"NoSuchBucket"}, (), UsageError, "store-bucket", "expected a bucket, found none", "create the bucket"),
    _Rule(
        {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"},
        {301, 307},
        UsageError,
        "store-region",
        "the bucket is in another region",
        "set the bucket's region and endpoint",
    ),
    _Rule(
        {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired"},
        {401},
        DeniedError,
        "store-credentials",
        "the store refuses the credentials",
        "renew them",
    ),
    _Rule(
        {"RequestTimeTooSkewed"},
        (),
        DeniedError,
        "store-clock",
        "this machine's clock is too far from the store's",
        "set the clock",
    ),
    _Rule(
        {"NoSuchKey", "NoSuchVersion"},
        {404, 405},
        NotFoundError,
        "store-absent",
        "expected an object in the store, found none",
    ),
    _Rule({"PreconditionFailed"}, {412}, ExistsError, "store-exists", "expected no object, found one"),
    _Rule(
        {"InvalidRange"},
        {416},
        StoreError,
        "store-short",
        "the object ends before the bytes that were asked for",
        "run escrow verify",
    ),
    _Rule(
        {"AccessDenied"},
        {403},
        DeniedError,
        "store-denied",
        "the credential lacks the right, or a lock holds",
        "check the rights (without the right to list, an absent object looks like this too), and whose bucket it is",
    ),
)


_FOREIGN_KEY = ("Server Side Encryption", "kms:Decrypt")
"""What a GET is told of an object under SSE-C (AWS, Ceph, SeaweedFS), or under a KMS key without the right to it."""


def is_unreadable(code: str, message: str) -> bool:
    """Whether a refused GET means that the object is there and nobody here can read it: it was put under a key of who
    put it (SSE-C, a KMS key), or moved to cold storage."""
    return code == "InvalidObjectState" or code.startswith("KMS.") or any(each in message for each in _FOREIGN_KEY)


def unreadable(what: str, code: str) -> NotFoundError:
    """The error for a version that nobody here can read: as good as absent, and no reason to stop."""
    return NotFoundError(
        "store-unreadable",
        f"{what}: expected an object that can be read, found one under a foreign key or in cold storage ({code})",
        hint="run escrow verify; other versions or another copy may be whole",
    )


def from_answer(what: str, status: int, code: str, message: str) -> StoreError | UsageError:
    """The error for a failed request on `what`. S3's code decides; a HEAD has none, so then the status does."""
    found = "".join(char if char.isprintable() else "?" for char in f"{status} {code} {message}")[:200]
    for matches in (lambda rule: code in rule.codes, lambda rule: status in rule.statuses):
        for rule in filter(matches, _RULES):
            return rule.kind(rule.code, f"{what}: {rule.says} ({found})", hint=rule.hint)
    hint = "check the configuration; run escrow store probe"
    return StoreError("store-refused", f"{what}: the store refuses the request ({found})", hint=hint)
