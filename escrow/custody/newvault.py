"""Makes a new vault's custody secret, charter and stock of series keys (docs/format.md, sections 4.1, 4.2 and 5)."""

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from escrow.errors import IntegrityError
from escrow.limits import FORMAT
from escrow.record import (
    Agent,
    Charter,
    Compartment,
    CustodyKeyFile,
    Holder,
    School,
    SeriesKeyFile,
    Stock,
    StockKey,
    charter_name,
    key_id_of,
    key_name,
    stock_name,
    to_payload,
)
from escrow.seal import HybridIdentity, Secret, SigningKey, derive, open_sealed, seal
from escrow.trust import open_series_key, sign_record

YEARS = 3
_SPARE = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What the new vault is for. `agents`: name and public key of each nightly machine."""

    school: School
    role: str
    agents: Sequence[Agent]
    compartments: Sequence[Compartment]
    strictest: str
    cap_days: int


@dataclass(frozen=True, slots=True)
class NewVault:
    """`key_file` opens everything and stays with the holder; `public` are objects by name, for `escrow init`."""

    vault: str
    fingerprint: str
    key_file: CustodyKeyFile
    public: dict[str, bytes]


def signing_key(secret: Secret, vault: str) -> SigningKey:
    """The holder's signing key, derived from the custody secret of this vault."""
    return SigningKey.from_seed(derive(secret, f"escrow/v{FORMAT}/holder/sign/1", bytes.fromhex(vault), 64))


def custody_identity(secret: Secret, vault: str) -> HybridIdentity:
    """The age identity to which series keys are sealed, derived from the custody secret."""
    return HybridIdentity.from_seed(derive(secret, f"escrow/v{FORMAT}/custody/age", bytes.fromhex(vault), 32))


def new_vault(plan: Plan, now: datetime, rescue: str | None = None) -> NewVault:
    """Fresh keys for three years of nights, sealed, opened again and checked before they are given out.

    `rescue` is the hash of the rescue kit that will lie in the vault.
    """
    vault = os.urandom(16).hex()
    secret = Secret(os.urandom(32))
    holder = signing_key(secret, vault)
    custody = custody_identity(secret, vault)
    charter = Charter(
        vault=vault,
        n=1,
        prev=None,
        created=now,
        school=plan.school,
        holders=(Holder(role=plan.role, key=holder.public().encode()),),
        threshold=1,
        recipients=(str(custody.recipient()),),
        agents=tuple(plan.agents),
        compartments=tuple(plan.compartments),
        strictest=plan.strictest,
        cap_days=plan.cap_days,
        rescue=rescue,
    )
    stock, public = make_stock(charter, custody, now)
    charter_envelope = sign_record(charter, [holder])
    stock_envelope = sign_record(stock, [holder])
    public[charter_name(1, charter_envelope)] = charter_envelope
    public[stock_name(1, stock_envelope)] = stock_envelope
    return NewVault(
        vault,
        hashlib.sha256(to_payload(charter)).hexdigest(),
        CustodyKeyFile(vault, secret.reveal(), custody.encode().reveal()),
        public,
    )


def keys_for(compartment: Compartment, years: int = YEARS) -> int:
    """How many keys last a compartment for so many years, a few series that begin unplanned included."""
    return math.ceil(years * 366 / compartment.nights) + _SPARE


def make_stock(charter: Charter, custody: HybridIdentity, now: datetime) -> tuple[Stock, dict[str, bytes]]:
    """Stock 1 for three years of nights, and its sealed keys by object name; each key opened again and checked."""
    sealed: dict[str, bytes] = {}
    keys: list[StockKey] = []
    for compartment in charter.compartments:
        for _ in range(keys_for(compartment)):
            key, data = series_key(charter.vault, compartment.name, custody)
            keys.append(key)
            sealed[key_name(key.id, key.sha256)] = data
    keys.sort(key=lambda key: key.id)
    return Stock(vault=charter.vault, n=1, prev=None, created=now, keys=tuple(keys)), sealed


def series_key(vault: str, compartment: str, custody: HybridIdentity) -> tuple[StockKey, bytes]:
    """A fresh series key: its entry in a stock, and its sealed object, opened again and checked. IntegrityError."""
    identity = HybridIdentity.generate()
    recipient = str(identity.recipient())
    key_id = key_id_of(recipient)
    text = SeriesKeyFile(vault, key_id, compartment, identity.encode().reveal()).text()
    sealed = seal(text, [custody.recipient()])
    key = StockKey(
        id=key_id,
        compartment=compartment,
        recipient=recipient,
        sha256=hashlib.sha256(sealed).hexdigest(),
        size=len(sealed),
    )
    reopened = open_series_key(open_sealed(sealed, [custody]), key, vault)
    if str(reopened.recipient()) != recipient:
        raise IntegrityError("key-mismatch", f"the new series key {key_id} does not open as it was sealed")
    return key, sealed
