"""The system's own log: a real datagram in the journal's protocol, and the command line for Windows."""

import os
import socket
import struct
from pathlib import Path

import pytest

from escrow.errors import TellError
from escrow.watch.message import subject, text
from escrow.watch.systemlog import EventLog, Journal, event_command

from .telling_kit import BAD, WELL

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the journal is systemd's")


def fields(datagram: bytes) -> dict[str, str]:
    found = {}
    while datagram:
        name, _, rest = datagram.partition(b"\n")
        (length,) = struct.unpack("<Q", rest[:8])
        found[name.decode()] = rest[8 : 8 + length].decode()
        assert rest[8 + length : 9 + length] == b"\n"
        datagram = rest[9 + length :]
    return found


def test_the_journal_gets_fields(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(path))
        Journal(path).begin()
        Journal(path).tell(BAD)
        Journal(path).tell(WELL)
        bad, well = fields(journal.recv(100_000)), fields(journal.recv(100_000))
    assert (bad["MESSAGE"], bad["PRIORITY"], bad["ESCROW_TEXT"]) == (subject(BAD), "3", text(BAD))
    assert (well["PRIORITY"], well["ESCROW_SEQ"], well["ESCROW_HEAD"]) == ("6", "12", "ab" * 32)


def test_without_a_journal(tmp_path: Path) -> None:
    with pytest.raises(TellError, match="does not answer"):
        Journal(tmp_path / "none").tell(BAD)


def test_windows_is_told_by_its_own_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = event_command(BAD)
    assert command[:9] == ["eventcreate", "/L", "APPLICATION", "/SO", "escrow", "/T", "ERROR", "/ID", "200"]
    assert event_command(WELL)[6] == "INFORMATION"
    program = tmp_path / "eventcreate"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$0.told"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    EventLog().tell(BAD)
    assert (tmp_path / "eventcreate.told").read_text() == "\n".join(command[1:]) + "\n"
    program.write_text("#!/bin/sh\nexit 5\n")
    with pytest.raises(TellError, match="ended with 5"):
        EventLog().tell(BAD)
    program.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TellError, match="cannot be run"):
        EventLog().tell(BAD)
