"""Sizes, speeds, ages and times as people write them, and back."""

import re
from datetime import datetime, timedelta
from fractions import Fraction

from escrow.errors import UsageError

_BYTES = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)")
_AGE = re.compile(r"([0-9]{1,6})\s*([mhd])")
_STEPS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def parse_rate(text: str) -> float:
    """Bytes per second of `2 MiB/s` or `500 kB/s`. UsageError `rate`."""
    match = _SIZE.fullmatch(text.removesuffix("/s").strip())
    if match is None or match[2] not in _BYTES or not float(match[1]):
        raise UsageError("rate", f"expected a speed such as 2 MiB/s, found {text!r}")
    return float(match[1]) * _BYTES[match[2]]


def parse_age(text: str) -> timedelta:
    """The time of `36h`, `90m` or `2d`. UsageError `age`."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise UsageError("age", f"expected an age such as 36h, 90m or 2d, found {text!r}")
    return int(match[1]) * _STEPS[match[2]]


def parse_share(text: str) -> float:
    """A share between 0 and 1, of `1/30`, `0.1` or `1`. UsageError `share`."""
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError):
        share = Fraction(-1)
    if not 0 < share <= 1:
        raise UsageError("share", f"expected a share such as 1/30, 0.1 or 1, found {text!r}")
    return float(share)


def next_clock(text: str, now: datetime) -> datetime:
    """The next moment at which a clock in `now`'s time zone shows `07:00`. UsageError `clock`."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise UsageError("clock", f"expected a time of day such as 07:00, found {text!r}")
    then = now.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
    return then if then > now else then + timedelta(days=1)


def size_text(size: int) -> str:
    """Bytes in the largest unit that keeps a digit before the point: `3.4 MiB`."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def age_text(age: timedelta) -> str:
    """An age in its largest unit: `7 h`, `12 d`."""
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def time_label(moment: datetime) -> str:
    """A UTC time for people: `2026-11-24 02:10`."""
    return f"{moment:%Y-%m-%d %H:%M}"


def eights(digits: str) -> str:
    """A fingerprint in groups, as it stands on sheets and is read over the telephone."""
    return " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))
