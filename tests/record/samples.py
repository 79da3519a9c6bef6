"""One valid record of each kind."""

import base64
from datetime import UTC, datetime

from escrow import record as r

VAULT = "0f" * 16
T0 = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
RECIPIENT = "age1pq1" + "qpzry9x8gf2tvdw0" * 120
VERIFY_KEY = "escrow-sig-1:" + base64.urlsafe_b64encode(bytes(1984)).decode().rstrip("=")
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
RECORDS: tuple[r.Record, ...] = (CHARTER, STOCK, SERIES, NOTICE, MANIFEST)
