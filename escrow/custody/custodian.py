"""A custodian's identity: one secret for hundreds of schools, its public card, and its rotation.

docs/format.md, section 13.6.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Annotated, NoReturn

from escrow.errors import FormatError, IntegrityError, UsageError, WrongKeyError
from escrow.limits import FORMAT
from escrow.record import Party, decode, encode, from_object, to_object
from escrow.record.charter import CUSTODIAN_KINDS
from escrow.record.grammar import RecipientText, Text, VerifyKeyText, one_of
from escrow.seal import (
    HybridIdentity,
    ScryptIdentity,
    Secret,
    SigningKey,
    VerifyKey,
    derive,
    open_envelope,
    open_sealed,
    sign_envelope,
    unverified_payload,
)
from escrow.seal.shares import SETS, Share, combine, split

_ROTATION = "application/vnd.escrow.custodian-rotation+json"
_KEY = re.compile(
    r"# escrow custodian key\r?\n"
    r"# name: (?P<name>[^\x00-\x1f]{1,1000})\r?\n"
    r"# kind: (?P<kind>[a-z]+)\r?\n"
    r"# secret: (?P<secret>[0-9a-f]{64})\r?\n"
    r"(?P<identity>AGE-SECRET-KEY-PQ-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})(?:\r?\n)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a custodian gives to everybody: its name and its public keys."""

    name: Text
    kind: Annotated[str, one_of(*CUSTODIAN_KINDS)]
    key: VerifyKeyText
    recipient: RecipientText

    def text(self) -> bytes:
        """The card as canonical JSON."""
        return encode(to_object(self))

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of `text()`: what is read over the telephone."""
        return hashlib.sha256(self.text()).hexdigest()

    @property
    def party(self) -> Party:
        """The custodian as a release names it."""
        return Party(name=self.name, key=self.key, recipient=self.recipient)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A custodian's statement that `new` stands for `old` from now on."""

    created: datetime
    old: Card
    new: Card


class CustodianKey:
    """A custodian's secret half. Masked; not pickled."""

    def __init__(self, name: str, kind: str, secret: Secret) -> None:
        self.name, self.kind = name, kind
        self._secret = secret
        self.identity = HybridIdentity.from_seed(derive(secret, f"escrow/v{FORMAT}/custodian/age", length=32))
        self.signing = SigningKey.from_seed(derive(secret, f"escrow/v{FORMAT}/custodian/sign", length=64))

    @classmethod
    def new(cls, name: str, kind: str) -> "CustodianKey":
        """A fresh one. FormatError field-type for a name or kind that no card has."""
        made = cls(name, kind, Secret(os.urandom(32)))
        parse_card(made.card().text())
        return made

    def card(self) -> Card:
        """The public half."""
        return Card(
            name=self.name,
            kind=self.kind,
            key=self.signing.public().encode(),
            recipient=str(self.identity.recipient()),
        )

    def secret(self) -> Secret:
        """The 32 bytes that everything is derived from."""
        return self._secret

    def text(self) -> Secret:
        """The identity file, in the clear: to be sealed at once. `age -d -i` takes it as it is."""
        head = f"# escrow custodian key\n# name: {self.name}\n# kind: {self.kind}\n# secret: "
        return Secret(head.encode() + self._secret.reveal().hex().encode() + b"\n" + self._line() + b"\n")

    def _line(self) -> bytes:
        return self.identity.encode().reveal()

    def __repr__(self) -> str:
        return f"CustodianKey({self.name!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret does not pickle")


def parse_card(data: bytes) -> Card:
    """The card in a file. FormatError `card` when it is none."""
    try:
        return from_object(decode(data.strip()), Card, "card")
    except FormatError as error:
        raise FormatError("card", f"expected a custodian's card, found otherwise: {error}") from None


def open_custodian(data: bytes, passphrase: Secret | None) -> CustodianKey:
    """The custodian's key in a file, opened with its passphrase if it has one.

    Raises WrongKeyError (`passphrase-missing`, `passphrase-wrong`), FormatError (`key-file`).
    """
    if data.startswith(b"age-encryption.org/"):
        if passphrase is None:
            raise WrongKeyError("passphrase-missing", "the key file is sealed with a passphrase, and none was given")
        try:
            data = open_sealed(data, [ScryptIdentity(passphrase)])
        except WrongKeyError:
            hint = "type it again; mind case and blanks"
            raise WrongKeyError("passphrase-wrong", "the passphrase does not open the key file", hint=hint) from None
    found = _KEY.fullmatch(data.decode("utf-8", "replace"))
    if found is None:
        hint = "give the file that escrow custodian new made, unedited"
        raise FormatError("key-file", "expected the text of a custodian's key, found another text", hint=hint)
    key = CustodianKey(found["name"], found["kind"], Secret(bytes.fromhex(found["secret"])))
    if key.identity.encode() != Secret(found["identity"].encode()):
        raise FormatError(
            "key-file", "the key file's secret and identity line do not belong together", hint="take an unedited copy"
        )
    return key


def sign_rotation(old: CustodianKey, new: CustodianKey, now: datetime) -> bytes:
    """The statement that `new` follows `old`, signed by both; charters and releases then name the new one."""
    statement = Rotation(created=now, old=old.card(), new=new.card())
    return sign_envelope(encode(to_object(statement)), _ROTATION, [old.signing, new.signing])


def open_rotation(data: bytes) -> Rotation:
    """The statement, with both signatures checked. FormatError, SignatureError, IntegrityError `rotation-unsigned`."""
    said = from_object(decode(unverified_payload(data)), Rotation, "rotation")
    both = {VerifyKey.parse(said.old.key), VerifyKey.parse(said.new.key)}
    if open_envelope(data, _ROTATION, both).signers != both:
        raise IntegrityError("rotation-unsigned", "expected the signatures of both identities, found one")
    return said


def split_key(key: CustodianKey, needed: int, members: int) -> list[Share]:
    """Shares of a custodian's secret, each minimal subset of which was combined. UsageError `share-policy`."""
    if not 2 <= needed <= members:
        raise UsageError("share-policy", f"expected at least 2 of at most 16 sheets, found {needed} of {members}")
    identifier = int.from_bytes(os.urandom(2), "big") % SETS
    (shares,) = split(key.secret(), identifier, 1, [(needed, members)])
    for subset in combinations(shares, needed):
        if combine(subset) != key.secret():
            raise IntegrityError("share-secret", "the new sheets do not give the secret: begin again")
    return shares


def join_key(shares: Sequence[Share], card: Card) -> CustodianKey:
    """The key again, held against its card. WrongKeyError `share-combine`, `card-other`."""
    key = CustodianKey(card.name, card.kind, combine(shares))
    if key.card() != card:
        hint = "take the card that was made with this key, and sheets of its last split"
        raise WrongKeyError("card-other", "the sheets give another key than the card's", hint=hint)
    return key
