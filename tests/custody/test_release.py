"""Keys are held against stock and series before they are released; a crash at any put costs nothing."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from escrow import record as r
from escrow.custody import series_identity
from escrow.custody.deeds import identity_of
from escrow.custody.release import Board, Scope, released_opener
from escrow.engine.fetch import fetch_exact
from escrow.engine.reading import CompartmentView, choose, open_snapshot
from escrow.engine.restore import RestoreReport, restore
from escrow.errors import EscrowError, UnreachableError, WrongKeyError
from escrow.seal import HybridIdentity, parse_recipient, seal
from escrow.store import MemoryStore
from escrow.trust import accept, sign_record
from tests.custody.closing import KEEP_UNTIL, LA, Closing, again, closing, drafted, reloaded
from tests.custody.test_handover import codes, refused
from tests.engine.kit import AGENT, T0


@pytest.fixture(scope="module")
def cooled(tmp_path_factory: pytest.TempPathFactory) -> Closing:
    """Notice was given, and the cooling-off is over."""
    place = closing(tmp_path_factory.mktemp("cooled"))
    place.put(place.notice())
    place.days(8)
    return place


@pytest.fixture
def place(cooled: Closing, tmp_path: Path) -> Closing:
    return again(cooled, tmp_path)


def test_a_safeguarding_key_reposted_as_a_records_key_is_refused(place: Closing) -> None:
    """The nightly machine signs a series of `records` under a key of `safeguarding`, and a night in it."""
    history = place.history
    safe = next(one for one in history.series.values() if one.compartment == "safeguarding")
    strange = r.Series(
        vault=history.vault,
        series="ab" * 8,
        compartment="records",
        key=safe.key,
        agent=AGENT.public().id,
        charter=history.charter_sha256,
        started=T0,
        ends=T0,
        retain_until=T0,
        why="planned",
    )
    data = sign_record(strange, [AGENT])
    last = history.notices[-1]
    part = next(one for one in last.series if one.compartment == "safeguarding")
    lie = replace(part, compartment="records", series=strange.series, record=identity_of(strange))
    notice = replace(last, seq=last.seq + 1, prev=history.head.sha256 if history.head else None, series=(lie,))
    night = sign_record(notice, [AGENT])
    place.put([(r.series_name(strange.series, data), data), (r.notice_name(notice.seq, night), night)])
    assert set(codes(place.history)) >= {"series-key"}
    assert refused(lambda: place.release("records")) == "release-compartment"
    honest = next(one.series for one in history.series.values() if one.compartment == "records")
    assert place.release(scope=Scope(frozenset({"records"}), frozenset({honest})))


def test_another_key_behind_the_sealed_object_is_refused(place: Closing) -> None:
    history = place.history
    key = next(key for key in history.keys.values() if key.compartment == "records")
    other = HybridIdentity.generate()
    text = r.SeriesKeyFile(history.vault, key.id, "records", other.encode().reveal()).text()
    sealed = seal(text, [parse_recipient(history.charter.recipients[0])]) if history.charter else b""

    def wrong(_sealed: bytes, one: r.StockKey) -> HybridIdentity:
        return series_identity(sealed, one, history.vault, drafted()[0].identity)

    board = Board(wrong, place.keys[:2])
    assert refused(lambda: place.release("records", board=board)) == "key-mismatch"


def test_a_stock_that_moves_a_key_to_another_compartment_changes_nothing(place: Closing) -> None:
    history = place.history
    safe = next(key for key in history.keys.values() if key.compartment == "safeguarding")
    moved = replace(safe, compartment="records")
    stock = r.Stock(vault=history.vault, n=2, prev="ab" * 32, created=T0, keys=(moved,))
    data = sign_record(stock, place.keys[:2])
    place.put([(r.stock_name(2, data), data)])
    assert "stock-compartment" in codes(place.history)
    objects = place.release("records")
    assert not any(name.startswith(f"releases/{safe.id}") for name, _ in objects)


def test_the_agent_with_the_authority_and_one_sheet_opens_nothing(place: Closing) -> None:
    history = place.history
    opener = released_opener(history, (), lambda name, sha256: fetch_exact(place.store, name, sha256), LA.identity)
    for key in history.keys.values():
        with pytest.raises(WrongKeyError) as caught:
            opener(b"", key)
        assert caught.value.code == "key-not-released"
        with pytest.raises(WrongKeyError):
            series_identity(
                fetch_exact(place.store, r.key_name(key.id, key.sha256), key.sha256), key, history.vault, LA.identity
            )


class Failing(MemoryStore):
    """Fails at the nth put: before it, or after it took effect."""

    def __init__(self, base: Closing, after: int, *, persisted: bool) -> None:
        assert isinstance(base.store, MemoryStore)
        super().__init__(base.store.dump(), clock=base.clock.now)
        self._left, self._persisted = after, persisted

    def put(self, key: str, body: bytes, **more: object) -> r.ObjectRef:  # type: ignore[override]
        self._left -= 1
        if self._left == 0:
            if self._persisted:
                super().put(key, body, **more)  # type: ignore[arg-type]
            raise UnreachableError("store-unreachable", "the line is cut")
        return super().put(key, body, **more)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("persisted", [False, True])
def test_a_release_that_was_cut_off_at_any_put_is_made_again(place: Closing, persisted: bool) -> None:
    count = len(place.release("records"))
    assert count == 3
    before = place.store
    for at in range(1, count + 1):
        place.school.store = before
        place.school.store = Failing(place, at, persisted=persisted)
        with pytest.raises(UnreachableError):
            place.put(place.release("records"))
        done = persisted and at == count
        history = place.history
        assert history.handover.phase == ("released" if done else "notice-given")
        errors = [one.code for one in history.findings if one.severity == "error"]
        assert errors == []
        if not done:
            place.put(place.release("records"))
        assert place.history.handover.phase == "released"
        assert len(place.history.handover.grants) == 1


@pytest.mark.parametrize("persisted", [False, True])
def test_an_acceptance_that_was_cut_off_at_any_put_goes_on(place: Closing, tmp_path: Path, persisted: bool) -> None:
    place.put(place.release("records"))
    empty = again(place, tmp_path / "empty")
    whole = MemoryStore(clock=place.clock.now)
    place.put(place.receipt(own=whole), whole)
    total = len([*whole.list()])
    for at in range(1, total + 1, 3):
        own = Failing(empty, at, persisted=persisted)
        own._objects.clear()
        with pytest.raises(UnreachableError):
            place.put(place.receipt(own=own), own)
        there = accept([(info.key, own.get(info.key)) for info in own.list() if info.key.endswith(".json")])
        assert there.handover.phase != "accepted" or (persisted and at >= total - 1)
        if there.handover.phase != "accepted":
            place.put(place.receipt(own=own), own)
        assert reloaded(place, own).handover.phase == "accepted"
        assert codes(reloaded(place, own)) in ([], ["receipt-unnamed"])


def spoil(place: Closing, name: str) -> None:
    """The store's only version of an object is another now."""
    assert isinstance(place.store, MemoryStore)
    data = place.store.get(name)
    place.store.overwrite(name, data[:-9] + bytes(9))
    for info in list(place.store.list(name, versions=True))[1:]:
        place.store._objects[name] = [one for one in place.store._objects[name] if one.info.version != info.version]


def test_every_released_night_is_opened_not_the_last_alone(place: Closing) -> None:
    place.put(place.release("records"))
    tested, _ = place.prove()
    assert (tested.nights.count, tested.nights.wrong, tested.opened.count) == (3, 0, 2)
    part = next(one for one in place.history.notices[1].series if one.compartment == "records")
    assert part.manifest
    spoil(place, r.manifest_name(part.series, 2, part.manifest.sha256))
    place.own = MemoryStore(clock=place.clock.now)
    tested, _ = place.prove()
    assert (tested.nights.count, tested.nights.wrong, tested.opened.wrong) == (3, 1, 0)
    said = [text for text in tested.differences if "nights of series" in text]
    words = f"1 nights of series {part.series} (records) do not open as listed, the first is 2"
    assert said == [f"store-absent: {words}"]


def test_differences_are_listed_and_name_no_file(place: Closing) -> None:
    place.put(place.release("records", "safeguarding"))
    history = place.history
    part = next(one for one in history.notices[-1].series if one.compartment == "records")
    spoil(place, r.pack_name(part.series, part.packs[-1].sha256) if part.packs else "")
    tested, copied = place.prove()
    assert copied.findings
    assert tested.read.wrong == 1
    assert tested.opened.wrong >= 1
    said = " ".join(tested.differences)
    assert "object-missing" in said
    assert "pupils" not in said
    assert "marks" not in said


def test_a_date_gone_by_is_no_lock(place: Closing) -> None:
    from escrow.engine.acceptance import take_copy
    from escrow.engine.copying import read_original
    from escrow.engine.ports import NoProgress

    original = read_original(place.store, place.school.anchor)
    with pytest.raises(EscrowError) as caught:
        take_copy(original, place.own, place.school.anchor, T0, NoProgress())
    assert caught.value.code == "keep-until"


def test_a_file_that_does_not_come_back_is_a_difference(place: Closing, monkeypatch: pytest.MonkeyPatch) -> None:
    from escrow.engine import acceptance

    def lossy(views: list[CompartmentView], folder: Path, *rest: object) -> RestoreReport:
        report = restore(views, folder, *rest)  # type: ignore[arg-type]
        max(path for path in folder.rglob("*") if path.is_file()).unlink()
        return report

    place.put(place.release("records"))
    monkeypatch.setattr(acceptance, "restore", lossy)
    tested, _ = place.prove()
    assert [text.partition(":")[0] for text in tested.differences] == ["restore-count"]
    assert [(one.listed_files, one.files) for one in tested.restored] == [(2, 1)]


def test_after_an_early_release_coming_series_are_open_to_the_custodian_too(tmp_path: Path) -> None:
    place = closing(tmp_path, nights=1)
    place.put(place.notice())
    place.days(8)
    place.put(place.release(scope=Scope(frozenset({"records"}), and_later=True)))
    before = set(place.history.series)
    shutil.rmtree(place.school.state)
    assert place.school.night({"pupils.csv": b"upn\nA1\n"}).seq == 2
    history = place.history
    fetch = lambda name, sha256: fetch_exact(place.store, name, sha256)  # noqa: E731
    opener = released_opener(history, history.handover.grants, fetch, LA.identity)
    (view,) = open_snapshot(place.store, history, choose(history, "latest"), opener, ["records"])
    assert view.manifest.series not in before
    assert view.manifest.totals.files == 1
    with pytest.raises(WrongKeyError):
        open_snapshot(place.store, history, choose(history, "latest"), opener, ["safeguarding"])


def test_everything_in_the_own_copy_is_locked_as_long_as_its_custodian_says(place: Closing) -> None:
    from escrow_cli.handover_parts import put_deeds

    place.put(place.release("records"))
    objects = place.receipt()
    put_deeds(place.own, place.history, objects, KEEP_UNTIL)
    names = [info.key for info in place.own.list()]
    assert any(name.startswith("receipts/") for name in names)
    assert {place.own.head(name).retain_until for name in names} == {KEEP_UNTIL}


def test_a_lock_that_ends_before_the_custodians_date_is_a_difference(place: Closing) -> None:
    """An earlier run had another date: its objects are there, and keep their lock."""
    place.put(place.release("records"))
    history = place.history
    name = next(r.charter_name(1, body) for key, body in drafted()[1].public.items() if key.startswith("charter/"))
    place.own.put(name, place.store.get(name), retain_until=place.clock.now() + timedelta(days=30))
    tested, copied = place.prove()
    assert history.charter
    assert [one.code for one in copied.findings] == ["lock-short"]
    assert [text.partition(":")[0] for text in tested.differences] == ["lock-short"]


def test_no_receipt_is_dated_before_its_release(place: Closing) -> None:
    place.put(place.release("records"))
    place.clock.at -= timedelta(days=1)
    with pytest.raises(EscrowError) as caught:
        place.receipt()
    assert caught.value.code == "receipt-early"
