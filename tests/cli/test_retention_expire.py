"""Series expire: shown first, signed, deleted in every place, resumed after an interruption; refused when not."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from escrow_cli import removing, retention_expire
from escrow_cli.exits import Exit

from escrow.engine.ports import NoProgress
from escrow.engine.verify import expected_objects, verify_bytes, verify_listing
from escrow.errors import DeniedError, UnreachableError
from escrow.store import FolderStore
from tests.cli.conftest import Result, change, escrow
from tests.engine.kit import errors
from tests.retention.kit import COPY, TWO, Ends


class Stopped(BaseException):
    """The machine is switched off."""


@pytest.fixture
def ends(tmp_path: Path) -> Ends:
    return Ends(tmp_path)


def expire(ends: Ends, *more: str | Path, roles: tuple[str, ...] = TWO) -> Result:
    return ends.run("retention", "expire", "--json", *ends.shares(*roles), *more)


def healthy(ends: Ends) -> None:
    """Keyless, and by its bytes: nothing is amiss."""
    history = ends.history()
    assert errors(history.findings) == []
    assert errors(verify_listing(ends.school.store, history, NoProgress()).findings) == []
    assert errors(verify_bytes(ends.school.store, expected_objects(history), NoProgress()).findings) == []


def counts(ends: Ends) -> list[int]:
    return [len(ends.sealed(one)) for one in ends.series()]


def test_without_yes_it_shows_what_would_go(ends: Ends) -> None:
    shown = ends.run("retention", "expire", "--json")
    assert shown.code == 0, shown.err
    assert shown.lines[-1] | {"series": 2, "nights": 4, "deleted": 0} == shown.lines[-1]
    assert shown.lines[-1]["objects"] == sum(counts(ends)[:2])
    assert ends.history().ending.expired == {}


def test_what_is_due_goes_and_nothing_is_called_missing(ends: Ends) -> None:
    first, second, third = ends.series()
    done = expire(ends, "--yes")
    assert done.code == 0, done.err
    assert counts(ends)[:2] == [0, 0] != counts(ends)[2:]
    assert set(ends.history().ending.expired) == {first, second}
    healthy(ends)
    assert ends.run("verify", "--json").code == Exit.COPIES, "all keys are in one place, as before"
    assert "2 series expired, 0 keys were destroyed" in ends.run("verify").err
    listed = ends.run("list", "--json").lines
    assert [row["expired"] for row in listed[:5]] == [["records"]] * 4 + [[]]
    assert "expired: records" in ends.run("list").out
    gone = ends.run("restore", "1", "--to", ends.root / "out", *ends.shares(*TWO), "--purpose", "restore")
    assert "series-expired" in gone.err
    part = ("--compartment", "safeguarding")
    there = ends.run("restore", "1", "--to", ends.root / "part", *part, *ends.shares(*TWO), "--purpose", "restore")
    assert there.code == 0, there.err
    last = ends.run("restore", "latest", "--to", ends.root / "last", *ends.shares(*TWO), "--purpose", "restore")
    assert last.code == 0, last.err
    states = {row["series"]: row["state"] for row in ends.run("retention", "report", "--json").lines[:-1]}
    assert (states[first], states[third]) == ("expired", "last")
    assert expire(ends, "--yes").lines[-1]["deleted"] == 0


def test_the_second_reader_calls_nothing_missing_either(ends: Ends) -> None:
    import subprocess
    import sys

    judge = Path(removing.__file__).parents[1] / "escrow" / "recovery" / "kit" / "escrow_judge.py"
    assert expire(ends, "--yes").code == 0
    told = subprocess.run(
        [sys.executable, judge, "check", ends.root / "vault"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"series/{ends.series()[0]}" in told.stdout
    assert "series-expired" in told.stdout
    assert "AMISS" not in told.stdout
    next(iter(ends.sealed(ends.series()[2]))).unlink()
    told = subprocess.run(
        [sys.executable, judge, "check", ends.root / "vault"], capture_output=True, text=True, check=False
    )
    assert (told.returncode, "AMISS" in told.stdout) == (1, True)


def test_what_may_not_go_is_refused_by_its_code(ends: Ends) -> None:
    _, second, third = ends.series()
    assert "series-last" in expire(ends, "--yes", third).err
    assert "expire-schedule" in expire(ends, "--yes", ends.series("safeguarding")[0]).err
    ends.run("hold", "new", "inquiry", "--reason", "r", "--authority", "a", "--series", second, *ends.shares("head"))
    held = expire(ends, "--yes", second)
    assert (held.code, "hold-covers" in held.err) == (Exit.REFUSED, True)
    letter = ends.root / "letter.pdf"
    letter.write_bytes(b"an order")
    ends.run("handover", "start", "--trigger", "closure-order", "--evidence", letter, *ends.shares("head"))
    assert "handover-phase" in expire(ends, "--yes", ends.series()[0]).err
    assert min(counts(ends)) > 0


def test_one_holder_is_not_enough(ends: Ends) -> None:
    alone = expire(ends, "--yes", roles=("head",))
    assert alone.code != 0
    assert "share-too-few" in alone.err
    assert min(counts(ends)) > 0
    assert ends.history().events == ()


def test_nothing_goes_while_the_later_series_is_damaged(ends: Ends) -> None:
    shutil.copytree(ends.root / "vault", ends.root / "county")
    ends.config.write_text(ends.config.read_text("utf-8") + COPY, "utf-8")
    change(ends.sealed(ends.series()[2])[0], b"spoilt")
    refused = expire(ends, "--yes")
    assert (refused.code, "expire-successor" in refused.err) == (Exit.REFUSED, True)
    assert counts(ends)[0] > 0
    assert ends.history().events == ()


def test_every_copy_is_emptied_and_has_the_event_first(ends: Ends) -> None:
    ends.config.write_text(ends.config.read_text("utf-8") + COPY, "utf-8")
    shutil.copytree(ends.root / "vault", ends.root / "county")
    away = ends.root / "elsewhere"
    (ends.root / "county").rename(away)
    left = expire(ends, "--yes")
    assert left.code == Exit.UNFINISHED, left.err
    assert {row["place"]: row["away"] is None for row in left.lines if "place" in row} == {
        "the store": True,
        "county": False,
    }
    away.rename(ends.root / "county")
    again = ends.run("retention", "expire", "--yes", "--json")
    assert again.code == 0, again.err
    assert next(row["deleted"] for row in again.lines if "place" in row) == 0
    assert ends.sealed(ends.series()[0], "county") == []
    assert list((ends.root / "county" / "events").iterdir())
    assert ends.run("store", "copy", "--json").lines[-1] | {"objects": 0} is not None
    assert ends.sealed(ends.series()[0], "county") == []


def test_an_old_copy_does_not_bring_it_back(ends: Ends) -> None:
    shutil.copytree(ends.root / "vault", ends.root / "county")
    assert expire(ends, "--yes").code == 0
    ends.config.write_text(ends.config.read_text("utf-8") + COPY, "utf-8")
    repaired = escrow("store", "repair", "--config", ends.config)
    assert counts(ends)[:2] == [0, 0], repaired.err


@pytest.mark.parametrize("at", range(0, 8, 2))
def test_stopped_at_any_deletion_it_goes_on(ends: Ends, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = sum(path.parent.name == "packs" for one in ends.series()[:2] for path in ends.sealed(one))
    real = FolderStore.delete
    done: list[str] = []

    def stops(store: FolderStore, key: str, *, version: str | None = None) -> None:
        if len(done) >= at:
            raise Stopped
        done.append(key)
        real(store, key, version=version)

    monkeypatch.setattr(removing, "_AT_ONCE", 1)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(FolderStore, "delete", stops)
        expire(ends, "--yes")
    left = [path.parent.name for one in ends.series()[:2] for path in ends.sealed(one)]
    assert "manifests" not in left or left.count("packs") == packs, "a night is whole or gone"
    healthy(ends)
    assert ends.run("retention", "expire", "--yes", "--json").code == 0
    assert counts(ends)[:2] == [0, 0]
    assert len(ends.history().events) == 1
    healthy(ends)


def test_stopped_around_the_event_nothing_is_lost_or_signed_twice(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(retention_expire, "put_or_keep", stop)
        expire(ends, "--yes")
    assert (min(counts(ends)) > 0, ends.history().events) == (True, ())
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(retention_expire, "_delete", stop)
        expire(ends, "--yes")
    healthy(ends)
    assert ends.run("retention", "expire", "--yes").code == 0
    assert (counts(ends)[:2], len(ends.history().events)) == ([0, 0], 1)


def test_where_the_event_cannot_be_put_nothing_is_deleted(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    real = FolderStore.put

    def refuses(store: FolderStore, key: str, body: bytes, **rest: Any) -> object:
        if key.startswith("events/"):
            raise DeniedError("store-denied", "no")
        return real(store, key, body, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "put", refuses)
        done = expire(ends, "--yes", "--deeds", ends.root / "deeds")
    assert (done.code, min(counts(ends)) > 0) == (Exit.UNFINISHED, True)
    assert ends.run("handover", "post", ends.root / "deeds").code == 0
    assert ends.run("retention", "expire", "--yes").code == 0
    assert counts(ends)[:2] == [0, 0]


def test_a_lock_in_the_store_is_told_with_its_date(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any, **__: Any) -> None:
        raise DeniedError("store-denied", "locked")

    monkeypatch.setattr(FolderStore, "delete", locked)
    done = expire(ends, "--yes")
    assert done.code == Exit.UNFINISHED
    assert next(row for row in done.lines if "place" in row)["left"] == sum(counts(ends)[:2])

    def away(*_: Any, **__: Any) -> None:
        raise UnreachableError("store-away", "gone")

    monkeypatch.setattr(FolderStore, "delete", away)
    assert ends.run("retention", "expire", "--yes").code == Exit.UNFINISHED
