"""From a folder of restored originals to what a school, a vendor or a records store can use: plan, then write.

What cannot be converted is told, and its original is there all the same. A rerun writes the same again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from escrow.errors import FormatError, StateError
from escrow.export.dictionary import Described, describe
from escrow.export.integrity import Doubt, check_identifiers, check_keys, guess_keys
from escrow.export.keys import declared_keys
from escrow.export.originals import folder_files
from escrow.export.table import Misfits, Table
from escrow.export.tables import Left, find_tables
from escrow.export.writing import write_csv, write_excel, write_sqlite

Format = Literal["csv", "sqlite", "excel"]
ORIGINALS = "originals"
DATABASE = "school.sqlite"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What could not be done with a table, or not whole: `rows-misfit`, `quotes-odd`, `cells-cut`, an error's code."""

    table: str
    origin: str
    format: str
    code: str
    words: str


@dataclass(slots=True)
class ExportReport:
    """What was found and written. `left` are originals that are no tables; `described` are tables that were read for
    the dictionary, in their order."""

    tables: list[Table]
    left: list[Left]
    described: list[Described] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)

    def fail(self, table: Table, format: str, error: FormatError) -> None:
        self.troubles.append(Trouble(table.name, table.origin, format, error.code, str(error)))

    def tell(self, table: Table, format: str, code: str, words: str) -> None:
        self.troubles.append(Trouble(table.name, table.origin, format, code, words))


def export(folder: Path, formats: Sequence[Format]) -> ExportReport:
    """Convert every table below `folder/originals` into `folder/csv`, `folder/school.sqlite`, `folder/excel`.

    Raises StateError `export-unwritable`; what is wrong with single tables stands in the report.
    """
    originals = folder / ORIGINALS
    report = ExportReport(*find_tables(folder_files(originals)))
    try:
        if "csv" in formats:
            _each(report, "csv", folder, lambda table, to: write_csv(table, originals, to))
        if "sqlite" in formats:
            for table, error in write_sqlite(report.tables, folder / DATABASE):
                report.fail(table, "sqlite", error)
        if "excel" in formats:
            _each(report, "excel", folder, lambda table, to: _excel(report, table, to))
    except OSError as error:
        raise StateError(
            "export-unwritable",
            f"{folder}: cannot be written ({error.strerror or error})",
            hint="free space or choose another folder, then run the same command again; originals that are there stay",
        ) from error
    return report


def _each(report: ExportReport, format: Format, folder: Path, write: Callable[[Table, Path], None]) -> None:
    to = folder / format
    to.mkdir(exist_ok=True)
    for table in report.tables:
        try:
            write(table, to)
        except FormatError as error:
            report.fail(table, format, error)


def _excel(report: ExportReport, table: Table, folder: Path) -> None:
    if cut := write_excel(table, folder):
        words = f"{cut} cells were longer than a cell of Excel may be, and were cut: read them in the CSV"
        report.tell(table, "excel", "cells-cut", words)


def examine(folder: Path, report: ExportReport) -> None:
    """Read every table once more for the dictionary, and some for their keys: into `report`."""
    for table in report.tables:
        try:
            described = describe(table)
        except FormatError as error:
            report.fail(table, "dictionary", error)
            continue
        report.described.append(described)
        _judge(report, table, described.misfits)
    known = {one.table.name for one in report.described}
    declared = [key for key in declared_keys(folder_files(folder / ORIGINALS), report.tables) if key.table in known]
    keyed = {key.table for key in declared}
    guessed = [key for key in guess_keys(report.described) if key.table not in keyed]
    report.doubts = [*check_keys([*declared, *guessed], report.described), *check_identifiers(report.described)]


def _judge(report: ExportReport, table: Table, misfits: Misfits) -> None:
    if misfits.count:
        rows = f" (such as row {', '.join(map(str, misfits.first))})" if misfits.first else ""
        words = f"{misfits.count} rows have more or fewer cells than the header and stand in the original alone{rows}"
        report.tell(table, "all", "rows-misfit", words)
    if table.shape and table.shape.odd_quotes:
        words = "its quotation marks do not pair: a cell may hold rows; look into the original"
        report.tell(table, "all", "quotes-odd", words)
