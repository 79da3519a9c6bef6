"""Standard input as a source: read once, never from a terminal."""

import io
import os
from pathlib import Path

import pytest

from escrow.errors import SourceError
from escrow.source import FileItem, FolderSource, Rule
from escrow.source.stdin import StdinSource
from tests.engine.kit import school

ALL = (Rule("records", ("*",)),)
DATA = os.urandom(3_000_000)


def stdin(stream: io.BytesIO | None) -> StdinSource:
    return StdinSource("mis", "dump.sql", lambda: stream)


def code_of(one: StdinSource) -> str:
    with pytest.raises(SourceError) as caught:
        list(one.scan())
    assert caught.value.hint
    return caught.value.code


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def test_a_night_holds_what_came(tmp_path: Path) -> None:
    one = school(tmp_path)
    report = one.night(sources=[stdin(io.BytesIO(DATA))], rules=ALL)
    assert report.verdict is not None
    assert report.verdict.codes == ()
    assert one.restore_all()["dump.sql"] == DATA


def test_a_terminal_is_refused_and_other_sources_go_on(tmp_path: Path) -> None:
    assert code_of(stdin(Terminal())) == "stdin-terminal"
    one = school(tmp_path)
    one.source.mkdir(parents=True, exist_ok=True)
    (one.source / "pupils.csv").write_text("upn\nA1\n")
    report = one.night(sources=[FolderSource("docs", one.source), stdin(Terminal())], rules=ALL)
    assert report.verdict is not None
    assert "source-failed" in report.verdict.codes
    assert set(one.restore_all()) == {"pupils.csv"}


def test_it_is_read_once() -> None:
    one = stdin(io.BytesIO(b"data"))
    (item,) = one.scan()
    assert isinstance(item, FileItem)
    with one.open(item) as raw:
        assert raw.readall() == b"data"
    assert one.notes.told == []
    assert code_of(one) == "stdin-read"
    assert code_of(stdin(None)) == "stdin-read"


def test_two_sources_of_one_stream_are_one_night_with_one_unread(tmp_path: Path) -> None:
    stream = io.BytesIO(DATA)
    one = school(tmp_path)
    sources = [stdin(stream), StdinSource("other", "dump.sql", lambda: stream)]
    report = one.night(sources=sources, rules=ALL)
    assert report.verdict is not None
    assert report.verdict.codes == ("unread",)


def test_nothing_is_said() -> None:
    one = stdin(io.BytesIO())
    (item,) = one.scan()
    assert isinstance(item, FileItem)
    with one.open(item) as raw:
        assert raw.readall() == b""
    assert "0 bytes" in one.notes.told[0]
