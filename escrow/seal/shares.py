"""Shares of a secret as words on paper: SLIP-39 (docs/format.md, section 5.3). Alone imports `shamir_mnemonic`."""

from collections.abc import Iterable, Sequence
from typing import Final, NoReturn, final

from shamir_mnemonic import MnemonicError, recover_ems, split_ems
from shamir_mnemonic.shamir import EncryptedMasterSecret, ShareGroup
from shamir_mnemonic.share import Share as RawShare
from shamir_mnemonic.wordlist import WORDLIST

from escrow.errors import FormatError, UsageError, WrongKeyError
from escrow.seal.secret import Secret

WORDS: Final = 33
"""Words of a share of 32 bytes."""

LETTERS: Final = 4
"""The first letters that tell a word of the list from all others."""

SETS: Final = 1 << 15
"""Set identifiers are below this."""

_SIZES: Final = (20, WORDS)
_BY_START: Final = {word[:LETTERS]: word for word in WORDLIST}


@final
class Share:
    """One share: its place is public, its words only `words()` shows. Masked, unhashable, not copied or pickled.

    `plain`: extendable and with exponent 0, as all that `split` makes.
    """

    __slots__ = ("_raw", "group", "groups", "groups_needed", "member", "needed", "plain", "set")

    def __init__(self, raw: RawShare) -> None:
        self._raw = raw
        self.set = raw.identifier
        self.group, self.groups, self.groups_needed = raw.group_index, raw.group_count, raw.group_threshold
        self.member, self.needed = raw.index, raw.member_threshold
        self.plain = raw.extendable and raw.iteration_exponent == 0

    def words(self) -> tuple[str, ...]:
        """The words themselves: for paper, never for a log."""
        return tuple(self._raw.words())

    def value(self) -> Secret:
        """The member's value, as many bytes as the secret has."""
        return Secret(self._raw.value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Share):
            return NotImplemented
        places = (self._raw.group_parameters(), self.member) == (other._raw.group_parameters(), other.member)
        return places and self.value() == other.value()

    __hash__ = None  # type: ignore[assignment]  # as of a Secret

    def __repr__(self) -> str:
        return f"Share(set={self.set}, group={self.group}, member={self.member}, ...)"

    def _refuse(self, *_: object) -> NoReturn:
        raise UsageError("secret-copied", "a share is neither pickled nor copied: pass the object itself")

    __reduce_ex__ = __copy__ = __deepcopy__ = _refuse


def split(secret: Secret, identifier: int, groups_needed: int, groups: Sequence[tuple[int, int]]) -> list[list[Share]]:
    """Shares by group and member; `groups` are (needed, members). Empty passphrase, extendable, exponent 0.

    Raises UsageError `share-policy` for numbers that SLIP-39 does not have.
    """
    if not 0 <= identifier < SETS:
        raise UsageError("share-policy", f"no such way to split a secret: {identifier} has more than 15 bits")
    try:
        hidden = EncryptedMasterSecret.from_master_secret(secret.reveal(), b"", identifier, True, 0)
        return [[Share(raw) for raw in group] for group in split_ems(groups_needed, groups, hidden)]
    except ValueError as error:
        raise UsageError("share-policy", f"no such way to split a secret: {error}") from None


def complete(typed: str) -> str | None:
    """The word of the list that was typed, in full or by at least its first four letters; None when there is none."""
    typed = typed.strip().lower()
    word = _BY_START.get(typed[:LETTERS])
    return word if word and word.startswith(typed) else None


def parse_share(text: str) -> Share:
    """A share from its words, each in full or by its first four letters, any white space between.

    Raises FormatError (`share-word`, `share-length`, `share-checksum`); no error repeats a word.
    """
    found = text.split()
    words = []
    for place, typed in enumerate(found, 1):
        word = complete(typed)
        if word is None:
            hint = "compare it with the sheet, letter by letter"
            raise FormatError("share-word", f"word {place} is not in the list of words", hint=hint)
        words.append(word)
    if len(words) not in _SIZES:
        hint = "look for a word that was left out, or typed twice"
        raise FormatError("share-length", f"expected {WORDS} words, found {len(words)}", hint=hint)
    try:
        return Share(RawShare.from_mnemonic(" ".join(words)))
    except MnemonicError:
        raise FormatError(
            "share-checksum",
            "the words do not fit together: one is wrong, or two changed places",
            hint="compare every word with the sheet",
        ) from None


def combine(shares: Iterable[Share], passphrase: bytes = b"") -> Secret:
    """The secret of exactly as many shares as are needed. Ours never have a passphrase; those of others may.

    Raises WrongKeyError `share-combine` for too few, too many, or shares that are not of one set.
    """
    groups: dict[int, ShareGroup] = {}
    sets = set()
    try:
        for share in shares:
            sets.add(share._raw.common_parameters())
            groups.setdefault(share.group, ShareGroup()).add(share._raw)
        if len(sets) != 1:
            raise WrongKeyError("share-combine", f"expected shares of one set, found {len(sets)} sets")
        return Secret(recover_ems(groups).decrypt(passphrase))
    except MnemonicError:
        raise WrongKeyError(
            "share-combine", "these shares do not give a secret: too few, too many or altered"
        ) from None
