"""What a database is to escrow: tables, read in one snapshot, each as CSV. Pure but for the protocol's readers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

BATCH = 1000
"""Rows that a driver is asked for at a time."""

Form = Literal["plain", "text", "hex"]
"""How a column stands in CSV: `plain` unquoted (numbers, times, truth), `text` always quoted, `hex` as `\\x6f6b`."""

Rows = Iterator[tuple[int, bytes]]
"""Pieces of CSV: how many whole rows, and their bytes."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `type` in the server's own words."""

    name: str
    type: str
    nullable: bool
    form: Form


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`columns` of a table point to columns `to` of `schema`.`table`, in this order."""

    name: str
    columns: tuple[str, ...]
    schema: str
    table: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `key`: the primary key's columns; `rows`: the server's own count; `unread`: why it cannot be read.

    `outside`: it is read, but not at the snapshot's moment (an engine without transactions);
    `partitioned`: its rows lie in partitions; `order`: what sorts its rows and is no column, after the key's.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    rows: int | None = None
    unread: str = ""
    outside: bool = False
    partitioned: bool = False
    order: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """What one snapshot shows: server and version, how it is isolated, when it was taken (the server's clock, UTC).

    `told`: what is in the database and left out, in sentences.
    """

    server: str
    isolation: str
    taken: datetime
    tables: tuple[Table, ...]
    told: tuple[str, ...] = field(default=())


class Snapshot(Protocol):
    """One consistent view of a database, open."""

    @property
    def view(self) -> View:
        """What it shows."""

    def rows(self, table: Table) -> Rows:
        """The table's lines below the header, each ending in LF, in a stable order. Raises UnreadableError."""

    def close(self) -> None:
        """Let go of the database; never raises."""


def order_of(table: Table) -> Sequence[str]:
    """The columns by which a table is sorted: the primary key's, else all."""
    return table.key or tuple(column.name for column in table.columns)
