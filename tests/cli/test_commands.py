"""Every command on a small school: what it does, what it says, as text and as JSON lines."""

import io
import json
import re
import stat
import sys
import tarfile
from pathlib import Path

import pytest

from tests.cli.conftest import World, escrow, files_of


def test_list_shows_both_nights_without_a_key(world: World) -> None:
    told = world.run("list")
    assert told.code == 0
    assert [line.split()[0] for line in told.out.splitlines()] == ["1", "2", "2"]
    rows = world.run("list", "--json").lines
    assert [row.get("snapshot") for row in rows] == [1, 2, None]
    assert rows[-1] == {"result": "ok", "exit": 0, "findings": 0}
    assert all(row["verdict"] == "pass" and row["on_main"] and int(str(row["new_bytes"])) > 10**6 for row in rows[:2])


def test_show_tells_the_notice_and_with_a_key_the_contents(world: World) -> None:
    bare = world.run("show", "latest", "--json").lines
    assert bare[0]["snapshot"] == 2
    assert not any("dataset" in row for row in bare)
    full = world.run("show", "1", "--key", world.key, "--json").lines
    assert {(row["dataset"], row["files"]) for row in full if "dataset" in row} == {
        ("mis/marks.csv", 1),
        ("mis/letters/first.txt", 1),
    }
    assert "mis/marks.csv" in world.run("show", "1", "--key", world.key).out


def test_diff_counts_files_and_rows(world: World) -> None:
    rows = {
        row["path"]: row for row in world.run("diff", "1", "2", "--key", world.key, "--json").lines if "path" in row
    }
    assert rows["mis/marks.csv"]["rows"] == {"added": 1, "removed": 0, "changed": 1}
    assert rows["mis/letters/second.txt"]["change"] == "added"
    assert len(rows) == 2
    assert "1 added, 0 removed, 1 changed" in world.run("diff", "1", "2", "--key", world.key).out


def test_restore_gives_back_every_byte_and_goes_on(world: World, tmp_path: Path) -> None:
    whole = {name: data for name, data in files_of(world.exports).items() if name != "export.tmp"}
    assert world.run("restore", "latest", "--to", "out", "--key", world.key).code == 0
    assert files_of(tmp_path / "out" / "mis") == whole
    again = world.run("restore", "2", "--to", "out", "--key", world.key, "--json").lines[-1]
    assert (again["files"], again["already"], again["exit"]) == (0, 3, 0)
    part = world.run("restore", "2", "--to", "part", "letters/", "--key", world.key)
    assert part.code == 0
    assert set(files_of(tmp_path / "part")) == {"mis/letters/first.txt", "mis/letters/second.txt"}
    records = world.run("restore", "2", "--to", "records", "--compartment", "records", "--key", world.key)
    assert records.code == 0
    assert set(files_of(tmp_path / "records")) == {"mis/marks.csv"}


def test_restore_into_a_tar_and_through_a_pipe(world: World, tmp_path: Path) -> None:
    assert world.run("restore", "2", "--tar", "all.tar", "--key", world.key).code == 0
    piped = world.run("restore", "2", "--tar", "-", "--key", world.key)
    assert "restored 3 files" in piped.err
    for data in ((tmp_path / "all.tar").read_bytes(), piped.raw):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            found = {member.name: tar.extractfile(member) for member in tar.getmembers()}
            first = found["mis/letters/first.txt"]
            assert first is not None
            assert first.read() == (world.exports / "letters" / "first.txt").read_bytes()
    assert world.run("restore", "2", "--tar", "all.tar", "--key", world.key).code == 2


def test_the_key_may_come_through_stdin(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(world.key.read_bytes())))
    assert world.run("restore", "latest", "--to", "out", "--key", "-").code == 0


def test_verify_at_each_depth(world: World) -> None:
    assert world.run("verify").code == 0
    rows = world.run("verify", "--read", "1", "--deep", "latest", "--key", world.key, "--json").lines
    assert [(row.get("level"), row.get("place")) for row in rows] == [
        *(("L1a", "store"), ("L1b", "store"), ("L1a", "holder"), ("L1b", "holder"), ("L2", None), (None, None))
    ]
    assert rows[0]["checked"] == rows[1]["checked"]
    assert rows[2]["checked"] == rows[3]["checked"] == 10
    assert rows[4]["checked"] == 3
    assert rows[-1] == {"result": "ok", "exit": 0, "nights": 2, "findings": 0}


def test_status_of_one_vault_and_its_places_and_of_several(world: World) -> None:
    told = world.run("status")
    assert told.code == 0
    assert re.match(r"ok: Fernhill: night 2, \d+ min old", told.out)
    firsts = [line.split()[0] for line in told.out.splitlines()[1:]]
    assert firsts == ["store", "holder", "3-2-1:", "charter-no-custodian:"]
    assert len(escrow("status", "--all", world.config).out.splitlines()) == 1
    broken = world.root / "other" / "escrow.toml"
    broken.parent.mkdir()
    broken.write_text("vault = ")
    several = escrow("status", "--all", world.root, "--json")
    assert [row["result"] for row in several.lines] == ["usage", "ok", "usage"]
    assert several.code == 2


def test_snapshot_leaves_a_report_and_the_head_behind(world: World) -> None:
    rows = world.run("snapshot", "--json", "--limit-upload", "100 MiB/s").lines
    assert [row.get("compartment") for row in rows] == ["records", "safeguarding", None]
    assert rows[-1] == {"result": "ok", "exit": 0, "seq": 3}
    report = json.loads((world.state / "last-night.json").read_text())
    assert (report["seq"], report["finished"]) == (3, True)
    assert "marks" not in json.dumps(report)
    (seen,) = world.state.glob("seen-*.json")
    assert json.loads(seen.read_text())["seq"] == 3


def test_init_may_run_again_and_writes_a_config_that_holds(world: World, tmp_path: Path) -> None:
    before = files_of(world.vault)
    text = world.config.read_text()
    assert world.run("init", "--public", world.root / "server" / "public").code == 0
    assert (files_of(world.vault), world.config.read_text()) == (before, text)
    new = tmp_path / "new" / "escrow.toml"
    new.parent.mkdir()
    (new.parent / "state").mkdir()
    (new.parent / "state" / "agent.key").write_bytes((world.state / "agent.key").read_bytes())
    made = escrow(
        *("init", "--public", world.root / "server" / "public", "--store", tmp_path / 'a "vault"'),
        *("--source", f"mis={world.exports}", "--config", new, "--json"),
    )
    assert made.code == 0, made.err
    assert escrow("snapshot", "--config", new).code == 0
    assert made.lines[-1]["fingerprint"] in new.read_text()
    differs = escrow("init", "--public", world.root / "server" / "public", "--store", "x", "--config", new)
    assert (differs.code, differs.err.split()[1]) == (2, "config-differs:")


def test_keys_and_cards_are_private_and_never_replaced(world: World) -> None:
    if sys.platform != "win32":
        assert stat.S_IMODE(world.key.stat().st_mode) == 0o600
        assert stat.S_IMODE((world.state / "agent.key").stat().st_mode) == 0o600
    first = world.run("agent", "card").out
    assert json.loads(first) == json.loads((world.root / "server.card").read_text())
    again = escrow("keys", "new", "--school", "X", "--agent", world.root / "server.card", "--out", world.key.parent)
    assert (again.code, again.err.split()[1]) == (2, "keys-exist:")


def test_the_snippet_of_the_public_parts_is_enough_to_read_with(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESCROW_STORE", str(world.vault))
    reader = world.root / "holder" / "public" / "vault.toml"
    assert escrow("list", "--config", reader).code == 0
    assert escrow("restore", "latest", "--to", "out", "--key", world.key, "--config", reader).code == 0
