"""A simulated year: what escrow and restic add for a school with many documents, night by night.

`python -m bench.year --gb 20 --mb 500 --nights 365 --out bench/out`. Only bytes are measured. escrow runs in this
process under a clock that moves a day a night, so that series end and begin as they would; its packs are counted and
not kept, for a night reads none. Nights before a Saturday or Sunday bring nothing new.
"""

import argparse
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.documents import add_documents
from bench.peers import Restic, folder_bytes
from bench.school import SEED, make_night, make_school
from bench.vault import bench_agent
from escrow.engine.night import Agent, Work, run_night
from escrow.engine.ports import NoProgress
from escrow.source import FolderSource, Rule
from escrow.store import FolderStore, ObjectInfo
from escrow.store.base import LockMode

_RULES = [Rule("documents", ("/mis/documents/", "/mis/archive/"))]
_MEAN_DOCUMENT = 240_000
_SHOWN = (0, 1, 7, 30, 60, 90, 180, 270, 365)


class Year:
    """A clock that stands still until it is moved on."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Counted(FolderStore):
    """A folder that counts packs instead of keeping them, under the simulated clock."""

    def __init__(self, path: Path, clock: Year) -> None:
        super().__init__(path)
        self._clock = clock
        self.packs = 0

    def put(
        self,
        key: str,
        body: bytes,
        *,
        retain_until: datetime | None = None,
        lock_mode: LockMode = "COMPLIANCE",
    ) -> ObjectInfo:
        if "/packs/" not in key:
            return super().put(key, body, retain_until=retain_until, lock_mode=lock_mode)
        self.packs += len(body)
        return ObjectInfo(key, len(body), "", None, self._clock.now())

    def now(self) -> datetime:
        return self._clock.now()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=20, help="of documents that are there from the first night")
    parser.add_argument("--mb", type=int, default=500, help="of the school's export")
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    parser.add_argument("--work", type=Path, help="a folder on a disk with room for three times --gb")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="escrow-year-", dir=options.work))
    try:
        lines = _run(work, options.gb, options.mb, options.nights)
    finally:
        shutil.rmtree(work)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "year.md").write_text("\n".join(lines) + "\n", "utf-8")


def _run(work: Path, gb: float, mb: int, nights: int) -> list[str]:
    source = work / "source"
    make_school(source, mb)
    add_documents(source / "archive", SEED, 0, int(gb * 1e9 / _MEAN_DOCUMENT))
    clock = Year()
    vault = work / "vault"
    made = bench_agent(work)
    store = Counted(vault, clock)
    agent = Agent(store, made.state, made.key, clock, made.anchor)
    restic = Restic("restic", source, work)
    restic.init()
    lines = ["| night | escrow, MB | restic, MB | escrow / restic |", "|---|---|---|---|"]
    changes = 0
    for night in range(nights + 1):
        if night and clock.now().weekday() < 5:
            changes += 1
            make_night(source, changes)
        run_night(agent, Work([FolderSource("mis", source)], _RULES, lambda: True), NoProgress())
        restic.backup(night)
        if night in _SHOWN or night == nights:
            ours, theirs = (store.packs + folder_bytes(vault)) / 1e6, restic.repo_bytes() / 1e6
            lines.append(f"| {night} | {ours:,.0f} | {theirs:,.0f} | {ours / theirs:.3f} |")
            print(lines[-1], flush=True)
        clock.sleep(86400)
    made.state.close()
    return lines


if __name__ == "__main__":
    main()
