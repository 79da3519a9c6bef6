"""The probe's work bench: fresh objects to try things on, what may be tried, and cleaning up."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property

from escrow.errors import DeniedError, NotFoundError, StoreError, UnreachableError
from escrow.store.base import LockMode, ObjectInfo, Store
from escrow.store.probe_report import FOLDER, LOCK, Check, Outcome
from escrow.store.warden import Warden


class Bench:
    """Objects under `prefix`, each with its own key as content.

    `kept` is the first of them, locked unless the store took none (`no_lock` is its answer then).
    `may_remove`, `may_hide`, `may_retain` and `may_version` say whether the credential has the right at all, as tried
    where no lock is in the way: only then does a refusal tell of a lock.
    """

    def __init__(self, store: Store, warden: Warden, prefix: str) -> None:
        self.store = store
        self.warden = warden
        self.prefix = prefix
        self.made: list[ObjectInfo] = []
        self.no_lock: StoreError | None = None
        try:
            self.kept = self.fresh("kept", "COMPLIANCE")
        except UnreachableError:
            raise
        except StoreError as error:
            self.no_lock = error
            self.kept = self._plain()

    def _plain(self) -> ObjectInfo:
        try:
            return self.fresh("kept")
        except DeniedError as error:
            raise DeniedError(
                "store-probe-denied",
                f"expected the right to put under {FOLDER}/, found none{said(error)}",
                hint="probe with the registrar's credential or the owner's (docs/guide-storage.md)",
            ) from error

    def key(self, name: str) -> str:
        """With a suffix, as names of a vault have (docs/decisions/0022 says why it matters)."""
        return f"{self.prefix}/{name}.txt"

    def fresh(self, name: str, mode: LockMode | None = None) -> ObjectInfo:
        """A new object, locked for LOCK when there is a `mode`. A bucket's policy may demand `If-None-Match`."""
        key = self.key(name)
        until = self.store.now() + LOCK if mode else None
        try:
            info = self.warden.create(key, key.encode(), retain_until=until, lock_mode=mode or "COMPLIANCE")
        except StoreError as error:
            if error.code != "store-unsupported":
                raise
            info = self.warden.overwrite(key, key.encode(), retain_until=until, lock_mode=mode or "COMPLIANCE")
        self.made.append(info)
        return info

    def whole(self, info: ObjectInfo) -> bool:
        """Whether this version is there, with its bytes."""
        try:
            return self.store.get(info.key, version=info.version or None) == info.key.encode()
        except NotFoundError:
            return False

    def locked(self, info: ObjectInfo) -> bool:
        """Whether this version is there, with its bytes, and the lock is what it was or longer."""
        if not self.whole(info):
            return False
        found = self.store.head(info.key, version=info.version or None)
        if info.retain_until is None:
            return True
        strong = found.lock_mode in ("COMPLIANCE", info.lock_mode)
        return strong and found.retain_until is not None and found.retain_until >= info.retain_until

    @cached_property
    def locks(self) -> bool:
        """Whether the store was seen to keep a COMPLIANCE lock."""
        with contextlib.suppress(StoreError):
            return self.kept.retain_until is not None and self.locked(self.kept)
        return False

    @cached_property
    def versioned(self) -> bool:
        """Whether there are versions: as the bucket says, or where it may not be asked, as the answer to a put does."""
        with contextlib.suppress(StoreError):
            return self.warden.versioning()
        return self.kept.version not in ("", "null")

    @cached_property
    def may_remove(self) -> bool:
        """Under a bucket's default retention nothing is unlocked; then a GOVERNANCE lock, lifted, tells."""
        with contextlib.suppress(StoreError):
            free = self.fresh("free")
            self.warden.remove(free.key, free.version)
            return not self.whole(free)
        with contextlib.suppress(StoreError):
            lifted = self.fresh("lifted", "GOVERNANCE")
            self.warden.remove(lifted.key, lifted.version, bypass=True)
            return not self.whole(lifted)
        return False

    @cached_property
    def may_hide(self) -> bool:
        with contextlib.suppress(StoreError):
            self.store.delete(self.fresh("shown").key)
            return True
        return False

    @cached_property
    def may_retain(self) -> bool:
        with contextlib.suppress(StoreError):
            info = self.fresh("longer", "COMPLIANCE")
            until = self.store.now() + LOCK + timedelta(minutes=1)
            self.warden.retain(info.key, info.version, until, "COMPLIANCE")
            return True
        return False

    @cached_property
    def may_version(self) -> bool:
        with contextlib.suppress(StoreError):
            self.warden.set_versioning(True)
            return True
        return False

    def attempt(self, name: str, act: Callable[[], object], holds: Callable[[], bool], *, may: bool = True) -> Check:
        """Do `act`, and see by its effect whether what must hold still `holds`: an answer alone proves nothing."""
        refusal: StoreError | None = None
        try:
            act()
        except StoreError as error:
            refusal = error
        try:
            held = holds()
        except StoreError as error:
            outcome: Outcome = "denied" if isinstance(error, DeniedError) else "unknown"
            return Check(name, outcome, f"the effect cannot be seen{said(error)}")
        if not held:
            return Check(name, "allowed", f"the store let it happen{said(refusal)}")
        return refused(name, refusal, may=may)

    def clean(self) -> tuple[str, ...]:
        """Remove what can be removed, what earlier probes left too; gives the keys of what stays of this one.

        Versions with a lock that holds are not tried: denied deletes may ring an alarm.
        """
        bound = {(info.key, info.version) for info in self.made if info.lock_mode == "COMPLIANCE"} if self.locks else ()
        left: dict[str, None] = {}
        try:
            old = self.store.now() - LOCK - timedelta(hours=1)
            for info in list(self.store.list(f"{FOLDER}/", versions=True)):
                ours = info.key.startswith(f"{self.prefix}/")
                try:
                    if ours and (info.key, info.version) in bound:
                        left[info.key] = None
                    elif ours or info.modified < old:
                        self._remove(info)
                except StoreError:
                    if ours:
                        left[info.key] = None
        except StoreError:
            return tuple(dict.fromkeys(info.key for info in self.made))
        return tuple(left)

    def _remove(self, info: ObjectInfo) -> None:
        if not info.version:
            self.store.delete(info.key)
            return
        try:
            self.warden.remove(info.key, info.version)
        except StoreError:
            self.warden.remove(info.key, info.version, bypass=True)


def refused(name: str, refusal: StoreError | None, *, may: bool) -> Check:
    """What it means that nothing happened, by the store's answer (None: it accepted)."""
    if refusal is None:
        return Check(name, "enforced", "accepted, and what must hold still holds")
    if refusal.code == "store-unsupported":
        return Check(name, "not-supported", f"no such request here{said(refusal)}")
    if isinstance(refusal, UnreachableError) and refusal.code != "store-checksum":
        return Check(name, "unknown", f"no effect, and no clear refusal{said(refusal)}")
    if isinstance(refusal, DeniedError) and not may:
        return Check(name, "denied", f"the credential may not even try{said(refusal)}")
    return Check(name, "enforced", f"refused{said(refusal)}")


def failed(name: str, error: StoreError) -> Check:
    """A check that could not be made."""
    outcome: Outcome = "unknown"
    if isinstance(error, DeniedError):
        outcome = "denied"
    elif error.code in {"store-unsupported", "store-refused"}:
        outcome = "not-supported"
    return Check(name, outcome, str(error.args[0]))


def said(error: StoreError | None) -> str:
    """The store's answer in brackets."""
    return f" ({error.args[0]})" if error else ""
