"""The table of exit codes, and how a person gets each of them."""

import inspect
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from escrow_cli import looking, nights
from escrow_cli.config import load_config
from escrow_cli.exits import MEANING, Exit, exit_of, exit_of_codes, table, worst
from escrow_cli.output import printable

from escrow import errors
from escrow.engine.night import NightReport
from escrow.engine.ports import NoProgress
from escrow.engine.state import State
from escrow.record import Verdict
from tests.cli.conftest import World, change, escrow


def test_the_table_is_whole_and_its_numbers_stay() -> None:
    assert {exit.word: exit.value for exit in Exit} == {
        "ok": 0,
        "internal": 1,
        "usage": 2,
        "partial": 3,
        "suspicious": 4,
        "stale": 5,
        "integrity": 6,
        "rollback": 7,
        "wrong-key": 8,
        "store": 9,
        "denied": 10,
        "busy": 11,
        "state": 12,
        "refused": 13,
        "unfinished": 14,
        "series-churn": 15,
        "source": 16,
        "copies": 17,
        "charter": 18,
        "incomplete": 19,
        "overdue": 20,
        "interrupted": 130,
    }
    assert set(MEANING) == set(Exit)
    told = escrow("help", "exit-codes").out
    assert told.strip() == table().strip()
    assert [line.split()[:2] for line in told.splitlines()] == [[str(exit.value), exit.word] for exit in Exit]


def test_every_error_of_the_library_has_an_exit_code() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind is not errors.EscrowError]
    assert len(kinds) > 15
    for kind in kinds:
        assert exit_of(kind("a-code", "words")) not in (Exit.OK, Exit.INTERNAL), kind
    assert exit_of(errors.DeniedError("store-denied", "")) is Exit.DENIED
    assert exit_of(errors.FullError("store-full", "")) is Exit.STORE
    assert exit_of(errors.RollbackError("rollback", "")) is Exit.ROLLBACK
    assert exit_of(errors.SignatureError("signature", "")) is Exit.INTEGRITY
    assert exit_of(errors.FormatError("key-file", "")) is Exit.WRONG_KEY


def test_the_worst_of_several_is_told() -> None:
    assert worst([Exit.OK, Exit.STALE, Exit.ROLLBACK, Exit.INTEGRITY]) is Exit.ROLLBACK
    assert worst([Exit.SUSPICIOUS, Exit.STALE]) is Exit.STALE
    assert worst([]) is Exit.OK
    assert exit_of_codes(["pack-ordinal", "rollback-other"]) is Exit.ROLLBACK


@pytest.mark.parametrize(
    ("verdict", "alarms", "finished", "exit"),
    [
        (Verdict(status="pass", codes=()), (), True, Exit.OK),
        (Verdict(status="warn", codes=("changing", "unread")), (), True, Exit.PARTIAL),
        (Verdict(status="warn", codes=("changing",)), (), True, Exit.SUSPICIOUS),
        (Verdict(status="fail", codes=("rows-fell_pupils", "unread")), (), True, Exit.INCOMPLETE),
        (None, (), False, Exit.UNFINISHED),
        (Verdict(status="pass", codes=()), ("series-churn",), True, Exit.SERIES_CHURN),
        (Verdict(status="warn", codes=("unread",)), ("series-churn", "store-rolled-back"), True, Exit.ROLLBACK),
    ],
)
def test_a_night_is_judged(verdict: Verdict | None, alarms: tuple[str, ...], finished: bool, exit: Exit) -> None:
    assert nights.judge_night(NightReport(1, verdict, {}, alarms, (), finished)) is exit


def refused(world: World, code: int, word: str, *arguments: str | Path) -> None:
    """The command fails with this exit code, one line that names `word`, and the same at the end of JSON lines."""
    told = world.run(*arguments)
    assert (told.code, told.err.splitlines()[0].split()[:2]) == (code, ["escrow:", f"{word}:"]), told
    assert "Traceback" not in told.err
    last = world.run(*arguments, "--json").lines[-1]
    assert (last["exit"], last["code"], last["result"]) == (code, word, Exit(code).word)


def test_usage(world: World) -> None:
    refused(world, 2, "snapshot-unknown", "restore", "9", "--to", "x", "--key", world.key)
    refused(world, 2, "pattern-unmatched", "restore", "1", "nothing/", "--to", "x", "--key", world.key)
    refused(world, 2, "restore-options", "restore", "1", "--key", world.key)
    refused(world, 2, "verify-options", "verify", "--deep", "1")
    refused(world, 2, "share", "verify", "--read", "31")
    refused(world, 2, "clock", "snapshot", "--until", "7 am")
    refused(world, 2, "rate", "snapshot", "--limit-upload", "fast")
    refused(world, 2, "compartment-unknown", "restore", "1", "--to", "x", "--compartment", "x", "--key", world.key)
    unknown = world.run("list", "--no-such-option", "--json")
    assert (unknown.code, unknown.lines) == (2, [{"result": "usage", "exit": 2}])
    assert escrow("no-such-command").code == 2
    world.config.write_text(world.config.read_text()[:-20])
    refused(world, 2, "config-syntax", "status")


def test_partial_when_a_file_cannot_be_read(world: World) -> None:
    if sys.platform == "win32":
        pytest.skip("no pipes in folders here")
    os.mkfifo(world.exports / "pipe")
    told = world.run("snapshot")
    assert (told.code, told.out.splitlines()[-1]) == (3, "night 3: warn")
    assert "1 UNREAD" in told.out
    assert world.run("status").code == Exit.SUSPICIOUS
    assert world.run("restore", "3", "--to", "out", "--key", world.key).code == 0


def test_partial_when_another_file_is_in_the_way(world: World, tmp_path: Path) -> None:
    (tmp_path / "out" / "mis").mkdir(parents=True)
    (tmp_path / "out" / "mis" / "marks.csv").write_text("mine")
    told = world.run("restore", "2", "--to", "out", "--key", world.key)
    assert (told.code, (tmp_path / "out" / "mis" / "marks.csv").read_text()) == (3, "mine")
    assert world.run("restore", "2", "--to", "out", "--overwrite", "--key", world.key).code == 0


def test_stale(world: World) -> None:
    assert world.run("status", "--max-age", "0m").code == Exit.STALE


def test_integrity_when_a_bit_of_a_pack_changes(world: World) -> None:
    pack = next(world.vault.glob("series/*/packs/*.age"))
    data = pack.read_bytes()
    change(pack, data[:-1] + bytes([data[-1] ^ 1]))
    assert world.run("verify").code == 0, "a listing of a folder says sizes alone"
    told = world.run("verify", "--read", "1", "--json")
    assert told.code == Exit.INTEGRITY
    assert [row["finding"] for row in told.lines if "finding" in row] == ["object-hash"]


def test_integrity_when_a_restored_file_is_damaged(world: World) -> None:
    for pack in world.vault.glob("series/*/packs/*.age"):
        data = bytearray(pack.read_bytes())
        data[2000] ^= 1
        change(pack, bytes(data))
    assert world.run("restore", "latest", "--to", "out", "--key", world.key).code == Exit.INTEGRITY


def test_rollback_against_the_remembered_head(world: World) -> None:
    assert world.run("list").code == 0
    max(world.vault.glob("notices/*.json")).unlink()
    for command in ("verify", "status", "list"):
        assert world.run(command).code == Exit.ROLLBACK, command
    told = world.run("verify", "--json")
    assert [row["finding"] for row in told.lines if row.get("severity") == "error"] == ["rollback"]


def test_wrong_keys(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESCROW_PASSPHRASE", "wrong")
    refused(world, 8, "passphrase-wrong", "show", "1", "--key", world.key)
    monkeypatch.delenv("ESCROW_PASSPHRASE")
    refused(world, 8, "passphrase-missing", "show", "1", "--key", world.key)
    other = world.root.parent / "other"
    new = ("keys", "new", "--school", "Other", "--agent", world.root / "server.card", "--no-passphrase")
    assert escrow(*new, "--compartment", "records:400:1", "--out", other).code == 0
    refused(world, 8, "key-other-vault", "show", "1", "--key", other / "custody.key")
    refused(world, 8, "key-file", "show", "1", "--key", world.config)
    refused(world, 2, "key-unreadable", "show", "1", "--key", "nowhere")


def test_store_source_and_state(world: World) -> None:
    world.vault.rename(world.root / "unplugged")
    refused(world, 9, "store-folder-missing", "status")
    (world.root / "unplugged").rename(world.vault)
    with closing(State.open(world.state)):
        refused(world, 11, "agent-busy", "snapshot")
    world.exports.rename(world.root / "gone")
    refused(world, 16, "source-missing", "snapshot")
    (seen,) = world.state.glob("seen-*.json")
    seen.write_text('{"seq": 2')
    refused(world, 12, "memory-unusable", "status")


def test_refused(world: World) -> None:
    card = world.root / "server.card"
    for out in (world.state, world.state / "keys", world.config.parent, world.exports / "k", world.vault / "k"):
        told = world.run("list")
        assert told.code == 0
        new = ("keys", "new", "--school", "X", "--agent", card, "--no-passphrase", "--out", out)
        os.environ["ESCROW_CONFIG"] = str(world.config)
        try:
            made = escrow(*new)
        finally:
            del os.environ["ESCROW_CONFIG"]
        assert (made.code, made.err.split()[1]) == (13, "key-on-agent:"), out
        assert not (out / "custody.key").exists()
    refused(world, 13, "secret-on-agent", "init", "--public", world.root / "holder" / "public")
    public = world.root / "server" / "public"
    (public / "notes.txt").write_bytes(world.key.read_bytes())
    refused(world, 13, "secret-on-agent", "init", "--public", public)
    (public / "notes.txt").unlink()
    (world.state / "agent.key").unlink()
    assert world.run("agent", "card").code == 0
    refused(world, 13, "agent-unknown", "init", "--public", public)
    refused(world, 13, "agent-unknown", "snapshot")


def test_unfinished_when_time_is_up(world: World) -> None:
    config = load_config(world.config)
    from datetime import UTC, datetime

    report = nights.deposit_night(config, NoProgress(), datetime(2020, 1, 1, tzinfo=UTC))
    assert nights.judge_night(report) is Exit.UNFINISHED
    assert world.run("list", "--json").lines[-2]["snapshot"] == 2
    assert world.run("snapshot").code == 0


def test_interrupted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(looking, "read_vault", stop)
    told = world.run("list", "--json")
    assert (told.code, told.lines) == (130, [{"result": "interrupted", "exit": 130}])


def test_a_full_disk_is_no_traceback(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/somewhere")

    monkeypatch.setattr(looking, "read_vault", full)
    refused(world, 12, "io-error", "list")


INTERNAL = """
import sys
from escrow_cli import looking, main
def fail(*_): raise ValueError("hunter2")
looking.read_vault = fail
sys.argv = ["escrow", "list", "--json", "--config", sys.argv[1]]
main.run()
"""


def test_a_fault_in_escrow_is_one_line_without_the_words_of_the_exception(world: World) -> None:
    done = subprocess.run([sys.executable, "-c", INTERNAL, world.config], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("escrow: internal: ValueError at ")
    assert len(done.stderr.splitlines()) == 1
    assert "hunter2" not in done.stderr + done.stdout
    assert done.stdout == '{"result": "internal", "exit": 1}\n'


def test_names_with_control_characters_are_harmless(world: World) -> None:
    (world.exports / "\x1b[2Jevil\u202e.csv").write_text("a")
    assert world.run("snapshot").code == 0
    told = world.run("diff", "2", "3", "--key", world.key)
    assert "\x1b" not in told.out
    assert "\u202e" not in told.out
    assert printable("\x1b[31mred\x1b[0m\x1b[2J", colours=True) == "\x1b[31mred\x1b[0m\\x1b[2J"
