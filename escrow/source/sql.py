"""A database as a source: every table of one snapshot as a CSV file, and schema.json beside them."""

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict

from escrow.source.base import FileItem, Item, ScanNotes, UnreadableError, UnreadItem, check_name, stream_item
from escrow.source.compartments import compile_globs
from escrow.source.datasets import dataset_of
from escrow.source.sql_model import Rows, Snapshot, Table, View
from escrow.source.sql_names import file_names
from escrow.source.streams import PieceReader

SCHEMA = b"schema.json"
CSV_RULES = (
    "RFC 4180 in UTF-8; lines end in LF; the first line has the columns' names; NULL is nothing, the empty text is two "
    "quotes; a column's form: plain is never quoted, text always, hex is \\x and two digits a byte; times with a zone "
    "are in UTC, or end in their offset"
)
_WHY = {
    "permission": "grant SELECT on them to the account that reads, see docs/guide-sql.md",
    "away": "the database went away; look at its log",
    "changing": "they were altered meanwhile; move the night away from the vendor's upgrade",
    "vanished": "they were dropped meanwhile",
    "in-use": "they are locked; move the night away from the job that holds them",
    "encoding": "the database has no encoding (SQL_ASCII), and their text is not UTF-8; take pg_dump by a command",
    "io-error": "the server reported a fault; look at its log",
    "short": "fewer or more rows came than the server counted",
    "masked": "the account sees masks in place of values; GRANT UNMASK to it, see docs/guide-sql.md",
    "memory-optimized": "tables in memory have no place in a snapshot; take the server's backup too",
    "row-too-large": "a row is too large for the server to send; raise max_allowed_packet",
}


class SqlSource:
    """The database behind `connect`, under the source name `name`."""

    def __init__(self, name: str, connect: Callable[[], Snapshot], *, ignore: Sequence[str] = ()) -> None:
        """`connect` begins a snapshot, or raises SourceError. `ignore`: patterns in the language of .gitignore, for
        names such as `schema.table.csv`. UsageError `source-name`, `glob`.
        """
        check_name(name)
        self.name = name
        self.notes = ScanNotes(name)
        self._connect = connect
        self._ignore = compile_globs(ignore)
        self._snapshot: Snapshot | None = None
        self._contents: dict[bytes, Table | bytes] = {}
        self._unread: Counter[str] = Counter()

    def scan(self) -> Iterator[Item]:
        """All tables, and schema.json, sorted by path bytes. SourceError when there is no snapshot.

        The snapshot lasts as long as the scan: an item is read before the next one is asked for.
        """
        self.notes = ScanNotes(self.name)
        self._unread = Counter()
        self._snapshot = self._connect()
        try:
            yield from self._items(self._snapshot.view)
        finally:
            self._snapshot.close()
            self._snapshot = None
            self._contents = {}
        self.notes.told += [f"{count} tables: {why}; {_WHY[why]}" for why, count in sorted(self._unread.items())]

    def _items(self, view: View) -> Iterator[Item]:
        files = file_names([(table.schema, table.name) for table in view.tables])
        time_ns = int(view.taken.timestamp()) * 10**9
        root = self.name.encode() + b"/"
        self.notes.told = list(view.told)
        self._contents = {root + SCHEMA: schema_json(view, files)}
        for table in view.tables:
            file = files[table.schema, table.name]
            if self._ignore.match_file(file):
                self.notes.counts["ignored"] += 1
            else:
                self._contents[root + file.encode("utf-8", "surrogatepass")] = table
        for path, content in sorted(self._contents.items(), key=lambda pair: pair[0]):
            dataset = dataset_of(path)
            if isinstance(content, Table) and content.unread:
                self._unread[content.unread] += 1
                yield UnreadItem(path, content.unread)
                continue
            if isinstance(content, Table) and content.rows is not None:
                self.notes.rows[dataset] = content.rows
            yield stream_item(path, time_ns, dataset)

    def open(self, item: FileItem) -> io.RawIOBase:
        """A reader of a table's CSV, while the scan stands at it. UnreadableError, also from its reads."""
        content = self._contents[item.path]
        return PieceReader(iter((content,)) if isinstance(content, bytes) else self._csv(content))

    def recheck(self, item: FileItem) -> FileItem | None:
        """Nothing changes within a snapshot."""
        return None

    def _csv(self, table: Table) -> Iterator[bytes]:
        assert self._snapshot is not None
        yield _header(table)
        try:
            yield from _counted(self._snapshot.rows(table), table.rows)
        except UnreadableError as error:
            self._unread[error.code] += 1
            raise


def _header(table: Table) -> bytes:
    names = ('"' + column.name.replace('"', '""') + '"' for column in table.columns)
    return (",".join(names) + "\n").encode("utf-8", "surrogatepass")


def _counted(rows: Rows, wanted: int | None) -> Iterator[bytes]:
    found = 0
    for count, lines in rows:
        found += count
        yield lines
    if wanted not in (None, found):
        raise UnreadableError("short", f"expected {wanted} rows, as the server counted, found {found}")


def schema_json(view: View, files: Mapping[tuple[str, str], str]) -> bytes:
    """What the CSV files cannot say, as JSON: the file, columns, keys and rows of each table; server and moment."""
    tables = [
        {
            "file": files[table.schema, table.name],
            "schema": table.schema,
            "table": table.name,
            "rows": table.rows,
            "primary_key": table.key,
            "order": "primary key" if table.key else table.order or "all columns",
            "columns": [asdict(column) for column in table.columns],
            "foreign_keys": [asdict(key) for key in table.foreign_keys],
            "in_snapshot": not table.outside,
            **({"unread": table.unread} if table.unread else {}),
        }
        for table in sorted(view.tables, key=lambda table: (table.schema, table.name))
    ]
    about = {
        "server": view.server,
        "isolation": view.isolation,
        "snapshot": view.taken.isoformat(),
        "csv": CSV_RULES,
        "told": view.told,
        "tables": tables,
    }
    return (json.dumps(about, ensure_ascii=True, indent=1) + "\n").encode()
