"""The folder that is given to who asked: a summary, tables as CSV, documents; whole or absent."""

import csv
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from escrow.engine.opened import proven
from escrow.errors import FormatError, StateError, UsageError
from escrow.paper.page import Page
from escrow.paper.pdf import pdf
from escrow.source import escape_component
from escrow.subject.codes import Codes
from escrow.subject.giving import WHOLE_DOCUMENT, Given
from escrow.subject.record import Document
from escrow.subject.redact import redact_document, redact_text
from escrow.subject.review import Verdict

SUMMARY, TABLES, CODES, DOCUMENTS = "summary.pdf", "tables", "codes", "documents"
_HELD = "held on"
_NOT_REDACTED = "it was to be made partly unreadable, which cannot be done safely with it"


@dataclass(slots=True)
class Written:
    """What a bundle holds: documents by their paths in it; those that could not be redacted, and why."""

    documents: list[str] = field(default_factory=list)
    failed: list[tuple[str, FormatError]] = field(default_factory=list)


def check_empty(to: Path) -> None:
    """UsageError `subject-not-empty`: what is given holds nothing else."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UsageError(
            "subject-not-empty", f"{to}: expected a new or empty folder, found another", hint="name another"
        )


def write_bundle(
    to: Path,
    given: Given,
    codes: Mapping[str, Codes],
    days: Mapping[int, str],
    page: Callable[[Given, Written], Page],
) -> Written:
    """Write it beside `to`, and give it that name at the end; whatever fails, nothing half stays.

    `days`: each night's date. A document that cannot be redacted is left out, and told in `given`. Raises UsageError
    `subject-not-empty`, StateError `subject-unwritable`, and what a vault raises while a document is read.
    """
    check_empty(to)
    partial = to.with_name(f".{to.name}.partial")
    try:
        with suppress(FileNotFoundError):
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
        for table in given.tables:
            rows = ((*cells, held(nights, days)) for cells, nights in table.rows)
            _csv(partial / TABLES / f"{table.name}.csv", (*table.columns, _HELD), rows)
        for name, one in codes.items():
            _csv(partial / CODES / f"{name}.csv", one.columns, one.rows)
        written = Written()
        for document, verdict in given.documents:
            _document(partial / DOCUMENTS, document, verdict, given, written)
        (partial / SUMMARY).write_bytes(pdf("page", page(given, written).values()))
        if to.exists():
            to.rmdir()
        partial.rename(to)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        hint = "free space or choose another place, then run the same command again"
        raise StateError(
            "subject-unwritable", f"{to}: cannot be written ({error.strerror or error})", hint=hint
        ) from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return written


def _csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """CSV with a byte order mark, by which Excel knows UTF-8."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def held(nights: Sequence[int], days: Mapping[int, str]) -> str:
    """The days of the nights that hold something, the first and the last where there are several."""
    some = sorted(nights)
    return " to ".join(dict.fromkeys((days[some[0]], days[some[-1]])))


def _document(folder: Path, document: Document, verdict: Verdict, given: Given, written: Written) -> None:
    pieces = proven(document.file.view, document.file.entry)
    path = document.path
    if verdict.decision == "redact":
        try:
            path, data = redact_document(path, b"".join(pieces), verdict.words)
        except FormatError as error:
            given.leave_out("documents", WHOLE_DOCUMENT, "left out", _NOT_REDACTED)
            written.failed.append((document.id, error))
            return
        path, pieces = redact_text(path, verdict.words), iter((data,))
        given.leave_out("documents", "parts of documents", "made unreadable", verdict.reason)
    target = _free(folder.joinpath(*map(_component, path.split("/"))))
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        for piece in pieces:
            file.write(piece)
    written.documents.append(target.relative_to(folder).as_posix())


def _component(part: str) -> str:
    return escape_component(part.encode("utf-8", "surrogateescape")) if part not in {"", ".", ".."} else "_"


def _free(path: Path) -> Path:
    """The same path, or one with a number where another night's document has it."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem} ({number})")
    return free
