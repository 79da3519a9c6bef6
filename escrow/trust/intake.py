"""From named bytes to candidate records: names, hashes, form and vault; signatures come later."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from escrow.errors import FormatError, IntegrityError, SignatureError
from escrow.record import (
    FOLDERS,
    Charter,
    Erasure,
    Event,
    Notice,
    ParsedName,
    Receipt,
    Record,
    Release,
    Series,
    Stock,
    check_name,
    parse_name,
)
from escrow.seal import VerifyKey, open_envelope
from escrow.trust.envelope import payload_type, peek_record
from escrow.trust.findings import Findings

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, slots=True)
class Candidate(Generic[RecordT]):
    """A record of good form whose signatures nobody has checked; `sha256` is that of its payload."""

    name: str
    record: RecordT
    sha256: str
    envelope: bytes


class Intake:
    """Sorts objects into candidate records of eight kinds; tells of everything it leaves out."""

    def __init__(self, objects: Iterable[tuple[str, bytes]], verified: frozenset[str], findings: Findings) -> None:
        self._findings = findings
        self._before = verified
        self.verified: set[str] = set()
        self.charters: list[Candidate[Charter]] = []
        self.stocks: list[Candidate[Stock]] = []
        self.series: list[Candidate[Series]] = []
        self.notices: list[Candidate[Notice]] = []
        self.events: list[Candidate[Event]] = []
        self.releases: list[Candidate[Release]] = []
        self.receipts: list[Candidate[Receipt]] = []
        self.erasures: list[Candidate[Erasure]] = []
        misfits: dict[str, str] = {}
        fits: set[str] = set()
        for key, data in sorted(objects):
            name = parse_name(key)
            if name is None:
                if key.startswith(FOLDERS):
                    findings.add("name-grammar", key, "no object of a vault has such a name", "warning")
                continue
            if name.kind in ("pack", "manifest", "key", "released-key"):
                continue
            try:
                check_name(name, data)
            except IntegrityError as error:
                misfits[key] = str(error)
                continue
            fits.add(key)
            self._take(key, name, data)
        for key, detail in misfits.items():
            findings.add("name-hash", key, detail, "warning" if key in fits else "error")

    def signers(self, found: Candidate[RecordT], trusted: Iterable[VerifyKey]) -> frozenset[VerifyKey]:
        """Who of `trusted` signed; empty, with a finding, when nobody did."""
        try:
            return open_envelope(found.envelope, payload_type(type(found.record)), trusted).signers
        except SignatureError as error:
            self._findings.add("signature", found.name, str(error))
            return frozenset()

    def signed_by(self, found: Candidate[RecordT], key: VerifyKey) -> bool:
        """Whether `key`, which the record names, signed; remembers envelopes that verified."""
        digest = hashlib.sha256(found.envelope).hexdigest()
        if digest not in self._before and not self.signers(found, (key,)):
            return False
        self.verified.add(digest)
        return True

    def _take(self, key: str, name: ParsedName, data: bytes) -> None:
        try:
            if name.kind == "charter":
                self.charters += self._candidate(key, data, Charter, name)
            elif name.kind == "stock":
                self.stocks += self._candidate(key, data, Stock, name)
            elif name.kind == "series":
                self.series += self._candidate(key, data, Series, name)
            elif name.kind == "event":
                self.events += self._candidate(key, data, Event, name)
            elif name.kind == "release":
                self.releases += self._candidate(key, data, Release, name)
            elif name.kind == "receipt":
                self.receipts += self._candidate(key, data, Receipt, name)
            elif name.kind == "erasure":
                self.erasures += self._candidate(key, data, Erasure, name)
            else:
                self.notices += self._candidate(key, data, Notice, name)
        except FormatError as error:
            self._findings.add(error.code, key, str(error))

    def _candidate(self, key: str, data: bytes, kind: type[RecordT], name: ParsedName) -> list[Candidate[RecordT]]:
        record, sha256 = peek_record(data, kind)
        said = name.series or name.n
        found: object = getattr(record, {"notice": "seq", "series": "series"}.get(name.kind, "n"))
        if found != said:
            detail = f"expected a record of {said}, as its name says, found one of {found}"
            self._findings.add("name-place", key, detail, "warning")
            return []
        return [Candidate(key, record, sha256, data)]


def foreign(found: Candidate[RecordT], vault: str, findings: Findings) -> bool:
    """Whether a record is of another vault; tells so."""
    if found.record.vault == vault:
        return False
    detail = f"expected a record of vault {vault}, found one of {found.record.vault}"
    findings.add("vault-mismatch", found.name, detail)
    return True
