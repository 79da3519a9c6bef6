"""Who may do what in a vault's bucket: the one source of every policy that `infra/` deploys.

`infra/s3/setup.py` applies these documents; `infra/aws/escrow.yaml` spells them out, and a test compares the two.
Everything is plain data: no network, no clock.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

Statement = dict[str, object]
"""One statement of a policy document, as in JSON."""

_SIGNED = ("releases/*", "receipts/*", "erasures/*", "events/*")
PUBLIC = ("README.txt", "RESCUE/*", "charter/*", "stock/*.json", "notices/*", *_SIGNED)
"""What is meant to be read by whoever watches: no sealed data, and of sealed keys those alone that were released."""

PROBE = "probe/*"
"""Where the WORM probe tries what an attacker would, on objects of its own; nothing of a vault lies there."""

LIST = ("s3:ListBucket", "s3:ListBucketVersions")
READ = ("s3:GetObject", "s3:GetObjectVersion")
SEE_LOCK = ("s3:GetObjectRetention",)
WRITE = ("s3:PutObject", "s3:PutObjectRetention")
REMOVE = ("s3:DeleteObjectVersion",)
BYPASS = ("s3:BypassGovernanceRetention",)
ERASE = (*REMOVE, *BYPASS)
BUCKET = ("s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration")
SSE_C = "s3:x-amz-server-side-encryption-customer"
CLASS = "s3:x-amz-storage-class"
NEVER = (
    "s3:DeleteObject",
    "s3:PutObjectAcl",
    "s3:PutObjectLegalHold",
    "s3:PutObjectVersionAcl",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketAcl",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketPolicy",
    "s3:PutBucketVersioning",
    "s3:PutLifecycleConfiguration",
)
"""Denied to every role by name, whatever else is attached to it later."""


class Server(Enum):
    """What reads the policy. `OTHER` (MinIO and its like) takes no users in a bucket's policy: attach `allowed`."""

    AWS = "aws"
    CEPH = "ceph"
    SEAWEEDFS = "seaweedfs"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Role:
    """What one credential may do, as key patterns in the vault; `lists` are prefixes, () none, ("",) all.

    `reads` includes HEAD: S3 has one right for both. `erases` is deleting versions under a GOVERNANCE lock, `removes`
    those whose lock is over.
    """

    lists: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...] = ()
    erases: tuple[str, ...] = ()
    removes: tuple[str, ...] = ()


ROLES: Mapping[str, Role] = {
    "depositor": Role(
        lists=("notices/", "charter/", "stock/", "events/"),
        reads=("notices/*", "charter/*", "stock/*.json", "events/*"),
        writes=("series/*", "notices/*"),
    ),
    "watcher": Role(lists=("",), reads=(*PUBLIC, "series/*")),
    "custodian": Role(lists=("",), reads=("*",)),
    "registrar": Role(
        lists=("",),
        reads=(*PUBLIC, PROBE),
        writes=("README.txt", "RESCUE/*", "charter/*", "stock/*", *_SIGNED, PROBE),
        erases=(PROBE,),
    ),
    "copier": Role(lists=("",), reads=("*",), writes=("*",)),
    "officer": Role(
        lists=("",),
        reads=(*PUBLIC, "series/*/series-*.json"),
        erases=("stock/*.age", "releases/*.age"),
        removes=("series/*/packs/*", "series/*/manifests/*"),
    ),
}
"""docs/guide-storage.md says who holds which. `copier` is for the second copy's bucket only; `officer` is made only
for the day on which series expire or keys are destroyed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the vault lies: a bucket, or a part of one below `prefix` (no slash at its ends). `partition` is AWS's."""

    bucket: str
    prefix: str = ""
    partition: str = "aws"

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:s3:::{self.bucket}"

    @property
    def root(self) -> str:
        return f"{self.prefix}/" if self.prefix else ""

    def objects(self, patterns: Sequence[str]) -> list[str]:
        return [f"{self.arn}/{self.root}{pattern}" for pattern in patterns]


@dataclass(frozen=True, slots=True)
class Lock:
    """Days of retention that a put may ask for; `least` 0 for no bound."""

    least: int
    most: int


def allowed(name: str, place: Place, principal: str | None = None) -> list[Statement]:
    """What a role is allowed: an identity's policy, or with `principal` (an ARN) statements of a bucket's."""
    role = ROLES[name]
    who: Statement = {"Principal": {"AWS": [principal]}} if principal else {}

    def allow(what: str, actions: Sequence[str], resources: Sequence[str], **more: object) -> Statement:
        said: Statement = {"Sid": f"{name.capitalize()}{what}", "Effect": "Allow", **who}
        return said | {"Action": list(actions), "Resource": list(resources)} | more

    found = [allow("Bucket", BUCKET, [place.arn])]
    if role.lists == ("",) and not place.prefix:
        found.append(allow("List", LIST, [place.arn]))
    else:
        prefixes = [f"{place.root}{prefix}*" for prefix in role.lists]
        found.append(allow("List", LIST, [place.arn], Condition={"StringLike": {"s3:prefix": prefixes}}))
    found.append(allow("Read", READ, place.objects(role.reads)))
    found.append(allow("Lock", SEE_LOCK, place.objects(["*"])))
    if role.writes:
        found.append(allow("Write", WRITE, place.objects(role.writes)))
    if role.erases:
        found.append(allow("Erase", ERASE, place.objects(role.erases)))
    if role.removes:
        found.append(allow("Remove", REMOVE, place.objects(role.removes)))
    return found


def denied(users: Mapping[str, str], place: Place, server: Server) -> list[Statement]:
    """What these roles (to their ARNs) are never allowed, whatever other policies or the ownership of objects give.

    Ceph lets who put an object read it, so without these a depositor there reads its own packs. Of several values
    under a negated condition Ceph 16 wants all to match, so there listing is held by `allowed` alone.
    """
    everything = place.objects(["*"])

    def deny(what: str, roles: Sequence[str], actions: Sequence[str], **rest: object) -> Statement:
        said: Statement = {"Sid": f"No{what}{''.join(role.capitalize() for role in roles)}", "Effect": "Deny"}
        return said | {"Principal": {"AWS": [users[role] for role in roles]}, "Action": list(actions)} | rest

    found = [deny("Change", list(users), NEVER, Resource=[place.arn, *everything])]
    verbs: list[tuple[str, Sequence[str], Callable[[Role], tuple[str, ...]]]] = [
        ("Read", READ, lambda role: role.reads),
        ("Write", WRITE, lambda role: role.writes),
        ("Erase", ERASE, lambda role: role.erases),
    ]
    for what, actions, granted in verbs:
        alike: dict[tuple[str, ...], list[str]] = {}
        for name in users:
            if actions is not ERASE or not ROLES[name].removes:
                alike.setdefault(granted(ROLES[name]), []).append(name)
        for patterns, roles in alike.items():
            if not patterns:
                found.append(deny(what, roles, actions, Resource=everything))
            elif patterns != ("*",):
                found.append(deny(what, roles, actions, NotResource=place.objects(patterns)))
    for name in users:
        role = ROLES[name]
        if role.removes:
            theirs = place.objects((*role.erases, *role.removes))
            found.append(deny("Remove", [name], REMOVE, NotResource=theirs))
            found.append(deny("Bypass", [name], BYPASS, NotResource=place.objects(role.erases)))
        prefixes = [f"{place.root}{prefix}*" for prefix in ROLES[name].lists]
        if ROLES[name].lists != ("",) and server is not Server.CEPH:
            condition = {"StringNotLike": {"s3:prefix": prefixes}}
            found.append(deny("List", [name], LIST, Resource=[place.arn], Condition=condition))
    return found


def for_everybody(place: Place, lock: Lock | None) -> list[Statement]:
    """What holds for every principal: TLS; with `lock` (AWS alone knows these conditions) puts only create, under a
    COMPLIANCE lock within bounds, readable at once by whoever may read (no key of the putter's, no cold class)."""
    everything: Statement = {"Resource": [place.arn, *place.objects(["*"])]}

    def deny(sid: str, actions: Sequence[str], resources: Statement, condition: Statement) -> Statement:
        said: Statement = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": list(actions)}
        return said | resources | {"Condition": condition}

    found = [deny("OnlyTls", ["s3:*"], everything, {"Bool": {"aws:SecureTransport": "false"}})]
    if lock:
        objects: Statement = {"Resource": place.objects(["*"])}
        deposits: Statement = {"Resource": place.objects(ROLES["depositor"].writes)}
        days = "s3:object-lock-remaining-retention-days"
        creates: Statement = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
        compliance: Statement = {"StringNotEqualsIfExists": {"s3:object-lock-mode": "COMPLIANCE"}}
        found += [
            deny("OnlyCreate", WRITE[:1], objects, creates),
            deny("NoForeignKey", WRITE[:1], objects, {"Null": {f"{SSE_C}-algorithm": "false"}}),
            deny("OnlyStandardClass", WRITE[:1], objects, {"StringNotEqualsIfExists": {CLASS: "STANDARD"}}),
            deny("LockIsCompliance", WRITE, deposits, compliance),
            deny("LockNotTooLong", WRITE, objects, {"NumericGreaterThan": {days: str(lock.most)}}),
        ]
        if lock.least:
            found.append(deny("LockNotTooShort", WRITE, deposits, {"NumericLessThan": {days: str(lock.least)}}))
    return found


def document(statements: Sequence[Statement]) -> Statement:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
