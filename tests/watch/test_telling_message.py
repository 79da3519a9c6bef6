"""What a message says, to the letter."""

import json
from dataclasses import replace

from escrow.watch.message import payload, subject, text

from .telling_kit import BAD, TEST, WELL


def test_a_heartbeat() -> None:
    assert subject(WELL) == "escrow ok: Ysgol Bro Tegid: night 12: ok"
    assert text(WELL) == (
        "escrow ok: Ysgol Bro Tegid: night 12: ok\n"
        "\n"
        "ok: done, and nothing is amiss.\n"
        "\n"
        "vault     0123456789abcdef0123456789abcdef\n"
        "night     12\n"
        f"head      {'ab' * 32}\n"
        "verdict   pass\n"
        "told at   2026-11-24T02:31:00Z\n"
        "next due  2026-11-25T02:31:00Z\n"
        "\n"
        "Keep this message: notice 12 of this vault has this head, now and in twenty years.\n"
    )


def test_an_alarm_says_what_to_do() -> None:
    assert subject(BAD) == "escrow ALARM: Ysgol Bro Tegid: night 12: suspicious"
    lines = text(BAD).splitlines()
    assert lines[2:4] == [
        "suspicious: the night was deposited and looks wrong.",
        "What to do: look at the export",
    ]
    assert "verdict   warn changing rows-fell_marks" in lines
    assert "findings  object-missing(2)" in lines
    assert "  source mis: sentence 19" in lines
    assert "  source mis: sentence 20" not in lines
    assert "  and 5 more" in lines


def test_a_test_says_so() -> None:
    assert subject(TEST) == "escrow TEST: Ysgol Bro Tegid: no night: ok"
    assert "Nothing was deposited." in text(TEST)
    assert "Keep this message" not in text(TEST)


def test_for_programs() -> None:
    told = json.loads(payload(BAD))
    assert told["text"] == subject(BAD)
    assert (told["seq"], told["head"], told["codes"]) == (12, "ab" * 32, ["changing", "rows-fell_marks"])
    assert told["urgency"] == "alarm"
    assert len(told["warnings"]) == 20


def test_a_schools_name_cannot_add_a_line() -> None:
    assert "\n" not in subject(replace(WELL, school="A\r\nBcc: evil@example.org"))
