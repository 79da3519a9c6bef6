"""What `escrow demo vendor` stands on: a school with two holders and a vendor in its charter, two nights."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from escrow import record as r
from escrow.custody import Plan
from escrow.custody.newvault import make_stock
from escrow.custody.policies import Bench, Policy, Seat
from escrow.custody.quorum import draft_vault, hash_of
from escrow.engine.ports import Progress
from escrow.store import FolderStore
from escrow.trust import sign_record

from . import agent_key, demo_school
from .config import NAME, parse_config
from .handover_parts import clock
from .keys import DEFAULT_COMPARTMENTS, parse_compartment
from .nights import deposit_night

SEED = 7
VENDOR, HOST = "Acorn MIS Ltd (demo)", "Cumulus Hosting Ltd (demo)"
_SEATS = (Seat("head"), Seat("chair of governors"), Seat("business manager"))
_POLICY = Policy(1, (Bench("holders", 2, _SEATS),))
_PURPOSES = {
    "restore": "give the school back what it has lost",
    "new-vendor": "move the school's data to another management information system",
}


class DemoLeaving:
    """The school's folders below `root`: exports (of the vendor's system), server, office (of the holders), dump."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.exports, self.server, self.office, self.dump = (
            root / name for name in ("exports", "server", "office", "from-the-vendor")
        )

    def begin(self, progress: Progress) -> None:
        """Sheets are dealt, the charter names vendor and host, two nights are deposited."""
        progress.stage("invent a school")
        demo_school.create(self.exports, SEED)
        self.office.mkdir()
        agent, _ = agent_key.load_or_create(self.server / "state")
        self._agree(r.Agent(key=agent.public().encode(), name="demo server"))
        self.night(progress)
        demo_school.next_night(self.exports, SEED, 1)
        self.night(progress)

    def _agree(self, agent: r.Agent) -> None:
        now = clock()
        plan = Plan(
            school=r.School(name=demo_school.NAME, urn=demo_school.URN, laestab=demo_school.LAESTAB),
            role="",
            agents=[agent],
            compartments=[parse_compartment(text) for text in DEFAULT_COMPARTMENTS],
            strictest="safeguarding",
            cap_days=2000,
        )
        draft = draft_vault(plan, _POLICY, now)
        charter = replace(
            draft.charter,
            controller=r.Controller(name="Governing body of Fernhill School (demo)", ico="ZA000000"),
            processors=_processors(now),
            purposes=tuple(r.Purpose(id=name, text=text) for name, text in _PURPOSES.items()),
            forbidden=("selling, renting or lending the data", "training software or models on live data"),
            contacts=(r.Contact(role="school office", text="01632 960001, office@fernhill.example"),),
        )
        stock, public = make_stock(charter, draft.identity, charter.created)
        for record, named in ((stock, r.stock_name), (charter, r.charter_name)):
            signed = sign_record(record, draft.keys)
            public[named(1, signed)] = signed
        store = FolderStore(self.root / "vault", create=True)
        for name, data in sorted(public.items(), reverse=True):
            store.put(name, data)
        for sheet in draft.sheets:
            (self.office / f"{sheet.holder.role.split()[0]}.txt").write_text(" ".join(sheet.share.words()), "ascii")
        where = f'vault = "{charter.vault}"\nfingerprint = "{hash_of(charter)}"\n[store]\nurl = "../vault"\n'
        rules = "".join(
            f"[[rule]]\ncompartment = {name!r}\nglobs = {list(globs)}\n" for name, globs in demo_school.GLOBS.items()
        )
        (self.office / NAME).write_text(where, "utf-8")
        (self.server / NAME).write_text(f'{where}[[source]]\nname = "mis"\npath = "../exports"\n{rules}', "utf-8")

    def night(self, progress: Progress) -> None:
        """Deposit what the vendor's system left today."""
        file = self.server / NAME
        deposit_night(parse_config(file.read_text("utf-8"), file, {}), progress)

    def hand_over_a_dump(self) -> None:
        """What the vendor gives: without behaviour, a term's results, a column and photographs."""
        ignored = shutil.ignore_patterns("behaviour.csv", "photos", "safeguarding")
        shutil.copytree(self.exports, self.dump, ignore=ignored)
        _as_others_write(self.dump / "pupils.csv")
        _without(self.dump / "assessment.csv", lambda row: row["Term"] == "3")
        _without(self.dump / "medical.csv", lambda _: False, "Medication")

    def hand_over_the_rest(self) -> None:
        """What was missing, on a second demand."""
        for name in ("behaviour.csv", "assessment.csv", "medical.csv"):
            shutil.copy(self.exports / name, self.dump / name)
        shutil.copytree(self.exports / "photos", self.dump / "photos")


def _as_others_write(path: Path) -> None:
    """With semicolons: the rows are the same, the bytes are not."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)


def _processors(now: datetime) -> tuple[r.Processor, ...]:
    export = "a full copy in an open format, at no charge, at any time and at the end"
    deletion = "within 30 days of the end, backups beyond use meanwhile, confirmed in writing (Art 28(3)(g))"
    return (
        r.Processor(
            name=VENDOR,
            role="processor",
            purpose="the school's management information system",
            contract_end=now + timedelta(days=30),
            export=export,
            deletion=deletion,
        ),
        r.Processor(name=HOST, role="sub-processor", purpose="hosting for Acorn", deletion=deletion),
    )


def _without(path: Path, gone: Callable[[dict[str, str]], bool], column: str = "") -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{name: cell for name, cell in row.items() if name != column} for row in csv.DictReader(file)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row for row in rows if not gone(row))
