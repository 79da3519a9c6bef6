"""What the commands of `handover` share: who signs, what opens, where deeds are put."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escrow.errors import StoreError, UsageError

from .config import Config, StoreConfig, load_config
from .custodian_key import read_custodian
from .output import Output
from .unlock import Means, read_secret
from .vault import connect, store_of

if TYPE_CHECKING:
    from escrow.custody.custodian import CustodianKey
    from escrow.custody.deeds import Named
    from escrow.custody.release import Board
    from escrow.custody.sheets import Sheet
    from escrow.engine.sync import Anchor
    from escrow.seal import HybridIdentity, SigningKey
    from escrow.store import Store
    from escrow.trust import History

NeededCustodianOption = Annotated[str, typer.Option("--custodian", metavar="FILE", help="The custodian's key file.")]
PurposeOption = Annotated[str, typer.Option(help="For which purpose of the charter.")]
CertificateOption = Annotated[Path | None, typer.Option(metavar="PDF", help="Write a certificate for people.")]

_FOLDERS = ("releases/", "receipts/", "erasures/", "events/")


def clock() -> datetime:
    """Now, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def parse_day(text: str) -> datetime:
    """A date such as 2046-08-31, at midnight UTC. UsageError `date`."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError("date", f"expected a date such as 2046-08-31, found {text!r}") from None


@dataclass(frozen=True, slots=True)
class Signers:
    """Who signs an event: holders, by key file or sheets, or the custodian. `alone`: one sheet is typed, no quorum."""

    means: Means
    custodian: str | None = None
    alone: bool = False

    def keys(self, history: "History") -> "list[SigningKey]":
        """Their signing keys; one is enough, the rules tell how many are needed. UsageError `key-missing`, ..."""
        from escrow.custody import signing_key

        keys = [read_custodian(self.custodian).signing] if self.custodian else []
        if self.means.key is not None:
            keys.append(signing_key(read_secret(self.means.key, history.vault), history.vault))
        elif self.alone and self.means.typed:
            keys.append(_typed_alone(history))
        elif self.means:
            keys += [sheet.key for sheet in _sheets(self.means, history)]
        if not keys:
            hint = "say --key FILE, --share FILE for each sheet, --sheets to type them, or --custodian FILE"
            raise UsageError("key-missing", "expected somebody to sign, found nobody", hint=hint)
        return keys


def _sheets(means: Means, history: "History") -> "list[Sheet]":
    from .desk import Terminal
    from .holders import collect_sheets

    return collect_sheets(Terminal() if means.typed else None, history, means.shares, means.letterbox)


def _typed_alone(history: "History") -> "SigningKey":
    from escrow.custody.sheets import identify

    from .desk import Terminal
    from .shares import show_vault, type_share

    desk = Terminal()
    assert history.charter is not None
    show_vault(desk, history.charter, history.fingerprint)
    share = type_share(desk)
    desk.clear()
    return identify(share, history.charters).key


def open_custody(means: Means, history: "History") -> "tuple[HybridIdentity, list[SigningKey]]":
    """The custody identity, and the keys of a quorum or of the one holder. UsageError, WrongKeyError."""
    from escrow.custody import signing_key
    from escrow.custody.newvault import custody_identity
    from escrow.custody.sheets import combine_sheets

    assert history.charter is not None
    if not means:
        hint = "say --key FILE, --share FILE for each sheet, or --sheets to type them"
        raise UsageError("key-missing", "expected a key file or sheets, found neither", hint=hint)
    if means.key is not None:
        secret = read_secret(means.key, history.vault)
        return custody_identity(secret, history.vault), [signing_key(secret, history.vault)]
    sheets = _sheets(means, history)
    identity = custody_identity(combine_sheets(sheets, history.charter), history.vault)
    return identity, [sheet.key for sheet in sheets]


def open_board(means: Means, history: "History") -> "Board":
    """A quorum, or the one holder: opens the series keys, and signs."""
    from escrow.custody import series_identity
    from escrow.custody.release import Board

    custody, keys = open_custody(means, history)
    return Board(lambda sealed, key: series_identity(sealed, key, history.vault, custody), keys)


def custodian_board(key: "CustodianKey", history: "History", store: "Store") -> "Board":
    """A custodian that passes on what was released to it."""
    from escrow.custody.release import Board

    from .custodian_key import opener_for

    return Board(opener_for(key, history, store), [key.signing])


def put_deeds(
    store: "Store", history: "History", objects: "Sequence[Named]", keep_until: datetime | None = None
) -> None:
    """Put deeds in their order, under the charter's longest lock, or until `keep_until` where that is later.

    What is there already is left.
    """
    assert history.charter is not None
    until = store.now().replace(microsecond=0) + timedelta(days=history.charter.cap_days)
    until = max(until, keep_until or until)
    for name, data in objects:
        store.put(name, data, retain_until=until)


def own_store(into: str, *, create: bool = False) -> "Store":
    """The custodian's own store: a folder, an s3 address, or an escrow.toml whose [store] says more (endpoint, ...)."""
    where = store_of(load_config(Path(into))) if into.endswith(".toml") else StoreConfig(into)
    return connect(where, create=create)


def all_deeds(store: "Store", anchor: "Anchor") -> "list[Named]":
    """Every event, release, receipt and erasure of a place, in the order of their putting: what was signed there alone
    goes along, or its chain and another place's would part."""
    from escrow.engine.copying import read_original, whole_vault
    from escrow.engine.fetch import fetch_exact

    items = [item for item in whole_vault(read_original(store, anchor)) if item.name.startswith(_FOLDERS)]
    items.sort(key=lambda item: (not item.name.endswith(".age"), _FOLDERS.index(item.name.partition("/")[0] + "/")))
    return [(item.name, item.data or fetch_exact(store, item.name, item.sha256)) for item in items]


def put_or_keep(output: Output, config: Config, history: "History", objects: "Sequence[Named]", out: Path) -> None:
    """Put deeds into the configured store; where that cannot be done from here, leave them in a folder for who can."""
    from .public_folder import write_whole

    try:
        put_deeds(connect(store_of(config)), history, objects)
    except StoreError as error:
        for name, data in objects:
            write_whole(out / name, data)
        output.note(f"{error.code}: they cannot be put from here; whoever may runs escrow handover post {out}")


def file_hash(path: Path) -> str:
    """The SHA-256 of a file of evidence. UsageError `evidence-unreadable`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        hint = "name the letter or order as a file: its hash is signed, the file stays with you"
        raise UsageError("evidence-unreadable", f"{path}: cannot be read ({error.strerror})", hint=hint) from error
