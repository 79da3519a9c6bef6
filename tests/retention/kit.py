"""A vault of three series, the first two over their locks, with a charter that says what may end and how."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from escrow import record as r
from escrow.custody import NewVault
from escrow.custody.deeds import identity_of
from escrow.custody.newvault import make_stock
from escrow.custody.quorum import Draft, draft_vault
from escrow.record import CustodyKeyFile
from escrow.trust import History, sign_record
from tests.cli.conftest import Result, escrow
from tests.custody.closing import LA, POLICY
from tests.custody.deal import PLAN
from tests.engine.kit import NIGHTS, T0, ClockedFolder, FixedClock, School

PAST = T0 - timedelta(days=400)
TWO = ("head", "chair of governors")
CONFIG = """\
vault = "{vault}"
fingerprint = "{fingerprint}"
state = "watching"
[store]
url = "vault"
payer = "the school"
"""
COPY = """\
[[copy]]
name = "county"
url = "county"
payer = "the county"
"""
CLAUSES = (
    r.Retention(id="rolling", compartment="records", months=6),
    r.Retention(id="shred-records", compartment="records", schedule="two holders may destroy keys"),
    r.Retention(id="files", compartment="safeguarding", schedule="As child-protection in the schedule."),
)


@cache
def drafted() -> tuple[Draft, NewVault]:
    """Series of sixty days, in which there are two nights, kept for 30 days after their end; made once."""
    compartments = tuple(replace(one, nights=60) for one in PLAN.compartments)
    draft = draft_vault(replace(PLAN, compartments=compartments), POLICY, PAST)
    card = LA.card()
    charter = replace(
        draft.charter,
        custodian=r.Custodian(name=card.name, kind=card.kind, key=card.key, recipient=card.recipient),
        retention=CLAUSES,
    )
    draft = replace(draft, charter=charter)
    stock, public = make_stock(charter, draft.identity, PAST)
    for record, name in ((charter, r.charter_name), (stock, r.stock_name)):
        data = sign_record(record, [*draft.keys, LA.signing])
        public[name(1, data)] = data
    key_file = CustodyKeyFile(charter.vault, draft.secret.reveal(), draft.identity.encode().reveal())
    return draft, NewVault(charter.vault, identity_of(charter), key_file, public)


class Ends:
    """The vault in a folder, sheets in files, the authority's key, and a command line."""

    def __init__(self, root: Path, nights: int = 5) -> None:
        self.root = root
        draft, made = drafted()
        self.clock = FixedClock(PAST)
        self.school = School(root, ClockedFolder(root / "vault", self.clock), self.clock, made)
        for n in range(nights):
            assert self.school.night(NIGHTS[n % 3 + 1]).seq == n + 1
            self.clock.at += timedelta(days=40)
        self.config = root / "escrow.toml"
        self.config.write_text(CONFIG.format(vault=made.vault, fingerprint=made.fingerprint), "utf-8")
        for sheet in draft.sheets:
            (root / f"{sheet.holder.role}.txt").write_text(" ".join(sheet.share.words()), "ascii")
        (root / "la.key").write_bytes(LA.text().reveal())

    def run(self, *words: str | Path) -> Result:
        return escrow(*words, "--config", self.config)

    def shares(self, *roles: str) -> list[str | Path]:
        return [word for role in roles for word in ("--share", self.root / f"{role}.txt")]

    def history(self) -> History:
        return self.school.history()

    def series(self, compartment: str = "records") -> list[str]:
        """The series of a compartment, oldest first."""
        found = [one for one in self.history().series.values() if one.compartment == compartment]
        return [one.series for one in sorted(found, key=lambda one: one.notices[0].seq)]

    def sealed(self, series: str, place: str = "vault") -> list[Path]:
        """Packs and manifests of a series that are there."""
        return sorted((self.root / place / "series" / series).glob("*/*.age"))
