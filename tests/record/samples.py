"""One valid record of each kind."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

from escrow import record as r

VAULT = "0f" * 16
T0 = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
RECIPIENT = "age1pq1" + "qpzry9x8gf2tvdw0" * 120
VERIFY_KEY = "escrow-sig-1:" + base64.urlsafe_b64encode(bytes(1984)).decode().rstrip("=")
THIRD_KEY, FOURTH_KEY = (
    "escrow-sig-1:" + base64.urlsafe_b64encode(n * 1984).decode().rstrip("=") for n in (b"\2", b"\3")
)
OTHER_KEY = "escrow-sig-1:" + base64.urlsafe_b64encode(b"\1" * 1984).decode().rstrip("=")
REF = r.ObjectRef(sha256="ab" * 32, size=1048576, head_sha256="cd" * 32)

CHARTER = r.Charter(
    vault=VAULT,
    n=1,
    prev=None,
    created=T0,
    school=r.School(name="Ysgol Bro Tegid", urn="123456", laestab="6601234"),
    holders=(r.Holder(role="head", key=VERIFY_KEY), r.Holder(role="chair of governors", key=OTHER_KEY)),
    threshold=1,
    recipients=(RECIPIENT,),
    agents=(
        r.Agent(key=VERIFY_KEY, name="server in the office"),
        r.Agent(key=OTHER_KEY, name="old", revoked_after=0),
    ),
    compartments=(
        r.Compartment(name="records", nights=31, keep_days=400),
        r.Compartment(name="safeguarding", nights=31, keep_days=9131),
    ),
    strictest="safeguarding",
    cap_days=9500,
)
STOCK = r.Stock(
    vault=VAULT,
    n=2,
    prev="11" * 32,
    created=T0,
    keys=(
        r.StockKey(id=r.key_id_of(RECIPIENT), compartment="records", recipient=RECIPIENT, sha256="ee" * 32, size=3000),
    ),
)
SERIES = r.Series(
    vault=VAULT,
    series="5e" * 8,
    compartment="records",
    key=r.key_id_of(RECIPIENT),
    agent="a9" * 8,
    charter="22" * 32,
    started=T0,
    ends=T0,
    retain_until=T0,
    why="first",
)
NOTICE = r.Notice(
    vault=VAULT,
    seq=7,
    prev="33" * 32,
    kind="snapshot",
    charter="22" * 32,
    events=r.EventHead(n=3, sha256="44" * 32),
    agent="a9" * 8,
    agent_time=T0,
    store_time=T0,
    series=(
        r.NoticeSeries(
            compartment="records",
            series="5e" * 8,
            record="55" * 32,
            key="ab" * 8,
            first_pack=2,
            packs=(REF, REF, REF),
            manifest=REF,
        ),
        r.NoticeSeries(
            compartment="safeguarding",
            series="6e" * 8,
            record="66" * 32,
            key="ab" * 8,
            first_pack=0,
            packs=(),
            manifest=REF,
        ),
    ),
    verdict=r.Verdict(status="warn", codes=("rows-low", "table-missing")),
    software="escrow 0.1.0",
    ext={"site": "bangor", "n": [1, {"a": None}]},
)
MANIFEST = r.Manifest(
    vault=VAULT,
    series="5e" * 8,
    compartment="records",
    seq=7,
    created=T0,
    packs=5,
    list=r.ListRef(size=300, sha256="77" * 32, extents=((0, 0, 100), (4, 77, 200))),
    totals=r.Totals(files=3, bytes=5_000_000_000, dirs=1, links=0, unread=0),
)
FULL_CHARTER = replace(
    CHARTER,
    n=2,
    prev="88" * 32,
    school=replace(CHARTER.school, type="community"),
    holders=(
        r.Holder(role="head", key=VERIFY_KEY, group="staff", member=1),
        r.Holder(role="records officer", key=OTHER_KEY, group="authority", member=1, party="custodian"),
        r.Holder(role="chair of governors", key=THIRD_KEY, group="staff", member=2),
    ),
    threshold=2,
    custody=r.Custody(
        epoch=1,
        set=4711,
        groups_needed=2,
        groups=(r.Group(name="staff", needed=2, members=2), r.Group(name="authority", needed=1, members=1)),
    ),
    compartments=(
        replace(CHARTER.compartments[0], about="pupils and staff: names, marks, attendance"),
        CHARTER.compartments[1],
    ),
    controller=r.Controller(name="The governing body", ico="ZA123456", lawful_basis="UK GDPR Art 6(1)(e)"),
    processors=(
        r.Processor(
            name="Vendor Ltd",
            role="processor",
            purpose="the school's MIS",
            contract_end=T0,
            export="SQL Server backups at no charge",
            deletion="within 30 days, confirmed in writing",
        ),
        r.Processor(name="Host plc", role="sub-processor", purpose="hosts the MIS"),
    ),
    forbidden=("marketing", "training on live data"),
    custodian=r.Custodian(name="Gwynedd Council", kind="la", key=FOURTH_KEY, recipient=RECIPIENT),
    purposes=(r.Purpose(id="restore", text="give a pupil's record back to the school"),),
    triggers=(r.Trigger(kind="closure-order"), r.Trigger(kind="silence", days=30)),
    cooling_off_days=14,
    cooling_off_except=("closure-order",),
    retention=(
        r.Retention(id="rolling", compartment="records", months=13),
        r.Retention(id="leavers", compartment="records", schedule="year-end series kept until DOB+25"),
    ),
    contacts=(r.Contact(role="DPO", text="dpo@example.org"),),
    review=T0,
    rescue="99" * 32,
)
LA = r.Party(name="Cyngor Gwynedd", key=OTHER_KEY, recipient=RECIPIENT)
EVENT = r.Event(
    vault=VAULT,
    n=2,
    prev="11" * 32,
    kind="notice-given",
    created=T0,
    charter="22" * 32,
    by=("chair of governors", "head"),
    purpose="handover",
    trigger="closure-order",
    evidence="88" * 32,
)
RELEASED = r.Event(
    vault=VAULT,
    n=3,
    prev="11" * 32,
    kind="released",
    created=T0,
    charter="22" * 32,
    by=("chair of governors", "head"),
    purpose="handover",
    clause="7.2",
    notice="12" * 32,
    deed="13" * 32,
    to=LA,
    keys=(r.key_id_of(RECIPIENT),),
    series=("5e" * 8,),
    sealed="YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==",
)
TRANSFERRED = r.Event(
    vault=VAULT,
    n=5,
    prev="11" * 32,
    kind="transferred",
    created=T0,
    charter="22" * 32,
    by=("Cyngor Gwynedd",),
    release="13" * 32,
    purposes=(r.NewPurpose(name="pupil-files", text="answer requests of former pupils"),),
    final=r.NoticeHead(seq=7, sha256="44" * 32),
)
CUSTODY = replace(
    EVENT, kind="custody", purpose=None, trigger=None, evidence=None, why="reshare", deed="13" * 32, clause="3.1"
)
ERASED = replace(
    EVENT, kind="erased", purpose=None, trigger=None, evidence=None, deed="13" * 32, keys=(r.key_id_of(RECIPIENT),)
)
RELEASE = r.Release(
    vault=VAULT,
    n=3,
    created=T0,
    charter="22" * 32,
    notice="12" * 32,
    trigger="closure-order",
    purpose="handover",
    to=LA,
    keys=(r.ReleasedKey(id=r.key_id_of(RECIPIENT), compartment="records", sha256="ee" * 32, size=3000),),
    series=("5e" * 8,),
)
FULL_RELEASE = replace(RELEASE, clause="7.2", final=r.NoticeHead(seq=7, sha256="44" * 32))
RECEIPT = r.Receipt(
    vault=VAULT,
    n=4,
    created=T0,
    release="13" * 32,
    head=r.NoticeHead(seq=7, sha256="44" * 32),
    keep_until=T0,
    copied=r.Proof(count=120, bytes=9_000_000, wrong=0),
    read=r.Proof(count=90, bytes=8_900_000, wrong=1),
    opened=r.Proof(count=30, bytes=5_000_000, wrong=0),
    restored=(
        r.Returned(compartment="records", seq=7, listed_files=3, listed_bytes=5000, files=3, bytes=5000),
        r.Returned(compartment="safeguarding", seq=6, listed_files=1, listed_bytes=9, files=0, bytes=0),
    ),
    differences=("object-hash: series/5e5e5e5e5e5e5e5e/packs/ab.age: expected other bytes",),
)
ERASURE = r.Erasure(
    vault=VAULT,
    n=6,
    created=T0,
    charter="22" * 32,
    keys=(r.key_id_of(RECIPIENT),),
    sealed="YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==",
)
FULL_ERASURE = replace(ERASURE, until=120, clause="9.2")
RECORDS: tuple[r.Record, ...] = (CHARTER, STOCK, SERIES, NOTICE, MANIFEST, EVENT, RELEASE, RECEIPT, ERASURE)
OPTIONAL: tuple[r.Record, ...] = (*(FULL_CHARTER, RELEASED, TRANSFERRED, CUSTODY, ERASED, FULL_RELEASE, FULL_ERASURE),)
"""Records with every optional member."""
