"""Archives made by an enemy who holds the writer's keys: refused by limits, and nothing is written outside."""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from escrow import limits
from escrow import record as r
from escrow.engine import restore as restoring
from escrow.engine.packread import SeriesPacks
from escrow.engine.ports import NoProgress
from escrow.engine.restore import RestoreOptions, RestoreReport, everything, restore
from escrow.engine.tarball import write_tar
from escrow.engine.verify import verify_open
from escrow.errors import EscrowError, FormatError, IntegrityError, LimitError, StateError
from escrow.pack.frames import wrap_manifest
from escrow.seal import HybridIdentity
from escrow.source import safe_target
from escrow.store import MemoryStore
from tests.engine.forge import CONTENT, file, forge, link
from tests.engine.kit import School, school

ALL = RestoreOptions(everything)


def tree(folder: Path) -> dict[str, bytes]:
    """Everything below a folder: a file's bytes, a link's target, b"/" for a folder."""
    found: dict[str, bytes] = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = b"-> " + os.fsencode(path.readlink())
        else:
            found[name] = path.read_bytes() if path.is_file() else b"/"
    return found


@pytest.fixture
def place(tmp_path: Path) -> School:
    made = school(tmp_path / "school")
    made.nights(1)
    return made


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """The folder to restore to. Around it nothing may change."""
    around = tmp_path / "around"
    (around / "neighbour").mkdir(parents=True)
    (around / "neighbour" / "file").write_bytes(b"untouched")
    yield around / "target"
    assert {name: data for name, data in tree(around).items() if not name.startswith("target")} == {
        "neighbour": b"/",
        "neighbour/file": b"untouched",
    }


def restored(place: School, seq: int, target: Path, options: RestoreOptions = ALL) -> RestoreReport:
    return restore(place.views(str(seq)), target, options, NoProgress())


def failures(report: RestoreReport) -> dict[bytes, str]:
    return {path: code for path, code, _ in report.failed}


def in_order(*lines: bytes) -> list[bytes]:
    return sorted(lines, key=lambda line: r.decode_line(line).path)


def good(ordinal: int, path: bytes = b"s/good") -> bytes:
    return file(path, [(ordinal, 0, len(CONTENT))], CONTENT)


@pytest.mark.parametrize(
    "path",
    ["../neighbour/file", "s/../../neighbour/file", "/etc/escrow", "s//x", "./x", "s/.", "s/..", "", "a\\u0000b"],
)
def test_paths_up_and_out(place: School, target: Path, path: str) -> None:
    line = good(1).replace(b'"path":"s/good"', b'"path":"' + path.encode() + b'"')
    seq = forge(place, lambda n: [line.replace(b"[1,", b"[%d," % n)])
    with pytest.raises(FormatError) as caught:
        restored(place, seq, target)
    assert caught.value.code == "path-grammar"
    assert not any(path.is_file() for path in target.rglob("*"))
    assert [one.code for one in verify_open(place.views(str(seq)), NoProgress()).findings] == ["path-grammar"]


WINDOWS = [
    "c:/x",
    "s/con",
    "s/NUL.txt",
    "s/a:stream",
    "s/dot.",
    "s/blank ",
    "s/a\\\\..\\\\b",
    "s/COM1",
    "s/q?",
    "s/lpt9.csv",
]


def test_names_that_windows_reserves(place: School, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted(path.replace("\\\\", "\\").encode() for path in [*WINDOWS, "s/good"])
    seq = forge(place, lambda n: [good(n, path) for path in paths])
    monkeypatch.setattr(restoring, "safe_target", partial(safe_target, style="windows"))
    report = restored(place, seq, target)
    assert failures(report) == {path: "path-hostile" for path in paths if path != b"s/good"}
    assert tree(target) == {"s": b"/", "s/good": CONTENT}


def test_names_that_differ_in_case(place: School, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [b"S/a", b"s/a", b"s/b", "s/\u00e9".encode(), "s/e\u0301".encode()]
    seq = forge(place, lambda n: [good(n, path) for path in sorted(paths)])
    monkeypatch.setattr(restoring, "_ignores_case", lambda folder: True)
    report = restored(place, seq, target)
    assert set(failures(report).values()) == {"path-collision"}
    assert report.files + len(report.failed) == 5
    assert len([data for data in tree(target).values() if data == CONTENT]) == report.files


def test_file_that_is_a_folder_too(place: School, target: Path) -> None:
    seq = forge(place, lambda n: [good(n, b"s"), good(n, b"s/x"), good(n, b"t")])
    report = restored(place, seq, target)
    assert failures(report) == {b"s/x": "path-collision"}
    assert tree(target) == {"s": CONTENT, "t": CONTENT}


def test_overlapping_extents_read_well(place: School, target: Path) -> None:
    extents = [(0, 4), (2, 6), (0, 16), (15, 1), (0, 4)]
    data = b"".join(CONTENT[at : at + n] for at, n in extents)
    seq = forge(place, lambda n: [file(b"s/x", [(n, at, length) for at, length in extents], data)])
    assert restored(place, seq, target).failed == []
    assert tree(target)["s/x"] == data


@pytest.mark.parametrize(
    "extent",
    [(0, 10**6, 5), (0, 2**53 - 6, 5), (999, 0, 5), (2**53 - 1, 0, 5), (0, 0, 10**6)],
    ids=["past the end", "huge offset", "no such pack", "huge pack", "too long"],
)
def test_extent_out_of_range_spoils_its_file_alone(place: School, target: Path, extent: tuple[int, int, int]) -> None:
    pack, offset, length = extent

    def lines(n: int) -> list[bytes]:
        bad = file(b"s/bad", [(n, 0, 3), (pack or n, offset, length)], None)
        return [bad, good(n)]

    seq = forge(place, lines)
    report = restored(place, seq, target)
    assert failures(report) == {b"s/bad": "extent-range"}
    assert tree(target) == {"s": b"/", "s/good": CONTENT}
    assert [one.code for one in verify_open(place.views(str(seq)), NoProgress()).findings] == ["extent-range"]


@pytest.mark.parametrize("lying", [False, True])
def test_a_bomb_of_a_tebibyte(place: School, target: Path, lying: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """One segment of zeros, named again and again: with true totals nothing is restored, with lying ones the rest."""
    monkeypatch.setattr(restoring, "_free", lambda folder: 10**6)
    zeros = bytes(limits.MAX_SEGMENT_RAW)
    totals = r.Totals(files=2, bytes=100, dirs=0, links=0, unread=0) if lying else None

    def lines(n: int) -> list[bytes]:
        return [file(b"s/bomb", [(n, len(CONTENT), len(zeros))] * (2**40 // len(zeros)), None), good(n)]

    seq = forge(place, lines, segments=[CONTENT, zeros], totals=totals)
    with pytest.raises((StateError, IntegrityError)) as caught:
        restored(place, seq, target)
    assert caught.value.code == ("list-totals" if lying else "restore-space")
    assert max((path.stat().st_size for path in target.rglob("*")), default=0) < 10**6


def test_too_many_entries(place: School, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seq = forge(place, lambda n: [good(n, b"s/%03d" % i) for i in range(101)])
    monkeypatch.setattr(limits, "MAX_FILES", 100)
    with pytest.raises(LimitError) as caught:
        restored(place, seq, target)
    assert caught.value.code == "list-size"


@pytest.mark.parametrize("order", [[b"s/b", b"s/a"], [b"s/a", b"s/a"]], ids=["unsorted", "twice"])
def test_list_out_of_order(place: School, target: Path, order: list[bytes]) -> None:
    seq = forge(place, lambda n: [good(n, path) for path in order])
    with pytest.raises(FormatError) as caught:
        restored(place, seq, target)
    assert caught.value.code == "list-order"


def test_list_that_is_not_the_manifests(place: School, target: Path) -> None:
    line = good(1)
    wrong = r.ListRef(size=len(line), sha256="00" * 32, extents=((1, len(CONTENT), len(line)),))
    seq = forge(place, lambda n: [line], claim=wrong)
    with pytest.raises(IntegrityError) as caught:
        restored(place, seq, target)
    assert caught.value.code == "list-hash"


def test_manifest_that_is_a_bomb(place: School) -> None:
    seq = forge(place, lambda n: [good(n)], manifest=lambda record: b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 7 + b"\x0f" * 9)
    with pytest.raises(LimitError) as caught:
        place.views(str(seq))
    assert caught.value.code == "json-size"


@pytest.mark.parametrize(
    "change",
    [{"seq": 9}, {"packs": 9}, {"compartment": "safeguarding"}, {"series": "00" * 8}, {"vault": "00" * 16}],
    ids=str,
)
def test_manifest_of_another_place(place: School, change: dict[str, str | int]) -> None:
    def alter(record: bytes) -> bytes:
        return wrap_manifest(r.to_payload(replace(r.from_payload(record, r.Manifest), **change)))

    seq = forge(place, lambda n: [good(n)], manifest=alter)
    with pytest.raises(IntegrityError) as caught:
        place.views(str(seq))
    assert caught.value.code == "manifest-place"


def test_pack_whose_table_lies(place: School, target: Path) -> None:
    def lie(plain: bytes) -> bytes:
        return plain[:-9] + plain[-9:-5] + b"\x01" + plain[-4:]

    seq = forge(place, lambda n: [good(n)], plaintext=lie)
    with pytest.raises(FormatError) as caught:
        restored(place, seq, target)
    assert caught.value.code == "pack-table"


LINKS = {
    b"s/abs": b"/etc/passwd",
    b"s/chain": b"up/../../neighbour",
    b"s/in": b"good",
    b"s/out": b"../../neighbour/file",
    b"s/up": b"..",
}


def test_links_stay_inside(place: School, target: Path) -> None:
    """`chain` looks inside by its letters, and leads outside through `up`."""
    seq = forge(place, lambda n: in_order(good(n), *(link(path, to) for path, to in LINKS.items())))
    report = restored(place, seq, target)
    assert report.links == 3
    assert tree(target) == {"s": b"/", "s/good": CONTENT, "s/in": b"-> good", "s/up": b"-> .."}
    assert report.failed == []


def test_planted_links_are_not_followed(place: School, target: Path) -> None:
    """Somebody has put links where a folder, a file and a part under way will go."""
    outside = target.parent / "neighbour"
    part = f".{hashlib.sha256(b't/x').hexdigest()[:16]}.escrow-part"
    (target / "t").mkdir(parents=True)
    (target / "s").symlink_to(outside)
    (target / "t" / "y").symlink_to(outside / "file")
    (target / "t" / part).symlink_to(outside / "file")
    seq = forge(place, lambda n: [link(b"s/l", b"x"), good(n, b"s/x"), good(n, b"t/x"), good(n, b"t/y")])
    report = restored(place, seq, target)
    assert failures(report) == {b"s/x": "restore-link", b"s/l": "restore-link", b"t/y": "restore-exists"}
    assert (target / "t" / "x").read_bytes() == CONTENT
    assert not (target / "t" / "x").is_symlink()
    again = restored(place, seq, target, RestoreOptions(everything, overwrite=True))
    assert failures(again) == {b"s/x": "restore-link", b"s/l": "restore-link"}
    assert not (target / "t" / "y").is_symlink()


def test_wrong_hash_comes_back_nowhere(place: School, target: Path) -> None:
    seq = forge(place, lambda n: [file(b"s/bad", [(n, 0, len(CONTENT))], b"other"), good(n)])
    assert failures(restored(place, seq, target)) == {b"s/bad": "file-hash"}
    assert tree(target) == {"s": b"/", "s/good": CONTENT}
    assert [one.code for one in verify_open(place.views(str(seq)), NoProgress()).findings] == ["file-hash"]
    with pytest.raises(EscrowError) as caught:
        write_tar(place.views(str(seq)), io.BytesIO(), ALL, NoProgress())
    assert caught.value.code == "file-hash"


def test_hostile_names_come_back_escaped(place: School, target: Path) -> None:
    seq = forge(place, lambda n: [good(n, b"s/50%"), good(n, b"s/ok"), good(n, b"s/" + b"x" * 300)])
    report = restored(place, seq, target)
    assert failures(report) == {b"s/" + b"x" * 300: "path-hostile"}
    escaped = restored(place, seq, target.parent / "target2", RestoreOptions(everything, escape=True))
    assert (target.parent / "target2" / "s" / "50%25").read_bytes() == CONTENT
    assert escaped.files == 2


def test_links_in_a_tar_lead_nowhere_else(place: School) -> None:
    seq = forge(place, lambda n: in_order(good(n), *(link(path, to) for path, to in LINKS.items())))
    out = io.BytesIO()
    write_tar(place.views(str(seq)), out, ALL, NoProgress())
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        assert {m.name for m in tar.getmembers() if m.issym()} == {path.decode() for path in LINKS}


def test_a_notice_that_promises_a_huge_pack_is_refused() -> None:
    ref = r.ObjectRef(sha256="0" * 64, size=limits.MAX_PACK + 1, head_sha256="0" * 64)
    packs = SeriesPacks(MemoryStore(), "0" * 16, [ref], HybridIdentity.generate())
    with pytest.raises(LimitError) as caught:
        list(packs.stream([(0, 0, 1)]))
    assert caught.value.code == "pack-size"
