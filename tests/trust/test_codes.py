"""Every code of docs/format.md that these rooms answer for, each produced by one mutation of something good."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from escrow import limits
from escrow import record as r
from escrow.errors import EscrowError
from escrow.record.canonical import parse
from escrow.trust import Head, accept, open_record, open_series_key
from tests.record.codes import table
from tests.trust import world as w

ELSEWHERE = {"manifest-place"}
"""What escrow.engine asks."""

Objects = Iterable[tuple[str, bytes]]
NIGHTS = w.chain(3)


def found(objects: Objects, **known: object) -> list[str]:
    return w.codes(accept(objects, **known))  # type: ignore[arg-type]


def raised(call: Callable[[], object]) -> list[str]:
    with pytest.raises(EscrowError) as caught:
        call()
    return [caught.value.code]


def payload(record: r.Record, **changes: object) -> Callable[[], object]:
    """Reads a record of which members were changed (`...` drops one)."""
    members = json.loads(r.to_payload(record)) | changes
    data = r.encode({k: v for k, v in members.items() if v is not ...})
    return lambda: r.from_payload(data, type(record))


def line(**changes: object) -> Callable[[], object]:
    good = {
        "path": "a/b",
        "type": "file",
        "mtime": "2026-11-23T16:05:07.25Z",
        "dataset": "a",
        "size": 5,
        "sha256": "ab" * 32,
        "extents": [[0, 0, 2], [0, 9, 3]],
    }
    return lambda: r.decode_line(json.dumps(good | changes).encode())


def listed(*paths: str, **ref: object) -> Callable[[], object]:
    data = b"".join(r.encode_line(r.UnreadEntry(path.encode(), "locked")) for path in paths)
    good = r.ListRef(size=len(data), sha256=hashlib.sha256(data).hexdigest(), extents=())
    return lambda: list(r.FileListReader([data], replace(good, **ref)))  # type: ignore[arg-type]


def with_envelope(change: Callable[[dict[str, object]], object]) -> list[str]:
    members = json.loads(w.named(NIGHTS[0])[1])
    change(members)
    data = r.encode(members)
    return found([*w.base(), (r.notice_name(1, data), data)])


def swap_signature(members: dict[str, object]) -> None:
    other = json.loads(w.named(NIGHTS[1])[1])
    members["signatures"] = [members["signatures"][0], other["signatures"][1]]  # type: ignore[index]


def big_list() -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MAX_FILES", 1)
        return raised(listed("a", "b"))


def series_key(**changes: str) -> list[str]:
    key = w.STOCK.keys[0]
    line = w.identity(20).encode().reveal()
    good = r.SeriesKeyFile(w.VAULT, key.id, key.compartment, line)
    assert str(open_series_key(good.text(), key, w.VAULT).recipient()) == key.recipient
    return raised(lambda: open_series_key(replace(good, **changes).text(), key, w.VAULT))  # type: ignore[arg-type]


def charter(n: int = 2, **changes: object) -> r.Charter:
    prev = w.payload_sha256(w.CHARTER) if n > 1 else None
    return replace(w.CHARTER, n=n, prev=prev, **changes)  # type: ignore[arg-type]


def changed(record: r.Record, *keys: object, **changes: object) -> tuple[str, bytes]:
    return w.named(replace(record, **changes), *keys)  # type: ignore[arg-type]


def part(notice: r.Notice, **changes: object) -> r.Notice:
    return replace(notice, series=(replace(notice.series[0], **changes),))  # type: ignore[arg-type]


BASE = w.base()
STRANGE_SERIES = replace(w.SERIES, series="66" * 8)
SECOND_CHARTER = charter(recipients=(str(w.identity(8).recipient()),))
WITH_CUSTODIAN = charter(
    custodian=r.Custodian(
        name="Council", kind="la", key=w.STRANGER.public().encode(), recipient=w.CHARTER.recipients[0]
    )
)
OTHER_FIRST = replace(w.CHARTER, cap_days=501)
DROPS_AGENT = charter(agents=w.CHARTER.agents[:1])
OTHER_STOCK = r.Stock(
    vault=w.VAULT, n=2, prev=w.payload_sha256(w.STOCK), created=w.T0, keys=(w.stock_key(20, "documents"),)
)
NEW_BOARD = charter(
    holders=tuple(
        replace(one, key=w.signer(41 + n).public().encode(), group="all", member=n + 1)
        for n, one in enumerate(w.CHARTER.holders)
    ),
    custody=r.Custody(
        epoch=1,
        set=1,
        groups_needed=1,
        groups=(r.Group(name="all", needed=2, members=2),),
        stock=w.payload_sha256(w.STOCK),
    ),
)
NEW_BOARDS = w.named(NEW_BOARD, w.HEAD, w.CHAIR, w.signer(41), w.signer(42))
WRONG_ID = replace(w.STOCK.keys[0], id="00" * 8)

CASES: list[tuple[str, Callable[[], list[str]]]] = [
    ("name-grammar", lambda: found([*w.vault(), ("notices/0000004.json", b"")])),
    ("name-hash", lambda: found([*w.vault(), ("notices/00000004-0011223344556677.json", b"junk")])),
    ("name-place", lambda: found([*w.vault(), (r.notice_name(9, w.vault()[3][1]), w.vault()[3][1])])),
    ("json-syntax", lambda: raised(lambda: r.decode(b"[1,]"))),
    ("json-duplicate", lambda: raised(lambda: r.decode(b'{"a":1,"a":1}'))),
    ("json-canonical", lambda: raised(lambda: r.decode(b"[1 ]"))),
    ("json-integer", lambda: raised(lambda: r.decode(b"1.0"))),
    ("json-integer", lambda: raised(line(size=2**53))),
    ("json-depth", lambda: raised(lambda: r.decode(b"[" * 17 + b"]" * 17))),
    ("json-depth", lambda: raised(line(path=json.loads("[" * 16 + "]" * 16)))),
    ("json-size", lambda: raised(lambda: parse(b"[]", limit=1))),
    ("field-unknown", lambda: raised(payload(w.CHARTER, colour="red"))),
    ("field-unknown", lambda: raised(line(colour="red"))),
    ("field-missing", lambda: raised(payload(w.CHARTER, school=...))),
    ("field-missing", lambda: raised(lambda: r.decode_line(b'{"path":"a","type":"unread"}'))),
    ("field-type", lambda: raised(payload(w.CHARTER, threshold=3))),
    ("field-type", lambda: raised(line(mode=True))),
    ("crit-unknown", lambda: raised(payload(w.CHARTER, ext={"pin": 1}, crit=["pin"]))),
    ("version-unknown", lambda: raised(payload(w.CHARTER, version=limits.FORMAT + 1))),
    ("payload-type", lambda: raised(payload(w.CHARTER, type="stock"))),
    ("payload-type", lambda: with_envelope(lambda members: members.update(payloadType="text/plain"))),
    ("envelope", lambda: with_envelope(lambda members: members.update(more=1))),
    ("signature", lambda: with_envelope(swap_signature)),
    ("signature", lambda: raised(lambda: open_record(w.vault()[3][1], r.Notice, [w.STRANGER.public()]))),
    ("charter-missing", lambda: found(w.vault()[1:])),
    ("charter-chain", lambda: found([*BASE, changed(SECOND_CHARTER, prev="00" * 32)])),
    ("charter-chain", lambda: found([*BASE, w.named(charter(3))])),
    ("charter-chain", lambda: found([*BASE, w.named(DROPS_AGENT)])),
    ("charter-threshold", lambda: found([*BASE, w.named(SECOND_CHARTER, w.HEAD)])),
    ("charter-custodian", lambda: found([*BASE, w.named(WITH_CUSTODIAN)])),
    ("charter-fork", lambda: found([*BASE, w.named(SECOND_CHARTER), w.named(charter(cap_days=9))])),
    ("charter-fingerprint", lambda: found([*BASE, w.named(OTHER_FIRST)], fingerprint=w.payload_sha256(w.CHARTER))),
    ("stock-threshold", lambda: found([*BASE, w.named(OTHER_STOCK, w.CHAIR)])),
    ("stock-late", lambda: found([*BASE, NEW_BOARDS, w.named(replace(OTHER_STOCK, keys=()))])),
    ("stock-compartment", lambda: found([*BASE, w.named(OTHER_STOCK)])),
    ("stock-chain", lambda: found([*BASE, changed(OTHER_STOCK, prev="00" * 32, keys=())])),
    ("key-id", lambda: found([*BASE, changed(OTHER_STOCK, keys=(WRONG_ID,))])),
    ("series-key", lambda: found([*BASE, changed(STRANGE_SERIES, key=w.STOCK.keys[1].id)])),
    ("series-agent", lambda: found([*BASE, changed(STRANGE_SERIES, agent="00" * 8)])),
    ("series-fork", lambda: found([*BASE, changed(w.SERIES, why="planned")])),
    ("notice-charter", lambda: found([*BASE, changed(NIGHTS[0], charter="00" * 32)])),
    ("key-file", lambda: series_key(compartment="Records")),
    ("key-mismatch", lambda: series_key(compartment="documents")),
    ("key-mismatch", lambda: series_key(identity=w.identity(21).encode().reveal())),  # type: ignore[arg-type]
    ("list-order", lambda: raised(listed("b", "a"))),
    ("list-order", lambda: raised(listed("a", "a"))),
    ("list-hash", lambda: raised(listed("a", sha256="00" * 32))),
    ("list-hash", lambda: raised(listed("a", size=3))),
    ("list-size", big_list),
    ("path-grammar", lambda: raised(line(path="a/../b"))),
    ("extent-sum", lambda: raised(line(size=6))),
    ("vault-mismatch", lambda: found([*BASE, changed(NIGHTS[0], vault="11" * 16)])),
    ("notice-agent", lambda: found([*BASE, changed(NIGHTS[0], agent="00" * 8)])),
    (
        "notice-revoked",
        lambda: found(
            [*BASE, changed(NIGHTS[0], w.OTHER_AGENT, seq=5, prev="00" * 32, agent=w.OTHER_AGENT.public().id)]
        ),
    ),
    ("notice-series", lambda: found(w.vault()[:2] + w.vault()[3:])),
    ("notice-series", lambda: found([*BASE, w.named(part(NIGHTS[0], record="00" * 32))])),
    ("notice-series", lambda: found([*BASE, w.named(part(NIGHTS[0], key="00" * 8))])),
    ("notice-gap", lambda: found(w.vault()[:4] + w.vault()[5:])),
    ("notice-prev", lambda: found([*w.vault()[:5], changed(NIGHTS[2], prev="00" * 32)])),
    ("notice-fork", lambda: found([*w.vault(), changed(NIGHTS[2], software="other")])),
    ("pack-ordinal", lambda: found([*w.vault()[:4], w.named(part(NIGHTS[1], first_pack=0))])),
    ("rollback", lambda: found(w.vault()[:4], remembered=Head(2, w.payload_sha256(NIGHTS[1])))),
    ("rollback-other", lambda: found(w.vault(), remembered=Head(2, "00" * 32))),
]


@pytest.mark.parametrize(("code", "case"), CASES, ids=[f"{code}-{n}" for n, (code, _) in enumerate(CASES)])
def test_one_mutation_gives_its_code(code: str, case: Callable[[], list[str]]) -> None:
    codes = case()
    consequences = {"notice-gap", "charter-missing"} - {code}
    assert [c for c in dict.fromkeys(codes) if c not in consequences] == [code]


def test_every_code_of_the_format_has_a_case() -> None:
    ours = {"1", "2", "3", "4.1", "4.2", "4.3", "4.4", "5.1", "7", "8", "9"}
    named = {code for code, sections in table().items() if sections & ours}
    assert named - ELSEWHERE == {code for code, _ in CASES}


def test_a_healthy_vault_has_no_findings() -> None:
    history = accept(w.vault(), vault=w.VAULT, fingerprint=w.payload_sha256(w.CHARTER))
    assert history.findings == ()
    assert len(history.snapshots) == 3
