"""Who may say what, and what a vault's bytes therefore say: bytes in, accepted history out."""

from escrow.trust.authority import open_series_key
from escrow.trust.chain import Link, Packs
from escrow.trust.ending import Ending, Hold, Kept
from escrow.trust.envelope import Opened, add_signatures, open_record, payload_type, peek_record, sign_record
from escrow.trust.events import NO_DEEDS, Deeds, EventLink, ToldErasure, only_ending
from escrow.trust.findings import Finding, Severity
from escrow.trust.handover import Given, Grant, Handover, step
from escrow.trust.history import Head, History, SeriesState, Snapshot, accept

__all__ = [
    "NO_DEEDS",
    "Deeds",
    "Ending",
    "EventLink",
    "Finding",
    "Given",
    "Grant",
    "Handover",
    "Head",
    "History",
    "Hold",
    "Kept",
    "Link",
    "Opened",
    "Packs",
    "SeriesState",
    "Severity",
    "Snapshot",
    "ToldErasure",
    "accept",
    "add_signatures",
    "only_ending",
    "open_record",
    "open_series_key",
    "payload_type",
    "peek_record",
    "sign_record",
    "step",
]
