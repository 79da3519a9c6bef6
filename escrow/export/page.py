"""What was exported, as a page for people and a dictionary for programs. Pure."""

import csv
import io
from collections import Counter
from collections.abc import Mapping

from escrow.export.exporting import ExportReport
from escrow.export.integrity import Doubt
from escrow.paper.page import Block, Grid, Page, Points, Section, Words

_DICTIONARY = ("table", "column", "type", "nulls", "blanks", "distinct (estimate)", "longest", "examples (masked)")
_DOUBTS = {
    "key-twice": "{values} values stand in more than one row ({rows} rows)",
    "reference-nowhere": "{values} values ({rows} rows) are not in {of}",
    "identifier-invalid": "{values} values ({rows} rows) fail the check of a {of}",
}


def dictionary_csv(report: ExportReport) -> bytes:
    """One line a column: CSV, UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_DICTIONARY)
    for described in report.described:
        for one in described.columns:
            facts = (one.type, one.nulls, one.blanks, one.distinct, one.longest)
            writer.writerow((one.table, one.name, *facts, " | ".join(one.examples)))
    return text.getvalue().encode()


def report_page(report: ExportReport, school: str, night: str, said: Mapping[str, int]) -> Page:
    """`night` in words; `said`: rows of an original as they were counted on the night, by its path."""
    lead = (
        f"This is what the sealed archive of {school} held on {night}, in open formats.",
        "The originals, byte for byte, are in the folder originals. Everything else was made from them.",
    )
    sections = (
        Section("The tables", _tables(report, said)),
        Section("What could not be converted", _troubles(report)),
        Section("Where tables disagree", _doubts(report)),
        Section("What is no table", _left(report)),
    )
    return Page(f"Export: {school}", lead, sections)


def _tables(report: ExportReport, said: Mapping[str, int]) -> tuple[Block, ...]:
    if not report.described:
        return (Words("There is no table among the originals."),)
    rows = tuple(
        (
            one.table.name,
            one.table.origin,
            f"{one.rows:,}",
            f"{said[one.table.origin]:,}" if one.table.origin in said else "not counted",
            f"{len(one.columns):,}",
        )
        for one in report.described
    )
    return (
        Grid("Tables, with the rows here and those counted on the night", _HEAD, rows),
        Words("What each column holds stands in dictionary.csv; its examples show the form of a value, never a value."),
    )


_HEAD = ("Table", "Original", "Rows", "Rows on the night", "Columns")


def _troubles(report: ExportReport) -> tuple[Block, ...]:
    if not report.troubles:
        return (Words("Everything was converted."),)
    rows = tuple((one.table, one.format, one.code, one.words) for one in report.troubles)
    return (Grid("Tables that were not, or not wholly, converted", ("Table", "Format", "Code", "What"), rows),)


def _doubts(report: ExportReport) -> tuple[Block, ...]:
    if not report.doubts:
        return (Words("No key stands twice, and no reference points nowhere, as far as keys are known."),)
    rows = tuple(
        (one.table, one.column, _doubt(one), "by its name" if one.guessed else "declared") for one in report.doubts
    )
    return (Grid("Keys and references", ("Table", "Column", "What", "How the key is known"), rows),)


def _doubt(one: Doubt) -> str:
    return _DOUBTS[one.code].format(values=f"{one.values:,}", rows=f"{one.rows:,}", of=one.of)


def _left(report: ExportReport) -> tuple[Block, ...]:
    if not report.left:
        return (Words("Every original is a table."),)
    kinds = Counter(
        (one.origin.rpartition(".")[2].lower() if "." in one.origin else "no ending", one.code) for one in report.left
    )
    items = tuple(f"{count:,} files .{ending} ({code})" for (ending, code), count in sorted(kinds.items()))
    return (Words("These stay as they are, in originals."), Points(items))
