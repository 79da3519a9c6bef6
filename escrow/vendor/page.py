"""The comparison of the last dump and the new vendor's acceptance: pages for people, tables for programs. Pure."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from escrow.paper.page import Block, Facts, Grid, Page, Points, Section, Words
from escrow.vendor.families import plain_cell
from escrow.vendor.reconcile import Compared, Reconciled

_HEAD = ("Table of the night", "In the dump", "Rows on the night", "Rows in the dump", "What is missing")
_TROUBLES = {
    "bomb": "it unfolds beyond all measure and was not unfolded",
    "empty": "it is empty",
    "truncated": "it ends too early",
    "malformed": "it is not what its ending says",
    "not-understood": "it could not be looked into",
}
_PROBLEMS = {
    "rows-misfit": "rows that do not fit the header were not counted",
    "table-damaged": "it cannot be read as a table",
}


def counts_text(done: Reconciled) -> str:
    """What is missing, in a sentence."""
    names = {
        "tables_missing": "tables",
        "rows_missing": "rows",
        "columns_missing": "columns",
        "files_missing": "documents or other files",
        "troubles": "things that cannot be read",
    }
    found = [f"{count:,} {names[name]}" for name, count in done.counts.items() if count]
    return f"missing: {', '.join(found)}" if found else "nothing is missing"


def reconciled_page(done: Reconciled, *, school: str, processor: str, night: str, digest: str) -> Page:
    """The dump of `processor` beside the night (in words); `digest` is the dump's."""
    lead = (
        f"What {processor} handed over, held against the last good night of {school}, {night}.",
        f"{counts_text(done)[:1].upper()}{counts_text(done)[1:]}.",
    )
    lacking = [one for one in done.tables if one.lacks]
    rest = [one for one in done.tables if not one.lacks]
    sections = [
        Section("Where something is missing", _tables(lacking) if lacking else (Words("No table lacks anything."),)),
        Section("Tables that are there", _tables(rest) if rest else (Words("None is whole."),)),
        Section("Documents and other files", _files(done)),
        Section("What cannot be read", _troubles(done.troubles)),
        Section(
            "What this does not show",
            (
                Words(
                    "Rows are counted by the values of one column of each table. A cell that says something else than "
                    "on the night is not told; nor is a document inside an archive of the dump."
                ),
                Facts((("The dump, as one SHA-256 over its files", digest),)),
            ),
        ),
    ]
    if done.new:
        sections.insert(3, Section("Tables that the night does not have", (Points(done.new),)))
    if done.same:
        words = "Its tables are, byte for byte, files that the night has: this may be the school's own export."
        sections.insert(0, Section("The dump is the night's own", (Words(words),)))
    return Page(f"The last dump of {processor}", lead, tuple(sections))


def _tables(tables: Iterable[Compared]) -> tuple[Block, ...]:
    rows = tuple(
        (one.night, one.dump or "MISSING", _number(one.rows_night), _number(one.rows_dump), what_is_missing(one))
        for one in tables
    )
    return (Grid(f"{len(rows)} tables", _HEAD, rows),)


def what_is_missing(one: Compared) -> str:
    """Of one table, in words."""
    if one.dump is None:
        return "the table"
    said = []
    if one.rows_missing:
        values = f", {one.values:,} values of {one.key} in none" if one.values else ""
        said.append(f"{one.rows_missing:,} rows{values}")
    if one.columns_missing:
        said.append(f"columns: {', '.join(one.columns_missing)}")
    if one.columns_emptied:
        said.append(f"nothing left in: {', '.join(one.columns_emptied)}")
    if one.problem:
        said.append(_PROBLEMS.get(one.problem, one.problem))
    if one.by == "columns":
        said.append("told by its columns: look whether it is this one")
    return "; ".join(said) or "nothing"


def _number(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,}"


def _files(done: Reconciled) -> tuple[Block, ...]:
    if not done.files_night:
        return (Words("The night has none."),)
    told = f"Of {done.files_night:,} on the night, {len(done.files):,} are not in the dump, by their content."
    folders = Counter(path.rpartition("/")[0] for path in done.files)
    rows = tuple((folder, f"{count:,}") for folder, count in sorted(folders.items()))
    return (Words(told), *((Grid("Missing, by folder", ("Folder", "Files"), rows),) if rows else ()))


def _troubles(troubles: Sequence[tuple[str, str]]) -> tuple[Block, ...]:
    if not troubles:
        return (Words("Everything that is a table could be read."),)
    rows = tuple((path, _TROUBLES.get(code, code)) for path, code in troubles)
    return (Grid("Files of the dump", ("File", "What"), rows),)


def missing_csv(done: Reconciled) -> bytes:
    """What to ask the vendor for: tables, columns, values of keys (at most 1,000 a table) and files."""
    rows: list[tuple[str, str, str]] = []
    for one in done.tables:
        if one.lacks and one.dump is None:
            rows.append((one.night, "table", ""))
        rows += [(one.night, "column", column) for column in (*one.columns_missing, *one.columns_emptied)]
        rows += [(one.night, f"rows with {one.key}", value) for value in one.missing]
    rows += [(path, "file", "") for path in done.files]
    return _csv(("of the night", "what is missing", "which"), rows)


def checklist_page(
    counts: Mapping[str, int | None],
    loaded: Mapping[str, int],
    *,
    school: str,
    vendor: str,
    night: str,
    opened: Sequence[str],
) -> Page:
    """What a new vendor has to have: rows by table of the last good night, beside what it loaded, to tick and to sign.

    `opened`: steps that were open and why that was accepted.
    """
    rows = tuple(
        (name, _number(rows), _number(loaded.get(name)), _difference(rows, loaded.get(name)), "")
        for name, rows in counts.items()
    )
    lead = (
        f"Acceptance of the data of {school} in the new system ({vendor}), against the last good night, {night}.",
        "Fill in what the new system holds, explain each difference, tick, sign. Keep it with the case.",
    )
    checks = Points(
        (
            "five pupils, chosen by the school: contacts, medical needs, marks, documents compared on the screen",
            "a leaver of three years ago is found",
            "parental responsibility and court orders are as they were, not a default",
            "the attendance register of a day last term, with its codes, is the same",
            "safeguarding records are seen by those alone who may see them",
        )
    )
    sections = [
        Section(
            "Counts",
            (Grid("Rows by table", ("Table", "Last good night", "New system", "Difference", "Seen"), rows),),
        ),
        Section("Looked at by a person", (checks,)),
    ]
    if opened:
        sections.append(Section("Closed although open", (Points(tuple(opened)),)))
    lines = (Words(f"For {party}. Name, date, signature: {'_' * 60}") for party in (school, vendor))
    sections.append(Section("Signed", tuple(lines)))
    return Page(f"Acceptance checklist: {school}", lead, tuple(sections))


def _difference(rows: int | None, loaded: int | None) -> str:
    return "" if rows is None or loaded is None else f"{loaded - rows:+,}" if loaded != rows else "none"


def checklist_csv(counts: Mapping[str, int | None], loaded: Mapping[str, int]) -> bytes:
    """The same to fill in: table, rows, loaded."""
    cells = ((name, "" if rows is None else str(rows), str(loaded.get(name, ""))) for name, rows in counts.items())
    return _csv(("table", "rows", "loaded"), cells)


def _csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([plain_cell(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "surrogateescape")
