"""What the exported tables hold, and whether they agree: read once more for the dictionary and the report."""

from pathlib import Path

from escrow.errors import FormatError
from escrow.export.dictionary import describe
from escrow.export.exporting import ORIGINALS, ExportReport
from escrow.export.integrity import check_identifiers, check_keys, guess_keys
from escrow.export.keys import declared_keys
from escrow.export.originals import folder_files
from escrow.export.table import Misfits, Table


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
