"""Reading a database beside the server's own tool: PostgreSQL and psql's `\\copy`, MariaDB and mariadb-dump.

    python -m bench.sql --rows 3000000 --rounds 3

Real servers on loopback; one table of lesson marks with a primary key. escrow reads it sorted, counted and as CSV in a
fresh process; the tools write it in their own order. Both throw the bytes away, and take turns in going first.
"""

import argparse
import os
import sys
from pathlib import Path

from bench.measure import Run, measure, medians
from tests.servers.databases import Server, mariadb_admin, postgres_admin, run_mariadb, run_postgres

LEAST = 0.5
WORD = "known-to-this-bench"
_READ = """
import sys
from pathlib import Path
from escrow.seal import Secret
from escrow.source.sql import SqlSource
from escrow.source.sql_address import Address
kind, port = sys.argv[1:]
if kind == "postgresql":
    from escrow.source.postgresql import PostgresSnapshot as Snapshot
else:
    from escrow.source.mysql import MySqlSnapshot as Snapshot
address = Address("127.0.0.1", int(port), "school", "reader", lambda: Secret(b"WORD"), "off")
source, buffer, size = SqlSource("mis", lambda: Snapshot(address)), bytearray(1 << 20), 0
for item in source.scan():
    with source.open(item) as raw:
        while count := raw.readinto(buffer):
            size += count
sys.exit(size < 1 << 20)
""".replace("WORD", WORD)
_POSTGRES = """CREATE TABLE marks AS SELECT n AS id, n % 1500 AS pupil, date '2026-09-01' + n / 9000 AS day,
 n % 7 AS period, (ARRAY['/', 'L', 'N', 'B, dual', 'late: "bus"'])[n % 5 + 1] AS mark, n::numeric / 100 AS score,
 timestamptz '2026-09-01 08:40Z' + n * interval '1 second' AS entered FROM generate_series(1, {rows}) n"""
_MARIADB = """CREATE TABLE marks ENGINE=InnoDB AS SELECT seq AS id, seq % 1500 AS pupil,
 DATE '2026-09-01' + INTERVAL seq DIV 9000 DAY AS day, seq % 7 AS period,
 ELT(seq % 5 + 1, '/', 'L', 'N', 'B, dual', 'late: "bus"') AS mark, CAST(seq / 100 AS DECIMAL(12,2)) AS score,
 TIMESTAMP '2026-09-01 08:40:00' + INTERVAL seq SECOND AS entered FROM seq_1_to_{rows}"""


def _fill_postgres(server: Server, rows: int) -> None:
    with postgres_admin(server) as admin:
        admin.execute("CREATE DATABASE school")
        admin.execute(f"CREATE ROLE reader LOGIN IN ROLE pg_read_all_data PASSWORD '{WORD}'".encode())
    with postgres_admin(server, "school") as admin:
        for statement in (
            _POSTGRES.format(rows=rows),
            "ALTER TABLE marks ADD PRIMARY KEY (id)",
            "VACUUM ANALYZE marks",
        ):
            admin.execute(statement.encode())


def _fill_mariadb(server: Server, rows: int) -> None:
    with mariadb_admin(server) as admin, admin.cursor() as cursor:
        cursor.execute("CREATE DATABASE school")
        cursor.execute(f"CREATE USER reader@localhost IDENTIFIED BY '{WORD}'")
        cursor.execute("GRANT SELECT ON school.* TO reader@localhost")
        cursor.execute("USE school")
        cursor.execute(_MARIADB.format(rows=rows))
        cursor.execute("ALTER TABLE marks ADD PRIMARY KEY (id)")


def _turns(kind: str, server: Server, rounds: int) -> tuple[Run, Run]:
    port = str(server.port)
    escrow = [sys.executable, "-c", _READ, kind, port]
    if kind == "postgresql":
        copy = r"\copy marks to /dev/null csv"
        own = ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", port, "-U", "reader", "-d", "school", "-c", copy]
    else:
        own = ["mariadb-dump", "--no-defaults", "-h", "127.0.0.1", "-P", port, "-u", "reader", "--single-transaction"]
        own += ["school", "marks"]
    env = os.environ | {"PGPASSWORD": WORD, "MYSQL_PWD": WORD}
    runs: dict[int, list[Run]] = {0: [], 1: []}
    for number in range(rounds + 1):
        for which in (0, 1) if number % 2 else (1, 0):
            run = measure((own, escrow)[which], cwd=Path.cwd(), env=env)
            if run.exit_code:
                raise SystemExit(run.errors)
            runs[which] += [run] if number else []  # the first warms the server's memory
    return medians(runs[0]), medians(runs[1])


def main() -> int:
    """Print the table; 1 when the limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("| server | s wall, its tool | s wall, escrow | throughput | s CPU, tool | s CPU, escrow | MiB peak |")
    print("|---|---|---|---|---|---|---|")
    held = True
    for kind, running, fill in (
        ("postgresql", run_postgres, _fill_postgres),
        ("mysql", run_mariadb, _fill_mariadb),
    ):
        with running() as server:
            fill(server, options.rows)
            own, ours = _turns(kind, server, options.rounds)
        ratio = own.wall / ours.wall
        held = held and ratio >= LEAST
        walls = f"{own.wall:.2f} | {ours.wall:.2f} | {ratio:.2f}"
        print(f"| {kind} | {walls} | {own.cpu:.2f} | {ours.cpu:.2f} | {ours.rss_mib:.0f} |", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
