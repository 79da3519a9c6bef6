"""A bucket as the second place, on a real server: filled, hidden from, covered, mended; and a store that is silent."""

import shutil
import socket
from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from escrow.store import wrappers
from tests.cli.conftest import World, files_of
from tests.servers.seaweed import Seaweed, seaweed, seaweed_bucket

__all__ = ["seaweed", "seaweed_bucket"]

pytestmark = pytest.mark.s3


def table(name: str, url: str, endpoint: str) -> str:
    rest = 'path_style = true\npayer = "the trust"\n'
    return f'\n[[copy]]\nname = "{name}"\nurl = "{url}"\nendpoint = "{endpoint}"\n{rest}'


@pytest.fixture
def bucket(world: World, seaweed: Seaweed, seaweed_bucket: str) -> str:
    """The world with a copy in a bucket, filled; gives the bucket's name."""
    text = world.config.read_text() + table("trust", f"s3://{seaweed_bucket}/copy", seaweed.endpoint)
    world.config.write_text(text)
    told = world.run("store", "copy", "trust")
    assert told.code == 0, told.out + told.err
    return seaweed_bucket


def packs(world: World) -> list[str]:
    return sorted(path.relative_to(world.vault).as_posix() for path in world.vault.rglob("packs/*.age"))


def told(world: World, *more: str) -> list[tuple[object, object]]:
    rows = world.run("verify", *more, "--json").lines
    return [(row["finding"], row["subject"]) for row in rows if row.get("severity") == "error"]


def restores(world: World, out: Path) -> None:
    assert world.run("restore", "latest", "--to", out, "--key", world.key).code == 0
    whole = {name: data for name, data in files_of(world.exports).items() if name != "export.tmp"}
    assert files_of(out / "mis") == whole


def test_a_bucket_holds_the_vault_under_locks(world: World, seaweed: Seaweed, bucket: str) -> None:
    assert world.run("verify", "--read", "1").code == 0
    status = world.run("status")
    assert (status.code, "3-2-1: 2 copies, 2 kinds, 1 under another payer" in status.out) == (0, True)
    (row, _) = world.run("store", "copy", "trust", "--json").lines
    assert row["put"] == 0
    assert world.run("snapshot").code == 0
    (row, _) = world.run("store", "copy", "trust", "--json").lines
    assert row["put"] == 5
    versions = seaweed.client.list_object_versions(Bucket=bucket)["Versions"]
    names = [version["Key"] for version in versions]
    assert len(names) == len(set(names)) == len(files_of(world.vault)), "nothing was put twice"
    for name in (names[0], f"copy/{packs(world)[0]}"):
        held = seaweed.client.get_object_retention(Bucket=bucket, Key=name)["Retention"]
        assert held["Mode"] == "COMPLIANCE"


def test_what_is_hidden_or_covered_is_found_read_through_and_mended(
    world: World, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    hidden, covered = packs(world)[:2]
    size = (world.vault / covered).stat().st_size
    seaweed.client.delete_object(Bucket=bucket, Key=f"copy/{hidden}")
    seaweed.client.put_object(Bucket=bucket, Key=f"copy/{covered}", Body=b"x" * size)
    assert ("object-deleted", f"trust: {hidden}") in told(world)
    world.vault.rename(world.root / "gone")
    restores(world, tmp_path / "out")
    (world.root / "gone").rename(world.vault)
    dry = world.run("store", "repair", "trust", "--read", "1")
    assert (dry.code, "would put 2 objects" in dry.out) == (Exit.INTEGRITY, True)
    mended = world.run("store", "repair", "trust", "--read", "1", "--yes", "--json")
    assert (mended.code, mended.lines[0]["put"]) == (0, 2), mended.out
    newest = {
        name: seaweed.client.get_object(Bucket=bucket, Key=f"copy/{name}")["Body"].read() for name in (hidden, covered)
    }
    assert newest == {name: (world.vault / name).read_bytes() for name in newest}
    assert told(world, "--read", "1") == []


def test_a_folder_is_mended_from_a_bucket(world: World, bucket: str) -> None:
    whole = files_of(world.vault)
    shutil.rmtree(world.vault)
    world.vault.mkdir()
    assert world.run("store", "repair", "--yes").code == 0
    assert files_of(world.vault) == whole


def test_a_silent_endpoint_does_not_stop_a_restore(
    world: World, seaweed: Seaweed, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrappers, "FIRST_DELAY", 0.0)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # a port where nobody listens
        closed = f"http://127.0.0.1:{held.getsockname()[1]}"
        silent = f'url = "s3://nowhere/x"\nendpoint = "{closed}"\npath_style = true'
        world.config.write_text(world.config.read_text().replace('url = "../vault"', silent))
        restores(world, tmp_path / "out")
        assert world.run("list").code == 0
        assert world.run("status").code == Exit.STORE
