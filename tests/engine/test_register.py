"""The erasure register over real nights: what it leaves out, of which nights, and what stops a restore."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from escrow import record as r
from escrow.engine.ports import NoProgress
from escrow.engine.reading import CompartmentView
from escrow.engine.restore import RestoreOptions, everything, restore
from escrow.engine.restored import Omission, RestoreReport
from escrow.engine.tarball import write_tar
from escrow.engine.verify import expected_objects, verify_bytes, verify_listing, verify_open
from escrow.errors import IntegrityError
from tests.engine.erasing import erase
from tests.engine.kit import School, errors, school

TABLE = b"upn,name\r\nA1,Ann\r\nA2,Bob\r\nA3,Cy\r\n"
FILES = {"pupils.csv": TABLE, "docs/A2/letter.pdf": b"letter", "docs/A2.txt": b"not below it", "odd.csv": b'"a\n'}
PUPILS = b"school/pupils.csv"
SOME = ("records",)
BOB = r.ErasedRows(PUPILS, "upn", "A2")


@pytest.fixture
def place(tmp_path: Path) -> School:
    one = school(tmp_path)
    one.night(FILES)
    return one


def files(folder: Path) -> dict[str, bytes]:
    base = folder / "school"
    return {p.relative_to(base).as_posix(): p.read_bytes() for p in sorted(base.rglob("*")) if p.is_file()}


def come_back(views: list[CompartmentView], folder: Path, **more: bool) -> tuple[RestoreReport, dict[str, bytes]]:
    report = restore(views, folder, RestoreOptions(everything, **more), NoProgress())
    assert report.failed == []
    return report, files(folder)


def test_rows_and_files_are_left_out_and_counted(place: School, tmp_path: Path) -> None:
    erase(place, BOB, r.ErasedPath(b"school/docs/A2"))
    erase(place, r.ErasedRows(PUPILS, "name", "Cy"), BOB, r.ErasedPath(b"school/docs/A2"))
    report, there = come_back(place.views(), tmp_path / "out")
    assert there == {"pupils.csv": b"upn,name\r\nA1,Ann\r\n", "docs/A2.txt": b"not below it", "odd.csv": b'"a\n'}
    assert sorted(report.omitted, key=lambda one: (one.path, one.n)) == [
        Omission(b"school/docs/A2/letter.pdf", 1),
        Omission(PUPILS, 1, 1),
        Omission(PUPILS, 2, 1),
    ]
    totals = sum(view.manifest.totals.bytes for view in place.views())
    assert (report.omitted_files, report.omitted_rows) == (1, 2)
    assert report.omitted_size + report.size == totals


def test_a_restore_over_an_older_one_needs_leave(place: School, tmp_path: Path) -> None:
    come_back(place.views(), tmp_path / "out")
    erase(place, BOB)
    options = RestoreOptions(everything)
    report = restore(place.views(), tmp_path / "out", options, NoProgress())
    assert [(path, code) for path, code, _ in report.failed] == [(PUPILS, "restore-exists")]
    assert files(tmp_path / "out") == FILES
    _, there = come_back(place.views(), tmp_path / "out", overwrite=True)
    assert b"Bob" not in there["pupils.csv"]
    assert come_back(place.views(), tmp_path / "out")[0].already == len(FILES)
    assert not list((tmp_path / "out").rglob(".*"))


def test_a_table_that_cannot_be_read_is_left_out_whole(place: School, tmp_path: Path) -> None:
    erase(place, r.ErasedRows(b"school/odd.csv", "a", "1"), r.ErasedRows(PUPILS, "UPN", "A2"))
    report, there = come_back(place.views(), tmp_path / "out")
    assert there.keys() == {"docs/A2/letter.pdf", "docs/A2.txt"}
    assert {(one.path, one.rows) for one in report.omitted} == {(b"school/odd.csv", None), (PUPILS, None)}
    assert all("left out whole" in one.why for one in report.omitted)
    out = io.BytesIO()
    again = write_tar(place.views(), out, RestoreOptions(everything), NoProgress())
    assert {one.path for one in again.omitted} == {one.path for one in report.omitted}
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        assert len(tar.getnames()) == 2


def test_it_is_about_nights_up_to_the_last_and_one_compartment(place: School, tmp_path: Path) -> None:
    place.night(FILES | {"new.txt": b"new"})
    erase(place, BOB, until=1)
    erase(place, r.ErasedPath(b"school"), compartments=["safeguarding"])
    for seq, gone in (("1", True), ("2", False)):
        _, there = come_back(place.views(seq), tmp_path / seq)
        assert (b"Bob" not in there["pupils.csv"]) is gone
        assert "docs/A2.txt" not in there


def test_a_kind_of_a_later_minor_leaves_its_path_out(place: School, tmp_path: Path) -> None:
    erase(place, text=b'{"entries":[{"cells":["name"],"kind":"cells","path":"school/pupils.csv"}]}')
    assert "pupils.csv" not in come_back(place.views(), tmp_path / "out")[1]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda place: erase(place, BOB, compartments=SOME, lost=True), "erasure-missing"),
        (lambda place: erase(place, compartments=SOME, text=b"{}"), "erasure-damaged"),
        (
            lambda place: erase(
                place, BOB, compartments=SOME, change=lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1])
            ),
            "erasure-damaged",
        ),
        (lambda place: erase(place, BOB, compartments=SOME, change=lambda sealed: b"not age"), "erasure-damaged"),
        (lambda place: erase(place, BOB, compartments=SOME, strangers=True), "erasure-damaged"),
    ],
)
def test_a_register_that_cannot_be_read_stops_the_restore(
    place: School, tmp_path: Path, spoil: Callable[[School], object], code: str
) -> None:
    erase(place, r.ErasedPath(b"school/docs"))
    spoil(place)
    views = place.views()
    attempts: list[Callable[[], object]] = [
        lambda: restore(views, tmp_path / "out", RestoreOptions(everything), NoProgress()),
        lambda: write_tar(views, io.BytesIO(), RestoreOptions(everything), NoProgress()),
    ]
    for attempt in attempts:
        with pytest.raises(IntegrityError) as caught:
            attempt()
        assert caught.value.code == code
    assert not (tmp_path / "out").exists()
    assert code in [one.code for one in verify_open(views, NoProgress()).findings]
    _, there = come_back([view.without_register() for view in views], tmp_path / "out")
    assert there == FILES
    safe = [view for view in views if view.name == "safeguarding"]
    assert restore(safe, tmp_path / "safe", RestoreOptions(everything), NoProgress()).failed == []


def test_the_checks_of_the_store_know_it(place: School) -> None:
    erase(place, BOB)
    history = place.history()
    assert errors(history.findings) == []
    assert errors(verify_listing(place.store, history, NoProgress()).findings) == []
    thin = erase(place, BOB, locked=False)
    told = verify_listing(place.store, place.history(), NoProgress()).findings
    assert [(one.code, one.subject) for one in told] == [("lock-missing", thin)]
    assert errors(verify_bytes(place.store, expected_objects(history), NoProgress()).findings) == []
    assert errors(verify_open(place.views(), NoProgress()).findings) == []
