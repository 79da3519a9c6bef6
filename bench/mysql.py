"""A database of generated marks in MariaDB: escrow's scan beside mariadb-dump. `python -m bench.mysql 3000000`."""

import subprocess
import sys
import time
from pathlib import Path

from escrow.source.mysql import MySqlSnapshot
from escrow.source.sql import SqlSource
from tests.servers.databases import run_mariadb
from tests.source.mysql_kit import base
from tests.source.test_mysql_nights import FILL, MARKS

TIMES = 3


def scan(source: SqlSource) -> int:
    """Reads everything; gives the bytes."""
    size = 0
    for item in source.scan():
        with source.open(item) as reader:  # type: ignore[arg-type]
            while data := reader.read(1 << 20):
                size += len(data)
    return size


def dump(socket: Path, database: str) -> int:
    """mariadb-dump of the same snapshot; gives the bytes."""
    words = ["mariadb-dump", "--no-defaults", f"--socket={socket}", "--user=root", "--single-transaction", database]
    size = 0
    with subprocess.Popen([*words, "--order-by-primary"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while data := process.stdout.read(1 << 20):
            size += len(data)
    return size


def main(rows: int) -> None:
    with run_mariadb() as server, base(server, MARKS, FILL.format(rows)) as one:
        source = SqlSource("mis", lambda: MySqlSnapshot(one.address()))
        for _ in range(TIMES):
            for name, work in (
                ("escrow", lambda: scan(source)),
                ("mariadb-dump", lambda: dump(server.folder / "socket", one.name)),
            ):
                began = time.perf_counter()
                size = work()
                seconds = time.perf_counter() - began
                print(f"{name:14} {rows} rows, {size / 1e6:7.1f} MB, {seconds:6.2f} s, {rows / seconds:10.0f} rows/s")


if __name__ == "__main__":
    main(int(sys.argv[1]))
