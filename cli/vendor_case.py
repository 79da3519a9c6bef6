"""The folder of a vendor's exit, which is the school's, not the agent's: the case, its rules and its texts."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import FormatError, UsageError

from .config import load_config
from .output import Output
from .public_folder import write_whole
from .vault import OpenVault, read_vault

if TYPE_CHECKING:
    from escrow.vendor.case import Case
    from escrow.vendor.letter import Template
    from escrow.vendor.plan import Rules, Step

CaseOption = Annotated[Path, typer.Option("--case", metavar="FOLDER", help="The folder of this exit.")]
DayOption = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], metavar="DATE", help="The day. Default: today.")
]
FOLDER = Path("vendor-exit")
TEXTS = "texts"


def today() -> date:
    """This machine's day."""
    return datetime.now().date()


def day_of(given: datetime | None) -> date:
    """What an option says, or today."""
    return given.date() if given else today()


@dataclass(slots=True)
class Leaving:
    """A case in its folder, beside the vault that it is of."""

    folder: Path
    vault: OpenVault
    rules: "Rules"
    case: "Case"

    def save(self) -> None:
        """Write the case, whole or not at all. UsageError `out-unwritable`."""
        from escrow.vendor.case import NAME, case_text

        write_whole(self.folder / NAME, case_text(self.case))

    def note(
        self,
        text: str,
        on: date,
        *,
        step: str | None = None,
        about: str | None = None,
        proof: tuple[str, str] | None = None,
        event: int | None = None,
    ) -> None:
        """Add an entry and save. `proof`: what a document is called, and its SHA-256."""
        from escrow.vendor.case import entry

        self.case = self.case.with_entry(
            entry(
                on,
                today(),
                text,
                step=step,
                about=about,
                file=proof[0] if proof else None,
                sha256=proof[1] if proof else None,
                event=event,
            )
        )
        self.save()

    def steps(self) -> "list[Step]":
        """What is to be done, as of today."""
        from escrow.vendor.chronology import good_nights
        from escrow.vendor.plan import plan

        nights = (one.store_time.date() for one in good_nights(self.vault.history))
        return plan(self.rules, self.case, today(), nights)

    def template(self, name: str) -> "Template":
        """A letter's text: the case's own, else the program's."""
        from escrow.vendor.letter import letter_text, parse_template

        own = self.folder / TEXTS / f"{name}.toml"
        return parse_template(name, _text(own) if own.exists() else letter_text(name))


def open_case_in(output: Output, folder: Path, config: Path | None) -> Leaving:
    """The case of a folder. UsageError `vendor-none`, `vendor-damaged`, `vendor-vault`, `vendor-rules`."""
    from escrow.vendor.case import NAME, open_case

    path = folder / NAME
    if not path.exists():
        hint = "escrow vendor start begins one; --case names another folder"
        raise UsageError("vendor-none", f"expected a vendor's exit in {folder}, found none", hint=hint)
    try:
        case = open_case(path.read_bytes())
    except FormatError as error:
        hint = "correct what was edited, or take the file from a copy"
        raise UsageError("vendor-damaged", f"{path}: {error}", hint=hint) from None
    vault = read_vault(load_config(config))
    vault.warn(output)
    if case.vault != vault.history.vault:
        found = f"expected a case of vault {vault.history.vault}, found one of {case.vault}"
        raise UsageError("vendor-vault", found, hint="say which configuration with --config, which case with --case")
    return Leaving(folder, vault, rules_of(folder), case)


def rules_of(folder: Path) -> "Rules":
    """The rules of a case: its own file, else the program's."""
    from escrow.vendor.plan import NAME, parse_rules, rules_text

    own = folder / NAME
    return parse_rules(_text(own) if own.exists() else rules_text())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("vendor-text", f"{path}: cannot be read ({error})", hint="save it as UTF-8") from error


def hash_of(path: Path) -> str:
    """The SHA-256 of a file. UsageError `evidence-unreadable`, `evidence-empty`."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if path.stat().st_size:
            return digest
    except OSError as error:
        hint = "name the letter or certificate as a file: its hash is kept, the file stays with you"
        raise UsageError("evidence-unreadable", f"{path}: cannot be read ({error.strerror})", hint=hint) from error
    raise UsageError("evidence-empty", f"{path}: expected a document, found an empty file")
