"""From a folder of restored originals to what a school, a vendor or a records store can use: plan, then write.

What cannot be converted is told, and its original is there all the same. A rerun writes the same again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from escrow.errors import FormatError, StateError
from escrow.export.dictionary import Described, describe
from escrow.export.integrity import Doubt, check_keys, guess_keys
from escrow.export.tables import Left, Table, find_tables
from escrow.export.writing import Written, write_csv, write_excel, write_sqlite

Format = Literal["csv", "sqlite", "excel"]
FORMATS: tuple[Format, ...] = ("csv", "sqlite", "excel")
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
    """What an export wrote. `described` is of the tables that were read for it; `left` are no tables."""

    tables: int = 0
    described: list[Described] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)


def export(folder: Path, formats: Sequence[Format]) -> ExportReport:
    """Convert every table below `folder/originals` into `folder/csv`, `folder/school.sqlite`, `folder/excel`.

    Raises StateError `export-unwritable`; what is wrong with single tables stands in the report.
    """
    report = ExportReport()
    try:
        originals = folder / ORIGINALS
        tables, report.left = find_tables(originals)
        report.tables = len(tables)
        if "csv" in formats:
            _each(report, tables, "csv", folder / "csv", lambda table, to: write_csv(table, originals, to))
        if "sqlite" in formats:
            for table, came in write_sqlite(tables, folder / DATABASE):
                _tell(report, table, "sqlite", came)
        if "excel" in formats:
            _each(report, tables, "excel", folder / "excel", write_excel)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return report


def examine(folder: Path, report: ExportReport) -> None:
    """Read every table once more for the dictionary, and some for their keys: into `report`."""
    for table in find_tables(folder / ORIGINALS)[0]:
        try:
            described = describe(table)
        except FormatError as error:
            report.troubles.append(Trouble(table.name, table.origin, "dictionary", error.code, str(error)))
            continue
        report.described.append(described)
        if table.shape and table.shape.odd_quotes:
            words = "its quotation marks do not pair: a cell may hold rows; look into the original"
            report.troubles.append(Trouble(table.name, table.origin, "all", "quotes-odd", words))
        if described.misfits.count:
            report.troubles.append(_misfit(table, described.misfits.count, described.misfits.first))
    report.doubts = check_keys(guess_keys(report.described), report.described)


def _each(
    report: ExportReport,
    tables: Sequence[Table],
    format: Format,
    folder: Path,
    write: Callable[[Table, Path], Written],
) -> None:
    folder.mkdir(exist_ok=True)
    for table in tables:
        try:
            came: Written | FormatError = write(table, folder)
        except FormatError as error:
            came = error
        _tell(report, table, format, came)


def _tell(report: ExportReport, table: Table, format: Format, came: Written | FormatError) -> None:
    if isinstance(came, FormatError):
        report.troubles.append(Trouble(table.name, table.origin, format, came.code, str(came)))
        return
    if came.cut:
        words = f"{came.cut} cells were longer than a cell of Excel may be, and were cut: read them in the CSV"
        report.troubles.append(Trouble(table.name, table.origin, format, "cells-cut", words))


def _misfit(table: Table, count: int, first: list[int]) -> Trouble:
    rows = f" (such as row {', '.join(map(str, first))})" if first else ""
    words = f"{count} rows have more or fewer cells than the header and stand in the original alone{rows}"
    return Trouble(table.name, table.origin, "all", "rows-misfit", words)


def _unwritable(folder: Path, error: OSError) -> StateError:
    return StateError(
        "export-unwritable",
        f"{folder}: cannot be written ({error.strerror or error})",
        hint="free space or choose another folder, then run the same command again; the originals that are there stay",
    )
