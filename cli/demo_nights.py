"""What `escrow demo` does: the same steps as the commands, on an invented school."""

import filecmp
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from escrow.custody import Plan
from escrow.engine.copying import copy_vault, plan_copy, read_original, whole_vault
from escrow.engine.memory import remembered_head
from escrow.engine.ports import NoProgress, Progress
from escrow.engine.reading import SeriesOpener, choose, load_history, open_snapshot
from escrow.engine.restore import RestoreOptions, everything, restore
from escrow.engine.verify import expected_objects, verify_bytes, verify_listing
from escrow.record import Agent, School
from escrow.seal import Secret

from . import agent_key, demo_school
from .config import NAME, Config, parse_config
from .exits import Exit
from .keys import DEFAULT_COMPARTMENTS, KEY_FILE, PUBLIC, make_keys, parse_compartment
from .nights import deposit_night, judge_night
from .public_parts import read_public
from .setup import join
from .template import create_config
from .unlock import made_passphrase, opener_of
from .vault import anchor_of, connect, store_of

SEED = 7
_SOURCE = "mis"


@dataclass(frozen=True, slots=True)
class Night:
    """One night's result. `new`: bytes put; `findings`: codes of what the check without keys found."""

    number: int
    day: date
    files: int
    new: int
    exit: Exit
    findings: tuple[str, ...]
    seconds: float
    same: bool = False

    @property
    def good(self) -> bool:
        """Deposited, checked, and restored as it was."""
        return self.exit is Exit.OK and not self.findings and self.same


class DemoVault:
    """The demo's school, holder and nightly machine, each with its own folder below `root`."""

    def __init__(self, root: Path, store: str | None, endpoint: str | None) -> None:
        self.root = root
        self.exports, self.holder, self.server = (root / name for name in ("exports", "holder", "server"))
        self.file = self.server / NAME
        self.passphrase_text = made_passphrase()
        self._store = store or str(root / "vault")
        self._endpoint = endpoint

    def _config(self) -> Config:
        config = parse_config(self.file.read_text("utf-8"), self.file, {})  # ESCROW_STORE is no place for a demo
        where = replace(store_of(config), endpoint=self._endpoint, path_style=self._endpoint is not None)
        return replace(config, store=where)

    def begin(self, progress: Progress) -> None:
        """The school on Friday evening; the machine's card; the holder's keys; the machine joins."""
        progress.stage("invent a school")
        demo_school.create(self.exports, SEED)
        key, _ = agent_key.load_or_create(self.server / "state")
        plan = Plan(
            school=School(name=demo_school.NAME, urn=demo_school.URN, laestab=demo_school.LAESTAB),
            role="head",
            agents=[Agent(key=key.public().encode(), name="demo server")],
            compartments=[parse_compartment(text) for text in DEFAULT_COMPARTMENTS],
            strictest="safeguarding",
            cap_days=2000,
        )
        make_keys(plan, Secret(self.passphrase_text.encode()), self.holder)
        shutil.copytree(self.holder / PUBLIC, self.server / PUBLIC)
        rules = "".join(
            f"\n[[rule]]\ncompartment = {name!r}\nglobs = {list(globs)}\n" for name, globs in demo_school.GLOBS.items()
        )
        copy = '\n[[copy]]\nname = "county"\nurl = "../county"\npayer = "the county"\n'
        (self.root / "county").mkdir()
        create_config(self.file, self._store, [f"{_SOURCE}={self.exports}"], rules + copy)
        join(self._config(), *read_public(self.server / PUBLIC), progress)

    def night(self, number: int, progress: Progress) -> Night:
        """A school day passes (after night 0), and its evening is deposited, then checked without keys."""
        if number:
            demo_school.next_night(self.exports, SEED, number)
        shutil.copytree(self.exports, self._copy(number + 1))
        started = time.perf_counter()
        report = deposit_night(self._config(), progress)
        seconds = time.perf_counter() - started
        return Night(
            number=report.seq or 0,
            day=demo_school.school_day(number),
            files=sum(one.files for one in report.compartments.values()),
            new=sum(one.bytes_put for one in report.compartments.values()),
            exit=judge_night(report),
            findings=self._check(progress),
            seconds=seconds,
        )

    def _copy(self, number: int) -> Path:
        return self.root / "as-it-was" / str(number)

    def _check(self, progress: Progress) -> tuple[str, ...]:
        """Codes of everything that a reader without keys finds: chain, listing, all bytes."""
        config = self._config()
        anchor = anchor_of(config)
        store = connect(store_of(config))
        history = load_history(store, anchor, remembered_head(config.state, anchor.vault))
        found = [*history.findings, *verify_listing(store, history, progress).findings]
        found += verify_bytes(store, expected_objects(history), progress).findings
        return tuple(finding.code for finding in found)

    def restore_all(self, nights: list[Night], progress: Progress) -> None:
        """Restore each night with the holder's key, and compare it with the copy made that evening."""
        config = self._config()
        anchor = anchor_of(config)
        store = connect(store_of(config))
        history = load_history(store, anchor)
        key = (self.holder / KEY_FILE).read_bytes()
        opener: SeriesOpener = opener_of(key, Secret(self.passphrase_text.encode()), anchor.vault)
        for place, night in enumerate(nights):
            target = self.root / "restored" / str(night.number)
            views = open_snapshot(store, history, choose(history, str(night.number)), opener)
            report = restore(views, target, RestoreOptions(everything), progress)
            same = not report.failed and _same(self._copy(night.number), target / _SOURCE)
            nights[place] = replace(night, same=same)

    def copy(self, progress: Progress) -> int:
        """Fill the county's copy; gives the number of objects put, 0 when any of them is missing or wrong there."""
        config = self._config()
        original = read_original(connect(store_of(config)), anchor_of(config))
        county = connect(config.copies[0].store)
        moved = copy_vault(original, county, plan_copy(whole_vault(original), {}), progress)
        return 0 if verify_bytes(county, expected_objects(original.history), progress).findings else moved.put

    def tamper(self, progress: Progress) -> dict[str, bool]:
        """Do what a bad store could, look without keys, and undo it. Nothing where the store is no folder."""
        if "://" in self._store:
            return {}
        vault = Path(self._store)
        pack = max(vault.glob("series/*/packs/*.age"), key=lambda path: (path.stat().st_size, path.name))
        notice = max(vault.glob("notices/*.json"))
        progress.stage("tamper with the store")
        whole = pack.read_bytes()
        middle = len(whole) // 2
        bad = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        return {
            "one bit of a pack changed": self._finds("object-hash", pack, lambda: pack.write_bytes(bad)),
            "a pack removed": self._finds("object-missing", pack, pack.unlink),
            "the last night removed": self._finds("rollback", notice, notice.unlink),
        }

    def _finds(self, code: str, path: Path, harm: Callable[[], object]) -> bool:
        before = path.read_bytes()
        path.chmod(0o644)
        harm()
        found = self._check(NoProgress())
        path.write_bytes(before)
        return code in found and not self._check(NoProgress())


def _same(left: Path, right: Path) -> bool:
    """Whether two folders hold the same files with the same bytes."""
    names = sorted(path.relative_to(left) for path in left.rglob("*") if path.is_file())
    others = sorted(path.relative_to(right) for path in right.rglob("*") if path.is_file())
    return names == others and all(filecmp.cmp(left / name, right / name, shallow=False) for name in names)
