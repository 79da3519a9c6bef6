"""The command line on a real S3 server: the demo, and a vault that is configured as a school's would be."""

from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from tests.cli.conftest import World, escrow
from tests.servers.seaweed import Seaweed, seaweed, seaweed_bucket

__all__ = ["seaweed", "seaweed_bucket"]

pytestmark = pytest.mark.s3


def test_the_demo_runs_through_an_s3_endpoint(seaweed: Seaweed, seaweed_bucket: str) -> None:
    told = escrow("demo", "--store", f"s3://{seaweed_bucket}/demo", "--endpoint", seaweed.endpoint, "--json")
    assert told.code == 0, told.out + told.err
    assert [row["restored"] for row in told.lines if "night" in row] == [True] * 5


def test_a_vault_moves_into_a_bucket_and_its_locks_hold(
    world: World, seaweed: Seaweed, seaweed_bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = f'url = "s3://{seaweed_bucket}/school"\nendpoint = "{seaweed.endpoint}"\npath_style = true'
    world.config.write_text(world.config.read_text().replace('url = "../vault"', store))
    for path in world.state.rglob("*"):
        if path.is_file() and path.name != "agent.key":
            path.unlink()
    assert world.run("init", "--public", world.root / "server" / "public").code == 0
    assert world.run("init", "--public", world.root / "server" / "public").code == 0, "may be run again"
    assert world.run("snapshot").code == 0
    assert world.run("verify", "--read", "1").code == 0
    assert world.run("restore", "latest", "--to", "out", "--key", world.key).code == 0
    assert (tmp_path / "out/mis/marks.csv").read_bytes() == (world.exports / "marks.csv").read_bytes()
    versions = seaweed.client.list_object_versions(Bucket=seaweed_bucket)["Versions"]
    names = [version["Key"] for version in versions]
    assert len(names) == len(set(names)), "nothing was put twice"
    held = seaweed.client.get_object_retention(Bucket=seaweed_bucket, Key=names[0])["Retention"]
    assert held["Mode"] == "COMPLIANCE"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    told = world.run("status", "--json")
    assert (told.code, told.lines[-1]["code"]) == (Exit.DENIED, "store-credentials")
