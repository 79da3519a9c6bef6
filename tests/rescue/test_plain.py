"""escrow_rescue.py without the judge: of any copy it gives out the deposited bytes, or says that it cannot."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from escrow import record as r
from tests.engine.erasing import erase
from tests.engine.kit import NIGHTS, School, school

from .reader import plain, records, seals
from .vaults import objects_of, tree, write


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> School:
    made = school(tmp_path_factory.mktemp("plain"))
    made.nights(2)
    return made


def restored(folder: Path, place: School, out: Path, *more: str) -> tuple[int, dict[str, bytes]]:
    key = folder.parent / "custody.key"
    key.write_bytes(place.vault.key_file.text())
    code = plain.main(["restore", str(folder), str(out), "--key", str(key), *more])
    return code, {name: data for name, (data, _) in tree(out).items()} if out.is_dir() else {}


def wanted(night: int) -> dict[str, bytes]:
    return {f"school/{name}": data for name, data in NIGHTS[night].items()}


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "altered": lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:],
    "cut": lambda data: data[:-1],
    "emptied": lambda _: b"",
}


@pytest.mark.parametrize("how", SPOILT)
def test_each_object_spoilt(place: School, tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    objects = objects_of(place)
    nights = [wanted(1), wanted(2)]
    for number, (name, data) in enumerate(sorted(objects.items())):
        folder = write(tmp_path / f"{number}-vault", {**objects, name: SPOILT[how](data)})
        code, files = restored(folder, place, tmp_path / f"{number}-out")
        assert all(any(night.get(path) == given for night in nights) for path, given in files.items()), name
        told = capsys.readouterr().out
        assert code in (0, 1, 3)
        assert files in nights or "AMISS" in told or "No vault" in told, name


def test_without_a_stock_nothing_is_given_out(
    place: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = {name: data for name, data in objects_of(place).items() if not name.startswith("stock/0")}
    assert restored(write(tmp_path / "vault", objects), place, tmp_path / "out") == (3, {})
    assert "(series-key)" in capsys.readouterr().out


def test_names_do_not_matter(place: School, tmp_path: Path) -> None:
    """As a tool may name old versions: all in one folder, under numbers, beside newer things that are none of ours."""
    objects = objects_of(place)
    scattered = {f"all/{number}": data for number, data in enumerate(objects.values())}
    folder = write(tmp_path / "vault", {**scattered, **dict.fromkeys(objects, b"junk")})
    assert restored(folder, place, tmp_path / "out") == (0, wanted(2))


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_in_the_way_is_not_followed(place: School, tmp_path: Path) -> None:
    folder = write(tmp_path / "vault", objects_of(place))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "school").symlink_to(tmp_path / "elsewhere")
    assert restored(folder, place, tmp_path / "out")[0] == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_lost_erasure_closes_its_compartment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = school(tmp_path / "school")
    place.nights(2)
    name = erase(place, r.ErasedPath(b"school"))
    objects = objects_of(place)
    whole = write(tmp_path / "whole", objects)
    assert restored(whole, place, tmp_path / "none") == (0, {})
    del objects[name]
    folder = write(tmp_path / "vault", objects)
    assert restored(folder, place, tmp_path / "out") == (3, {})
    assert "(erasure-missing)" in capsys.readouterr().out
    assert restored(folder, place, tmp_path / "all", "--without-erasures") == (1, wanted(2))
    assert "NOT APPLIED: the erasure register" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b'{"type":"stock","version":7}', "version-unknown"),
        (b'{"crit":["x"],"type":"stock","version":1}', "crit-unknown"),
        (b'{"type":"notice","version":1}', "payload-type"),
        (b'{"keys":{},"n":1,"prev":null,"type":"stock","vault":"%s","version":1}' % (b"0" * 32), "field-type"),
        (b'{"type":"stock","version":1}', "field-missing"),
        (b"[]", "payload-type"),
    ],
)
def test_the_form_of_what_is_used(payload: bytes, code: str) -> None:
    with pytest.raises(seals.Problem) as refused:
        records.read_record(payload, "stock")
    assert refused.value.code == code


def test_it_stands_in_for_age(place: School, tmp_path: Path, capfd: Any) -> None:
    key = tmp_path / "identity.txt"
    key.write_bytes(place.vault.key_file.text())
    objects = objects_of(place)
    name = next(name for name in objects if name.startswith("stock/") and name.endswith(".age"))
    write(tmp_path, {"sealed.age": objects[name]})
    assert seals.main(["-d", "-i", str(key), "-o", str(tmp_path / "plain"), str(tmp_path / "sealed.age")]) == 0
    assert (tmp_path / "plain").read_text().startswith("# escrow series key\n")
    assert seals.main(["-d", "-i", str(tmp_path / "plain"), str(tmp_path / "sealed.age")]) == 1
    assert "does not open" in capfd.readouterr().err
