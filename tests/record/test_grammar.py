"""Times, object names and the text of key files."""

import copy
import hashlib
import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow import record as r
from escrow.errors import FormatError, IntegrityError

SECRET_LINE = b"AGE-SECRET-KEY-PQ-1" + b"Q" * 58
SERIES_KEY = r.SeriesKeyFile("0f" * 16, "ab" * 8, "records", SECRET_LINE)
CUSTODY_KEY = r.CustodyKeyFile("0f" * 16, bytes(range(32)), SECRET_LINE)


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_come_back(when: datetime) -> None:
    whole = when.replace(microsecond=0)
    assert r.parse_time(r.time_text(whole)) == whole


@given(st.integers(-62_135_596_800 * 10**9, 253_402_300_799 * 10**9))
def test_file_times_come_back_to_the_nanosecond(nanoseconds: int) -> None:
    text = r.ftime_text(nanoseconds)
    assert r.parse_ftime(text) == nanoseconds
    assert ".0Z" not in text
    assert not text.endswith("0Z") or "." not in text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_795_449_907_250_000_000, "2026-11-23T16:05:07.25Z"),
    ],
)
def test_file_times_read_as_expected(nanoseconds: int, text: str) -> None:
    assert r.ftime_text(nanoseconds) == text


@given(st.text(max_size=40) | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*)?Z", fullmatch=True))
def test_hostile_times_raise_only_format_errors(text: str) -> None:
    for parse, write in ((r.parse_time, r.time_text), (r.parse_ftime, r.ftime_text)):
        try:
            value = parse(text)
        except FormatError as error:
            assert error.code == "field-type"
        else:
            assert write(value) == text  # type: ignore[arg-type]  # each with its own kind of time


def test_years_beyond_the_calendar_are_refused() -> None:
    for nanoseconds in (10**21, -(10**21)):
        with pytest.raises(FormatError):
            r.ftime_text(nanoseconds)


DATA = b"some envelope"
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        (r.charter_name(1, DATA), r.ParsedName("charter", n=1, digest=SHA[:16])),
        (r.stock_name(2, DATA), r.ParsedName("stock", n=2, digest=SHA[:16])),
        (r.key_name("ab" * 8, SHA), r.ParsedName("key", digest=SHA[:16], key_id="ab" * 8)),
        (r.series_name("cd" * 8, DATA), r.ParsedName("series", series="cd" * 8, digest=SHA[:16])),
        (r.pack_name("cd" * 8, SHA), r.ParsedName("pack", series="cd" * 8, digest=SHA)),
        (r.manifest_name("cd" * 8, 31, SHA), r.ParsedName("manifest", n=31, series="cd" * 8, digest=SHA)),
        (r.notice_name(99_999_999, DATA), r.ParsedName("notice", n=99_999_999, digest=SHA[:16])),
    ],
    ids=lambda value: value.kind if isinstance(value, r.ParsedName) else "",
)
def test_names_are_built_parsed_and_held_against_bytes(name: str, parsed: r.ParsedName) -> None:
    assert r.parse_name(name) == parsed
    r.check_name(parsed, DATA)
    with pytest.raises(IntegrityError) as caught:
        r.check_name(parsed, DATA + b"\0")
    assert caught.value.code == "name-hash"
    for junk in (
        name.upper(),
        name + "\n",
        name[:-1],
        "x" + name,
        name.replace("00", "0\N{ARABIC-INDIC DIGIT ZERO}", 1),
    ):
        assert junk == name or r.parse_name(junk) is None


def test_number_zero_and_other_files_are_no_names() -> None:
    for junk in ("notices/00000000-" + SHA[:16] + ".json", "README.txt", "", "series//packs/x.age", "charter/"):
        assert r.parse_name(junk) is None


@given(st.text(max_size=120))
def test_hostile_names_never_crash(name: str) -> None:
    r.parse_name("notices/" + name)
    r.parse_name(name)


def test_key_files_come_back_and_read_as_the_format_says() -> None:
    assert r.parse_series_key(SERIES_KEY.text()) == SERIES_KEY
    assert r.parse_custody_key(CUSTODY_KEY.text()) == CUSTODY_KEY
    assert r.parse_custody_key(CUSTODY_KEY.text().replace(b"\n", b"\r\n")) == CUSTODY_KEY
    assert r.parse_series_key(SERIES_KEY.text().rstrip()) == SERIES_KEY
    assert SERIES_KEY.text().decode().splitlines() == [
        "# escrow series key",
        "# vault: " + "0f" * 16,
        "# key id: " + "ab" * 8,
        "# compartment: records",
        SECRET_LINE.decode(),
    ]


@pytest.mark.parametrize("key", [SERIES_KEY, CUSTODY_KEY], ids=["series", "custody"])
def test_key_files_keep_their_secrets(key: r.SeriesKeyFile | r.CustodyKeyFile) -> None:
    shown = repr(key) + str(key)
    assert "SECRET-KEY" not in shown
    assert "\\x1f" not in shown
    for leak in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            leak(key)
    for text in (key.text()[:-3], key.text() + b"# more\n", b"\xff", b""):
        parse = r.parse_series_key if isinstance(key, r.SeriesKeyFile) else r.parse_custody_key
        with pytest.raises(FormatError) as caught:
            parse(text)
        assert caught.value.code == "key-file"
        assert "QQQQ" not in str(caught.value)
        assert caught.value.__cause__ is None
