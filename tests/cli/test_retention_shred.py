"""Keys are destroyed: by clause and two holders, in every place, pending until confirmed, and certified honestly."""

import hashlib
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from escrow_cli.exits import Exit
from escrow_cli.removing import remove_from
from escrow_cli.retention_shred import _lift

from escrow.custody.charter_page import day
from escrow.engine.ports import NoProgress
from escrow.engine.verify import expected_objects, verify_bytes, verify_listing
from escrow.errors import DeniedError
from escrow.paper.html import to_html
from escrow.retention.destruction import Confirmed, destruction_certificate
from escrow.retention.shred import plan_shred
from escrow.store import FolderStore
from escrow.store.s3 import S3Store
from escrow.store.s3_options import S3Options
from tests.cli.conftest import Result
from tests.engine.kit import errors
from tests.retention.kit import COPY, PAST, TWO, Ends
from tests.servers.seaweed import seaweed
from tests.store.conftest import bucket_on, connect, moto_bucket

__all__ = ["seaweed"]


@pytest.fixture
def ends(tmp_path: Path) -> Ends:
    return Ends(tmp_path)


def shred(ends: Ends, *more: str | Path, roles: tuple[str, ...] = TWO, clause: str = "shred-records") -> Result:
    pdf = ("--certificate", ends.root / "gone.pdf")
    series = ends.series()[0]
    return ends.run("retention", "shred", series, "--clause", clause, *pdf, *ends.shares(*roles), "--json", *more)


def sealings(ends: Ends, place: str = "vault") -> list[Path]:
    key = ends.history().series[ends.series()[0]].key
    return sorted((ends.root / place / "stock").glob(f"{key}-*.age"))


def test_without_yes_it_shows_and_without_a_clause_it_refuses(ends: Ends) -> None:
    shown = shred(ends)
    assert shown.code == 0, shown.err
    assert shown.lines[-1] | {"keys": 1, "nights": 2, "deleted": 0} == shown.lines[-1]
    for clause in ("rolling", "shred-all"):
        refused = shred(ends, "--yes", clause=clause)
        assert (refused.code, "shred-clause" in refused.err) == (Exit.REFUSED, True)
    assert (len(sealings(ends)), ends.history().events) == (1, ())


def test_two_holders_destroy_and_a_certificate_is_signed(ends: Ends) -> None:
    alone = shred(ends, "--yes", roles=("head",))
    assert (alone.code, "event-signers" in alone.err) == (Exit.REFUSED, True)
    done = shred(ends, "--yes")
    assert done.code == 0, done.err
    assert sealings(ends) == []
    digest = hashlib.sha256((ends.root / "gone.pdf").read_bytes()).hexdigest()
    assert done.lines[-1] | {"keys": 1, "deleted": 1, "certificate": digest} == done.lines[-1]
    history = ends.history()
    kinds = [(one.event.kind, one.event.about, one.event.evidence) for one in history.events]
    assert kinds == [("shredded", None, None), ("evidence", "destruction-certificate", digest)]
    assert errors(history.findings) == []
    assert errors(verify_listing(ends.school.store, history, NoProgress()).findings) == []
    assert errors(verify_bytes(ends.school.store, expected_objects(history), NoProgress()).findings) == []
    gone = ends.run("restore", "1", "--to", ends.root / "out", *ends.shares(*TWO), "--purpose", "restore")
    assert "key-shredded" in gone.err
    last = ends.run("restore", "latest", "--to", ends.root / "last", *ends.shares(*TWO), "--purpose", "restore")
    assert last.code == 0, last.err
    assert ends.run("retention", "report", "--json").lines[0]["destroyed"] == 1
    again = ends.run("retention", "shred", ends.series()[0], "--clause", "shred-records", "--yes", "--json")
    assert again.lines[-1]["certificate"] == digest
    assert len(ends.history().events) == 3, "a use of keys beside them"
    assert ends.run("retention", "expire", "--yes", *ends.shares(*TWO)).code == 0


def test_a_hold_stops_it(ends: Ends) -> None:
    ends.run("hold", "new", "inquiry", "--reason", "r", "--authority", "a", *ends.shares("head"))
    held = shred(ends, "--yes")
    assert (held.code, "hold-covers" in held.err, len(sealings(ends))) == (Exit.REFUSED, True, 1)


def test_it_is_pending_until_every_place_confirms(ends: Ends) -> None:
    ends.config.write_text(ends.config.read_text("utf-8") + COPY, "utf-8")
    shutil.copytree(ends.root / "vault", ends.root / "away")
    pending = shred(ends, "--yes")
    assert pending.code == Exit.UNFINISHED
    assert pending.lines[-1]["certificate"] is None
    assert not (ends.root / "gone.pdf").exists()
    (ends.root / "away").rename(ends.root / "county")
    unsigned = ends.run("retention", "shred", ends.series()[0], "--clause", "shred-records", "--yes", "--json")
    assert (unsigned.code, sealings(ends, "county")) == (Exit.UNFINISHED, [])
    signed = shred(ends, "--yes", roles=("head",))
    assert signed.code == 0, signed.err
    assert [one.event.kind for one in ends.history().events] == ["shredded", "evidence"]
    assert ends.run("store", "copy").code in (Exit.OK, Exit.COPIES)
    assert sealings(ends) == sealings(ends, "county") == []


def test_a_place_that_refuses_is_pending(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any, **__: Any) -> None:
        raise DeniedError("store-denied", "locked")

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "delete", locked)
        assert shred(ends, "--yes").code == Exit.UNFINISHED
    assert shred(ends, "--yes", roles=("head",)).code == 0
    assert sealings(ends) == []


@pytest.fixture(params=["moto", pytest.param("seaweed", marks=pytest.mark.s3)])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    if request.param == "moto":
        with moto_bucket() as name:
            yield S3Store(S3Options(name, "vault"))
    else:
        server = request.getfixturevalue("seaweed")
        yield connect(server, bucket_on(server, monkeypatch))


def test_governance_is_lifted_and_compliance_is_pending_until_its_date(bucket: S3Store) -> None:
    until = (bucket.now() + timedelta(days=2)).replace(microsecond=0)
    soft, hard = f"stock/{'aa' * 8}-{'11' * 8}.age", f"stock/{'bb' * 8}-{'22' * 8}.age"
    bucket.put(soft, b"key", retain_until=until, lock_mode="GOVERNANCE")
    bucket.put(hard, b"key", retain_until=until)
    found = remove_from("the store", bucket, ["stock/"], lambda name: name.kind == "key", _lift)
    assert (found.gone, found.left, found.until, found.is_done) == (1, 1, until, False)
    assert [info.key for info in bucket.list()] == [hard]


def test_the_certificate_says_what_remains_and_what_it_does_not_know(ends: Ends) -> None:
    letter = ends.root / "letter.pdf"
    letter.write_bytes(b"an order")
    start = ("handover", "start", "--trigger", "closure-order", "--evidence", letter)
    assert ends.run(*start, *ends.shares("head")).code == 0
    released = ends.run("handover", "release", "--compartment", "records", *ends.shares(*TWO))
    assert released.code == 0, released.err
    assert "handover-phase" in shred(ends, "--yes").err
    assert ends.run("handover", "withdraw", *ends.shares(*TWO)).code == 0
    assert shred(ends, "--yes").code == 0
    assert list((ends.root / "vault" / "releases").glob("*.age")) != [], "keys of the other series"
    history = ends.history()
    plan = plan_shred(history, ends.series()[:1], "shred-records", PAST)
    until = history.kept[ends.series()[0]].retain_until
    assert until is not None
    assert len(plan.sealings) == 2
    text = to_html(destruction_certificate(history, plan, [Confirmed("the store", PAST, 2)]), "foot")
    for said in (
        "gave Cyngor Gwynedd keys that are among these",
        f"locked until {day(until)}",
        "two holders may destroy keys",
        plan.keys[0],
        "does not name were not looked at",
    ):
        assert said in text, said
