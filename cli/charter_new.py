"""`escrow charter new`, `check` and `diff`: a charter before anybody signs it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import UsageError

from . import charter_files as files
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output

if TYPE_CHECKING:
    from escrow.record import Charter
    from escrow.trust import Finding

PublicOption = Annotated[
    Path | None, typer.Option(help="The vault's public parts. Default: the vault of the configuration.")
]
_YEAR = timedelta(days=365)


def new(
    out: Annotated[Path, typer.Option(help="Where to write the text.")],
    type_: Annotated[
        str | None,
        typer.Option("--type", help="A template instead of the charter in force: community, academy, church, other."),
    ] = None,
    school: Annotated[str, typer.Option(help="The school's name, for a template.")] = "<name of the school>",
    kit: Annotated[
        bool, typer.Option("--kit", help="Name this version's rescue kit, to lie beside the old one.")
    ] = False,
    public: PublicOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the charter in force as text to edit, or the template of a first one.

    \b
    Example: escrow charter new --public public --out charter.toml
    """
    from escrow.custody.charter_text import new_text, to_toml
    from escrow.record.charter import SCHOOL_TYPES

    output = Output(as_json)
    review = (files.now() + _YEAR).replace(hour=0, minute=0, second=0)
    if type_ is not None:
        if type_ not in SCHOOL_TYPES:
            raise UsageError("school-type", f"expected one of {', '.join(SCHOOL_TYPES)}, found {type_!r}")
        text = new_text(type_, school, review)
    else:
        text = to_toml(_with_kit(output, files.find_basis(public, config).charter, kit), review)
    files.write_file(out, text.encode())
    output.note(f"edit {out} with any editor, then: escrow charter check {out}")
    output.finish(Exit.OK, str(out), file=str(out))


def _with_kit(output: Output, charter: "Charter", wanted: bool) -> "Charter":
    """The charter with the hash of this version's rescue kit, where that is wanted; told where it is another."""
    from escrow.recovery import kit_sha256

    if wanted or charter.rescue == kit_sha256():
        return replace(charter, rescue=kit_sha256())
    output.note("this version has a newer rescue kit than the charter: --kit names it")
    return charter


def check(
    file: Annotated[Path, typer.Argument(help="The text of escrow charter new, or a draft.")],
    public: PublicOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try a charter before it is signed: its form, what no policy may be, what changes, who must sign.

    \b
    Example: escrow charter check charter.toml --public public
    """
    from escrow.custody.charter_diff import changes, who_signs

    output = Output(as_json)
    base = files.find_basis(public, config).charter
    charter = read_any(file, base)
    lines = changes(base, charter)
    output.row(f"version {charter.n} of {charter.school.name}, against version {base.n}", version=charter.n)
    for line in lines:
        output.row(f"  {line}", change=line)
    if not lines:
        output.row("  nothing changes")
    findings = files.judge(charter, base)
    for finding in findings:
        tell(output, finding)
    who = who_signs(base, charter)
    output.row(f"to sign: {who}", to_sign=who)
    errors = sum(finding.severity == "error" for finding in findings)
    exit = Exit.REFUSED if errors else Exit.OK
    text = f"{errors} reasons not to sign it" if errors else "ready to sign: escrow charter sign"
    output.finish(exit, output.paint(text, exit), errors=errors)


def read_any(file: Path, base: "Charter") -> "Charter":
    """The charter of a text or of a draft, as the version after `base`."""
    data = files.read_file(file)
    return files.read_toml(file, base) if files.is_toml(data) else files.read_draft(data, base)


def tell(output: Output, finding: "Finding") -> None:
    """One concern of the policy."""
    text = f"{finding.severity}: {finding.code}: {finding.detail}"
    output.row(text, finding=finding.code, severity=finding.severity, detail=finding.detail)


def diff(
    old: Annotated[int | None, typer.Argument(help="A version. Default: the one before.")] = None,
    new: Annotated[int | None, typer.Argument(help="A later version. Default: the one in force.")] = None,
    public: PublicOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say in words what changed between two versions.

    \b
    Example: escrow charter diff 1 2
    """
    from escrow.custody.charter_diff import changes

    output = Output(as_json)
    basis = files.find_basis(public, config)
    last = new or basis.charter.n
    first = old or max(last - 1, 1)
    before, after = pick(basis, first), pick(basis, last)
    output.row(f"from version {before.n} to version {after.n}", old=before.n, new=after.n)
    for line in changes(before, after):
        output.row(f"  {line}", change=line)
    output.finish(Exit.OK)


def pick(basis: files.Basis, number: int) -> "Charter":
    """A version of the charter. UsageError `charter-version`."""
    charters = basis.history.charters
    if not 1 <= number <= len(charters):
        raise UsageError("charter-version", f"expected a version from 1 to {len(charters)}, found {number}")
    return charters[number - 1]
