"""A small vault's signed objects: two holders, two agents, as many nights as asked; all in memory."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache

from escrow import record as r
from escrow.seal import HybridIdentity, Secret, SigningKey
from escrow.trust import History, sign_record

VAULT = "0f" * 16
T0 = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)


@cache
def signer(n: int) -> SigningKey:
    return SigningKey.from_seed(Secret(bytes([n]) * 64))


@cache
def identity(n: int) -> HybridIdentity:
    return HybridIdentity.from_seed(Secret(bytes([n]) * 32))


HEAD, CHAIR, AGENT, OTHER_AGENT, STRANGER = (signer(n) for n in range(1, 6))


def ref(label: str) -> r.ObjectRef:
    return r.ObjectRef(
        sha256=hashlib.sha256(label.encode()).hexdigest(), size=1 << 20, head_sha256=hashlib.sha256(b"h").hexdigest()
    )


def stock_key(n: int, compartment: str = "records") -> r.StockKey:
    recipient = str(identity(n).recipient())
    return r.StockKey(
        id=r.key_id_of(recipient), compartment=compartment, recipient=recipient, sha256="ee" * 32, size=3000
    )


def payload_sha256(record: r.Record) -> str:
    return hashlib.sha256(r.to_payload(record)).hexdigest()


CHARTER = r.Charter(
    vault=VAULT,
    n=1,
    prev=None,
    created=T0,
    school=r.School(name="Ysgol Bro Tegid"),
    holders=(
        r.Holder(role="head", key=HEAD.public().encode()),
        r.Holder(role="chair", key=CHAIR.public().encode()),
    ),
    threshold=2,
    recipients=(str(identity(9).recipient()),),
    agents=(
        r.Agent(key=AGENT.public().encode(), name="server"),
        r.Agent(key=OTHER_AGENT.public().encode(), name="old server", revoked_after=4),
    ),
    compartments=(r.Compartment(name="records", nights=31, keep_days=400),),
    strictest="records",
    cap_days=500,
)
STOCK = r.Stock(vault=VAULT, n=1, prev=None, created=T0, keys=(stock_key(20), stock_key(21, "documents")))
SERIES = r.Series(
    vault=VAULT,
    series="5e" * 8,
    compartment="records",
    key=STOCK.keys[0].id,
    agent=AGENT.public().id,
    charter=payload_sha256(CHARTER),
    started=T0,
    ends=T0,
    retain_until=T0,
    why="first",
)


def notice(seq: int, prev: r.Notice | None, *, series: r.Series = SERIES, label: str = "", packs: int = 1) -> r.Notice:
    """Night `seq` with `packs` new packs; ordinals go on from `prev` (of the same series)."""
    first = prev.series[0].first_pack + len(prev.series[0].packs) if prev else 0
    return r.Notice(
        vault=VAULT,
        seq=seq,
        prev=payload_sha256(prev) if prev else None,
        kind="snapshot",
        charter=payload_sha256(CHARTER),
        events=None,
        agent=AGENT.public().id,
        agent_time=T0 + timedelta(days=seq),
        store_time=T0 + timedelta(days=seq),
        series=(
            r.NoticeSeries(
                compartment=series.compartment,
                series=series.series,
                record=payload_sha256(series),
                key=series.key,
                first_pack=first,
                packs=tuple(ref(f"pack {label}{seq}.{i}") for i in range(packs)),
                manifest=ref(f"manifest {label}{seq}"),
            ),
        ),
        verdict=r.Verdict(status="pass", codes=()),
        software="escrow test",
    )


def chain(length: int) -> list[r.Notice]:
    notices: list[r.Notice] = []
    for seq in range(1, length + 1):
        notices.append(notice(seq, notices[-1] if notices else None))
    return notices


def named(record: r.Record, *keys: SigningKey) -> tuple[str, bytes]:
    """A record's name and envelope; signed by whoever should, unless keys are given."""
    data = sign_record(record, keys or ((HEAD, CHAIR) if isinstance(record, r.Charter | r.Stock) else (AGENT,)))
    return name_of(record, data), data


def name_of(record: r.Record, data: bytes) -> str:
    match record:
        case r.Charter():
            return r.charter_name(record.n, data)
        case r.Stock():
            return r.stock_name(record.n, data)
        case r.Series():
            return r.series_name(record.series, data)
        case r.Notice():
            return r.notice_name(record.seq, data)
    raise TypeError(type(record))


@cache
def base() -> tuple[tuple[str, bytes], ...]:
    """Charter, stock and series record."""
    return (named(CHARTER), named(STOCK), named(SERIES))


@cache
def vault(nights: int = 3) -> tuple[tuple[str, bytes], ...]:
    """A healthy vault."""
    return (*base(), *(named(notice) for notice in chain(nights)))


def codes(history: History) -> list[str]:
    return [finding.code for finding in history.findings]
