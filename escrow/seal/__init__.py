"""Sealing and signing: age v1 files, DSSE envelopes, typed secrets. Pure; the only importer of `cryptography`."""

from escrow.seal.age import Opener, Sealer, open_sealed, seal
from escrow.seal.armor import armor, dearmor
from escrow.seal.dsse import Signed, open_envelope, sign_envelope, unverified_payload
from escrow.seal.header import head_of
from escrow.seal.hybrid import HybridIdentity, HybridRecipient
from escrow.seal.keyfile import parse_identities, parse_recipient
from escrow.seal.reader import SealedReader
from escrow.seal.recipient import Identity, Recipient
from escrow.seal.scrypt import ScryptIdentity, ScryptRecipient
from escrow.seal.secret import Secret, derive
from escrow.seal.sign import SigningKey, VerifyKey
from escrow.seal.stream import plain_size, sealed_size
from escrow.seal.x25519 import X25519Identity, X25519Recipient

__all__ = [
    "HybridIdentity",
    "HybridRecipient",
    "Identity",
    "Opener",
    "Recipient",
    "ScryptIdentity",
    "ScryptRecipient",
    "SealedReader",
    "Sealer",
    "Secret",
    "Signed",
    "SigningKey",
    "VerifyKey",
    "X25519Identity",
    "X25519Recipient",
    "armor",
    "dearmor",
    "derive",
    "head_of",
    "open_envelope",
    "open_sealed",
    "parse_identities",
    "parse_recipient",
    "plain_size",
    "seal",
    "sealed_size",
    "sign_envelope",
    "unverified_payload",
]
