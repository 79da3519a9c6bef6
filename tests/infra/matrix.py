"""What each role may do: the table that every server is held to, and how each row is tried."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ROLES = ("depositor", "watcher", "custodian", "registrar", "copier", "officer")

EXPECTED = """
put series/ab/packs/x.age           y - - - y -
put series/ab/manifests/x.age       y - - - y -
put series/ab/series-x.json         y - - - y -
put notices/x.json                  y - - - y -
put charter/x.json                  - - - y y -
put stock/x.json                    - - - y y -
put stock/x.age                     - - - y y -
put events/x.json                   - - - y y -
put README.txt                      - - - y y -
put RESCUE/ab/RESCUE/x.txt          - - - y y -
put probe/ab/x.txt                  - - - y y -
put elsewhere/x                     - - - - y -
get series/ab/packs/x.age           - y y - y -
get series/ab/manifests/x.age       - y y - y -
get series/ab/series-x.json         - y y - y y
get notices/x.json                  y y y y y y
get charter/x.json                  y y y y y y
get stock/x.json                    y y y y y y
get stock/x.age                     - - y - y -
get events/x.json                   y y y y y y
get README.txt                      - y y y y y
get probe/ab/x.txt                  - - y y y -
get elsewhere/x                     - - y - y -
head series/ab/packs/x.age          - y y - y -
head notices/x.json                 y y y y y y
head stock/x.age                    - - y - y -
lock-of series/ab/packs/x.age       y y y y y y
lock-of stock/x.age                 y y y y y y
list .                              - y y y y y
list series/                        - y y y y y
list notices/                       y y y y y y
list charter/                       y y y y y y
list stock/                         y y y y y y
list events/                        y y y y y y
hide series/ab/packs/x.age          - - - - - -
hide notices/x.json                 - - - - - -
hide stock/x.age                    - - - - - -
delete series/ab/packs/x.age        - - - - - -
delete notices/x.json               - - - - - -
delete charter/x.json               - - - - - -
erase series/ab/packs/x.age         - - - - - -
erase notices/x.json                - - - - - -
erase stock/x.json                  - - - - - -
erase stock/x.age                   - - - - - y
erase charter/x.json                - - - - - -
erase events/x.json                 - - - - - -
erase probe/ab/x.txt                - - - y - -
remove series/ab/packs/x.age        - - - - - y
remove series/ab/manifests/x.age    - - - - - y
remove series/ab/series-x.json      - - - - - -
remove notices/x.json               - - - - - -
remove probe/ab/x.txt               - - - y - -
lengthen series/ab/packs/x.age      y - - - y -
lengthen charter/x.json             - - - y y -
lengthen stock/x.age                - - - y y -
shorten series/ab/packs/x.age       - - - - - -
shorten notices/x.json              - - - - - -
shorten stock/x.age                 - - - - - -
shorten-by-bypass series/ab/packs/x.age  - - - - - -
shorten-by-bypass stock/x.age       - - - - - -
shorten-by-bypass charter/x.json    - - - - - -
shorten-by-bypass probe/ab/x.txt    - - - y - -
hold series/ab/packs/x.age          - - - - - -
suspend .                           - - - - - -
expire .                            - - - - - -
unlock .                            - - - - - -
set-policy .                        - - - - - -
delete-bucket .                     - - - - - -
"""
"""Verb, name (x stands for any; "." for the bucket), and yes or no by role. `delete` is of a version and `shorten` is
without the bypass of GOVERNANCE, `erase` and `shorten-by-bypass` with it; `remove` is of a version that no lock holds;
`hide` puts a delete marker."""

ACTIONS: dict[str, tuple[str, ...]] = {
    "put": ("s3:PutObject", "s3:PutObjectRetention"),
    "get": ("s3:GetObject", "s3:GetObjectVersion"),
    "head": ("s3:GetObject", "s3:GetObjectVersion"),
    "lock-of": ("s3:GetObjectRetention",),
    "list": ("s3:ListBucket", "s3:ListBucketVersions"),
    "hide": ("s3:DeleteObject",),
    "erase": ("s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"),
    "remove": ("s3:DeleteObjectVersion",),
    "lengthen": ("s3:PutObjectRetention",),
    "shorten-by-bypass": ("s3:PutObjectRetention", "s3:BypassGovernanceRetention"),
    "hold": ("s3:PutObjectLegalHold",),
    "suspend": ("s3:PutBucketVersioning",),
    "expire": ("s3:PutLifecycleConfiguration",),
    "unlock": ("s3:PutBucketObjectLockConfiguration",),
    "set-policy": ("s3:PutBucketPolicy",),
    "delete-bucket": ("s3:DeleteBucket",),
}
"""The rights that a verb needs, all of them. `delete` and `shorten` are the lock's to refuse, not a policy's."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    verb: str
    name: str
    allowed: tuple[bool, ...]


def rows() -> list[Row]:
    lines = [line.split() for line in EXPECTED.strip().splitlines()]
    assert all(len(line) == 2 + len(ROLES) and set(line[2:]) <= {"y", "-"} for line in lines)
    return [Row(line[0], line[1].removesuffix("."), tuple(each == "y" for each in line[2:])) for line in lines]


NAMES = sorted({row.name for row in rows() if row.verb in {"put", "get"}})


class Bench:
    """Tries verbs on a bucket whose objects the owner put, locked by GOVERNANCE for `UNTIL`."""

    def __init__(self, owner: "S3Client", bucket: str) -> None:
        self.bucket = bucket
        self.until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
        self._owner = owner
        self._count = 0
        self.versions = {name: self._place(owner, name) for name in NAMES}

    def _place(self, client: "S3Client", name: str) -> str:
        answer = client.put_object(
            Bucket=self.bucket,
            Key=name,
            Body=b"x",
            ObjectLockMode="GOVERNANCE",
            ObjectLockRetainUntilDate=self.until,
        )
        return answer["VersionId"]

    def _unlocked(self, name: str) -> str:
        """A version that the owner puts without a lock."""
        return self._owner.put_object(Bucket=self.bucket, Key=name, Body=b"y")["VersionId"]

    def may(self, client: "S3Client", verb: str, name: str) -> bool:
        """Whether the server let the client do it; any error but a refusal is raised."""
        try:
            self._calls(client, name)[verb]()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                raise
            return False
        if verb in {"erase", "shorten-by-bypass"}:
            self.versions[name] = self._place(self._owner, name)
        return True

    def own_pack(self, client: "S3Client") -> bool:
        """Whether who put a pack can read it."""
        name = "series/ab/packs/own.age"
        self._place(client, name)
        try:
            client.get_object(Bucket=self.bucket, Key=name)
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"] != 403
        return True

    def _calls(self, client: "S3Client", name: str) -> dict[str, Callable[[], object]]:
        b, version = self.bucket, self.versions.get(name, "")
        self._count += 1
        fresh = name.replace("x.", f"x{self._count}.")

        def retain(days: int, bypass: bool = False) -> Callable[[], object]:
            until = self.until + timedelta(days=days, seconds=self._count)
            return lambda: client.put_object_retention(
                Bucket=b,
                Key=name,
                VersionId=version,
                BypassGovernanceRetention=bypass,
                Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until},
            )

        return {
            "put": lambda: self._place(client, fresh),
            "get": lambda: (
                client.get_object(Bucket=b, Key=name),
                client.get_object(Bucket=b, Key=name, VersionId=version),
            ),
            "head": lambda: client.head_object(Bucket=b, Key=name),
            "lock-of": lambda: client.get_object_retention(Bucket=b, Key=name),
            "list": lambda: (
                client.list_objects_v2(Bucket=b, Prefix=name),
                client.list_object_versions(Bucket=b, Prefix=name),
            ),
            "hide": lambda: client.delete_object(Bucket=b, Key=name),
            "delete": lambda: client.delete_object(Bucket=b, Key=name, VersionId=version),
            "erase": lambda: client.delete_object(
                Bucket=b, Key=name, VersionId=version, BypassGovernanceRetention=True
            ),
            "remove": lambda: client.delete_object(Bucket=b, Key=name, VersionId=self._unlocked(name)),
            "lengthen": retain(+1),
            "shorten": retain(-1),
            "shorten-by-bypass": retain(-1, bypass=True),
            "hold": lambda: client.put_object_legal_hold(
                Bucket=b, Key=name, VersionId=version, LegalHold={"Status": "ON"}
            ),
            "suspend": lambda: client.put_bucket_versioning(Bucket=b, VersioningConfiguration={"Status": "Suspended"}),
            "expire": lambda: client.put_bucket_lifecycle_configuration(
                Bucket=b,
                LifecycleConfiguration={
                    "Rules": [{"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
                },
            ),
            "unlock": lambda: client.put_object_lock_configuration(
                Bucket=b, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
            ),
            "set-policy": lambda: client.put_bucket_policy(Bucket=b, Policy='{"Version":"2012-10-17","Statement":[]}'),
            "delete-bucket": lambda: client.delete_bucket(Bucket=b),
        }
