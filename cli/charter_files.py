"""Where charters come from: the vault or its public parts, TOML that people edit, drafts that are passed round."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from escrow.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from escrow.record import Charter
    from escrow.seal import VerifyKey
    from escrow.trust import Finding, History

_LARGEST = 4 * 1024 * 1024
_CARD_MEMBERS = ("name", "kind", "key", "recipient")
PUBLIC_HINT = "name the folder public of the vault with --public, or a configuration with --config"


@dataclass(frozen=True, slots=True)
class Basis:
    """The accepted charters of a vault, and the objects that they stand in, by name."""

    objects: Mapping[str, bytes]
    history: "History"

    @property
    def charter(self) -> "Charter":
        """The charter in force."""
        assert self.history.charter is not None
        return self.history.charter


def find_basis(public: Path | None, config: Path | None) -> Basis:
    """From the folder of public parts, else from the configured vault and its copies."""
    if public is not None:
        from .public_folder import load_public

        return Basis(*load_public(public))
    from escrow.engine.fetch import public_objects
    from escrow.trust import accept

    from .config import find_config, load_config
    from .places import attach, read_as_one
    from .vault import anchor_of

    if not find_config(config).exists():
        raise UsageError("charter-basis", "expected a vault whose charter this is, found none", hint=PUBLIC_HINT)
    loaded = load_config(config)
    anchor = anchor_of(loaded)
    objects = dict(public_objects(read_as_one(attach(loaded)), ("charter/", "stock/")))
    history = accept(objects.items(), vault=anchor.vault, fingerprint=anchor.fingerprint)
    if history.charter is None:
        found = "; ".join(f"{finding.code}: {finding.detail}" for finding in history.findings[:3])
        raise IntegrityError("charter-missing", f"the vault shows no valid charter ({found or 'none at all'})")
    return Basis(objects, history)


def read_file(path: Path) -> bytes:
    """A charter's file. UsageError `charter-unreadable`."""
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        hint = "make one with escrow charter new"
        raise UsageError("charter-unreadable", f"{path}: cannot be read ({error.strerror})", hint=hint) from error


def write_file(path: Path, data: bytes) -> None:
    """A new file. UsageError `file-exists`, `out-unwritable`."""
    if path.exists():
        raise UsageError("file-exists", f"{path} is there already", hint="name another file, or move this one away")
    replace_file(path, data)


def replace_file(path: Path, data: bytes) -> None:
    """A file as a whole. UsageError `out-unwritable`."""
    from .public_folder import write_whole

    write_whole(path, data)


def is_toml(data: bytes) -> bool:
    """Whether a file is text that people edit, and no envelope."""
    return not data.lstrip().startswith(b"{")


def read_toml(path: Path, base: "Charter") -> "Charter":
    """The charter that the text makes of `base`, as its next version. UsageError, FormatError."""
    from escrow.custody.charter_toml import amend, following

    return following(amend(read_text(path), base, card_loader(path.parent)), base, now())


def read_text(path: Path) -> str:
    """A charter's text. UsageError `charter-unreadable`, `charter-syntax`."""
    try:
        return read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("charter-syntax", f"{path}: expected UTF-8, found other bytes", hint="save as UTF-8") from None


def read_draft(data: bytes, base: "Charter") -> "Charter":
    """The charter in a draft, which must follow `base`. UsageError `draft-old`; FormatError."""
    from escrow.custody.quorum import hash_of
    from escrow.record import Charter
    from escrow.trust import peek_record

    charter, _ = peek_record(data, Charter)
    if (charter.vault, charter.prev) != (base.vault, hash_of(base)):
        detail = f"the draft is version {charter.n} of another vault or another charter than version {base.n} here"
        raise UsageError("draft-old", detail, hint="begin again: escrow charter new, edit, escrow charter sign")
    return charter


def card_loader(folder: Path) -> Callable[[str], Mapping[str, str]]:
    """Reads public cards; their names count from `folder`."""

    def load(name: str) -> Mapping[str, str]:
        path = folder / name
        try:
            with path.open("rb") as file:
                card = json.loads(file.read(_LARGEST))
            return {member: str(card[member]) for member in _CARD_MEMBERS if member in card}
        except (OSError, ValueError, TypeError):
            hint = "a machine's is made by escrow agent card, a custodian's by escrow custodian new"
            raise UsageError("card", f"{path}: expected a card, found none", hint=hint) from None

    return load


def judge(charter: "Charter", base: "Charter") -> "tuple[Finding, ...]":
    """What the policy says of a charter; only told, never an error, where contacts and processors alone change."""
    from dataclasses import replace

    from escrow.custody.policy import judge_policy
    from escrow.trust.quorum import is_minor

    findings = judge_policy(charter, now())
    minor = is_minor(base, charter)
    return tuple(replace(one, severity="warning") for one in findings) if minor else findings


def signers_of(base: "Charter", charter: "Charter", draft: bytes) -> "frozenset[VerifyKey]":
    """Whose signatures under a draft hold, of those that either charter names."""
    from escrow.errors import SignatureError
    from escrow.record import Charter
    from escrow.trust import open_record
    from escrow.trust.quorum import voices

    try:
        return open_record(draft, Charter, voices(base) | voices(charter)).signers
    except SignatureError:
        return frozenset()


def names_of(base: "Charter", charter: "Charter", draft: bytes) -> list[str]:
    """Who has signed a draft, by role."""
    keys = {key.encode() for key in signers_of(base, charter, draft)}
    people = {one.key: one.role for part in (base, charter) for one in part.holders}
    custodians = {part.custodian.key: part.custodian.name for part in (base, charter) if part.custodian}
    return [name for key, name in (people | custodians).items() if key in keys]


def lacks(base: "Charter", charter: "Charter", draft: bytes) -> str:
    """What a draft still lacks, in a sentence; "" when it is complete."""
    from escrow.trust.quorum import lacking, rule_of

    signers = signers_of(base, charter, draft)
    missing = lacking(base, charter, signers)
    return "" if missing is None or rule_of(base, charter, signers) else missing[1]


def now() -> datetime:
    """The clock, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)
