"""Measure escrow, restic and borg on the same nights: results.json, table.md and chart.svg.

    python -m bench.run --mb 500 --nights 3 --peers restic,borg,borg-small,escrow --out bench/out
    python -m bench.run --quick --check

Every operation is a fresh process with warm caches; the tools take turns in rotating order; every restore is
compared with the SHA-256 of the source as it was that night.
"""

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from bench.chart import chart
from bench.escrow_peer import Escrow
from bench.machine import machine
from bench.measure import Run
from bench.peers import SMALL_CHUNKS, Borg, Peer, Restic
from bench.report import Results, judge, table
from bench.school import SEED, make_night, make_school
from escrow.errors import EscrowError, IntegrityError, UsageError

PEERS: dict[str, Callable[[Path, Path], Peer]] = {
    "restic": lambda source, work: Restic("restic", source, work),
    "borg": lambda source, work: Borg("borg", source, work),
    "borg-small": lambda source, work: Borg("borg-small", source, work, SMALL_CHUNKS),
    "escrow": lambda source, work: Escrow("escrow", source, work),
}
QUICK_MB, QUICK_NIGHTS = 40, 2


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`, by relative path. Reading it all also warms the page cache."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


@dataclass
class Bench:
    """One source that moves from night to night, and the tools that deposit it."""

    work: Path
    peers: list[Peer]
    seed: int
    results: Results
    nights: list[dict[str, str]] = field(default_factory=list)

    @property
    def source(self) -> Path:
        """The export as it is now."""
        return self.work / "source"

    def first_night(self, mb: int, repeats: int) -> None:
        """Make the school; deposit it into a fresh repository, `repeats` times."""
        make_school(self.source, mb, self.seed)
        self.nights.append(digests(self.source))
        for turn in range(repeats):
            for peer in self._turn(turn):
                peer.init()
                empty = peer.repo_bytes()
                self._note(peer, "first night", peer.backup(0), peer.repo_bytes() - empty)

    def later_night(self) -> None:
        """Move the school on by a night and deposit it."""
        night = len(self.nights)
        make_night(self.source, night, self.seed)
        self.nights.append(digests(self.source))
        for peer in self._turn(night):
            before = peer.repo_bytes()
            self._note(peer, "later night", peer.backup(night), peer.repo_bytes() - before)

    def restores(self, repeats: int) -> None:
        """Restore the last night and one middle-sized document of it `repeats` times, the first night once."""
        last = len(self.nights) - 1
        documents = sorted(self.source.glob("documents/*/*/*"), key=lambda p: (p.stat().st_size, p.name))
        one = documents[len(documents) * 3 // 4].relative_to(self.source).as_posix()
        for turn in range(repeats):
            for peer in self._turn(turn):
                run = self._restored(peer, last, self.nights[last], partial(peer.restore_all, last))
                self._note(peer, "whole restore", run, None)
                wanted = {one: self.nights[last][one]}
                run = self._restored(peer, last, wanted, partial(peer.restore_one, last, one))
                self._note(peer, "one file", run, None)
        for peer in self.peers:
            self._restored(peer, 0, self.nights[0], partial(peer.restore_all, 0))

    def _restored(self, peer: Peer, night: int, wanted: dict[str, str], restore: Callable[[Path], Run]) -> Run:
        to = self.work / "restored"
        to.mkdir()
        run = restore(to)
        found = digests(to)
        if found != wanted:
            wrong = sorted(set(found.items()) ^ set(wanted.items()))
            raise IntegrityError(
                "bench-restore-differs",
                f"expected {peer.name} to give night {night} back byte for byte, found it different in {wrong[:3]}",
            )
        shutil.rmtree(to)
        return run

    def _turn(self, turn: int) -> list[Peer]:
        start = turn % len(self.peers)
        return self.peers[start:] + self.peers[:start]

    def _note(self, peer: Peer, operation: str, run: Run, added: int | None) -> None:
        self.results.add(peer.name, operation, run, added)
        size = "" if added is None else f"  {added / 1e6:8.2f} MB"
        print(
            f"{operation:14}{peer.name:12}{run.wall:8.2f} s wall{run.cpu:8.2f} s CPU{run.rss_mib:7.0f} MiB{size}",
            file=sys.stderr,
            flush=True,
        )


def _peers(names: Sequence[str], source: Path, work: Path, results: Results) -> list[Peer]:
    ready = []
    for name in names:
        if name not in PEERS:
            raise UsageError("bench-peer-unknown", f"expected one of {', '.join(PEERS)}, found {name!r}")
        peer = PEERS[name](source, work)
        try:
            results.versions[name] = peer.version()
        except UsageError as error:
            results.skipped[name] = str(error)
        else:
            ready.append(peer)
    if not ready:
        raise UsageError("bench-tool-missing", f"expected one of {', '.join(names)}, found none of them")
    return ready


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 1 with --check when a target is missed or could not be judged, else 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description="Measure escrow against its peers.")
    parser.add_argument("--mb", type=int, default=500)
    parser.add_argument("--nights", type=int, default=3, help="later nights")
    parser.add_argument("--repeats", type=int, default=3, help="of the first night and of each restore")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--quick", action="store_true", help="seconds: small school, only bytes and memory are judged")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    args = parser.parse_args(arguments)
    if args.quick:
        args.mb, args.nights, args.repeats = QUICK_MB, QUICK_NIGHTS, 1
    work = args.out.resolve() / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    results = Results(args.mb, args.nights, args.repeats, args.quick, machine(work))
    bench = Bench(work, _peers(args.peers.split(","), work / "source", work, results), args.seed, results)
    try:
        bench.first_night(args.mb, args.repeats)
        for _ in range(args.nights):
            bench.later_night()
        bench.restores(args.repeats)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    (args.out / "results.json").write_text(json.dumps(asdict(results), indent=1) + "\n")
    (args.out / "table.md").write_text(table(results))
    (args.out / "chart.svg").write_text(chart(results))
    print(table(results))
    return int(args.check and not all(verdict.held for verdict in judge(results)))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EscrowError as error:
        sys.exit(f"{error.code}: {error}")
