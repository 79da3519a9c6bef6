"""The WORM probe: tries on a store what an attacker would, and tells what it really enforces (docs/stores.md)."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import chain

from escrow.errors import UsageError
from escrow.limits import MAX_CLOCK_SKEW
from escrow.store.base import Store, utc_now
from escrow.store.folder import FolderStore
from escrow.store.probe_bench import Bench
from escrow.store.probe_bucket import attacks, promises
from escrow.store.probe_report import FOLDER, LOCK, Check, ProbeReport
from escrow.store.warden import Guarded


def probe(
    store: Store,
    *,
    clock: Callable[[], datetime] = utc_now,
    random: Callable[[int], bytes] = os.urandom,
    told: Callable[[Check], object] | None = None,
) -> ProbeReport:
    """Try `store` (not a wrapper of one) with the credential it has; give `judge` the report. `told` hears each check.

    Writes some small objects under `probe/` and removes them again, but for those locked for LOCK. Raises DeniedError
    `store-probe-denied` where the credential cannot put there, UnreachableError, UsageError `store-probe`.
    """
    prefix = f"{FOLDER}/{random(8).hex()}"
    if isinstance(store, FolderStore):
        return _probe_folder(store, prefix, clock)
    if not isinstance(store, Guarded):
        raise UsageError("store-probe", f"{store.describe()}: expected the store itself, found {type(store).__name__}")
    bench = Bench(store, store.warden(), prefix)
    checks = []
    for check in chain([_clock(store, clock)], promises(bench), attacks(bench)):
        checks.append(check)
        if told:
            told(check)
    report = ProbeReport(store.describe(), store.now(), False, "none", tuple(checks), bench.clean())
    if bench.locks:
        return replace(report, lock="COMPLIANCE")
    return replace(report, lock="unknown") if report.outcome("lock-kept") in ("denied", "unknown") else report


def _clock(store: Store, clock: Callable[[], datetime]) -> Check:
    seconds = round((clock() - store.now()).total_seconds())
    detail = f"this machine's clock is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} the store's"
    return Check("clock", "enforced" if abs(seconds) <= MAX_CLOCK_SKEW else "allowed", detail)


def _probe_folder(store: FolderStore, prefix: str, clock: Callable[[], datetime]) -> ProbeReport:
    """A folder's owner can do everything; what is left is the read-only attribute, which stops accidents."""
    key = f"{prefix}/read-only"
    store.put(key, b"probe", retain_until=store.now() + LOCK)
    kept = store.read_only(key)
    store.delete(key)
    said = "objects get the read-only attribute: it stops accidents" if kept else "the attribute does not last here"
    checks = (_clock(store, clock), Check("read-only", "enforced" if kept else "not-supported", said))
    return ProbeReport(store=store.describe(), at=store.now(), folder=True, lock="none", checks=checks)
