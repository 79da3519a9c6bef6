"""The agent's local memory: what it deposited, durably, so that a crash at any point loses nothing.

One SQLite file in the state folder. Every method that writes is one transaction. The folder is private to one
agent and one vault; losing it, or rolling it back, costs a new series and nothing else.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from escrow.errors import BusyError, StateError
from escrow.record import ObjectRef, notice_name
from escrow.trust import Head

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE series (
    id TEXT PRIMARY KEY, compartment TEXT NOT NULL, key_id TEXT NOT NULL, agent TEXT NOT NULL,
    charter TEXT NOT NULL, record TEXT NOT NULL, envelope BLOB NOT NULL, secret BLOB NOT NULL,
    ends INTEGER NOT NULL, retain_until INTEGER NOT NULL, open INTEGER NOT NULL,
    cache_sha256 TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE UNIQUE INDEX one_open_series ON series (compartment) WHERE open;
CREATE TABLE packs (
    series TEXT NOT NULL, ordinal INTEGER NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    head_sha256 TEXT NOT NULL, seq INTEGER, PRIMARY KEY (series, ordinal)
);
CREATE TABLE chunks (
    series TEXT NOT NULL, dataset TEXT NOT NULL, ordinal INTEGER NOT NULL, records BLOB NOT NULL,
    PRIMARY KEY (series, dataset, ordinal)
);
CREATE TABLE births (
    series TEXT PRIMARY KEY, compartment TEXT NOT NULL, key_id TEXT NOT NULL, at INTEGER NOT NULL,
    planned INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE pending (
    seq INTEGER PRIMARY KEY, payload_sha256 TEXT NOT NULL, envelope BLOB NOT NULL, retain_until INTEGER NOT NULL
);
"""
_VERSION = 1
PLANNED = ("first", "planned")
"""Why a series may begin without anything being amiss."""


class Birth(NamedTuple):
    """When a series began (Unix seconds), with which key, and whether that was to be expected."""

    series: str
    compartment: str
    key_id: str
    at: int
    planned: bool


@dataclass(frozen=True, slots=True)
class OpenSeries:
    """A series that this agent writes. `secret`: 40 bytes, the chunk key and the gear seed. Times: Unix seconds."""

    id: str
    compartment: str
    key_id: str
    agent: str
    charter: str
    record: str
    envelope: bytes
    secret: bytes
    ends: int
    retain_until: int
    cache_sha256: str = ""

    def __repr__(self) -> str:
        return f"OpenSeries({self.id}, {self.compartment})"


@dataclass(frozen=True, slots=True)
class JournalledPack:
    """A pack that the store acknowledged; `seq` is the notice that names it, None until there is one."""

    ordinal: int
    ref: ObjectRef
    seq: int | None


@dataclass(frozen=True, slots=True)
class Pending:
    """A signed notice that is decided, and may or may not have reached the store. `retain_until`: Unix seconds."""

    seq: int
    payload_sha256: str
    envelope: bytes
    retain_until: int

    @property
    def name(self) -> str:
        """The notice's object name."""
        return notice_name(self.seq, self.envelope)


class State:
    """The state file, open to one process at a time.

    `open` raises BusyError while another run has it, StateError when it is foreign, damaged or of a later escrow.
    """

    def __init__(self, database: sqlite3.Connection, folder: Path) -> None:
        self._db = database
        self.folder = folder

    @classmethod
    def open(cls, folder: Path) -> "State":
        """Open, creating it when the folder has none."""
        path = folder / "state.db"
        with _told(path):
            folder.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(path, timeout=0, isolation_level=None)
            with ExitStack() as undo:
                undo.callback(database.close)
                cls._take(database, path)
                undo.pop_all()
        return cls(database, folder)

    @staticmethod
    def _take(database: sqlite3.Connection, path: Path) -> None:
        """Lock the file for as long as it is open, and give a new one its tables."""
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("BEGIN EXCLUSIVE")
        database.execute("COMMIT")
        found = database.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            database.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;")
        elif found != _VERSION:
            raise StateError(
                "state-version", f"{path}: expected state version {_VERSION}, found {found}", hint="update escrow"
            )

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _told(self.folder / "state.db"):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _rows(self, query: str, *values: str | int) -> list[tuple[object, ...]]:
        with _told(self.folder / "state.db"):
            return self._db.execute(query, values).fetchall()

    def recall(self, name: str) -> str | None:
        """A remembered text, such as the vault's id."""
        rows = self._rows("SELECT value FROM meta WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def remember(self, name: str, value: str) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def head(self) -> Head | None:
        text = self.recall("head")
        return Head(seq=int(text.split()[0]), sha256=text.split()[1]) if text else None

    def pending(self) -> Pending | None:
        with _told(self.folder / "state.db"):
            row = self._db.execute("SELECT seq, payload_sha256, envelope, retain_until FROM pending").fetchone()
        return Pending(*row) if row else None

    def open_series(self) -> dict[str, OpenSeries]:
        """The series being written, by compartment."""
        columns = ", ".join(OpenSeries.__slots__)
        with _told(self.folder / "state.db"):
            found = [OpenSeries(*row) for row in self._db.execute(f"SELECT {columns} FROM series WHERE open")]  # noqa: S608
        return {series.compartment: series for series in found}

    def begin_series(self, series: OpenSeries, at: int, planned: bool) -> None:
        """Close the compartment's open series, if any, and open this one."""
        with self._transaction() as db:
            db.execute("UPDATE series SET open = 0 WHERE compartment = ?", (series.compartment,))
            db.execute(
                "INSERT INTO series (id, compartment, key_id, agent, charter, record, envelope, secret, ends,"
                " retain_until, cache_sha256, open) VALUES (?,?,?,?,?,?,?,?,?,?,?,1)",
                tuple(getattr(series, name) for name in OpenSeries.__slots__),
            )
            db.execute(
                "INSERT INTO births VALUES (?,?,?,?,?)", (series.id, series.compartment, series.key_id, at, planned)
            )
            self._forget_closed()

    def _forget_closed(self) -> None:
        for table in ("packs", "chunks"):
            self._db.execute(f"DELETE FROM {table} WHERE series NOT IN (SELECT id FROM series WHERE open)")  # noqa: S608

    def births_since(self, at: int) -> dict[str, int]:
        """How many unplanned series each compartment began since `at`."""
        rows = self._rows(
            "SELECT compartment, count(*) FROM births WHERE at >= ? AND NOT planned GROUP BY compartment", at
        )
        return {str(compartment): int(str(count)) for compartment, count in rows}

    def used_keys(self) -> set[str]:
        """Ids of the keys that have a series."""
        return {str(row[0]) for row in self._rows("SELECT key_id FROM births")}

    def packs(self, series: str) -> list[JournalledPack]:
        """The series' acknowledged packs by ordinal."""
        with _told(self.folder / "state.db"):
            rows = self._db.execute(
                "SELECT ordinal, sha256, size, head_sha256, seq FROM packs WHERE series = ? ORDER BY ordinal", (series,)
            ).fetchall()
        return [
            JournalledPack(row[0], ObjectRef(sha256=row[1], size=row[2], head_sha256=row[3]), row[4]) for row in rows
        ]

    def chunks(self, series: str, dataset: str) -> list[tuple[int, bytes]]:
        """For each pack with chunks of `dataset` its ordinal and their records."""
        with _told(self.folder / "state.db"):
            return self._db.execute(
                "SELECT ordinal, records FROM chunks WHERE series = ? AND dataset = ?", (series, dataset)
            ).fetchall()

    def journal_pack(self, series: str, ordinal: int, ref: ObjectRef, chunks: dict[str, bytes]) -> None:
        """Remember a pack that the store has just acknowledged, and its chunks' records by dataset."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO packs VALUES (?,?,?,?,?,NULL)", (series, ordinal, ref.sha256, ref.size, ref.head_sha256)
            )
            db.executemany(
                "INSERT INTO chunks VALUES (?,?,?,?)",
                [(series, dataset, ordinal, records) for dataset, records in chunks.items()],
            )

    def close_gaps(self, series: str) -> None:
        """Renumber packs that no notice names so that ordinals follow one another, after a run that was killed."""
        with self._transaction() as db:
            rows = db.execute("SELECT ordinal FROM packs WHERE series = ? ORDER BY ordinal", (series,)).fetchall()
            for wanted, (found,) in enumerate(rows):
                if wanted != found:
                    for table in ("packs", "chunks"):
                        db.execute(
                            f"UPDATE {table} SET ordinal = ? WHERE series = ? AND ordinal = ?",  # noqa: S608
                            (wanted, series, found),
                        )

    def decide(self, notice: Pending, packs: dict[str, int], caches: dict[str, str]) -> None:
        """Journal a signed notice before it is put.

        `packs`: for each series, how many packs the notice's history has; `caches`: the SHA-256 of the file cache.
        """
        with self._transaction() as db:
            db.execute(
                "INSERT INTO pending VALUES (?,?,?,?)",
                (notice.seq, notice.payload_sha256, notice.envelope, notice.retain_until),
            )
            for series, count in packs.items():
                db.execute(
                    "UPDATE packs SET seq = ? WHERE series = ? AND ordinal < ? AND seq IS NULL",
                    (notice.seq, series, count),
                )
            for series, digest in caches.items():
                db.execute("UPDATE series SET cache_sha256 = ? WHERE id = ?", (digest, series))

    def commit(self, notice: Pending) -> None:
        """The store has the notice: it is the head now."""
        with self._transaction() as db:
            db.execute("DELETE FROM pending")
            db.execute("DELETE FROM meta WHERE name = 'adopted'")
            self._set_head(Head(seq=notice.seq, sha256=notice.payload_sha256), notice.name)

    def _set_head(self, head: Head, name: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('head', ?)", (f"{head.seq} {head.sha256}",))
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('head-name', ?)", (name,))

    def adopt(self, head: Head, name: str, births: list[Birth], why: str) -> None:
        """Take the store's history as true and forget all open series: the state was lost, rolled back or copied.

        `births`: every series that the history has. `why` is remembered as `adopted` until the next notice.
        """
        with self._transaction() as db:
            db.execute("DELETE FROM pending")
            db.execute("UPDATE series SET open = 0")
            self._forget_closed()
            db.executemany("INSERT OR IGNORE INTO births VALUES (?,?,?,?,?)", births)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('adopted', ?)", (why,))
            self._set_head(head, name)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise BusyError(
                "agent-busy", f"{path}: another escrow run is at work with this state", hint="wait until it has ended"
            ) from None
        raise StateError(
            "state-unusable",
            f"{path}: the agent's state cannot be read or written ({error})",
            hint="free disk space and check the folder's rights; if the file is damaged move it away: "
            "the next night then begins a new series",
        ) from error
