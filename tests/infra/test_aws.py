"""The CloudFormation templates: linted, scanned, deployed into moto, their policies held to the table and the data."""

import ast
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from infra.policies import Lock, Place, Server, Statement, allowed, denied, document, for_everybody
from tests.infra.evaluate import is_allowed
from tests.infra.matrix import ACTIONS, ROLES, Row, rows
from tests.infra.template import ACCOUNT, FOLDER, Stack, load

TEMPLATES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
PARAMETERS = {
    "escrow": {"BucketName": "school-vault"},
    "log": {"BucketName": "school-vault", "AlarmEmail": "it@school.example"},
    "copy-account": {"BucketName": "school-copy", "CopyPrincipal": f"arn:aws:iam::{ACCOUNT}:user/copies"},
    "officer": {"BucketName": "school-vault", "OfficerPrincipal": f"arn:aws:iam::{ACCOUNT}:user/officer"},
}
LOGICAL = {
    "depositor": ("escrow", "Depositor"),
    "watcher": ("escrow", "Watcher"),
    "custodian": ("escrow", "Custodian"),
    "registrar": ("escrow", "Registrar"),
    "copier": ("copy-account", "Copier"),
    "officer": ("officer", "Officer"),
}
PUT = {"aws:SecureTransport": "true", "s3:if-none-match": "*", "s3:ObjectCreationOperation": "true"}
LOCKED = PUT | {"s3:object-lock-mode": "COMPLIANCE", "s3:object-lock-remaining-retention-days": "400"}


@pytest.fixture(scope="module")
def stacks() -> Iterator[dict[str, Stack]]:
    """Every template deployed into moto, which leaves out the policies of buckets and users, and the trail."""
    with pytest.MonkeyPatch.context() as patch, mock_aws(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tried to parse AWS::.* but it's not supported by moto")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "moto")
        client = boto3.client("cloudformation", region_name="eu-west-2")
        found = {}
        for name in TEMPLATES:
            given = [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS[name].items()]
            body = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
            client.create_stack(StackName=name, TemplateBody=body, Parameters=given, Capabilities=["CAPABILITY_IAM"])
            made = client.list_stack_resources(StackName=name)["StackResourceSummaries"]
            template = load(name)
            defaults = {key: str(each.get("Default", "")) for key, each in template["Parameters"].items()}
            names = {
                each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made if each["LogicalResourceId"]
            }
            found[name] = Stack(template, defaults | PARAMETERS[name], names)
        yield found


def test_every_template_is_tested() -> None:
    assert set(PARAMETERS) == set(TEMPLATES)


def test_cfn_lint_finds_nothing() -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    run = subprocess.run([str(lint), *map(str, FOLDER.glob("*.yaml"))], capture_output=True, text=True, check=False)
    assert (run.stdout, run.returncode) == ("", 0)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_policy_scanner_finds_only_what_the_file_explains(name: str) -> None:
    scan = Path(sys.executable).with_name("cfripper")
    command = [str(scan), str(FOLDER / f"{name}.yaml"), "--resolve", "--format", "json", "--logging", "ERROR"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode in {0, 2}, run.stderr
    report = json.loads(run.stdout[run.stdout.index("{") :])
    explained = set(re.findall(r"# .*?(\w+) \(cfripper\): ", (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
    assert {each["rule"] for each in report["failures"]} == explained


def test_the_policies_are_those_of_the_data(stacks: dict[str, Stack]) -> None:
    vault, copy = Place("school-vault"), Place("school-copy")
    for role, (stack, logical) in LOGICAL.items():
        place = copy if stack == "copy-account" else vault
        assert stacks[stack].identity(logical) == document(allowed(role, place)), role
    assert stacks["copy-account"].identity("Custodian") == document(allowed("custodian", copy))
    users = {role: stacks["escrow"].arn(logical) for role, (stack, logical) in LOGICAL.items() if stack == "escrow"}
    wanted = for_everybody(vault, Lock(30, 1100)) + denied(users, vault, Server.AWS)
    assert stacks["escrow"].bucket_policy() == document(wanted)
    users = {role: stacks["copy-account"].arn(role.capitalize()) for role in ("copier", "custodian")}
    wanted = for_everybody(copy, Lock(0, 1100)) + denied(users, copy, Server.AWS)
    assert stacks["copy-account"].bucket_policy() == document(wanted)


def test_moto_made_the_roles_as_written(stacks: dict[str, Stack]) -> None:
    iam = boto3.client("iam")
    for role in ("custodian", "registrar", "copier", "officer"):
        stack, logical = LOGICAL[role]
        name = stacks[stack].names[logical]
        made = iam.get_role_policy(RoleName=name, PolicyName=role)["PolicyDocument"]
        assert ast.literal_eval(str(made)) == stacks[stack].identity(logical)
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
        assert (trust.get("Condition") is None) == (role == "copier"), "people need a second factor"
    assert {user["UserName"] for user in iam.list_users()["Users"]} == {
        stacks["escrow"].names[logical] for logical in ("Depositor", "Watcher")
    }


def _statements(stacks: dict[str, Stack], role: str) -> tuple[list[Statement], str, str]:
    stack, logical = LOGICAL[role]
    found: list[Statement] = []
    for policy in (stacks[stack].identity(logical), stacks["escrow" if stack == "officer" else stack].bucket_policy()):
        each = policy["Statement"]
        assert isinstance(each, list)
        found += each
    return found, stacks[stack].arn(logical), "school-copy" if stack == "copy-account" else "school-vault"


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.verb} {row.name}")
def test_the_table_holds_by_the_rules_of_aws(stacks: dict[str, Stack], row: Row) -> None:
    found = []
    for role in ROLES:
        statements, principal, bucket = _statements(stacks, role)
        arn = f"arn:aws:s3:::{bucket}"
        context = LOCKED | {"s3:prefix": row.name}
        if row.verb in {"delete", "shorten"}:
            found.append(False)
            continue
        to = (
            arn
            if row.verb in {"list", "suspend", "expire", "unlock", "set-policy", "delete-bucket"}
            else f"{arn}/{row.name}"
        )
        found.append(all(is_allowed(statements, principal, action, to, context) for action in ACTIONS[row.verb]))
    assert tuple(found) == row.allowed


@pytest.mark.parametrize(
    ("change", "fine"),
    [
        ({}, True),
        ({"aws:SecureTransport": "false"}, False),
        ({"s3:if-none-match": None}, False),
        ({"s3:if-none-match": None, "s3:ObjectCreationOperation": "false"}, True),
        ({"s3:x-amz-server-side-encryption-customer-algorithm": "AES256"}, False),
        ({"s3:x-amz-storage-class": "DEEP_ARCHIVE"}, False),
        ({"s3:x-amz-storage-class": "STANDARD"}, True),
        ({"s3:object-lock-mode": "GOVERNANCE"}, False),
        ({"s3:object-lock-mode": None, "s3:object-lock-remaining-retention-days": None}, True),
        ({"s3:object-lock-remaining-retention-days": "29"}, False),
        ({"s3:object-lock-remaining-retention-days": "30"}, True),
        ({"s3:object-lock-remaining-retention-days": "1100"}, True),
        ({"s3:object-lock-remaining-retention-days": "1101"}, False),
        ({"s3:object-lock-remaining-retention-days": "36500"}, False),
    ],
)
def test_a_deposit_must_be_new_encrypted_and_locked_within_bounds(
    stacks: dict[str, Stack], change: dict[str, str | None], fine: bool
) -> None:
    statements, principal, bucket = _statements(stacks, "depositor")
    context = {key: value for key, value in (LOCKED | change).items() if value is not None}
    for name in ("series/ab/packs/x.age", "notices/x.json"):
        assert is_allowed(statements, principal, "s3:PutObject", f"arn:aws:s3:::{bucket}/{name}", context) == fine


def test_keys_may_be_shreddable_where_the_charter_says_so(stacks: dict[str, Stack]) -> None:
    statements, principal, bucket = _statements(stacks, "registrar")
    context = LOCKED | {"s3:object-lock-mode": "GOVERNANCE"}
    assert is_allowed(statements, principal, "s3:PutObject", f"arn:aws:s3:::{bucket}/stock/x.age", context)


def test_a_full_access_policy_does_not_undo_a_role(stacks: dict[str, Stack]) -> None:
    statements, principal, bucket = _statements(stacks, "depositor")
    everything: Statement = {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}
    for action in ("s3:GetObject", "s3:DeleteObjectVersion", "s3:DeleteObject", "s3:BypassGovernanceRetention"):
        to = f"arn:aws:s3:::{bucket}/series/ab/packs/x.age"
        assert not is_allowed([*statements, everything], principal, action, to, LOCKED)


def test_the_buckets_are_closed_versioned_locked_and_encrypted(stacks: dict[str, Stack]) -> None:
    for stack, logical, locked in (("escrow", "Vault", True), ("copy-account", "Vault", True), ("log", "Log", False)):
        bucket = stacks[stack].properties(logical)
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert "BucketEncryption" in bucket
        assert stacks[stack].template["Resources"][logical]["DeletionPolicy"] == "Retain"
        if locked:
            rule = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
            assert (bucket["ObjectLockEnabled"], rule["Mode"], rule["Days"]) == (True, "COMPLIANCE", "30")
            assert "LifecycleConfiguration" not in bucket
    assert stacks["escrow"].properties("Vault")["LoggingConfiguration"]["DestinationBucketName"] == "school-vault-log"


def test_deletes_and_refusals_raise_the_alarm(stacks: dict[str, Stack]) -> None:
    log = stacks["log"]
    trail = log.properties("Trail")["EventSelectors"][0]
    assert trail["DataResources"] == [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::school-vault/"]}]
    pattern = log.properties("Tampering")["FilterPattern"]
    assert '"Delete*"' in pattern
    assert '"AccessDenied"' in pattern
    alarm = log.properties("TamperingAlarm")
    (metric,) = log.properties("Tampering")["MetricTransformations"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (metric["MetricNamespace"], metric["MetricName"])
    assert alarm["AlarmActions"] == [log.names["Alarms"]]
