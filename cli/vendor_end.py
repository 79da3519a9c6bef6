"""`escrow vendor deleted`, `close`: certificates of deletion on record, and the new vendor's acceptance."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import RefusedError, UsageError

from .exits import Exit
from .handover_parts import Signers, clock, put_or_keep
from .key_use import Use, open_nights, with_keys
from .options import ConfigOption, CustodianOption, JsonOption, KeyOption, LetterboxOption, ShareOption, SheetsOption
from .output import Output
from .public_folder import write_whole
from .unlock import Means
from .vendor_case import FOLDER, CaseOption, DayOption, Leaving, day_of, hash_of, open_case_in
from .vendor_dump import COUNTS, SOURCE, last_good, usual_compartments

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEEDS = "deeds"
_EVIDENCE = "deletion-certificate"


def deleted(
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="The processor or sub-processor that deleted.")],
    certificate: Annotated[Path, typer.Option(help="Its confirmation, as a file: its hash is signed.")],
    on: DayOption = None,
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    custodian: CustodianOption = None,
    case: CaseOption = FOLDER,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a certificate of deletion on record: one holder signs an event with its hash. The file stays with you.

    Once for the processor and once for each sub-processor. What it says of whom is sealed inside the event.

    \b
    Example: escrow vendor deleted --by "Acme MIS" --certificate deletion.pdf --share head.txt
    """
    from escrow.custody.deeds import draft_evidence, next_event, seal_details

    output = Output(as_json)
    leaving = open_case_in(output, case, config)
    name = _party(leaving, by)
    if leaving.case.done("deletion", name):
        raise UsageError("vendor-step", f"expected a deletion that is not on record, found {name}'s on record")
    digest = hash_of(certificate)
    if leaving.case.done("dump") is None:
        output.note("the return of the data is not confirmed yet (step dump): was everything in it?")
    history = leaving.vault.history
    signers = Signers(Means(key, tuple(share or ()), letterbox, sheets), custodian, alone=True).keys(history)
    day = day_of(on)
    details = f"{name} confirms the deletion of the school's data; certificate {certificate.name} of {day}"
    number = next_event(history, "evidence", signers, clock()).n
    sealed = seal_details(history, details)
    made = draft_evidence(history, _EVIDENCE, digest, signers, clock(), sealed=sealed)
    put_or_keep(output, leaving.vault.config, history, [made], leaving.folder / _DEEDS)
    text = f"{name} confirmed the deletion"
    leaving.note(text, day, step="deletion", about=name, proof=(certificate.name, digest), event=number)
    left = [one.about for one in leaving.steps() if one.rule.id == "deletion" and one.state != "done"]
    words = f"; still to come: {', '.join(map(str, left))}" if left else "; that was the last"
    output.finish(Exit.OK, f"on record as event {number}{words}", event=number, sha256=digest, left=[*left])


def _party(leaving: Leaving, by: str) -> str:
    """The case's own name of a processor. UsageError `vendor-processor`."""
    names = leaving.case.parties
    found = [one for one in names if one.casefold() == by.casefold()] or [
        one for one in names if one.casefold().startswith(by.casefold())
    ]
    if len(found) != 1:
        raise UsageError("vendor-processor", f"expected one of the case ({', '.join(names)}), found {by!r}")
    return found[0]


@with_keys("restore")
def close(
    new_vendor: Annotated[str, typer.Option(metavar="NAME", help="Who has the data now.")] = "the new vendor",
    loaded: Annotated[
        Path | None, typer.Option(metavar="CSV", help="What the new system holds: columns table and loaded.")
    ] = None,
    signed: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The checklist as both have signed it: its hash is kept.")
    ] = None,
    accept: Annotated[
        str | None, typer.Option(metavar="REASON", help="Close although steps are open, or nobody signed, and why.")
    ] = None,
    on: DayOption = None,
    case: CaseOption = FOLDER,
    *,
    use: Use,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the acceptance checklist for the new vendor; with --signed or --accept, close the case.

    The checklist has the rows of each table on the last good night, beside what the new system holds, to tick and to
    sign: PDF, HTML and a table to fill in. The counts are those of escrow vendor dump; with keys, of the night itself.
    Nothing closes while a step is open, unless --accept says why.

    \b
    Example: escrow vendor close --new-vendor "Birch MIS" --loaded acceptance.csv
    Example: escrow vendor close --new-vendor "Birch MIS" --signed signed.pdf
    """
    from dataclasses import replace

    output = Output(as_json)
    leaving = open_case_in(output, case, config)
    if leaving.case.closed:
        raise UsageError("vendor-closed", f"expected an open case, found one closed on {leaving.case.closed}")
    still = [
        f"{one.rule.id}{f' ({one.about})' if one.about else ''}: {one.rule.title}"
        for one in leaving.steps()
        if one.state in ("open", "overdue")
    ]
    night, counts = _counts(output, leaving, use)
    theirs = _loaded(loaded) if loaded else {}
    opened = [f"{one} ({accept})" for one in still] if accept else []
    _write(leaving, counts, theirs, new_vendor, night, opened)
    for table, rows in counts.items():
        has = theirs.get(table)
        if has is not None and has != rows:
            output.row(f"{table}: {rows} on the night, {has} in the new system", table=table, rows=rows, loaded=has)
    where = leaving.folder / "acceptance.pdf"
    output.row(f"wrote {where}, acceptance.html and acceptance.csv", checklist=str(where))
    if still and not accept and signed:
        hint = "do them (escrow vendor status says how), or say why they stay open: --accept REASON"
        raise RefusedError("vendor-open", f"expected no open step, found {len(still)}: {'; '.join(still)}", hint=hint)
    if not signed and not accept:
        words = "not closed: have the checklist filled in and signed, then run this with --signed FILE"
        output.finish(Exit.OK, words, closed=None, open=[*still])
    proof = (signed.name, hash_of(signed)) if signed else None
    text = f"closed; {new_vendor} has the data" + (f"; {accept}" if accept else "")
    leaving.note(text, day_of(on), proof=proof)
    leaving.case = replace(leaving.case, closed=day_of(on).isoformat())
    leaving.save()
    output.finish(Exit.OK, f"closed on {leaving.case.closed}", closed=leaving.case.closed, open=[*still])


def _counts(output: Output, leaving: Leaving, use: Use) -> "tuple[str, dict[str, int | None]]":
    """The night in words, and rows by table. UsageError `vendor-counts`."""
    if use:
        from escrow.engine.opened import opened_files
        from escrow.engine.restored import RestoreReport
        from escrow.vendor.held import read_night
        from escrow.vendor.reconcile import rows_of
        from escrow.vendor.words import day

        night = last_good(output, leaving.vault, None)
        views = open_nights(output, leaving.vault, use, [night], usual_compartments(output, night))[0]
        report = RestoreReport()
        side = read_night((one for view in views for one in opened_files(view, report)), SOURCE)
        counts: dict[str, int | None] = {one.origin: rows_of(one) for one in side.tables}
        return f"night {night.seq} of {day(night.store_time.date())}", counts
    path = leaving.folder / COUNTS
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return f"night {said['night']} of {said['on']}", {str(name): rows for name, rows in said["tables"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        hint = "give keys (--share, --key, --sheets), or compare the vendor's dump first: escrow vendor dump"
        raise UsageError("vendor-counts", f"expected counts of a night in {path}, found none", hint=hint) from None


def _loaded(path: Path) -> dict[str, int]:
    """The new system's rows by table. UsageError `vendor-loaded`."""
    import csv

    hint = "fill in the column `loaded` of acceptance.csv, which this command writes, and save it as CSV UTF-8"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.DictReader(file) if (row["loaded"] or "").strip()]
            return {row["table"].removeprefix("'"): int(row["loaded"].replace(",", "")) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError) as error:
        found = f"{path}: expected columns table and loaded, with whole numbers, found otherwise ({error})"
        raise UsageError("vendor-loaded", found, hint=hint) from None


def _write(
    leaving: Leaving,
    counts: "Mapping[str, int | None]",
    loaded: "Mapping[str, int]",
    vendor: str,
    night: str,
    opened: list[str],
) -> None:
    from escrow.paper.html import to_html
    from escrow.paper.pdf import pdf
    from escrow.vendor.page import checklist_csv, checklist_page

    charter = leaving.vault.history.charter
    assert charter is not None
    page = checklist_page(counts, loaded, school=charter.school.name, vendor=vendor, night=night, opened=opened)
    write_whole(leaving.folder / "acceptance.html", to_html(page, f"Vault {leaving.case.vault}").encode())
    write_whole(leaving.folder / "acceptance.pdf", pdf("page", {**page.values(), "ruled": True}))
    write_whole(leaving.folder / "acceptance.csv", checklist_csv(counts, loaded))
