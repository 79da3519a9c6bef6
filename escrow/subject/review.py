"""The workbook in which a person decides what of a record is given: written with proposals, read back strictly.

Every cell is text, so that no formula runs. What is not decided, or decided in words that nobody knows, is refused.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from escrow.errors import StateError, UsageError
from escrow.export.naming import unique
from escrow.subject.marks import Decision, Mark
from escrow.subject.record import PersonRecord

KINDS: tuple[Decision, ...] = get_args(Decision)
_START, _COLUMNS, _DOCUMENTS = "Start", "Columns", "Documents"
_ID, _DECISION, _WORDS, _REASON = "id", "decision", "black out", "reason"
_COLUMN_HEADS = (_ID, "table", "column", "filled", "such as", "why", _DECISION, _REASON)
_DOCUMENT_HEADS = (_ID, "path", "bytes", "found", "nights", "why", _DECISION, _WORDS, _REASON)
_ROW_HEADS = (_ID, _DECISION, _WORDS, _REASON, "why", "found", "nights")
_CELL = 32_000
_LINE, _MOST_LINES = 15, 20
"""Points of a line of text, and how many lines of a cell are shown."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SHEET = re.compile(r"[\[\]:*?/\\']")
_LARGEST = 1 << 30
_MOST_TOLD = 10
_HELP = (
    "This workbook lists all that the archive holds of one person. You decide what the requester gets.",
    "keep: as it is. redact: a column's cells, or the words to black out in a row or document, are made unreadable.",
    "withhold: the column, row or document is left out. Both need a reason, which the requester reads.",
    "What is proposed stands there already, with why. Read free text and documents yourself: a program knows names of "
    "these nights alone.",
    "Words to black out stand one below the other (Alt+Enter). Change the columns decision, black out and reason only.",
    "Then write who decided into the yellow cell, save, and run: escrow subject export … --reviewed THIS FILE",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decided of a column, row or document."""

    decision: Decision
    reason: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A workbook that was decided. `columns`: by table and column; `others`: by the id of a row or document."""

    by: str
    columns: Mapping[tuple[str, str], Verdict]
    others: Mapping[str, Verdict]


def sheet_names(record: PersonRecord) -> dict[str, str]:
    """The sheet of each table."""
    names = [part.name for part in record.tables]
    short = [_SHEET.sub("_", name)[:26] for name in (_START, _COLUMNS, _DOCUMENTS, *names)]
    return dict(zip(names, unique(short)[3:], strict=True))


def write_review(
    path: Path,
    record: PersonRecord,
    marks: tuple[Mapping[tuple[str, str], Mark], Mapping[str, Mark]],
    facts: Sequence[tuple[str, str]],
) -> None:
    """Write the workbook, whole or not at all; `facts` stand on its first sheet. StateError `subject-unwritable`."""
    columns, others = marks
    book = Workbook()
    for empty in book.worksheets:
        book.remove(empty)
    _start(_Lines(book, _START, (24, 110)), record, facts)
    sheet = _Lines(book, _COLUMNS, (36, 24, 24, 8, 40, 32, 11, 40), _COLUMN_HEADS, "G")
    for part in record.tables:
        for at, column in enumerate(part.columns):
            cells = [row.cells[at] for row in part.rows.values() if row.cells[at].strip()]
            some = " | ".join(list(dict.fromkeys(cells))[:3])
            mark = columns.get((part.name, column), Mark())
            id = f"{part.name}.{column}"
            sheet.add(id, part.name, column, str(len(cells)), some, mark.why, mark.decision, _reason(mark))
    sheet = _Lines(book, _DOCUMENTS, (18, 60, 10, 24, 12, 32, 11, 24, 40), _DOCUMENT_HEADS, "G")
    for one in record.documents.values():
        mark = others[one.id]
        facts_of = (one.id, one.path, str(one.file.size), one.how, _numbers(one.nights), mark.why)
        sheet.add(*facts_of, mark.decision, "\n".join(mark.words), _reason(mark))
    for part in record.tables:
        widths = (18, 11, 24, 40, 24, 18, 10, *(20 for _ in part.columns))
        sheet = _Lines(book, sheet_names(record)[part.name], widths, (*_ROW_HEADS, *part.columns), "B")
        for row in part.rows.values():
            mark = others[row.id]
            own = (row.id, mark.decision, "\n".join(mark.words), _reason(mark), mark.why, row.how, _numbers(row.nights))
            sheet.add(*own, *row.cells)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        book.save(partial)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        hint = "free space or choose another folder, then run the same command again"
        raise StateError("subject-unwritable", f"{path}: cannot be written ({error.strerror})", hint=hint) from error


def _reason(mark: Mark) -> str:
    return mark.why if mark.decision != "keep" else ""


def _numbers(nights: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(nights)))


_TOP = Alignment(wrap_text=True, vertical="top")
_BOLD = Font(bold=True)
_YELLOW = PatternFill("solid", fgColor="FFF2CC")


class _Lines:
    """A sheet that is written line by line. `decides`: the column of decisions below its `heads`."""

    def __init__(
        self, book: Workbook, name: str, widths: Sequence[int], heads: Sequence[str] = (), decides: str = ""
    ) -> None:
        self._sheet: Worksheet = book.create_sheet(name)
        self._widths = widths
        self._at = 0
        for at, width in enumerate(widths, 1):
            self._sheet.column_dimensions[get_column_letter(at)].width = width
        if heads:
            choice = DataValidation(type="list", formula1=f'"{",".join(KINDS)}"', showErrorMessage=True)
            choice.add(f"{decides}2:{decides}1048576")
            self._sheet.add_data_validation(choice)
            self._sheet.freeze_panes = "A2"
            self._sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}1048576"
            self.add(*heads, bold=True)

    def add(self, *cells: str, bold: bool = False, fill: bool = False) -> None:
        """One line; `fill`: its second cell is to be written in."""
        self._at += 1
        lines = 1
        for at, (text, width) in enumerate(zip(cells, self._widths, strict=False), 1):
            cell = self._sheet.cell(self._at, at, _CONTROL.sub("\ufffd", text)[:_CELL])
            cell.data_type = "s"
            cell.alignment = _TOP
            if bold:
                cell.font = _BOLD
            if fill and at == 2:
                cell.fill = _YELLOW
            lines = max(lines, sum(1 + len(line) // width for line in text.splitlines()))
        self._sheet.row_dimensions[self._at].height = _LINE * min(lines, _MOST_LINES)


_BY = "Decided by, and when"
_PRINT = "This record"
_NIGHTS, _PARTS = "Nights", "Compartments"


def _start(sheet: _Lines, record: PersonRecord, facts: Sequence[tuple[str, str]]) -> None:
    sheet.add("A person's record, for review", bold=True)
    for name, text in facts:
        sheet.add(name, text)
    sheet.add(_BY, "", fill=True, bold=True)
    sheet.add(_PRINT, record.fingerprint())
    sheet.add(_NIGHTS, _numbers(record.nights))
    sheet.add(_PARTS, ", ".join(record.compartments))
    for at, text in enumerate(_HELP, 1):
        sheet.add(f"{at}.", text)


def made_of(path: Path) -> tuple[list[str], list[str]]:
    """The nights and compartments of a workbook, so that what was decided is answered and no newer night. UsageError
    `review-unreadable`."""
    start = {row[0]: row[1] for row in _read(path, only=_START).get(_START, []) if len(row) > 1}
    nights, parts = ([one.strip() for one in start.get(name, "").split(",")] for name in (_NIGHTS, _PARTS))
    return [one for one in nights if one.isdigit()], [one for one in parts if one]


def read_review(path: Path, record: PersonRecord) -> Reviewed:
    """What was decided, of this record and all of it.

    UsageError `review-unreadable`, `review-other` (another person's, or the archive gives something else by now),
    `review-open` (nobody signed), `review-wrong` (which cells are).
    """
    tables = _read(path)
    start = {row[0]: row[1] for row in tables.get(_START, []) if len(row) > 1}
    if start.get(_PRINT) != record.fingerprint():
        hint = "make the workbook anew: the person, the nights, the compartments or the erasures are others"
        raise UsageError("review-other", f"{path}: expected a review of this record, found another's", hint=hint)
    by = start.get(_BY, "")
    if not by:
        hint = f"read it, decide, and write who decided beside {_BY!r} on the sheet {_START}"
        raise UsageError("review-open", f"{path}: expected who decided, found nobody", hint=hint)
    wrong: list[str] = []
    said = {id: verdict for name in tables if name != _START for id, verdict in _verdicts(name, tables[name], wrong)}
    columns = {(part.name, one): f"{part.name}.{one}" for part in record.tables for one in part.columns}
    others = [*record.documents, *(id for part in record.tables for id in part.rows)]
    missing = [id for id in (*columns.values(), *others) if id not in said]
    if missing:
        wrong.append(f"{len(missing)} lines are missing, such as {missing[0]}")
    strange = len(said) + len(missing) - len(columns) - len(others)
    if strange:
        wrong.append(f"{strange} lines were not written by escrow")
    if wrong:
        more = f"; and {len(wrong) - _MOST_TOLD} more" if len(wrong) > _MOST_TOLD else ""
        found = "; ".join(wrong[:_MOST_TOLD]) + more
        raise UsageError("review-wrong", f"{path}: {found}", hint="correct these cells, save, run again")
    return Reviewed(by, {key: said[id] for key, id in columns.items()}, {id: said[id] for id in others})


def _read(path: Path, only: str = "") -> dict[str, list[list[str]]]:
    try:
        with zipfile.ZipFile(path) as parts:
            size = sum(one.file_size for one in parts.infolist())
        if size > _LARGEST:
            raise UsageError("review-unreadable", f"{path}: holds {size >> 20} MiB, at most {_LARGEST >> 20} are read")
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            return {
                sheet.title: [["" if cell is None else str(cell).strip() for cell in row] for row in sheet.values]
                for sheet in book.worksheets
                if not only or sheet.title == only
            }
        finally:
            book.close()
    except (OSError, zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError) as error:
        hint = "save it as an Excel workbook (.xlsx), not as anything else"
        kind = type(error).__name__
        raise UsageError(
            "review-unreadable", f"{path}: expected a workbook, found otherwise ({kind})", hint=hint
        ) from None


def _verdicts(name: str, rows: Sequence[Sequence[str]], wrong: list[str]) -> Iterator[tuple[str, Verdict]]:
    """The lines of one sheet; what is wrong goes to `wrong`, with the cell but never what a person's cell says."""
    heads = list(rows[0]) if rows else []
    if _ID not in heads or _DECISION not in heads or _REASON not in heads:
        wrong.append(f"sheet {name}: its first line no longer has id, decision and reason")
        return
    places = {head: heads.index(head) for head in (_ID, _DECISION, _REASON, _WORDS) if head in heads}
    for number, row in enumerate(rows[1:], 2):
        line = {head: row[at] if at < len(row) else "" for head, at in places.items()}
        if not any(row):
            continue
        decision = next((one for one in KINDS if one == line[_DECISION].casefold()), None)
        words = tuple(filter(None, (word.strip() for word in line.get(_WORDS, "").splitlines())))
        if decision is None:
            wrong.append(f"sheet {name}, line {number}: decision is none of {', '.join(KINDS)}")
        elif decision != "keep" and not line[_REASON]:
            wrong.append(f"sheet {name}, line {number}: {decision} needs a reason")
        elif decision == "redact" and _WORDS in places and not words and name != _DOCUMENTS:
            wrong.append(f"sheet {name}, line {number}: redact needs words to black out")
        else:
            yield line[_ID], Verdict(decision, line[_REASON], words)
            continue
        yield line[_ID], Verdict("withhold", line[_REASON])
