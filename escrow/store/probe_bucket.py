"""What the probe tries on a bucket: first what it promises, then what an attacker would do."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from escrow.errors import ExistsError, NotFoundError, StoreError, UnreachableError
from escrow.store.base import LockMode, ObjectInfo
from escrow.store.probe_bench import Bench, failed, said
from escrow.store.probe_report import LOCK, Check
from escrow.store.warden import Damage

RACERS = 8
TORN_SIZE = 64 * 1024
"""Bytes of the upload that breaks off."""


def promises(bench: Bench) -> Iterator[Check]:
    """What the store must do by itself."""
    yield _lock_kept(bench)
    yield _seen("versioning", bench.warden.versioning, "new puts keep the older versions")
    yield _seen("range-read", lambda: _reads_ranges(bench), "parts of objects are exact, short ones refused")
    yield _checksum(bench)
    for name, damage in (("wrong-sha256", "sha256"), ("wrong-md5", "md5"), ("torn-upload", "torn")):
        yield _damaged(bench, name, damage)  # type: ignore[arg-type]
    yield _exclusive(bench, "if-none-match", None)
    lock: LockMode | None = "COMPLIANCE" if bench.locks else None
    if lock:
        yield _exclusive(bench, "if-none-match-lock", lock)
    yield _race(bench, lock)


def attacks(bench: Bench) -> Iterator[Check]:
    """What an attacker with this credential would try, each on an object of its own."""
    if bench.locks:
        yield from _attacks_on_locks(bench)
    if bench.versioned:
        yield from _attacks_on_versions(bench)
        yield _seen("versions-listed", lambda: _lists_all(bench), "listings name every version")


def _attacks_on_locks(bench: Bench) -> Iterator[Check]:
    warden, store = bench.warden, bench.store

    def on(name: str, act: Callable[[ObjectInfo], None], *, may: bool, mode: LockMode = "COMPLIANCE") -> Check:
        try:
            target = bench.fresh(name, mode)
        except StoreError as error:
            return failed(name, error)
        return bench.attempt(name, lambda: act(target), lambda: bench.locked(target), may=may)

    soon = store.now() + timedelta(minutes=10)
    later = store.now() + LOCK + timedelta(minutes=1)
    yield on("delete-version", lambda info: warden.remove(info.key, info.version), may=bench.may_remove)
    yield on("bypass-delete", lambda info: warden.remove(info.key, info.version, bypass=True), may=bench.may_remove)
    yield on("shorten", lambda info: warden.retain(info.key, info.version, soon, "COMPLIANCE"), may=bench.may_retain)
    yield on(
        "bypass-shorten",
        lambda info: warden.retain(info.key, info.version, soon, "COMPLIANCE", bypass=True),
        may=bench.may_retain,
    )
    yield on(
        "downgrade",
        lambda info: warden.retain(info.key, info.version, later, "GOVERNANCE", bypass=True),
        may=bench.may_retain,
    )
    yield on(
        "governance-delete",
        lambda info: warden.remove(info.key, info.version),
        may=bench.may_remove,
        mode="GOVERNANCE",
    )
    yield on(
        "governance-shorten",
        lambda info: warden.retain(info.key, info.version, soon, "GOVERNANCE"),
        may=bench.may_retain,
        mode="GOVERNANCE",
    )
    # the right to lift a GOVERNANCE lock is the officer's: that this credential has it is worth telling
    yield on(
        "governance-bypass",
        lambda info: warden.remove(info.key, info.version, bypass=True),
        may=False,
        mode="GOVERNANCE",
    )


def _attacks_on_versions(bench: Bench) -> Iterator[Check]:
    warden = bench.warden
    mode: LockMode | None = "COMPLIANCE" if bench.locks else None
    covered = bench.fresh("overwrite", mode)

    def cover() -> None:
        bench.made.append(warden.overwrite(covered.key, b"other"))

    yield bench.attempt("overwrite", cover, lambda: bench.locked(covered))
    hidden = bench.fresh("delete-marker", mode)
    yield bench.attempt(
        "delete-marker", lambda: bench.store.delete(hidden.key), lambda: bench.locked(hidden), may=bench.may_hide
    )
    if bench.locks:  # without locks every owner may suspend versions, and a try would harm
        yield _suspend(bench)
        yield _lifecycle(bench)


def _suspend(bench: Bench) -> Check:
    name, warden = "suspend-versioning", bench.warden
    check = bench.attempt(name, lambda: warden.set_versioning(False), warden.versioning, may=bench.may_version)
    try:
        warden.set_versioning(True)
    except StoreError as error:
        if check.outcome == "allowed":
            return Check(name, "allowed", f"versions may be off now, enable them by hand{said(error)}")
    return check


def _lifecycle(bench: Bench) -> Check:
    name = "lifecycle-rule"
    try:
        bench.warden.try_expiry(f"{bench.prefix}/")
    except StoreError as error:
        return failed(name, error)
    return Check(name, "allowed", "the credential may add a rule that expires objects")


def _lock_kept(bench: Bench) -> Check:
    if bench.no_lock:
        return failed("lock-kept", bench.no_lock)
    return _seen("lock-kept", lambda: bench.locked(bench.kept), "a COMPLIANCE lock for as long as asked")


def _seen(name: str, look: Callable[[], bool], promise: str) -> Check:
    try:
        return Check(name, "enforced", promise) if look() else Check(name, "allowed", f"not true here: {promise}")
    except StoreError as error:
        return failed(name, error)


def _reads_ranges(bench: Bench) -> bool:
    key, body = bench.kept.key, bench.kept.key.encode()
    if bench.store.get(key, start=2, length=3) != body[2:5] or bench.store.get(key, start=4) != body[4:]:
        return False
    try:
        bench.store.get(key, start=2, length=len(body))
    except StoreError as error:
        if error.code != "store-short":
            raise
        return True
    return False


def _checksum(bench: Bench) -> Check:
    try:
        claim = bench.store.head(bench.kept.key).sha256
    except StoreError as error:
        return failed("checksum-returned", error)
    if claim is None:
        return Check("checksum-returned", "not-supported", "the store says no SHA-256")
    right = claim == hashlib.sha256(bench.kept.key.encode()).hexdigest()
    return Check("checksum-returned", "enforced" if right else "allowed", f"the store says SHA-256 {claim[:16]}…")


def _damaged(bench: Bench, name: str, damage: Damage) -> Check:
    key = bench.key(name)

    def absent() -> bool:
        try:
            bench.store.head(key)
        except NotFoundError:
            return True
        return False

    body = key.encode() if damage != "torn" else bytes(TORN_SIZE)
    # a checksum's refusal is not a 403: that is a policy's, which wants other puts than this
    made = bench.attempt(name, lambda: bench.warden.put_damaged(key, body, damage), absent, may=False)
    # a torn upload has no answer, and needs none
    return Check(name, "enforced", made.detail) if damage == "torn" and made.outcome == "unknown" else made


def _exclusive(bench: Bench, name: str, mode: LockMode | None) -> Check:
    key = bench.key(name)
    until = bench.store.now() + LOCK if mode else None

    def create(body: bytes) -> None:
        bench.made.append(bench.warden.create(key, body, retain_until=until, lock_mode=mode or "COMPLIANCE"))

    try:
        create(b"first")
        create(b"second")
    except ExistsError:
        return Check(name, "enforced", "the second put under one name was refused")
    except StoreError as error:
        return failed(name, error)
    return Check(name, "allowed", "the second put under one name went through")


def _race(bench: Bench, mode: LockMode | None) -> Check:
    key = bench.key("if-none-match-race")
    until = bench.store.now() + LOCK if mode else None

    def run(number: int) -> ObjectInfo | StoreError:
        try:
            return bench.warden.create(key, b"%d" % number, retain_until=until, lock_mode=mode or "COMPLIANCE")
        except StoreError as error:
            return error

    with ThreadPoolExecutor(RACERS) as pool:
        ends = list(pool.map(run, range(RACERS)))
    won = [end for end in ends if isinstance(end, ObjectInfo)]
    bench.made += won
    lost = [end for end in ends if isinstance(end, StoreError)]
    if not won:
        return failed("if-none-match-race", lost[0])
    unclear = sum(1 for end in lost if isinstance(end, UnreachableError))
    said = f"{len(won)} of {RACERS} racers won" + (f", {unclear} without a clear answer" if unclear else "")
    return Check("if-none-match-race", "enforced" if len(won) == 1 else "allowed", said)


def _lists_all(bench: Bench) -> bool:
    """Whether the listing misses nothing that was put and is still there."""
    listed = {(info.key, info.version) for info in bench.store.list(f"{bench.prefix}/", versions=True)}
    for info in bench.made:
        if (info.key, info.version) not in listed:
            with contextlib.suppress(NotFoundError):
                bench.store.head(info.key, version=info.version or None)
                return False
    return True
