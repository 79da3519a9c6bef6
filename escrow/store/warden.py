"""Verbs beyond Store, for those who test a store's locks (the probe) and those who may lift one (the officer)."""

from datetime import datetime
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from escrow.store.base import LockMode, ObjectInfo, Store

Damage: TypeAlias = Literal["sha256", "md5", "torn"]
"""How a put goes wrong: a checksum (SHA-256 or Content-MD5) of other bytes, or a connection that ends half way."""


class Warden(Protocol):
    """What the store's own interface lets a credential try. Errors are those of Store."""

    def create(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        """Put if nothing is there (`If-None-Match: *`), and let the store alone decide. Raises ExistsError."""

    def overwrite(
        self, key: str, body: bytes, *, retain_until: datetime | None = None, lock_mode: LockMode = "COMPLIANCE"
    ) -> ObjectInfo:
        """Put whatever is there."""

    def put_damaged(self, key: str, body: bytes, damage: Damage) -> None:
        """Send an upload that the store must not keep."""

    def retain(self, key: str, version: str, until: datetime, lock_mode: LockMode, *, bypass: bool = False) -> None:
        """Set the retention of one version; `bypass` asks to lift a GOVERNANCE lock."""

    def remove(self, key: str, version: str, *, bypass: bool = False) -> None:
        """Remove one version for good; `bypass` asks to lift a GOVERNANCE lock."""

    def versioning(self) -> bool:
        """Whether new puts keep the older versions."""

    def set_versioning(self, on: bool) -> None:
        """Enable or suspend versions for the whole bucket."""

    def try_expiry(self, prefix: str) -> None:
        """Add a lifecycle rule that expires what is under `prefix`, and put back the rules that were there."""


@runtime_checkable
class LegalHolds(Protocol):
    """A warden of a store that knows legal holds: who may set one may lift it, and until then nobody deletes."""

    def hold(self, key: str, version: str, *, on: bool) -> None:
        """Set or lift the legal hold of one version."""


@runtime_checkable
class Guarded(Protocol):
    """A store with a warden."""

    def warden(self) -> Warden:
        """The verbs beyond Store, with the same credential."""


def legal_holds(store: Store) -> LegalHolds | None:
    """What sets legal holds in this store; None where it has none."""
    warden: object = store.warden() if isinstance(store, Guarded) else None
    return warden if isinstance(warden, LegalHolds) else None
