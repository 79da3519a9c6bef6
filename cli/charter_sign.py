"""`escrow charter sign`: one holder after the other signs a draft, each alone; who completes it can publish it."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import IntegrityError, RefusedError, UsageError, WrongKeyError

from . import charter_files as files
from .agent_folders import refuse_agent_folder
from .charter_new import PublicOption, tell
from .exits import Exit
from .options import ConfigOption, JsonOption
from .output import Output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from escrow.record import Charter
    from escrow.seal import SigningKey


def sign(
    file: Annotated[Path, typer.Argument(help="The text of escrow charter new, or the draft that others signed.")],
    key: Annotated[
        str | None, typer.Option("--key", metavar="FILE", help="The holder's custody.key, or a custodian's key file.")
    ] = None,
    share: Annotated[Path | None, typer.Option(help="A file with the words of the holder's sheet.")] = None,
    sheets: Annotated[bool, typer.Option("--sheets", help="Type the words of the holder's sheet.")] = False,
    letterbox: Annotated[Path | None, typer.Option(help="What opens a sheet sealed by escrow keys letterbox.")] = None,
    draft: Annotated[Path | None, typer.Option(help="The draft to write. Default: charter-N.json beside FILE.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without being asked.")] = False,
    publish: Annotated[
        bool, typer.Option("--publish", help="Put it into the store, and into --public, once it is complete.")
    ] = False,
    public: PublicOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a charter says and changes, sign it, and write the draft to pass on.

    Never on the nightly machine. Without a key it says who has signed, and with --publish puts a complete draft.

    \b
    Example: escrow charter sign charter.toml --public public --key custody.key
    """
    from escrow.custody.charter_diff import changes, who_signs
    from escrow.custody.quorum import hash_of

    output = Output(as_json)
    basis = files.find_basis(public, config)
    base = basis.charter
    data = files.read_file(file)
    text = files.is_toml(data)
    charter = files.read_toml(file, base) if text else files.read_draft(data, base)
    target = (draft or file.with_name(f"charter-{charter.n}.json")) if text else file
    if text and target.exists():
        hint = "sign the draft itself, or move it away to begin again"
        raise UsageError("file-exists", f"{target} is there already", hint=hint)
    findings = files.judge(charter, base)
    output.row(f"school       {charter.school.name}", school=charter.school.name, version=charter.n)
    output.row(f"vault        {basis.history.fingerprint}", fingerprint=basis.history.fingerprint)
    output.row(f"this version {hash_of(charter)}", charter=hash_of(charter))
    for line in changes(base, charter):
        output.row(f"  {line}", change=line)
    for finding in findings:
        tell(output, finding)
    who = who_signs(base, charter)
    output.row(f"to sign: {who}", to_sign=who)
    bad = next((finding for finding in findings if finding.severity == "error"), None)
    if bad:
        raise RefusedError(bad.code, bad.detail, hint="change the text, and look at it with escrow charter check")
    signer = _signer(basis, charter, key, share, letterbox, sheets)
    if signer:
        refuse_agent_folder(target.parent)
        _agree(output, yes)
        if text or signer.public() not in files.signers_of(base, charter, data):
            data = _signed(data, charter, signer, fresh=text)
            files.replace_file(target, data)
    elif text:
        raise UsageError("signer-missing", "expected --key, --share or --sheets, found none")
    names = files.names_of(base, charter, data)
    output.row(f"signed by: {', '.join(names) or 'nobody'}", signed_by=list(names))
    missing = files.lacks(base, charter, data)
    if missing:
        output.finish(Exit.OK, f"not complete ({missing}): pass {target} on", complete=False, draft=str(target))
    if publish:
        places = _publish(basis, charter, data, public, config)
        output.finish(Exit.OK, f"version {charter.n} is in force: put into {places}", complete=True, published=True)
    output.finish(
        Exit.OK, f"complete: escrow charter sign {target} --publish", complete=True, published=False, draft=str(target)
    )


def _agree(output: Output, yes: bool) -> None:
    from .desk import Terminal, confirm

    if not yes:
        desk = Terminal()
        output.note("Compare the vault's fingerprint with your sheet, and this version's with the other holders'.")
        confirm(desk, "Sign this?", "sign")


def _signed(data: bytes, charter: "Charter", signer: "SigningKey", *, fresh: bool) -> bytes:
    from escrow.record import Charter
    from escrow.trust import add_signatures, sign_record

    return sign_record(charter, [signer]) if fresh else add_signatures(data, Charter, [signer])


def _signer(
    basis: files.Basis, charter: "Charter", key: str | None, share: Path | None, letterbox: Path | None, typed: bool
) -> "SigningKey | None":
    """The one key that signs. UsageError, WrongKeyError `signer-unknown` when neither charter names it."""
    given = sum((key is not None, share is not None, typed))
    if given > 1:
        raise UsageError("signer-one", "expected one of --key, --share and --sheets, found several")
    if given == 0:
        return None
    signer = _of_file(key, charter.vault) if key is not None else _of_sheet(basis, share, letterbox)
    from escrow.trust.quorum import voices

    if signer.public() not in voices(basis.charter) | voices(charter):
        detail = "this key is no holder's and no custodian's of the charter in force or of the new one"
        raise WrongKeyError("signer-unknown", detail, hint="take the key or the sheet of the last ceremony")
    return signer


def _of_file(given: str, vault: str) -> "SigningKey":
    from escrow.custody import signing_key
    from escrow.custody.custodian import open_custodian
    from escrow.custody.opening import is_sealed, open_secret
    from escrow.errors import FormatError

    from .unlock import ask_passphrase, read_key

    data = read_key(given)
    passphrase = ask_passphrase() if is_sealed(data) else None
    try:
        return signing_key(open_secret(data, passphrase, vault), vault)
    except FormatError:
        return open_custodian(data, passphrase).signing


def _of_sheet(basis: files.Basis, share: Path | None, letterbox: Path | None) -> "SigningKey":
    from escrow.custody.sheets import identify

    from .desk import Terminal
    from .shares import read_share, show_vault, type_share

    charters = basis.history.charters
    if share is not None:
        return identify(read_share(share, letterbox), charters).key
    desk = Terminal()
    show_vault(desk, charters[-1], basis.history.fingerprint)
    typed = type_share(desk)
    desk.clear()
    return identify(typed, charters).key


def _publish(basis: files.Basis, charter: "Charter", data: bytes, public: Path | None, config: Path | None) -> str:
    """Put a complete charter where readers look for it; says where. IntegrityError `charter-not-taken`."""
    from escrow.engine.fetch import public_objects
    from escrow.record import charter_name

    from .config import find_config, load_config
    from .public_folder import write_public
    from .vault import connect, store_of

    name = charter_name(charter.n, data)
    _check_taken(basis.objects.items(), basis.history.fingerprint, name, data)
    kit = _new_kit(basis, charter)
    places = []
    if config is not None or find_config(None).exists():
        store = connect(store_of(load_config(config)))
        _check_taken(public_objects(store, ("charter/",)), basis.history.fingerprint, name, data)
        until = store.now().replace(microsecond=0) + timedelta(days=charter.cap_days)
        for part, content in {**kit, name: data}.items():
            store.put(part, content, retain_until=until)
        places.append(store.describe())
    if public is not None:
        write_public(public, kit)
        write_public(public, {name: data})
        places.append(str(public))
    return " and ".join(places)


def _new_kit(basis: files.Basis, charter: "Charter") -> dict[str, bytes]:
    """The rescue kit that the charter is the first to name, by its names in the vault. RefusedError `kit-other`."""
    from .public_folder import rescue_kit

    charters = [*basis.history.charters, charter]
    kit = rescue_kit(charters)
    if charter.rescue in (None, *(one.rescue for one in basis.history.charters)):
        return {}
    if not kit:
        hint = "publish it with the version of escrow that wrote it, or write it again with escrow charter new --kit"
        raise RefusedError(
            "kit-other", f"the charter names the rescue kit {charter.rescue}, not this version's", hint=hint
        )
    return kit


def _check_taken(objects: "Iterable[tuple[str, bytes]]", fingerprint: str, name: str, data: bytes) -> None:
    """A reader of these objects and the new one takes the new one for the charter in force."""
    from escrow.record import Charter
    from escrow.trust import accept, peek_record

    history = accept([*objects, (name, data)], fingerprint=fingerprint)
    if history.charter_sha256 != peek_record(data, Charter)[1]:
        found = "; ".join(f"{one.code}: {one.detail}" for one in history.findings[:3])
        hint = "bring the public parts up to date with the store, and begin again"
        detail = f"readers would not take this version ({found or 'a later one is in force'})"
        raise IntegrityError("charter-not-taken", detail, hint=hint)
