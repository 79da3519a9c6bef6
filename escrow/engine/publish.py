"""The end of a night: manifests, then the signed notice that commits it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from escrow import __version__
from escrow.engine.ports import Clock
from escrow.engine.state import OpenSeries, Pending, State
from escrow.engine.sync import Footing, finish_pending
from escrow.pack.frames import wrap_manifest
from escrow.record import (
    ListRef,
    Manifest,
    Notice,
    NoticeSeries,
    ObjectRef,
    Totals,
    Verdict,
    manifest_name,
    to_payload,
)
from escrow.seal import Sealer, SigningKey, parse_recipient
from escrow.store import Store
from escrow.trust import sign_record


@dataclass(frozen=True, slots=True)
class Press:
    """What signs and sends. `series`: the open series by compartment."""

    store: Store
    state: State
    key: SigningKey
    clock: Clock
    footing: Footing
    series: Mapping[str, OpenSeries]

    def next_seq(self) -> int:
        head = self.state.head()
        return head.seq + 1 if head else 1

    def put_manifest(self, compartment: str, listing: ListRef, totals: Totals) -> ObjectRef:
        """Seal and put one compartment's manifest for the coming notice."""
        series = self.series[compartment]
        manifest = Manifest(
            vault=self.footing.charter.vault,
            series=series.id,
            compartment=compartment,
            seq=self.next_seq(),
            created=self.clock.now().replace(microsecond=0),
            packs=len(self.state.packs(series.id)),
            list=listing,
            totals=totals,
        )
        sealer = Sealer([parse_recipient(self.footing.keys[series.key_id].recipient)])
        body = sealer.head + sealer.update(wrap_manifest(to_payload(manifest))) + sealer.finish()
        ref = ObjectRef(
            sha256=hashlib.sha256(body).hexdigest(),
            size=len(body),
            head_sha256=hashlib.sha256(sealer.head).hexdigest(),
        )
        name = manifest_name(series.id, manifest.seq, ref.sha256)
        self.store.put(name, body, retain_until=_time(series.retain_until))
        return ref

    def put_notice(self, manifests: Mapping[str, ObjectRef], verdict: Verdict, caches: Mapping[str, str]) -> int:
        """Sign, journal and put the notice; gives its number. Without `manifests` it is a progress notice."""
        parts = [self._part(compartment, manifests.get(compartment)) for compartment in sorted(self.series)]
        head = self.state.head()
        now = self.clock.now().replace(microsecond=0)
        notice = Notice(
            vault=self.footing.charter.vault,
            seq=self.next_seq(),
            prev=head.sha256 if head else None,
            kind="snapshot" if manifests else "progress",
            charter=self.footing.charter_sha256,
            events=self.footing.events,
            agent=self.key.public().id,
            agent_time=now,
            store_time=self.store.now().replace(microsecond=0),
            series=tuple(part for part in parts if part.packs or part.manifest),
            verdict=verdict,
            software=f"escrow {__version__}",
        )
        pending = Pending(
            seq=notice.seq,
            payload_sha256=hashlib.sha256(to_payload(notice)).hexdigest(),
            envelope=sign_record(notice, [self.key]),
            retain_until=max(series.retain_until for series in self.series.values()),
        )
        named = {part.series: part.first_pack + len(part.packs) for part in parts}
        self.state.decide(pending, named, dict(caches))
        finish_pending(self.store, self.state)
        return notice.seq

    def _part(self, compartment: str, manifest: ObjectRef | None) -> NoticeSeries:
        series = self.series[compartment]
        packs = self.state.packs(series.id)
        fresh = [pack for pack in packs if pack.seq is None]
        return NoticeSeries(
            compartment=compartment,
            series=series.id,
            record=series.record,
            key=series.key_id,
            first_pack=len(packs) - len(fresh),
            packs=tuple(pack.ref for pack in fresh),
            manifest=manifest,
        )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
