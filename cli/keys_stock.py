"""`escrow keys stock`: more series keys, for a new compartment or a stock that runs low."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import SignatureError

from .exits import Exit
from .options import ConfigOption, JsonOption, KeyOption, LetterboxOption, ShareOption, SheetsOption
from .output import Output

if TYPE_CHECKING:
    from escrow.seal import Secret, SigningKey
    from escrow.trust import History


def stock(
    public: Annotated[Path, typer.Option(help="The vault's public parts, or a copy of the vault's folder.")],
    years: Annotated[int, typer.Option(min=1, max=10, help="How long the unused keys shall last.")] = 3,
    key: KeyOption = None,
    share: ShareOption = None,
    letterbox: LetterboxOption = None,
    sheets: SheetsOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make more series keys: for compartments that a new charter added, and where few are left.

    Keys that a series has already are left out of the count where a configuration names the vault. New keys go into
    PUBLIC, signed: take it to the nightly machine, and run escrow init there. Never run this there.

    \b
    Example: escrow keys stock --public public --key custody.key
    """
    from escrow.custody.deeds import identity_of, in_force, sign_custody, untold
    from escrow.custody.newvault import custody_identity
    from escrow.custody.quorum import last_stock, signed_stock
    from escrow.custody.stock import more_stock, wanted_keys

    from .agent_folders import refuse_agent_folder
    from .charter_files import now
    from .public_folder import load_public, write_public

    output = Output(as_json)
    refuse_agent_folder(public)
    objects, history = load_public(public)
    charter = in_force(history)
    before, _ = last_stock(objects)
    counts = wanted_keys(charter, history.keys, _used(config), years)
    if not counts:
        if untold(history, before):
            output.note("no event tells what was made last: escrow keys record signs one")
        output.finish(Exit.OK, f"enough: every compartment has unused keys for {years} years", keys=0)
    secret, signers = _open(history, key, share or [], letterbox, sheets)
    _check_signers(history, signers)
    custody = custody_identity(secret, history.vault)
    made, sealed = more_stock(charter, before, history.keys, counts, custody=custody, now=now())
    event = sign_custody(charter, history.event_head, "stock", identity_of(made), keys=signers, now=now())
    write_public(public, sealed | signed_stock(made, signers) | dict([event]))
    load_public(public)
    for name, count in counts.items():
        output.row(f"{name:<14} {count:>4} new keys", compartment=name, keys=count)
    output.note(f"take {public} to the nightly machine and run escrow init there; copy it to every copy of the keys")
    output.finish(Exit.OK, f"stock {made.n} is signed", stock=made.n, keys=sum(counts.values()))


def _used(config: Path | None) -> set[str]:
    """The ids of keys that have a series, as far as a configured vault says."""
    from .config import find_config, load_config
    from .vault import read_vault

    if not find_config(config).exists():
        return set()
    return {one.key for one in read_vault(load_config(config)).history.series.values()}


def _open(
    history: "History", key: str | None, files: list[Path], letterbox: Path | None, typed: bool
) -> "tuple[Secret, list[SigningKey]]":
    from escrow.custody import signing_key
    from escrow.custody.sheets import combine_sheets
    from escrow.errors import UsageError

    from .desk import Terminal
    from .holders import collect_sheets
    from .unlock import read_secret

    assert history.charter is not None
    if key is not None:
        secret = read_secret(key, history.vault)
        return secret, [signing_key(secret, history.vault)]
    if not files and not typed:
        hint = "say --key FILE, --share FILE for each sheet, or --sheets to type them"
        raise UsageError("key-missing", "expected a key file or sheets, found neither", hint=hint)
    found = collect_sheets(Terminal() if typed else None, history, files, letterbox)
    return combine_sheets(found, history.charter), [sheet.key for sheet in found]


def _check_signers(history: "History", signers: "list[SigningKey]") -> None:
    """Whoever opens must be enough to sign. SignatureError `stock-threshold`."""
    from escrow.trust.quorum import shortfall

    assert history.charter is not None
    lacking = shortfall(history.charter, [one.public() for one in signers])
    if lacking:
        raise SignatureError("stock-threshold", lacking, hint="open with more sheets")
