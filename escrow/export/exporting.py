"""From a folder of restored originals to what a school, a vendor or a records store can use: plan, then write.

What cannot be converted is told, and its original is there all the same. A rerun writes the same again.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from escrow.errors import FormatError, StateError
from escrow.export.excel import write_excel
from escrow.export.originals import folder_files
from escrow.export.table import Table
from escrow.export.tables import Left, find_tables
from escrow.export.writing import write_csv, write_sqlite

if TYPE_CHECKING:
    from escrow.export.dictionary import Described
    from escrow.export.integrity import Doubt

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
    described: "list[Described]" = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    doubts: "list[Doubt]" = field(default_factory=list)

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
            _each(report, "excel", folder, _excel)
    except OSError as error:
        raise StateError(
            "export-unwritable",
            f"{folder}: cannot be written ({error.strerror or error})",
            hint="free space or choose another folder, then run the same command again; originals that are there stay",
        ) from error
    return report


def _each(report: ExportReport, format: Format, folder: Path, write: Callable[[Table, Path], str | None]) -> None:
    """`write` gives words for what it had to cut. Two tables are under way at once."""
    to = folder / format
    to.mkdir(exist_ok=True)

    def written(table: Table) -> str | FormatError | None:
        try:
            return write(table, to)
        except FormatError as error:
            return error

    with ThreadPoolExecutor(2, "export") as pool:
        for table, result in zip(report.tables, pool.map(written, report.tables), strict=True):
            if isinstance(result, FormatError):
                report.fail(table, format, result)
            elif result:
                report.tell(table, format, "cells-cut", result)


def _excel(table: Table, folder: Path) -> str | None:
    cut = write_excel(table, folder)
    return f"{cut} cells were longer than a cell of Excel may be, and were cut: read them in the CSV" if cut else None
