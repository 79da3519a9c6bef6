"""What changed between two nights, as a page for people. Pure."""

from escrow.export.nights import Since
from escrow.export.since import Difference, FileChange
from escrow.paper.page import Block, Grid, Page, Points, Section, Words

_LISTED = 100
_ROWS = ("Table", "Rows added", "Rows removed", "Rows changed", "Rows are told apart by")


def since_page(since: Since, school: str, was: str, now: str) -> Page:
    """`was` and `now`: the nights in words."""
    lead = (
        f"This is what changed in the records of {school} between the nights of {was} and {now}.",
        "For each table there are up to three files beside this page, named by it: .added.csv and .removed.csv have "
        "whole rows, .changed.csv has a line for each cell that differs.",
    )
    sections = (
        Section("Tables", _tables(since.tables)),
        Section("Columns", _columns(since.tables)),
        Section("Files", _files(since.files)),
        Section("What was erased", (Words("What the erasure register names is in neither night, so it is not here."),)),
    )
    return Page(f"What changed: {school}", lead, sections)


def _tables(tables: tuple[Difference, ...]) -> tuple[Block, ...]:
    rows = tuple(
        (one.table, f"{one.added:,}", f"{one.removed:,}", f"{one.changed:,}", _told_apart(one))
        for one in tables
        if one.added or one.removed or one.changed
    )
    same = len(tables) - len(rows)
    said: list[Block] = [Grid("Tables whose rows changed", _ROWS, rows)] if rows else [Words("No rows changed.")]
    if same:
        said.append(Words(f"In {same} more tables the file changed but no row did."))
    return tuple(said)


def _told_apart(one: Difference) -> str:
    if one.doubled:
        return "whole rows: the declared key stands twice"
    if not one.key:
        return "whole rows: a changed row is one removed and one added"
    return ", ".join(one.key) + (" (a guess by its name)" if one.guessed else " (declared)")


def _columns(tables: tuple[Difference, ...]) -> tuple[Block, ...]:
    rows = tuple(
        (one.table, ", ".join(one.came) or "none", ", ".join(one.went) or "none")
        for one in tables
        if one.came or one.went
    )
    if not rows:
        return (Words("No table's columns changed."),)
    return (
        Grid("Tables whose columns changed", ("Table", "Columns added", "Columns removed"), rows),
        Words("Rows of these tables were compared by the columns that both nights have."),
    )


def _files(files: tuple[FileChange, ...]) -> tuple[Block, ...]:
    if not files:
        return (Words("No file changed."),)
    counts = tuple(
        f"{sum(one.kind == kind for one in files):,} files {kind}" for kind in ("added", "removed", "changed")
    )
    removed = [one.path for one in files if one.kind == "removed"]
    said: list[Block] = [Words("files.csv lists them all, with their sizes."), Points(counts)]
    if removed:
        more = f", and {len(removed) - _LISTED:,} more" if len(removed) > _LISTED else ""
        said += [Words(f"Removed, and still in the older night{more}:"), Points(tuple(removed[:_LISTED]))]
    return tuple(said)
