"""Completeness: what each file holds, whether a night has what is expected, and in which words that is told."""

from escrow.completeness.expectation import Expectation, Expected, key_of
from escrow.completeness.findings import ADVICE, SPOILS, Finding, public_codes, status_of
from escrow.completeness.judge import judge
from escrow.completeness.night import Night, Seen, datasets_of, spare
from escrow.completeness.profile import Column, Profile, from_json, to_json
from escrow.completeness.terms import Terms, data_day

__all__ = [
    "ADVICE",
    "SPOILS",
    "Column",
    "Expectation",
    "Expected",
    "Finding",
    "Night",
    "Profile",
    "Seen",
    "Terms",
    "data_day",
    "datasets_of",
    "from_json",
    "judge",
    "key_of",
    "public_codes",
    "spare",
    "status_of",
    "to_json",
]
