"""Who owns the nightly machine: the agent's key, the depositor's credential, and plain boto3."""

import hashlib
import json
import secrets
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, product

from botocore.exceptions import ClientError
from escrow_cli import agent_key

from escrow.record import (
    Notice,
    NoticeSeries,
    ObjectRef,
    Verdict,
    from_payload,
    manifest_name,
    notice_name,
    pack_name,
    to_payload,
)
from escrow.trust import sign_record
from tests.drill.conftest import Scene

CENTURY = timedelta(days=36_500)
"""The longest lock that S3 takes (Amazon S3 user guide, "Object Lock": 100 years)."""
SSE_C = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
"""Encryption under a key that the server forgets: without it no version so put can be read."""
HOSTILE_TAILS = ("/", "/x", ".versions/", ".versions/v_x", ".versions/v_x/", "-", "\x01", "&amp;<x>", "%2f..", "\ufffe")
"""Put behind a name of ours. SeaweedFS keeps the versions of a name in a folder `.versions` beside it."""
HOSTILE_NAMES = ("", "..", "../charter/x", "//", "n" * 900, "\N{RIGHT-TO-LEFT OVERRIDE}")


class Attacker:
    """Tries; `done` and `refused` count what the server let it do, by verb."""

    def __init__(self, scene: Scene) -> None:
        self.bucket = scene.bucket
        self.client = scene.server.client(scene.users["depositor"])
        self.key = agent_key.load(scene.state)
        self.done: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self.notices = {name: self._notice(name) for name in self._names("notices/")}
        self.sealed = dict(self._sealed())
        self.names = [*self.notices, *self.sealed, *self._names("charter/"), *self._names("stock/")]
        self._later = count()

    @property
    def last(self) -> Notice:
        """The newest notice that it found."""
        return list(self.notices.values())[-1]

    def payload_hash(self, seq: int) -> str:
        """Of the notice of this number that it found."""
        return next(hashlib.sha256(to_payload(one)).hexdigest() for one in self.notices.values() if one.seq == seq)

    def _names(self, prefix: str) -> list[str]:
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix)["Contents"]]

    def _notice(self, name: str) -> Notice:
        body = self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read()
        return from_payload(b64decode(json.loads(body)["payload"]), Notice)

    def _sealed(self) -> Iterator[tuple[str, int]]:
        """Packs and manifests with their sizes, as the notices name them: it may not list them."""
        for notice in self.notices.values():
            for part in notice.series:
                yield from ((pack_name(part.series, pack.sha256), pack.size) for pack in part.packs)
                if part.manifest:
                    yield manifest_name(part.series, notice.seq, part.manifest.sha256), part.manifest.size

    def attempt(self, verb: str, call: str, **arguments: object) -> dict[str, object]:
        """One call of boto3's client; what it answered, {} for a refusal."""
        try:
            answer: dict[str, object] = getattr(self.client, call)(Bucket=self.bucket, **arguments)
        except ClientError:
            self.refused[verb] = self.refused.get(verb, 0) + 1
            return {}
        self.done[verb] = self.done.get(verb, 0) + 1
        return answer

    def put(self, verb: str, name: str, body: bytes, **more: object) -> bool:
        return bool(self.attempt(verb, "put_object", Key=name, Body=body, **more))

    def put_for_long(self, verb: str, name: str, body: bytes) -> None:
        """Under the longest lock that the server takes."""
        for length in (CENTURY, CENTURY / 4):
            until = datetime.now(UTC) + length
            if self.put(verb, name, body, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until):
                return

    def erase(self) -> None:
        """Delete markers, versions, locks: everything that would make an object go, now or later."""
        for name in self.names:
            self.attempt("hide", "delete_object", Key=name)
            self._lift(Key=name)
            for version in self._versions(name):
                self._lift(Key=name, VersionId=version)
        every = [{"Key": name} for name in self.names]
        if self.attempt("ask for many", "delete_objects", Delete={"Objects": every}).get("Deleted"):
            self.done["delete"] = len(every)

    def _versions(self, name: str) -> list[str]:
        """Of what it may list; elsewhere it guesses."""
        found = self.attempt("look", "list_object_versions", Prefix=name).get("Versions")
        return [each["VersionId"] for each in found] if isinstance(found, list) else ["null"]

    def _lift(self, **where: str) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=2)
        for mode, bypass in product(("COMPLIANCE", "GOVERNANCE"), (False, True)):
            lock = {"Mode": mode, "RetainUntilDate": soon}
            self.attempt("shorten", "put_object_retention", **where, Retention=lock, BypassGovernanceRetention=bypass)
        self.attempt("unlock", "put_object_retention", **where, Retention={})
        self.attempt("hold", "put_object_legal_hold", **where, LegalHold={"Status": "OFF"})
        if "VersionId" in where:
            self.attempt("delete", "delete_object", **where)
            self.attempt("delete", "delete_object", **where, BypassGovernanceRetention=True)

    def lengthen(self) -> None:
        """Nobody could delete a night that should go one day, and its place is paid for until then."""
        until = datetime.now(UTC) + CENTURY / 4
        for name in self.names:
            lock = {"Mode": "COMPLIANCE", "RetainUntilDate": until}
            self.attempt("lengthen", "put_object_retention", Key=name, Retention=lock)

    def turn_bucket(self) -> None:
        """What the bucket as a whole would have to allow."""
        rule = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
        open_to_all = {"Sid": "All", "Effect": "Allow", "Principal": "*", "Action": ["s3:*"], "Resource": ["*"]}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [open_to_all]})
        own_key = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "mine"}}
        self.attempt("suspend", "put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"})
        self.attempt("expire", "put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [rule]})
        lock = {"ObjectLockEnabled": "Enabled"}
        self.attempt("default lock", "put_object_lock_configuration", ObjectLockConfiguration=lock)
        self.attempt("policy", "put_bucket_policy", Policy=policy)
        self.attempt("no policy", "delete_bucket_policy")
        encryption = {"Rules": [own_key]}
        self.attempt("encryption", "put_bucket_encryption", ServerSideEncryptionConfiguration=encryption)
        self.attempt("acl", "put_bucket_acl", ACL="public-read-write")
        self.attempt("delete bucket", "delete_bucket")

    def cover(self) -> None:
        """New versions over everything: other bytes of the same size, none, in parts, and a copy of something else."""
        source = {"Bucket": self.bucket, "Key": next(iter(self.notices))}
        for name in self.names:
            self.put("cover", name, b"x" * self.sealed.get(name, 64))
            self.put("cover", name, b"")
            self._put_parts(name)
            self.attempt("cover by copy", "copy_object", Key=name, CopySource=source)

    def _put_parts(self, name: str) -> None:
        upload = self.attempt("ask for parts", "create_multipart_upload", Key=name).get("UploadId")
        if upload:
            part = {"Key": name, "UploadId": upload}
            tag = self.attempt("send a part", "upload_part", **part, PartNumber=1, Body=b"x").get("ETag")
            whole = {"Parts": [{"ETag": tag, "PartNumber": 1}]}
            self.attempt("cover in parts", "complete_multipart_upload", **part, MultipartUpload=whole)

    def junk(self, head: int) -> None:
        """Under coming names, and under names that could hurt a server or a reader, with the longest lock."""
        series = self.last.series[0].series
        for seq in range(head + 1, head + 4):
            body = secrets.token_bytes(64)
            self.put_for_long("junk", notice_name(seq, body), body)
            self.put_for_long("junk", notice_name(seq, secrets.token_bytes(8)), body)
            self.put_for_long("junk", manifest_name(series, seq, secrets.token_hex(32)), body)
            self.put_for_long("junk", pack_name(series, hashlib.sha256(body).hexdigest()), body)
        for folder in (series, secrets.token_hex(8)):
            self.put_for_long("junk", f"series/{folder}/series-{secrets.token_hex(8)}.json", b"{}")
        for name, tail in product((next(iter(self.notices)), next(iter(self.sealed))), HOSTILE_TAILS):
            self.put("odd name", name + tail, b"junk")
        for tail in HOSTILE_NAMES:
            self.put("odd name", f"notices/{tail}", b"junk")

    def lie(self, seq: int, prev: str, *parts: NoticeSeries, ahead: timedelta = timedelta()) -> str:
        """Put a notice that the agent's key signed, dated `ahead`; gives its payload's hash."""
        now = datetime.now(UTC).replace(microsecond=0) + ahead
        notice = Notice(
            vault=self.last.vault,
            seq=seq,
            prev=prev,
            kind="snapshot",
            charter=self.last.charter,
            events=None,
            agent=self.last.agent,
            agent_time=now,
            store_time=now + timedelta(seconds=next(self._later)),
            series=parts or self.last.series,
            verdict=Verdict(status="pass", codes=()),
            software="escrow 0.1.0",
        )
        envelope = sign_record(notice, [self.key])
        self.put_for_long("lie", notice_name(seq, envelope), envelope)
        return hashlib.sha256(to_payload(notice)).hexdigest()

    def quiet(self) -> list[NoticeSeries]:
        """What a lie says of a night on which nothing changed."""
        return [replace(part, first_pack=part.first_pack + len(part.packs), packs=()) for part in self.last.series]

    def absent(self, key: str = "", series: str = "") -> NoticeSeries:
        """What a lie says of a compartment: packs that were never put, of an old series or an invented one."""
        part = self.last.series[0]
        ref = ObjectRef(sha256=secrets.token_hex(32), size=1_050_475, head_sha256=secrets.token_hex(32))
        return NoticeSeries(
            compartment=part.compartment,
            series=series or secrets.token_hex(8),
            record=part.record if series else secrets.token_hex(32),
            key=key or part.key,
            first_pack=0,
            packs=(ref, ref),
            manifest=ref,
        )
