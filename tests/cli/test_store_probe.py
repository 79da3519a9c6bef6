"""`escrow store probe`, and what `escrow init` makes of a store that lies: nothing is put there."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from escrow_cli import agent_commands, setup, store_probe
from escrow_cli.exits import Exit

from escrow.errors import DeniedError
from escrow.store import LockMode, ObjectInfo, Retrying
from escrow.store.probe_judge import CHECKS
from tests.cli.conftest import PASSPHRASE, World
from tests.servers.ceph import Ceph, ceph
from tests.servers.seaweed import Seaweed, seaweed, seaweed_bucket
from tests.store.conftest import bucket_on, moto_bucket
from tests.store.probe_table import EXPECTED
from tests.store.strict import Liar

__all__ = ["ceph", "seaweed", "seaweed_bucket"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A machine with a configuration and an empty folder for a vault."""
    made = World(tmp_path)
    made.config.parent.mkdir()
    made.vault.mkdir()
    made.config.write_text('[store]\nurl = "../vault"\n')
    monkeypatch.chdir(tmp_path)
    return made


class Bucket(Liar):
    """A store that lies as it is told, and a credential that may not probe when `closed`."""

    closed = False

    def create(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        if self.closed and key.startswith("probe/"):
            raise DeniedError("store-denied", f"{key}: the credential lacks the right")
        return super().create(key, body, retain_until=retain_until, lock_mode=lock_mode)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The store of every command, whatever the configuration says."""
    made = Bucket()
    monkeypatch.setattr(store_probe, "bare_store", lambda _: made)
    monkeypatch.setattr(setup, "connect", lambda _, create: Retrying(made))
    return made


def outcomes(lines: list[dict[str, object]]) -> dict[object, object]:
    return {row["check"]: row["outcome"] for row in lines if "check" in row}


def test_a_folder_says_that_it_has_no_lock_and_is_taken(place: World) -> None:
    told = place.run("store", "probe")
    assert told.code == 0
    assert "whoever may write to it may delete" in told.out
    assert told.out.endswith("a folder, which has no lock\n")
    rows = place.run("store", "probe", "--json").lines
    assert outcomes(rows) == EXPECTED["folder"]
    assert [(row["finding"], row["severity"]) for row in rows if "finding" in row] == [("probe-no-lock", "warning")]
    assert (rows[-1]["result"], rows[-1]["lock"], rows[-1]["left"]) == ("ok", "none", 0)
    (kept,) = json.loads((place.state / "store-probe.json").read_text()).values()
    assert kept["last"]["folder"] is True
    assert [path for path in place.vault.rglob("*") if path.is_file()] == []


def test_a_copy_is_probed_by_its_name(place: World) -> None:
    (place.root / "usb").mkdir()
    place.config.write_text(place.config.read_text() + '[[copy]]\nname = "usb"\nurl = "../usb"\n')
    told = place.run("store", "probe", "usb")
    assert told.code == 0
    assert told.out.endswith(f"folder {place.root / 'server' / '../usb'}: a folder, which has no lock\n")
    assert place.run("store", "probe").code == 0
    assert len(json.loads((place.state / "store-probe.json").read_text())) == 2, "each is remembered"
    told = place.run("store", "probe", "disk")
    assert (told.code, "expected one of store, usb, found 'disk'" in told.err) == (Exit.USAGE, True)


def test_the_table_has_a_row_for_each_check(place: World, bucket: Bucket) -> None:
    told = place.run("store", "probe")
    assert (told.code, told.err) == (0, "11 small objects under probe/ stay until their locks end, most in a day\n")
    for name in CHECKS.keys() - {"read-only"}:
        assert CHECKS[name].tries in next(line for line in told.out.splitlines() if line.startswith(f"{name} "))
    assert told.out.endswith("memory: lock COMPLIANCE\n")


def test_a_store_that_lies_is_refused(place: World, bucket: Bucket) -> None:
    bucket.lie = "shortens"
    told = place.run("store", "probe")
    assert told.code == Exit.REFUSED
    assert "error probe-shorten" in told.out
    assert "a deposit is not safe there" in next(line for line in told.out.splitlines() if line.startswith("shorten "))
    assert "store-lies: memory: expected a store that keeps what it locks, found one that fails shorten" in told.err
    last = place.run("store", "probe", "--json").lines[-1]
    assert (last["result"], last["exit"], last["code"]) == ("refused", 13, "store-lies")


def test_what_was_accepted_in_writing_is_taken_and_nothing_else(place: World, bucket: Bucket) -> None:
    bucket.lie = "shortens"
    told = place.run("store", "probe", "--accept", "a test server")
    assert told.code == 0
    assert f"accepted on {datetime.now(UTC):%Y-%m-%d}: a test server" in told.out
    (row,) = json.loads((place.state / "store-accepted.json").read_text())["accepted"]
    assert (row["store"], row["reason"], row["checks"]) == ("memory", "a test server", ["shorten"])
    assert place.run("store", "probe").code == 0, "it holds for the next probe too"
    bucket.lie = "downgrades"
    assert place.run("store", "probe").code == Exit.REFUSED
    assert place.run("store", "probe", "--accept", "that too").code == 0
    bucket.lie = ""
    assert place.run("store", "probe", "--accept", "in vain").code == 0
    rows = json.loads((place.state / "store-accepted.json").read_text())["accepted"]
    assert [row["checks"] for row in rows] == [["shorten"], ["downgrade"]], "a good store needs no acceptance"


def test_an_acceptance_wants_a_reason(place: World, bucket: Bucket) -> None:
    told = place.run("store", "probe", "--accept", "  ")
    assert (told.code, "accept-reason" in told.err) == (Exit.USAGE, True)
    assert list(bucket.list()) == []


def test_moto_is_refused(place: World) -> None:
    with moto_bucket() as name:
        place.config.write_text(f'[store]\nurl = "s3://{name}/vault"\n')
        rows = place.run("store", "probe", "--json").lines
    assert outcomes(rows) == EXPECTED["moto"]
    assert (rows[-1]["exit"], rows[-1]["code"]) == (13, "store-lies")


@pytest.fixture
def joining(world: World) -> tuple[str, ...]:
    """`escrow init` of a vault that no store has yet."""
    for path in world.state.rglob("*"):
        if path.is_file() and path.name != "agent.key":
            path.unlink()
    return "init", "--public", str(world.root / "server" / "public")


def test_status_reminds_of_a_probe_of_more_than_a_month_ago(world: World, joining: tuple[str, ...]) -> None:
    assert world.run(*joining).code == 0
    assert world.run("snapshot").code == 0
    assert "probe-old" not in world.run("status").out
    kept = world.state / "store-probe.json"
    found = json.loads(kept.read_text())
    next(iter(found.values()))["last"]["at"] = "2020-01-31T12:00:00Z"
    kept.write_text(json.dumps(found))
    told = world.run("status")
    assert "  probe-old: what the store enforces was last tried on 2020-01-31: run escrow store probe" in told.out
    (row,) = (row for row in world.run("status", "--json").lines if "reminders" in row)
    assert "probe-old" in str(row["reminders"])
    assert "probe-old" not in str(row["findings"])


def test_init_puts_nothing_into_a_store_that_lies(world: World, bucket: Bucket, joining: tuple[str, ...]) -> None:
    bucket.lie = "deletes what is locked"
    told = world.run(*joining)
    assert told.code == Exit.REFUSED
    assert "store-lies" in told.err
    assert all(key.startswith("probe/") for key in bucket.dump())
    told = world.run(*joining, "--accept", "a test server")
    assert told.code == 0, told.err
    assert "warning: probe-delete-version: delete a locked version" in told.err
    assert {key.split("/")[0] for key in bucket.dump()} >= {"charter", "stock"}
    assert world.run(*joining).code == 0


def test_init_says_which_credential_can_probe(world: World, bucket: Bucket, joining: tuple[str, ...]) -> None:
    bucket.closed = True
    told = world.run(*joining)
    assert told.code == Exit.DENIED
    assert "store-probe-denied" in told.err
    assert "the registrar's credential or the owner's" in told.err
    assert bucket.dump() == {}
    told = world.run(*joining, "--accept", "the host probes it for us")
    assert (told.code, "accepted on" in told.err) == (0, True)
    (row,) = json.loads((world.state / "store-accepted.json").read_text())["accepted"]
    assert row["checks"] == ["not-probed"]
    assert world.run(*joining).code == 0
    bucket.closed, bucket.lie = False, "shortens"
    assert world.run(*joining).code == Exit.REFUSED, "what was accepted is not to know, not this"


def test_init_takes_what_another_credential_found_for_a_month(
    world: World, bucket: Bucket, joining: tuple[str, ...]
) -> None:
    assert world.run("store", "probe").code == 0
    bucket.closed = True
    assert world.run(*joining).code == 0
    kept = world.state / "store-probe.json"
    data = json.loads(kept.read_text())
    at = datetime.fromisoformat(data["memory"]["last"]["at"]) - timedelta(days=30)
    data["memory"]["last"]["at"] = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    kept.write_text(json.dumps(data))
    assert world.run(*joining).code == Exit.DENIED


def test_a_round_in_a_store_that_lies_deposits_and_ends_red(
    world: World, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_commands, "bare_store", lambda _: bucket)
    bucket.lie = "shortens"
    for seq in (3, 4):
        told = world.run("agent", "run", "--json")
        assert (told.lines[-1]["exit"], told.lines[-1]["seq"]) == (Exit.REFUSED, seq)
        assert "error: probe-shorten memory" in told.err
    assert len({key.split("/")[1] for key in bucket.dump()}) == 2, "the second night looks again"
    assert world.run("store", "probe", "--accept", "until the new server is there").code == 0
    assert world.run("agent", "run").code == 0


def in_bucket(world: World, server: Seaweed | Ceph, name: str) -> None:
    store = f'url = "s3://{name}/school"\nendpoint = "{server.endpoint}"\npath_style = true'
    world.config.write_text(world.config.read_text().replace('url = "../vault"', store, 1))


@pytest.mark.s3
def test_a_vault_beside_the_probes_leftovers(
    world: World, seaweed: Seaweed, seaweed_bucket: str, joining: tuple[str, ...]
) -> None:
    in_bucket(world, seaweed, seaweed_bucket)
    joined = world.run(*joining)
    assert joined.code == 0, joined.err
    assert "probe-governance-bypass" in joined.err
    rows = world.run("store", "probe", "--json").lines
    assert outcomes(rows) == EXPECTED["seaweed"]
    assert (rows[-1]["result"], rows[-1]["lock"], rows[-1]["left"]) == ("ok", "COMPLIANCE", 11)
    assert world.run("snapshot").code == 0
    kept = list(seaweed.client.list_objects_v2(Bucket=seaweed_bucket, Prefix="school/probe/")["Contents"])
    assert len(kept) >= 11
    seen = {str(row.get("subject", "")) for row in world.run("verify", "--read", "1", "--json").lines}
    assert not {subject for subject in seen if "probe/" in subject}
    round_ = world.run("agent", "run", "--json")
    assert not [line for line in round_.err.splitlines() if "probe" in line]
    told = [(world.state / name).read_text() for name in ("store-probe.json", "agent-status.json")]
    for secret in (seaweed.secret_key, seaweed.access_key, PASSPHRASE):
        assert not any(secret in text for text in (joined.out, joined.err, round_.out, round_.err, *told))


@pytest.mark.s3
@pytest.mark.ceph
def test_a_bucket_on_ceph(place: World, ceph: Ceph, monkeypatch: pytest.MonkeyPatch) -> None:
    in_bucket(place, ceph, bucket_on(ceph, monkeypatch))
    rows = place.run("store", "probe", "--json").lines
    assert outcomes(rows) == EXPECTED["ceph"]
    assert (rows[-1]["result"], rows[-1]["lock"]) == ("ok", "COMPLIANCE")
    assert {row["severity"] for row in rows if "finding" in row} == {"warning"}
