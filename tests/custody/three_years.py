"""1,000 signed nights of three compartments: each night one small pack with its list of files, and its manifest."""

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from unittest.mock import patch

from escrow import limits
from escrow import record as r
from escrow.custody import Plan
from escrow.custody.deeds import identity_of
from escrow.custody.newvault import make_stock
from escrow.custody.quorum import Draft, draft_vault
from escrow.pack.frames import close_pack, compress, wrap_manifest
from escrow.seal import parse_recipient
from escrow.seal.age import Sealer
from escrow.trust import accept, sign_record
from tests.custody.closing import LA, POLICY
from tests.engine.kit import AGENT, T0

PARTS = {"records": 31, "documents": 366, "safeguarding": 31}


def founded() -> tuple[Draft, dict[str, bytes]]:
    plan = Plan(
        school=r.School(name="Ysgol Bro Tegid"),
        role="",
        agents=(r.Agent(key=AGENT.public().encode(), name="server"),),
        compartments=tuple(r.Compartment(name=name, nights=nights, keep_days=30) for name, nights in PARTS.items()),
        strictest="safeguarding",
        cap_days=900,
    )
    draft = draft_vault(plan, POLICY, T0)
    card = LA.card()
    custodian = r.Custodian(name=card.name, kind=card.kind, key=card.key, recipient=card.recipient)
    draft = replace(draft, charter=replace(draft.charter, custodian=custodian))
    stock, objects = make_stock(draft.charter, draft.identity, T0)
    for record, name in ((draft.charter, r.charter_name), (stock, r.stock_name)):
        data = sign_record(record, [*draft.keys, LA.signing])
        objects[name(1, data)] = data
    return draft, objects


def sealed(data: bytes, recipient: str) -> tuple[bytes, r.ObjectRef]:
    """An object sealed to a series key, and what a notice says of it."""
    sealer = Sealer([parse_recipient(recipient)])
    body = sealer.head + sealer.update(data) + sealer.finish()
    digest, head = hashlib.sha256(body).hexdigest(), hashlib.sha256(sealer.head).hexdigest()
    return body, r.ObjectRef(sha256=digest, size=len(body), head_sha256=head)


@dataclass
class Writer:
    """Writes one series a time of one compartment."""

    objects: dict[str, bytes]
    charter: r.Charter
    name: str
    keys: list[r.StockKey]
    files: int
    packs: int = 0
    series: r.Series | None = None

    def night(self, seq: int) -> r.NoticeSeries:
        """One night's objects: a pack that holds a file and the night's list, and the manifest."""
        if (seq - 1) % PARTS[self.name] == 0:
            self._begin(seq)
        assert self.series
        key = self.keys[0].recipient
        text = f"night {seq}\n".encode()
        lines = []
        for number in range(self.files):
            entry = r.FileEntry(
                path=b"mis/%06d.txt" % number,
                size=len(text),
                sha256=hashlib.sha256(text).hexdigest(),
                extents=((self.packs, 0, len(text)),),
                mtime=0,
                mode=0o644,
                dataset="mis",
            )
            lines.append(r.encode_line(entry))
        listed = b"".join(lines)
        raw = text + listed
        frame = compress(raw, 3)
        with patch.object(limits, "MIN_PACK", 0):
            body, pack = sealed(frame + close_pack([(len(frame), len(raw))]), key)
        self.objects[r.pack_name(self.series.series, pack.sha256)] = body
        listing = r.ListRef(
            sha256=hashlib.sha256(listed).hexdigest(),
            size=len(listed),
            extents=((self.packs, len(text), len(listed)),),
        )
        manifest = r.Manifest(
            vault=self.charter.vault,
            series=self.series.series,
            compartment=self.name,
            seq=seq,
            created=T0,
            packs=self.packs + 1,
            list=listing,
            totals=r.Totals(files=self.files, bytes=self.files * len(text), dirs=0, links=0, unread=0),
        )
        body, ref = sealed(wrap_manifest(r.to_payload(manifest), 1), key)
        self.objects[r.manifest_name(self.series.series, seq, ref.sha256)] = body
        self.packs += 1
        return r.NoticeSeries(
            compartment=self.name,
            series=self.series.series,
            record=identity_of(self.series),
            key=self.series.key,
            first_pack=self.packs - 1,
            packs=(pack,),
            manifest=ref,
        )

    def _begin(self, seq: int) -> None:
        if seq > 1:
            del self.keys[0]
        self.packs = 0
        self.series = r.Series(
            vault=self.charter.vault,
            series=hashlib.sha256(f"{self.name}{seq}".encode()).hexdigest()[:16],
            compartment=self.name,
            key=self.keys[0].id,
            agent=AGENT.public().id,
            charter=identity_of(self.charter),
            started=T0,
            ends=T0,
            retain_until=T0,
            why="planned",
        )
        data = sign_record(self.series, [AGENT])
        self.objects[r.series_name(self.series.series, data)] = data


def deposit(draft: Draft, objects: dict[str, bytes], nights: int, files: int) -> None:
    """Signed nights, each with `files` files in each compartment, all changed."""
    keys = accept(objects.items()).keys.values()
    writers = [
        Writer(objects, draft.charter, name, [key for key in keys if key.compartment == name], files)
        for name in sorted(PARTS)
    ]
    prev = None
    for seq in range(1, nights + 1):
        notice = r.Notice(
            vault=draft.charter.vault,
            seq=seq,
            prev=prev,
            kind="snapshot",
            charter=identity_of(draft.charter),
            events=None,
            agent=AGENT.public().id,
            agent_time=T0 + timedelta(days=seq),
            store_time=T0 + timedelta(days=seq),
            series=tuple(writer.night(seq) for writer in writers),
            verdict=r.Verdict(status="pass", codes=()),
            software="escrow test",
        )
        data = sign_record(notice, [AGENT])
        objects[r.notice_name(seq, data)] = data
        prev = identity_of(notice)
