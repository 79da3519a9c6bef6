"""Makes a vault's bucket and its rights on a SeaweedFS, Ceph or similar server. AWS: use infra/aws/ instead.

    python infra/s3/setup.py --server ceph --endpoint https://s3.example.org --bucket school-vault \\
        --users depositor=ARN watcher=ARN custodian=ARN registrar=ARN

shows what it would do; with --yes it does it. Run it with the bucket owner's credentials, from the standard AWS places
(environment, ~/.aws, a profile in AWS_PROFILE), never from the command line. `--show ROLE` prints a role's policy, for
servers where a user's policy is attached with the server's own tool. It can be run again: what is right stays.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from infra.policies import ROLES, Place, Server, Statement, allowed, denied, document, for_everybody

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

UNABLE = {
    Server.SEAWEEDFS: (
        "conditions on If-None-Match and on the lock's length: an intruder with the depositor's credential can lay new "
        "versions over objects and lock junk for long (readers look through versions for the right hash)",
        "blocking public access (it answers 501): nothing here is public unless somebody adds a policy that says so",
    ),
    Server.CEPH: (
        "If-None-Match on a bucket with Object Lock: new versions can be laid over objects (readers look through "
        "versions for the right hash)",
        "the SHA-256 that a put carries: let escrow send MD5 too (content_md5)",
    ),
    Server.OTHER: ("not known: run `escrow store probe`",),
}
"""What each server does not hold to, told at every run."""


class CannotError(Exception):
    """What stands in the way, and what to do."""


@dataclass(frozen=True)
class Task:
    """What was asked for. `users`: role to ARN; `days` of default retention, 0 for none."""

    place: Place
    server: Server
    users: dict[str, str]
    days: int
    tls: bool


def absent(call: Callable[[], object], *codes: str) -> bool:
    """Whether the server answers with one of these error codes."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return True
        raise
    return False


def wanted_policy(task: Task) -> Statement:
    """The bucket's whole policy."""
    statements = for_everybody(task.place, None) if task.tls else []
    if task.server is not Server.OTHER:
        for role, arn in task.users.items():
            statements += allowed(role, task.place, arn)
        statements += denied(task.users, task.place, task.server) if task.users else []
    return document(statements)


def plan(client: "S3Client", task: Task) -> list[tuple[str, Callable[[], object]]]:
    """Looks, changes nothing: what is to be done, in order. Raises CannotError."""
    bucket = task.place.bucket
    steps: list[tuple[str, Callable[[], object]]] = []
    made = not absent(lambda: client.head_bucket(Bucket=bucket), "404", "NoSuchBucket")
    if made:
        if client.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled" or absent(
            lambda: client.get_object_lock_configuration(Bucket=bucket), "ObjectLockConfigurationNotFoundError"
        ):
            raise CannotError(f"{bucket} was made without versions and Object Lock: name a new bucket")
    else:
        steps.append(
            (
                f"create bucket {bucket} with versions and Object Lock",
                lambda: client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True),
            )
        )
    found = _default_days(client, bucket) if made else 0
    if task.days < found:
        raise CannotError(f"{bucket} locks for {found} days by default; this script never makes that shorter")
    if task.days > found:
        steps.append((f"lock everything for {task.days} days by default", lambda: _set_default(client, task)))
    wanted = wanted_policy(task)
    before = _policy(client, bucket) if made else {}
    foreign = [each for each in _sids(before) if each not in _sids(wanted)]
    if foreign:
        raise CannotError(f"the policy of {bucket} has statements of others ({', '.join(foreign)}): remove them first")
    if plain(before) != plain(wanted) and wanted["Statement"]:
        said = f"set the policy: {', '.join(task.users) or 'no users'}{'; TLS only' if task.tls else ''}"
        steps.append((said, lambda: _set_policy(client, bucket, wanted)))
    return steps


def _default_days(client: "S3Client", bucket: str) -> int:
    lock = client.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    default = lock.get("Rule", {}).get("DefaultRetention", {})
    return default.get("Days", 0) + 365 * default.get("Years", 0)


def _set_default(client: "S3Client", task: Task) -> None:
    client.put_object_lock_configuration(
        Bucket=task.place.bucket,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": task.days}},
        },
    )
    if _default_days(client, task.place.bucket) != task.days:
        raise CannotError("the server took the default retention and does not show it: do not trust its lock")


def _policy(client: "S3Client", bucket: str) -> Statement:
    try:
        found: Statement = json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise
        return {}
    return found


def plain(value: object) -> object:
    """A policy without the choices of form that servers make: a list of one or its value, order, empty members."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if each not in ({}, [], "", None)}
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return sorted(value) if len(value) > 1 else value[0]
    return [plain(each) for each in value] if isinstance(value, list) else value


def _sids(policy: Statement) -> list[str]:
    statements = policy.get("Statement", [])
    assert isinstance(statements, list)
    return [str(each.get("Sid", "without a Sid")) for each in statements]


def _set_policy(client: "S3Client", bucket: str, wanted: Statement) -> None:
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(wanted, separators=(",", ":")))
    if plain(_policy(client, bucket)) != plain(wanted):
        raise CannotError("the server took the policy and shows another one: do not trust it")


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["ceph", "seaweedfs", "other"], required=True)
    parser.add_argument("--endpoint", help="https://host[:port]; http is for a server on this machine")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--prefix", default="", help="the vault's place in the bucket")
    parser.add_argument("--users", nargs="*", default=[], metavar="ROLE=ARN", help=", ".join(ROLES))
    parser.add_argument(
        "--default-days", type=int, default=0, metavar="DAYS", help="lock for objects that ask for none"
    )
    parser.add_argument("--ca-file", help="PEM file of the authority behind the server's certificate")
    parser.add_argument("--show", choices=list(ROLES), metavar="ROLE", help="print the role's policy and end")
    parser.add_argument("--yes", action="store_true", help="do it")
    asked = parser.parse_args(arguments)
    pairs = [user.partition("=") for user in asked.users]
    unknown = [role for role, _, arn in pairs if role not in ROLES or not arn]
    if unknown or len({role for role, _, _ in pairs}) < len(pairs):
        parser.error(f"--users: expected each of {', '.join(ROLES)} at most once as ROLE=ARN, found {asked.users}")
    if not asked.show and not asked.endpoint:
        parser.error("--endpoint is missing")
    asked.users = {role: arn for role, _, arn in pairs}
    return asked


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done or nothing to do, 1 it cannot, 3 there is something to do and --yes was not given."""
    asked = read_arguments(arguments)
    place = Place(asked.bucket, asked.prefix)
    if asked.show:
        print(json.dumps(document(allowed(asked.show, place)), indent=2))
        return 0
    tls = asked.endpoint.startswith("https://")
    task = Task(place, Server(asked.server), asked.users, asked.default_days, tls)
    # Ceph answers botocore's newer default checksums over https with 411
    config = Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"})
    session = Session()
    made = session.create_client(
        "s3",
        endpoint_url=asked.endpoint,
        region_name=session.get_config_variable("region") or "us-east-1",
        verify=asked.ca_file,
        config=config,
    )
    client = cast("S3Client", made)
    try:
        steps = plan(client, task)
        for text, do in steps:
            print(f"{'do' if asked.yes else 'would'}: {text}")
            if asked.yes:
                do()
    except (CannotError, ClientError, BotoCoreError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    if not tls:
        print("note: plain http; whoever hears the network reads names and sizes, and can answer in the server's place")
    if task.server is Server.OTHER and task.users:
        print("note: attach each user's policy with the server's own tool (--show ROLE prints it)")
    for text in UNABLE[task.server]:
        print(f"note: this server does not hold to {text}")
    print("nothing to do" if not steps else "done" if asked.yes else "nothing was changed; add --yes")
    return 3 if steps and not asked.yes else 0


if __name__ == "__main__":
    sys.exit(main())
