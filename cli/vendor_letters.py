"""`escrow vendor letters`, `replies`: letters to edit and to send, and the register of parents' answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output
from .public_folder import write_whole
from .vendor_case import FOLDER, CaseOption, DayOption, Leaving, day_of, open_case_in, today

if TYPE_CHECKING:
    from escrow.vendor.families import Family
    from escrow.vendor.letter import Letter, Value

LETTERS = "letters"
REGISTER = "parents.csv"
_USUAL = ("ownership", "return")
_ORIGINALS = "originals"


def letters(
    which: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LETTER]...", help="ownership, return, complaint, parents. Default: the first two."),
    ] = None,
    sign: Annotated[list[str] | None, typer.Option(metavar="LINE", help="Who signs: a line; may be repeated.")] = None,
    address: Annotated[
        list[str] | None, typer.Option(metavar="LINE", help="The vendor's address: a line; may be repeated.")
    ] = None,
    contacts: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="An export with its confirmed mapping.toml: for parents.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Write letters anew that are there; edits are lost.")] = False,
    case: CaseOption = FOLDER,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write letters, each as HTML that a word processor edits and as PDF, into the case's folder letters.

    They cite the charter's version, fingerprint and clauses. The complaint comes with the chronology, of the case and
    of the vault's signed records. The letter to parents is made for each person with parental responsibility, with a
    register of the answers, from the tables of an export. Nothing is sent. Their texts are in the folder texts.

    \b
    Example: escrow vendor letters --sign "A. Head" --sign "Head teacher"
    Example: escrow vendor letters parents --contacts monday --sign "A. Head"
    """
    from escrow.vendor.letter import LETTERS as KNOWN
    from escrow.vendor.words import values_of

    output = Output(as_json)
    chosen = which or [*_USUAL, *(["parents"] if contacts else [])]
    if strange := [one for one in chosen if one not in KNOWN]:
        raise UsageError("vendor-letter", f"expected one of {', '.join(KNOWN)}, found {strange[0]!r}")
    leaving = open_case_in(output, case, config)
    steps = leaving.steps()
    values = values_of(leaving.case, leaving.vault.history, leaving.rules, steps, today())
    if "complaint" in chosen:
        _warn_of_complaint(output, values, [one.state for one in steps if one.rule.id == "complaint"])
    written = 0
    for name in chosen:
        there = leaving.folder / LETTERS / f"{name}.html"
        if there.exists() and not again:
            output.note(f"{there} is there, perhaps edited: --again writes it anew")
            continue
        if name == "parents":
            made, title = _parents(output, leaving, values, contacts, sign or ()), "Letters to parents and carers"
        else:
            made = [_letter(leaving, name, values, [leaving.case.processor, *(address or ())], sign or ())]
            title = made[0].subject
        if name == "complaint":
            write_whole(leaving.folder / LETTERS / "chronology.csv", _chronology(leaving))
        _write(output, leaving, name, made, title)
        written += 1
    output.finish(Exit.OK, f"{written} written to {leaving.folder / LETTERS}; nothing is sent", letters=written)


def _letter(
    leaving: Leaving, name: str, values: "dict[str, Value]", to: Sequence[str], sign: Sequence[str]
) -> "Letter":
    from escrow.vendor.words import day, sender_of

    charter = leaving.vault.history.charter
    assert charter is not None
    signed = sign or ("(name and office)",)
    return leaving.template(name).fill(values, sender=sender_of(charter), to=to, date=day(today()), sign=signed)


def _write(output: Output, leaving: Leaving, name: str, made: "Sequence[Letter]", title: str) -> None:
    from escrow.paper.pdf import pdf
    from escrow.vendor.letter import letters_html

    folder = leaving.folder / LETTERS
    write_whole(folder / f"{name}.pdf", pdf("letter", {"title": title, "letters": [one.values() for one in made]}))
    write_whole(folder / f"{name}.html", letters_html(made, title).encode())
    text = f"{folder / name}.html and .pdf" + (f": {len(made)} letters" if len(made) > 1 else "")
    output.row(text, letter=name, html=str(folder / f"{name}.html"), pdf=str(folder / f"{name}.pdf"), count=len(made))


def _warn_of_complaint(output: Output, values: "dict[str, Value]", states: Sequence[str]) -> None:
    if not values["outstanding"]:
        raise UsageError(
            "vendor-complaint",
            "expected something outstanding to complain of, found all returned and deleted",
            hint="escrow vendor status shows it",
        )
    if "waiting" in states:
        output.note("the ICO expects 30 days without an answer to the letter of return first: this is a draft")


def _chronology(leaving: Leaving) -> bytes:
    from escrow.vendor.chronology import chronology, chronology_csv

    return chronology_csv(chronology(leaving.case, leaving.vault.history))


def _parents(
    output: Output, leaving: Leaving, values: "dict[str, Value]", contacts: Path | None, sign: Sequence[str]
) -> "list[Letter]":
    """A letter for each family, and the register; without `contacts` by the register that is there.

    UsageError `vendor-contacts`, `vendor-register`, `mapping-unconfirmed`.
    """
    from escrow.vendor.families import register_csv

    register = leaving.folder / LETTERS / REGISTER
    if contacts is None and not register.exists():
        hint = "make an export with --pack continuity, have its mapping confirmed, and name its folder with --contacts"
        raise UsageError("vendor-contacts", "expected the folder of an export, found none", hint=hint)
    if contacts and register.exists() and any(one.replied or one.sent or one.note for one in _register(register)):
        hint = "keep it elsewhere first: a register with answers is not written anew"
        raise UsageError("vendor-register", f"{register}: expected no answers yet, found some", hint=hint)
    found = _families(contacts) if contacts else _register(register)
    if contacts:
        write_whole(register, register_csv(found))
    unclear = sum(one.how == "check" for one in found)
    if unclear:
        words = "write post, e-mail or by hand into its column `how` where a letter may go, and run this again"
        output.note(
            f"{unclear} people have no clear parental responsibility: no letter; {register} lists them: {words}"
        )
    clear = [one for one in found if one.how != "check"]
    if not clear:
        hint = "map contacts.responsibility; contacts.pupil must be the same kind of number as pupils.id"
        raise UsageError("vendor-contacts", "expected somebody to write to, found nobody", hint=hint)
    return [_letter(leaving, "parents", {**values, **_family(one)}, _to(one), sign) for one in clear]


def _family(one: "Family") -> "dict[str, Value]":
    return {"name": one.name, "pupils": one.pupils, "ref": one.ref}


def _to(one: "Family") -> list[str]:
    return list(filter(None, (one.name, one.address, one.postcode))) + ([] if one.address else [f"({one.how})"])


def _families(folder: Path) -> "list[Family]":
    from escrow.export.continuity import has_left
    from escrow.export.mapping import parse
    from escrow.export.originals import folder_files
    from escrow.export.reader import rows_of
    from escrow.export.tables import find_tables
    from escrow.vendor.families import families

    mapping = folder / "mapping.toml"
    if not mapping.exists() or not (folder / _ORIGINALS).is_dir():
        hint = "make it with escrow export latest --to FOLDER --pack continuity"
        raise UsageError(
            "vendor-contacts", f"{folder}: expected an export with its mapping.toml, found none", hint=hint
        )
    tables, _ = find_tables(folder_files(folder / _ORIGINALS))
    plan = parse(mapping.read_text(encoding="utf-8"), {one.name: one.columns for one in tables})
    if plan.confirmed is None:
        hint = "read it, write who read it into `confirmed`, and run this again"
        raise UsageError(
            "mapping-unconfirmed", f"expected a mapping that somebody has read, found {mapping}", hint=hint
        )
    rows, part = rows_of(tables), plan.parts.get("pupils")
    pupils = rows(part.table, part.columns) if part else ()
    return families(plan, rows, [one for one in pupils if not has_left(one.get("left", ""), today())])


def _register(path: Path) -> "list[Family]":
    from escrow.vendor.families import read_register

    try:
        return read_register(path.read_bytes())
    except OSError as error:
        hint = "escrow vendor letters parents --contacts FOLDER makes it"
        raise UsageError("vendor-register", f"{path}: cannot be read ({error.strerror})", hint=hint) from error


def replies(
    ref: Annotated[
        str | None, typer.Argument(metavar="[REF]", help="The letter's reference. Without: what came.")
    ] = None,
    said: Annotated[str, typer.Option(metavar="TEXT", help="The answer, in a few words.")] = "",
    on: DayOption = None,
    case: CaseOption = FOLDER,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record a parent's answer in the register letters/parents.csv, or tell how many have answered.

    The register may as well be filled in with a spreadsheet: save it as CSV UTF-8.

    \b
    Example: escrow vendor replies P0042 --said "new mobile number"
    """
    from escrow.vendor.families import answered, register_csv

    output = Output(as_json)
    leaving = open_case_in(output, case, config)
    path = leaving.folder / LETTERS / REGISTER
    register = _register(path)
    if ref is not None:
        if not said:
            raise UsageError("vendor-register", "expected what was answered, found nothing", hint="say it with --said")
        register = answered(register, ref, said=said, on=day_of(on).isoformat())
        write_whole(path, register_csv(register))
    written = [one for one in register if one.how != "check"]
    came = sum(bool(one.replied) for one in written)
    unclear = len(register) - len(written)
    for one in written:
        if one.replied and ref in (None, one.ref):
            output.row(
                f"{one.ref}  {one.replied}  {one.name}: {one.said}", ref=one.ref, replied=one.replied, said=one.said
            )
    words = f"{came} of {len(written)} have answered" + (f"; {unclear} to be decided" if unclear else "")
    output.finish(Exit.OK, words, letters=len(written), answered=came, to_decide=unclear)
