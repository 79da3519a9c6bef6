"""The ransomware drill: whoever owns the nightly machine does all it can, on real servers (docs/threat-model.md)."""

import shutil
from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from tests.cli.conftest import Result
from tests.drill.attacker import CENTURY, SSE_C, Attacker
from tests.drill.conftest import Scene

pytestmark = pytest.mark.s3

NEVER = (
    *("hide", "delete", "shorten", "unlock", "hold"),
    *("suspend", "expire", "default lock", "policy", "no policy", "encryption", "acl", "delete bucket"),
)


def rubbish_night(scene: Scene) -> None:
    """Ransomware encrypts the exports, and the night goes on as if nothing were amiss."""
    for path in scene.exports.rglob("*.csv"):
        path.write_bytes(b"\x17 pay us " * 500)
    assert scene.run("depositor", "snapshot", machine="nightly").code == 0


def attack(scene: Scene) -> Attacker:
    rubbish_night(scene)
    attacker = Attacker(scene)
    attacker.erase()
    attacker.turn_bucket()
    attacker.lengthen()
    attacker.cover()
    attacker.lie(2, attacker.payload_hash(1))
    series = attacker.notices[list(attacker.notices)[-1]].series[0].series
    absent = attacker.lie(5, attacker.payload_hash(4), attacker.absent(series=series))
    attacker.lie(6, absent, attacker.absent())
    attacker.lie(40, "0" * 64, attacker.absent())
    attacker.junk(head=40)
    return attacker


def check_all_nights(scene: Scene, to: Path) -> None:
    for which, files in scene.nights.items():
        assert scene.restored(which, to / which) == files, which


def test_the_drill(scene: Scene, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(scene.state, backup)
    attacker = attack(scene)

    # what nothing may let through, and what the drill must have got through to be one
    assert {verb for verb in attacker.done if verb in NEVER} == set()
    assert set(NEVER) <= set(attacker.refused)
    assert {"lengthen", "cover", "cover in parts", "junk", "odd name", "lie"} <= set(attacker.done)

    code, alarms = scene.findings()
    assert code == Exit.INTEGRITY
    assert {"notice-fork", "notice-gap", "object-missing", "notice-series"} <= alarms
    assert alarms & {"object-covered", "object-altered"}
    check_all_nights(scene, tmp_path / "after")

    for state, exit in ((backup, Exit.OK), (None, Exit.SERIES_CHURN)):
        told = anew(scene, attacker, state)
        assert told.code == exit, told.out + told.err
    assert len(scene.nights) == 5
    check_all_nights(scene, tmp_path / "later")
    assert scene.findings()[0] == Exit.INTEGRITY
    assert scene.run("watcher", "status").code == Exit.INTEGRITY
    check_copy(scene, tmp_path / "disk")


def check_copy(scene: Scene, disk: Path) -> None:
    """The custodian copies the attacked bucket to a disk, from which every honest night comes back."""
    disk.mkdir()
    with (scene.root / "custodian" / "escrow.toml").open("a") as config:
        config.write(f'\n[[copy]]\nname = "disk"\nurl = "{disk.as_posix()}"\npayer = "the county"\n')
    told = scene.run("custodian", "store", "copy")
    assert told.code == Exit.INTEGRITY, told.out + told.err
    assert "object-missing" in told.out + told.err or "store-absent" in told.out + told.err
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESCROW_STORE", str(disk))
        check_all_nights(scene, disk.with_name("from-disk"))


def anew(scene: Scene, attacker: Attacker, backup: Path | None) -> Result:
    """The next honest night of a machine set up anew, with an old backup of its state or with its key alone."""
    key = (scene.state / "agent.key").read_bytes()
    shutil.rmtree(scene.state)
    if backup:
        shutil.copytree(backup, scene.state)
    else:
        scene.state.mkdir()
        (scene.state / "agent.key").write_bytes(key)
    scene.school_day(10 + len(scene.nights))
    return scene.deposit()


def test_names_covered_by_what_nobody_can_read(scene: Scene, tmp_path: Path) -> None:
    """Encrypted under a customer's key, which the server forgets: as ransomware did to buckets in 2025 (Codefinger)."""
    attacker = Attacker(scene)
    for name in attacker.names:
        attacker.put("cover", name, b"pay us", **SSE_C)
    attacker.put("junk", "notices/00000009-0123456789abcdef.json", b"pay us", **SSE_C)
    assert {"cover", "junk"} <= set(attacker.done)
    code, alarms = scene.findings()
    assert code == Exit.INTEGRITY
    assert {"name-hash", "object-covered"} <= alarms
    check_all_nights(scene, tmp_path / "after")
    assert anew(scene, attacker, None).code == Exit.OK
    check_all_nights(scene, tmp_path / "later")


@pytest.mark.parametrize("server", ["seaweed"], indirect=True)
def test_a_longer_history_than_the_honest_one(scene: Scene, tmp_path: Path) -> None:
    """It becomes the main branch; who saw the other one is told, and restores it by number and hash."""
    attacker = Attacker(scene)
    prev = attacker.payload_hash(1)
    for seq in range(2, 6):
        prev = attacker.lie(seq, prev, *attacker.quiet())
    code, alarms = scene.findings()
    assert code == Exit.ROLLBACK
    assert {"rollback-other", "notice-fork"} <= alarms
    check_all_nights(scene, tmp_path / "after")
    assert anew(scene, attacker, None).code == Exit.OK
    check_all_nights(scene, tmp_path / "later")


@pytest.mark.parametrize("server", ["seaweed"], indirect=True)
def test_the_last_number_taken(scene: Scene, tmp_path: Path) -> None:
    """No number is left after it: the next honest night must not need one."""
    attacker = Attacker(scene)
    attacker.lie(99_999_999, "0" * 64)
    assert scene.findings()[0] == Exit.INTEGRITY
    told = anew(scene, attacker, None)
    assert told.code in (Exit.OK, Exit.SERIES_CHURN), told.err
    check_all_nights(scene, tmp_path / "later")


def test_covers_of_the_same_size_are_told(scene: Scene) -> None:
    """Also by Ceph, which tells no hash: the covers' ETags are not ours."""
    attacker = Attacker(scene)
    for name, size in attacker.sealed.items():
        attacker.put("cover", name, b"x" * size)
    assert attacker.done["cover"] == len(attacker.sealed)
    assert scene.findings() == (Exit.INTEGRITY, {"object-covered"})


@pytest.mark.parametrize("server", ["seaweed"], indirect=True)
def test_a_stock_that_lies_have_used_up(scene: Scene, tmp_path: Path) -> None:
    """Then the last key is used again, loudly: a night is not stopped."""
    attacker = Attacker(scene)
    keys = [name for name in attacker.names if name.endswith(".age") and name.startswith("stock/")]
    prev = attacker.payload_hash(3)
    for seq, name in enumerate(keys, 4):
        prev = attacker.lie(seq, prev, attacker.absent(key=name[6:22]))
    told = anew(scene, attacker, None)
    assert told.code == Exit.SERIES_CHURN, told.err
    assert "no unused series key is left" in told.err
    check_all_nights(scene, tmp_path / "later")


@pytest.mark.parametrize("server", ["seaweed"], indirect=True)
def test_a_night_dated_years_ahead_does_not_hide_silence(scene: Scene) -> None:
    attacker = Attacker(scene)
    attacker.lie(4, attacker.payload_hash(3), *attacker.quiet(), ahead=CENTURY / 10)
    told = scene.run("watcher", "status", "--max-age", "1h")
    assert told.code in (Exit.STALE, Exit.INTEGRITY), told.out
