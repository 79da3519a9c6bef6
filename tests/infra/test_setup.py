"""The bucket script: shows before it does, changes nothing twice, and stops before what it must not touch."""

import json
import secrets
import subprocess
import sys

import pytest

from infra.policies import Place, Server, allowed, denied
from infra.s3.setup import main
from tests.infra.conftest import VaultBucket, use
from tests.infra.servers import Running
from tests.layers import ROOT


@pytest.fixture
def where(server: Running, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments for a bucket that is not there yet, and the owner's keys in the environment."""
    use(monkeypatch, server.owner)
    name = f"new-{secrets.token_hex(5)}"
    return ["--server", server.kind.value, "--endpoint", server.endpoint, "--bucket", name]


@pytest.mark.s3
def test_it_shows_first_then_does_then_has_nothing_to_do(
    server: Running, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    user = server.make_user(f"u-{secrets.token_hex(5)}")
    arguments = [*where, "--default-days", "2", "--users", f"depositor={user.arn}"]
    assert main(arguments) == 3
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()][:3] == ["would"] * 3
    client = server.client(server.owner)
    assert where[-1] not in {each["Name"] for each in client.list_buckets()["Buckets"]}
    assert main([*arguments, "--yes"]) == 0
    assert client.get_bucket_versioning(Bucket=where[-1])["Status"] == "Enabled"
    lock = client.get_object_lock_configuration(Bucket=where[-1])["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "COMPLIANCE", "Days": 2}
    capsys.readouterr()
    assert main([*arguments, "--yes"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing to do"


@pytest.mark.s3
def test_it_never_shortens_the_default_lock(
    server: Running, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*where, "--default-days", "3", "--yes"]) == 0
    assert main([*where, "--default-days", "2", "--yes"]) == 1
    assert "never makes that shorter" in capsys.readouterr().err


@pytest.mark.s3
def test_it_refuses_a_bucket_without_lock(
    server: Running, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    server.client(server.owner).create_bucket(Bucket=where[-1])
    assert main([*where, "--yes"]) == 1
    assert "name a new bucket" in capsys.readouterr().err


@pytest.mark.s3
def test_it_refuses_to_drop_statements_of_others(
    server: Running, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*where, "--yes"]) == 0
    arn = f"arn:aws:s3:::{where[-1]}/public/*"
    foreign = {"Sid": "Web", "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": [arn]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [foreign]})
    server.client(server.owner).put_bucket_policy(Bucket=where[-1], Policy=policy)
    assert main([*where, "--yes"]) == 1
    assert "Web" in capsys.readouterr().err


@pytest.mark.s3
def test_a_role_may_not_run_it(bucket: VaultBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, bucket.users["depositor"])
    assert main([*bucket.arguments, "--default-days", "9", "--yes"]) == 1


def test_show_prints_a_policy_to_attach(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--server", "other", "--bucket", "vault", "--show", "depositor"]) == 0
    assert json.loads(capsys.readouterr().out)["Statement"] == allowed("depositor", Place("vault"))


@pytest.mark.parametrize("users", [["reader=arn:x"], ["watcher="], ["watcher=a", "watcher=b"]])
def test_wrong_users_are_refused(users: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--server", "ceph", "--endpoint", "https://s3.example.org", "--bucket", "vault", "--users", *users])
    assert "expected each of" in capsys.readouterr().err


def test_it_runs_as_a_file_from_anywhere() -> None:
    script = ROOT / "infra" / "s3" / "setup.py"
    run = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True, cwd="/")
    assert "--users" in run.stdout
    assert "secret" not in run.stdout.lower()


def test_a_prefix_holds_the_vault_in_its_part_of_the_bucket() -> None:
    place = Place("shared", "schools/bro-tegid")
    said = json.dumps(allowed("watcher", place, "arn:w") + denied({"watcher": "arn:w"}, place, Server.AWS))
    assert '"s3:prefix": ["schools/bro-tegid/*"]' in said
    assert '"arn:aws:s3:::shared/schools/bro-tegid/series/*"' in said
    assert '"arn:aws:s3:::shared/series/*"' not in said
