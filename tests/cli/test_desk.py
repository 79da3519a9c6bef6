"""The real terminal behind the dialogues: a pseudo-terminal, real keys, and nothing on stdout but results."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from escrow.custody.quorum import Draft
from tests.custody import deal

pty = pytest.importorskip("pty")
STOP = "Ctrl-C"
CLEAR = b"\x1b[2J\x1b[3J\x1b[H"


@pytest.fixture
def vault(tmp_path: Path) -> Draft:
    draft, public = deal.vault()
    for name, data in public.items():
        (tmp_path / "public" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "public" / name).write_bytes(data)
    return draft


def typed(folder: Path, lines: list[str], *arguments: str) -> tuple[int, bytes, bytes]:
    """Run a command with a person at a pseudo-terminal: exit code, stdout, and all that the terminal showed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "escrow_cli", *arguments]
    with subprocess.Popen(command, cwd=folder, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE) as process:
        os.close(theirs)
        shown = b""
        for line in lines:
            while not shown.endswith(b": "):
                shown += os.read(ours, 4096)
            if line == STOP:
                process.send_signal(signal.SIGINT)
                break
            os.write(ours, f"{line}\n".encode())
            shown += b"\n"
        assert process.stdout
        out = process.stdout.read()
        while True:
            try:
                more = os.read(ours, 4096)
            except OSError:
                break
            if not more:
                break
            shown += more
    os.close(ours)
    return process.returncode, out, shown


def test_a_sheet_is_typed_at_a_terminal(tmp_path: Path, vault: Draft) -> None:
    words = vault.sheets[1].share.words()
    keys = [words[0][:4], "zzz", words[1], "<", *(word[:4].upper() for word in words[1:])]
    code, out, shown = typed(tmp_path, keys, "keys", "check", "--public", "public")
    assert code == 0, shown
    assert b"sheet of the chair of governors" in out
    assert shown.count(CLEAR) == 2
    assert b"Not in the list of words" in shown
    before, _, after = shown.rpartition(CLEAR)
    assert vault.fingerprint[:8].encode() in before
    assert words[4][:4].upper().encode() not in after
    assert words[4][:4].upper().encode() not in out


def test_a_mistyped_sheet_is_mended_by_its_number(tmp_path: Path, vault: Draft) -> None:
    words = vault.sheets[0].share.words()
    other = "academic" if words[9] != "academic" else "acid"
    keys = [*words[:9], other, *words[10:], "10", words[9]]
    code, out, shown = typed(tmp_path, keys, "keys", "check", "--public", "public")
    assert code == 0, shown
    assert b"do not fit together" in shown
    assert b"sheet of the head" in out


def test_ctrl_c_clears_the_screen(tmp_path: Path, vault: Draft) -> None:
    words = vault.sheets[0].share.words()
    code, out, shown = typed(tmp_path, [*words[:9], STOP], "keys", "check", "--public", "public")
    assert (code, out) == (130, b"")
    assert words[8].encode() not in shown.rpartition(CLEAR)[2]
