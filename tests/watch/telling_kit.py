"""A message of a bad night, for tests of the channels."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from escrow.watch.message import Message

T0 = datetime(2026, 11, 24, 2, 31, tzinfo=UTC)
WELL = Message(
    school="Ysgol Bro Tegid",
    vault="0123456789abcdef0123456789abcdef",
    time=T0,
    result="ok",
    exit=0,
    urgency="heartbeat",
    meaning="done, and nothing is amiss",
    action="",
    seq=12,
    head="ab" * 32,
    verdict="pass",
    next_due=T0 + timedelta(days=1),
)
BAD = replace(
    WELL,
    result="suspicious",
    exit=4,
    urgency="alarm",
    meaning="the night was deposited and looks wrong",
    action="look at the export",
    verdict="warn",
    codes=("changing", "rows-fell_marks"),
    alarms=("series-churn",),
    findings={"object-missing": 2},
    warnings=tuple(f"source mis: sentence {number}" for number in range(25)),
)
TEST = replace(WELL, test=True, seq=None, head=None)
