"""`escrow keys`: a new vault's keys, made on the holder's machine; those of several holders are in keys_quorum."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import EscrowError, IntegrityError, UsageError

from . import keys_quorum, keys_record, keys_stock
from .exits import Exit
from .options import JsonOption
from .output import Output

if TYPE_CHECKING:
    from escrow.custody import NewVault, Plan
    from escrow.record import Agent, Compartment
    from escrow.seal import Secret

KEY_FILE = "custody.key"
PUBLIC = "public"
SNIPPET = "vault.toml"
DEFAULT_COMPARTMENTS = ("records:31:400", "documents:366:400", "safeguarding:31:400")
_COMPARTMENT = re.compile(r"([a-z0-9][a-z0-9_-]{0,63}):([0-9]{1,3}):([0-9]{1,5})")
_CARD = 16 * 1024

app = typer.Typer(help="The keys that open a vault.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def new(
    school: Annotated[str, typer.Option(help="The school's name.")],
    agent: Annotated[list[Path], typer.Option(metavar="CARD", help="A nightly machine's card. May be repeated.")],
    out: Annotated[Path, typer.Option(help="New folder, best on a medium that stays with the holder.")],
    urn: Annotated[str | None, typer.Option(help="The school's URN, 6 digits.")] = None,
    laestab: Annotated[str | None, typer.Option(help="The school's LAESTAB, 7 digits.")] = None,
    role: Annotated[str, typer.Option(help="The holder's role.")] = "head",
    compartment: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:NIGHTS:KEEP_DAYS",
            help="A part of the data with its own keys: nights in a series, days kept after. The last is the "
            "strictest. Default: " + " ".join(DEFAULT_COMPARTMENTS),
        ),
    ] = None,
    cap_days: Annotated[int, typer.Option(help="No object is locked for longer than this.")] = 2000,
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="Do not seal the key file: its medium is protected itself.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a new vault's keys: OUT/custody.key stays with the holder, OUT/public goes to the nightly machine.

    The passphrase is asked for, or taken from ESCROW_PASSPHRASE. Never run this on the nightly machine.

    \b
    Example: escrow keys new --school "Fernhill School" --agent server.card --out /media/stick/fernhill
    """
    from escrow.custody import Plan
    from escrow.record import School

    from .agent_folders import refuse_agent_folder
    from .unlock import new_passphrase

    output = Output(as_json)
    refuse_agent_folder(out)
    check_free(out)
    compartments = [parse_compartment(text) for text in compartment or DEFAULT_COMPARTMENTS]
    plan = Plan(
        school=School(name=school, urn=urn, laestab=laestab),
        role=role,
        agents=[read_card(path) for path in agent],
        compartments=compartments,
        strictest=compartments[-1].name,
        cap_days=cap_days,
    )
    passphrase = None if no_passphrase else new_passphrase()
    made = make_keys(plan, passphrase, out)
    output.row(f"vault        {made.vault}", vault=made.vault, fingerprint=made.fingerprint)
    output.note(f"keep {out / KEY_FILE} with the holder; take only {out / PUBLIC} to the nightly machine")
    output.finish(Exit.OK, f"fingerprint  {made.fingerprint}")


app.command()(keys_quorum.ceremony)
app.command()(keys_quorum.check)
app.command()(keys_quorum.reshare)
app.command()(keys_quorum.rekey)
app.command()(keys_quorum.complete)
app.command()(keys_quorum.seal_share)
app.command()(keys_quorum.letterbox)
app.command()(keys_stock.stock)
app.command()(keys_record.record)


def make_keys(plan: "Plan", passphrase: "Secret | None", out: Path) -> "NewVault":
    """Make the keys, write them below `out`, and open the written file before anything is said to be done."""
    from escrow.custody import new_vault, open_custody
    from escrow.recovery import kit, kit_sha256
    from escrow.seal import ScryptRecipient, seal

    from .agent_key import write_private

    made = new_vault(plan, datetime.now(UTC).replace(microsecond=0), kit_sha256())
    text = made.key_file.text()
    write_private(out / KEY_FILE, seal(text, [ScryptRecipient(passphrase)]) if passphrase else text)
    identity = open_custody((out / KEY_FILE).read_bytes(), passphrase, made.vault)
    if identity.encode().reveal() != made.key_file.identity:
        raise IntegrityError(
            "key-mismatch", f"{out / KEY_FILE} does not open as it was sealed", hint="use another disk"
        )
    for name, data in {**made.public, **kit()}.items():
        _write(out / PUBLIC / name, data)
    snippet = f'vault = "{made.vault}"\nfingerprint = "{made.fingerprint}"\n'
    _write(out / PUBLIC / SNIPPET, snippet.encode())
    return made


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        hint = "check space and rights, and begin again with a new folder"
        raise UsageError("out-unwritable", f"{path}: cannot be written ({error.strerror})", hint=hint) from error


def check_free(out: Path) -> None:
    """Keys are never written over others. UsageError `keys-exist`."""
    for path in (out / KEY_FILE, out / PUBLIC):
        if path.exists():
            raise UsageError("keys-exist", f"expected a new folder, found {path}", hint="choose another --out")


def parse_compartment(text: str) -> "Compartment":
    """A compartment of `name:nights:keep_days`. UsageError `compartment`."""
    from escrow.record import Compartment

    match = _COMPARTMENT.fullmatch(text)
    if match is None or not 1 <= int(match[2]) <= 400 or int(match[3]) > 36_500:
        raise UsageError("compartment", f"expected name:nights:keep_days such as records:31:400, found {text!r}")
    return Compartment(name=match[1], nights=int(match[2]), keep_days=int(match[3]))


def read_card(path: Path) -> "Agent":
    """A nightly machine's card. UsageError `card`."""
    from escrow.record import Agent
    from escrow.seal import VerifyKey

    try:
        with path.open("rb") as file:
            card = json.loads(file.read(_CARD))
        name, key = str(card["name"]), str(card["key"])
        VerifyKey.parse(key)
    except (OSError, ValueError, KeyError, TypeError, EscrowError):
        hint = "make it with escrow agent card --out FILE on the nightly machine"
        raise UsageError("card", f"{path}: expected a nightly machine's card, found otherwise", hint=hint) from None
    return Agent(name=name, key=key)
