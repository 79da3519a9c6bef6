"""A command as a source: real processes, their ends, their time, and nothing of theirs in what is told."""

import gc
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

import pytest

from escrow.errors import SourceError, UsageError
from escrow.seal import Secret
from escrow.source import FileItem, Rule, UnreadableError
from escrow.source.command import CommandSource
from tests.engine.kit import school

ALL = (Rule("records", ("*",)),)
BASE: dict[str, str | Secret] = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
DUMP = "import sys; [sys.stdout.write(f'INSERT INTO marks VALUES ({n});\\n') for n in range(200000)]"


def command(
    script: str, folder: Path, *, seconds: float = 30, environment: dict[str, str | Secret] | None = None
) -> CommandSource:
    argv = (sys.executable, "-c", script)
    return CommandSource("mis", "dump.sql", argv, lambda: BASE | (environment or {}), folder=folder, seconds=seconds)


def item_of(one: CommandSource) -> FileItem:
    (item,) = one.scan()
    assert isinstance(item, FileItem)
    return item


def read(one: CommandSource) -> bytes:
    with one.open(item_of(one)) as raw:
        return raw.readall()


def failed(one: CommandSource) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        read(one)
    assert len(one.notes.told) == 1
    assert caught.value.hint
    return caught.value


def test_a_night_holds_what_the_command_wrote(tmp_path: Path) -> None:
    one = school(tmp_path)
    report = one.night(sources=[command(DUMP, tmp_path)], rules=ALL)
    assert report.verdict is not None
    assert (report.verdict.codes, report.warnings) == ((), ())
    assert one.restore_all()["dump.sql"] == b"".join(b"INSERT INTO marks VALUES (%d);\n" % n for n in range(200000))


def test_a_command_that_fails_after_its_output_is_unread_and_the_night_says_so(tmp_path: Path) -> None:
    one = school(tmp_path)
    script = DUMP + "; sys.stderr.write('Ann Smith'); sys.exit(3)"
    report = one.night(sources=[command(script, tmp_path)], rules=ALL)
    assert report.verdict is not None
    assert report.verdict.codes == ("unread",)
    assert one.restore_all() == {}
    (warning,) = report.warnings
    assert "not read (exit-code): the command ended with code 3; it wrote 9 bytes to stderr" in warning
    assert "Ann" not in warning


def test_stderr_is_drained_and_counted(tmp_path: Path) -> None:
    one = command("import sys; sys.stderr.write('Ann ' * 250000); print('whole')", tmp_path)
    assert read(one).split() == [b"whole"]
    assert len(one.notes.told) == 1
    assert "1000000 bytes to stderr" in one.notes.told[0]


def test_no_output_is_said(tmp_path: Path) -> None:
    one = command("", tmp_path)
    assert read(one) == b""
    assert "0 bytes" in one.notes.told[0]


def test_a_command_that_cannot_start_is_unread(tmp_path: Path) -> None:
    one = CommandSource("mis", "dump.sql", ("no-such-program-here",), lambda: BASE, folder=tmp_path, seconds=9)
    assert failed(one).code == "not-started"


def test_a_command_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    child = "import time; open('alive', 'w').close(); time.sleep(60)"
    script = f"import subprocess, sys; print('half', flush=True); subprocess.run([sys.executable, '-c', {child!r}])"
    began = time.monotonic()
    assert failed(command(script, tmp_path, seconds=2)).code == "time-out"
    assert time.monotonic() - began < 20  # the child held stdout open
    assert (tmp_path / "alive").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_command_that_is_killed_says_by_what(tmp_path: Path) -> None:
    error = failed(command("import os; os.kill(os.getpid(), 9)", tmp_path))
    assert (error.code, "by signal 9" in str(error)) == ("exit-code", True)


def test_left_half_way_it_is_killed_even_while_it_is_read(tmp_path: Path) -> None:
    script = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    one = command(script, tmp_path)
    raw = one.open(item_of(one))
    buffer = bytearray(1000)
    reading = Thread(target=raw.readinto, args=(buffer,), daemon=True)
    reading.start()
    for _ in range(200):
        if buffer.count(b"\n"):
            break
        time.sleep(0.05)
    began = time.monotonic()
    raw.close()
    reading.join(10)
    assert not reading.is_alive()
    assert one.notes.told == []
    assert time.monotonic() - began < 20
    if os.name == "posix":
        with pytest.raises(ProcessLookupError):
            os.kill(int(buffer.split()[0]), 0)


def test_closed_before_it_is_read_it_leaves_nothing_open(tmp_path: Path) -> None:
    one = command("import time; time.sleep(60)", tmp_path)
    began = time.monotonic()
    one.open(item_of(one)).close()
    gc.collect()
    assert time.monotonic() - began < 20


def test_a_night_that_is_stopped_ends_the_command(tmp_path: Path) -> None:
    script = "import time\nwhile True: print('x' * 100000, flush=True); time.sleep(0.01)"
    until = time.monotonic() + 2
    report = school(tmp_path).night(
        sources=[command(script, tmp_path)], rules=ALL, may_go_on=lambda: time.monotonic() < until
    )
    assert not report.finished
    assert time.monotonic() < until + 20


def test_it_gets_the_variables_that_are_named_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESCROW_PASSPHRASE", "never")
    one = command(
        "import os; print(dict(os.environ))", tmp_path, environment={"PGPASSWORD": Secret(b"word"), "PGHOST": "db"}
    )
    found = read(one).decode()
    assert "'PGPASSWORD': 'word'" in found
    assert "'PGHOST': 'db'" in found
    assert "ESCROW_PASSPHRASE" not in found
    assert "word" not in repr(vars(one))


def test_no_shell_reads_it(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "import sys; print(sys.argv[1])", "$(touch x); > y | z %PATH%")
    one = CommandSource("mis", "dump.sql", argv, lambda: BASE, folder=tmp_path, seconds=30)
    assert read(one).decode().strip() == argv[3]
    assert list(tmp_path.iterdir()) == []


def test_a_credential_that_lacks_fails_the_source(tmp_path: Path) -> None:
    def missing() -> Mapping[str, str | Secret]:
        raise SourceError("credential-missing", "none")

    one = CommandSource("mis", "dump.sql", ("x",), missing, folder=tmp_path, seconds=9)
    with pytest.raises(SourceError):
        list(one.scan())


@pytest.mark.parametrize("file", ["", "a/b.sql", "..", "con.sql", "a\\b", "nul", "a:b"])
def test_a_file_that_could_not_be_restored_anywhere_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(UsageError) as caught:
        CommandSource("mis", file, ("x",), dict, folder=tmp_path, seconds=9)
    assert caught.value.code == "source-file"


def test_no_command_is_refused(tmp_path: Path) -> None:
    for argv in ((), ("",)):
        with pytest.raises(UsageError):
            CommandSource("mis", "x", argv, dict, folder=tmp_path, seconds=9)
