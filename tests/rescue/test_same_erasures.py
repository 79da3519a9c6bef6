"""Vaults with an erasure register: the kit's program, run as a stranger would, gives out what the first reader does."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from escrow import record as r
from escrow.engine.ports import NoProgress
from escrow.engine.restore import RestoreOptions, everything, restore
from escrow.errors import IntegrityError
from tests.engine.erasing import erase
from tests.engine.kit import School, school

from .hook import both
from .reader import KIT
from .vaults import objects_of, tree

TABLE = b'\xef\xbb\xbfupn;name\r\nA1;Ann\r\nA2;Bob\r\nA3;"Cy;A2"\r\n'
FILES = {"pupils.csv": TABLE, "docs/A2/letter.pdf": b"letter", "docs/A2.txt": b"below nothing", "odd.csv": b'"a\n'}
PUPILS = b"school/pupils.csv"
BOB = r.ErasedRows(PUPILS, "upn", "A2")
LATER = b'{"entries":[{"cells":["name"],"kind":"cells","path":"school/docs"}]}'


@pytest.fixture
def place(tmp_path: Path) -> School:
    one = school(tmp_path / "w", on_disk=True)
    one.night(FILES)
    one.night(FILES | {"new.txt": b"new"})
    (tmp_path / "custody.key").write_bytes(one.vault.key_file.text())
    return one


def second(program: str, place: School, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    key = out.parent / "custody.key"
    command: list[str | Path] = [
        sys.executable,
        "-B",
        KIT / program,
        "restore",
        place.folder / "vault",
        out,
        "--key",
        key,
        *more,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


both_programs = pytest.mark.parametrize("program", ["escrow_rescue.py", "escrow_judge.py"])


@both_programs
@pytest.mark.parametrize(
    "register",
    [
        lambda place: erase(place, BOB, r.ErasedPath(b"school/docs/A2")),
        lambda place: (erase(place, BOB), erase(place, r.ErasedRows(PUPILS, "name", "Cy;A2"), BOB)),
        lambda place: erase(place, r.ErasedRows(b"school/odd.csv", "a", "1")),
        lambda place: erase(place, r.ErasedRows(PUPILS, "UPN", "A2")),
        lambda place: erase(place, r.ErasedPath(b"school"), until=1),
        lambda place: erase(place, r.ErasedPath(b"school"), compartments=["records"]),
        lambda place: erase(place, text=LATER),
    ],
)
def test_both_give_out_the_same(
    place: School, tmp_path: Path, program: str, register: Callable[[School], object]
) -> None:
    register(place)
    assert both(objects_of(place).items()).findings == ()
    for night in ("1", "2"):
        restore(place.views(night), tmp_path / f"first-{night}", RestoreOptions(everything), NoProgress())
        done = second(program, place, tmp_path / f"second-{night}", "--night", night)
        assert tree(tmp_path / f"first-{night}") == tree(tmp_path / f"second-{night}"), done.stdout + done.stderr
    everything_back = second(program, place, tmp_path / "all", "--without-erasures")
    assert len(tree(tmp_path / "all")) == len(FILES) + 1
    assert "register" in everything_back.stdout + everything_back.stderr


@both_programs
@pytest.mark.parametrize(
    ("register", "code"),
    [
        (lambda place: erase(place, BOB, lost=True), "erasure-missing"),
        (lambda place: erase(place, text=b"{}"), "erasure-damaged"),
        (lambda place: erase(place, text=b'{"entries":[{"kind":"file","path":"a","column":"b"}]}'), "erasure-damaged"),
        (
            lambda place: erase(place, text=b'{"entries":[{"kind":"file","path":"a","path_b64":"/w=="}]}'),
            "erasure-damaged",
        ),
        (lambda place: erase(place, text=LATER.replace(b'cells"', b'Cells"')), "erasure-damaged"),
        (lambda place: erase(place, text=LATER.replace(b",", b", ")), "erasure-damaged"),
        (
            lambda place: erase(place, BOB, change=lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1])),
            "erasure-damaged",
        ),
        (lambda place: erase(place, BOB, strangers=True), "erasure-damaged"),
    ],
)
def test_both_give_nothing_out_beside_a_register_that_cannot_be_read(
    place: School, tmp_path: Path, program: str, register: Callable[[School], object], code: str
) -> None:
    register(place)
    both(objects_of(place).items())
    with pytest.raises(IntegrityError) as caught:
        restore(place.views(), tmp_path / "first", RestoreOptions(everything), NoProgress())
    assert caught.value.code == code
    done = second(program, place, tmp_path / "second")
    assert done.returncode != 0
    assert code in done.stdout + done.stderr
    assert not tree(tmp_path / "second")
