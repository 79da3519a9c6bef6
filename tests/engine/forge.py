"""Nights that no honest writer makes: any list lines, any packs, signed and sealed with the writer's own keys."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from escrow import limits
from escrow import record as r
from escrow.pack.frames import wrap_manifest
from escrow.seal import parse_recipient, seal
from escrow.trust import sign_record
from tests.engine.kit import AGENT, T0, School
from tests.pack.plain import pack_plaintext

MTIME = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 10**9
CONTENT = b"hostile content\n"


def file(path: bytes, extents: Sequence[tuple[int, int, int]], data: bytes | None, size: int | None = None) -> bytes:
    """A line for a file. Its hash is that of `data` (any hash when None)."""
    return r.encode_line(
        r.FileEntry(
            path=path,
            size=sum(one[2] for one in extents) if size is None else size,
            sha256=hashlib.sha256(data).hexdigest() if data is not None else "00" * 32,
            extents=tuple(extents),
            mtime=MTIME,
            mode=0o644,
            dataset="d",
        )
    )


def link(path: bytes, target: bytes) -> bytes:
    return r.encode_line(r.LinkEntry(path=path, target=target, mtime=MTIME, mode=0o777))


def forge(
    place: School,
    lines: Callable[[int], Sequence[bytes]],
    *,
    segments: Sequence[bytes] = (CONTENT,),
    totals: r.Totals | None = None,
    claim: r.ListRef | None = None,
    plaintext: Callable[[bytes], bytes] = lambda plain: plain,
    manifest: Callable[[bytes], bytes] = wrap_manifest,
) -> int:
    """Deposit a forged night of the compartment `records`; gives its number.

    `lines` gets the ordinal of the pack that holds `segments` and then the list itself. `plaintext` may alter the
    pack before it is sealed, `manifest` the way from the record to its plaintext.
    """
    history = place.history()
    series = next(one for one in history.series.values() if one.compartment == "records" and one.notices)
    recipient = parse_recipient(history.keys[series.key].recipient)
    ordinal = len(series.packs)
    made = list(lines(ordinal))
    text = b"".join(made)
    lists = [text[at : at + limits.SEGMENT_RAW] for at in range(0, len(text), limits.SEGMENT_RAW)]
    pack = _put(
        place,
        lambda sha: r.pack_name(series.series, sha),
        seal(plaintext(pack_plaintext([*segments, *lists], 3)), [recipient]),
    )
    entries = [line for line in made if b'"type":"file"' in line]
    at = sum(map(len, segments))
    listing = r.ListRef(size=len(text), sha256=hashlib.sha256(text).hexdigest(), extents=((ordinal, at, len(text)),))
    seq = history.notices[-1].seq + 1
    record = r.Manifest(
        vault=history.vault,
        series=series.series,
        compartment="records",
        seq=seq,
        created=T0,
        packs=ordinal + 1,
        list=claim or listing,
        totals=totals
        or r.Totals(
            files=len(entries),
            bytes=sum(_size(line) for line in entries),
            dirs=sum(b'"type":"dir"' in line for line in made),
            links=sum(b'"type":"link"' in line for line in made),
            unread=sum(b'"type":"unread"' in line for line in made),
        ),
    )
    sealed = seal(manifest(r.to_payload(record)), [recipient])
    ref = _put(place, lambda sha: r.manifest_name(series.series, seq, sha), sealed)
    notice = r.Notice(
        vault=history.vault,
        seq=seq,
        prev=history.main[-1].sha256,
        kind="snapshot",
        charter=history.charter_sha256,
        events=None,
        agent=AGENT.public().id,
        agent_time=T0,
        store_time=T0,
        series=(
            r.NoticeSeries(
                compartment="records",
                series=series.series,
                record=series.record_sha256,
                key=series.key,
                first_pack=ordinal,
                packs=(pack,),
                manifest=ref,
            ),
        ),
        verdict=r.Verdict(status="pass", codes=()),
        software="forged",
    )
    envelope = sign_record(notice, [AGENT])
    place.store.put(r.notice_name(seq, envelope), envelope)
    return seq


def _size(line: bytes) -> int:
    return int(line.rpartition(b'"size":')[2].partition(b",")[0])


def _put(place: School, name: Callable[[str], str], sealed: bytes) -> r.ObjectRef:
    digest = hashlib.sha256(sealed).hexdigest()
    place.store.put(name(digest), sealed)
    head = sealed[: sealed.index(b"\n", sealed.index(b"\n---") + 1) + 1 + 16]
    return r.ObjectRef(sha256=digest, size=len(sealed), head_sha256=hashlib.sha256(head).hexdigest())
