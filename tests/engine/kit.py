"""A small school with a vault: two compartments, tiny sources, one fixed clock; keys are made once."""

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from escrow import record as r
from escrow.custody import NewVault, Plan, new_vault, series_identity
from escrow.custody.newvault import custody_identity
from escrow.engine.night import Agent, NightReport, Work, run_night
from escrow.engine.ports import NoProgress
from escrow.engine.reading import CompartmentView, choose, load_history, open_snapshot
from escrow.engine.state import State
from escrow.engine.sync import Anchor
from escrow.engine.verify import expected_objects, verify_bytes, verify_listing
from escrow.seal import HybridIdentity, Secret, SigningKey
from escrow.source import FolderSource, Rule, Source
from escrow.store import FolderStore, MemoryStore, Store
from escrow.trust import Finding, Head, History, Snapshot

T0 = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)
RULES = (Rule("records", ("*.csv", "*.db")),)
AGENT = SigningKey.from_seed(Secret(b"a" * 64))
STRANGER = SigningKey.from_seed(Secret(b"s" * 64))

NIGHTS: dict[int, dict[str, bytes]] = {
    1: {"pupils.csv": b"upn,name\nA1,Ann\n" * 40, "notes/ann.txt": b"seen on Monday", "empty.csv": b""},
    2: {"pupils.csv": b"upn,name\nA1,Ann\n" * 41, "notes/ann.txt": b"seen on Monday", "notes/bob.txt": b"B" * 5000},
    3: {"pupils.csv": b"upn,name\nA2,Bob\n" * 41, "notes/bob.txt": b"B" * 5000, "marks.csv": b"a,b\n" * 3000},
}


class FixedClock:
    """Stands still until a test moves it."""

    def __init__(self, at: datetime = T0) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class ClockedFolder(FolderStore):
    """A folder whose clock is the test's."""

    def __init__(self, path: Path, clock: FixedClock) -> None:
        super().__init__(path, create=True)
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()


@cache
def keys(nights: int = 400) -> NewVault:
    """Keys of a vault whose series last `nights`; 400 makes five keys a compartment."""
    plan = Plan(
        school=r.School(name="Ysgol Bro Tegid"),
        role="head",
        agents=(r.Agent(key=AGENT.public().encode(), name="server"),),
        compartments=(
            r.Compartment(name="records", nights=nights, keep_days=30),
            r.Compartment(name="safeguarding", nights=nights, keep_days=30),
        ),
        strictest="safeguarding",
        cap_days=900,
    )
    return new_vault(plan, T0)


def custody(vault: NewVault) -> HybridIdentity:
    return custody_identity(Secret(vault.key_file.secret), vault.vault)


_OPENED: dict[bytes, HybridIdentity] = {}


def write_tree(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder hold these files and no others; what is right already is not touched."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)


def contents(views: list[CompartmentView]) -> dict[str, bytes]:
    """Every file of an opened snapshot, proven, without the source's name."""
    found: dict[str, bytes] = {}
    for view in views:
        for entry in view.entries():
            if isinstance(entry, r.FileEntry):
                data = b"".join(view.packs.stream(entry.extents))
                assert hashlib.sha256(data).hexdigest() == entry.sha256
                found[entry.path.decode().partition("/")[2]] = data
    return found


def errors(findings: tuple[Finding, ...]) -> list[str]:
    return [f"{one.code} {one.subject}" for one in findings if one.severity == "error"]


@dataclass
class School:
    """One vault and the machine that writes it, below `folder`."""

    folder: Path
    store: Store
    clock: FixedClock
    vault: NewVault = field(default_factory=keys)
    state: Path = field(init=False)
    source: Path = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.folder / "state"
        self.source = self.folder / "exports"
        until = self.clock.now().replace(microsecond=0) + timedelta(days=900)
        for name, data in self.vault.public.items():
            self.store.put(name, data, retain_until=until)

    @property
    def anchor(self) -> Anchor:
        return Anchor(self.vault.vault, self.vault.fingerprint)

    def night(
        self,
        files: Mapping[str, bytes] | None = None,
        *,
        store: Store | None = None,
        key: SigningKey = AGENT,
        may_go_on: Callable[[], bool] = lambda: True,
        rules: Sequence[Rule] = RULES,
        state_type: type[State] = State,
        sources: Sequence[Source] | None = None,
    ) -> NightReport:
        """Write `files` to the source and deposit them, or deposit `sources` instead. The state is always closed."""
        if files is not None:
            write_tree(self.source, files)
        state = state_type.open(self.state)
        try:
            agent = Agent(store or self.store, state, key, self.clock, self.anchor)
            work = Work(sources or [FolderSource("school", self.source)], rules, may_go_on)
            return run_night(agent, work, NoProgress())
        finally:
            state.close()

    def nights(self, count: int = 3) -> dict[int, dict[str, bytes]]:
        """The first `count` of NIGHTS, a day apart; gives what each snapshot must hold."""
        for n in range(1, count + 1):
            assert self.night(NIGHTS[n]).seq == n
            self.clock.at += timedelta(days=1)
        return {n: NIGHTS[n] for n in range(1, count + 1)}

    def history(self, remembered: Head | None = None, store: Store | None = None) -> History:
        return load_history(store or self.store, self.anchor, remembered)

    def opener(self, sealed: bytes, key: r.StockKey) -> HybridIdentity:
        if sealed not in _OPENED:
            _OPENED[sealed] = series_identity(sealed, key, self.vault.vault, custody(self.vault))
        return _OPENED[sealed]

    def views(self, which: str | Snapshot = "latest", store: Store | None = None) -> list[CompartmentView]:
        history = self.history(store=store)
        snapshot = choose(history, which) if isinstance(which, str) else which
        return open_snapshot(store or self.store, history, snapshot, self.opener)

    def restore_all(self, which: str | Snapshot = "latest", store: Store | None = None) -> dict[str, bytes]:
        """Every file of a snapshot."""
        return contents(self.views(which, store))

    def check_all_snapshots(self, expected: Mapping[int, Mapping[str, bytes]]) -> None:
        """The vault holds these snapshots on its main branch and no others, each byte for byte."""
        history = self.history()
        assert [one.seq for one in history.snapshots if one.on_main] == sorted(expected)
        for snapshot in history.snapshots:
            if snapshot.on_main:
                assert self.restore_all(snapshot) == expected[snapshot.seq], snapshot.seq

    def check_healthy(self, remembered: Head | None = None) -> History:
        """No finding but warnings, keyless, from names and from bytes."""
        history = self.history(remembered)
        assert errors(history.findings) == []
        assert errors(verify_listing(self.store, history, NoProgress()).findings) == []
        assert errors(verify_bytes(self.store, expected_objects(history), NoProgress()).findings) == []
        return history

    def clone(self, folder: Path) -> "School":
        """The same vault and machine, apart from here on; the source is copied with its times. MemoryStore only."""
        assert isinstance(self.store, MemoryStore)
        folder.mkdir(parents=True)
        for name in ("state", "exports"):
            if (self.folder / name).exists():
                shutil.copytree(self.folder / name, folder / name)
        clock = FixedClock(self.clock.at)
        return School(folder, MemoryStore(self.store.dump(), clock=clock.now), clock, self.vault)


def school(folder: Path, *, on_disk: bool = False, nights: int = 400) -> School:
    """A new vault in memory or in a folder."""
    clock = FixedClock()
    store = ClockedFolder(folder / "vault", clock) if on_disk else MemoryStore(clock=clock.now)
    return School(folder, store, clock, keys(nights))
