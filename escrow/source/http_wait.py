"""How long to wait before a request is tried again. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from escrow.limits import MIB

_FIRST = 1.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one run may cost. `body` and `total` in bytes, the rest of times in seconds.

    `answers` counts answers of one run, `attempts` tries of one request; no single wait is longer than `wait`, and no
    step of a request than `timeout`.
    """

    body: int = 64 * MIB
    total: int = 64 * 1024 * MIB
    answers: int = 200_000
    seconds: float = 4 * 3600
    attempts: int = 7
    wait: float = 300
    timeout: float = 60


def may_pass(status: int) -> bool:
    """Whether an answer of this status may be another one soon (RFC 9110, section 15; 429: RFC 6585)."""
    return status in _PASSING


def next_wait(failures: int, asked: float | None, limits: HttpLimits, random: Callable[[], float]) -> float | None:
    """Seconds before the next try after `failures` failed ones; None to give up.

    `asked` is what the server asked for: never less than that, and no try when it is over the limit. Else 1 second,
    then twice as long each time, with jitter.
    """
    if failures >= limits.attempts or (asked is not None and asked > limits.wait):
        return None
    backoff = min(limits.wait, _FIRST * 2.0 ** (failures - 1)) * (0.5 + random() / 2)
    return max(asked or 0.0, backoff)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, section 10.2.3): a number or a date; None where there is none."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (then - now).total_seconds()) if then.tzinfo else None
