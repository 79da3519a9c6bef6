"""Safeguarding shares neither a key nor a pack with the rest, also where both hold the same bytes."""

from pathlib import Path

from escrow import record as r
from escrow.custody import series_identity
from escrow.errors import WrongKeyError
from escrow.pack.frames import decompress, read_table
from escrow.seal import HybridIdentity, open_sealed
from tests.engine.kit import School, custody, school

SAME = b"seen on Monday: " * 400
FILES = {"pupils.csv": SAME, "notes/ann-ap-gwilym.txt": SAME, "notes/bob.txt": b"B" * 5000}


def opened(place: School, keys: list[HybridIdentity]) -> dict[str, bytes]:
    """The raw contents of every sealed object below series/ that one of the keys opens, by name."""
    found = {}
    for info in place.store.list("series/"):
        if info.key.endswith(".age"):
            try:
                plain = open_sealed(place.store.get(info.key), keys)
            except WrongKeyError:
                continue
            found[info.key] = unpacked(plain) if "/packs/" in info.key else plain
    return found


def unpacked(plain: bytes) -> bytes:
    frames = read_table(plain, len(plain))
    return b"".join(decompress(plain[one.at : one.at + one.size], one.raw) for one in frames if one.raw)


def test_keys_of_one_compartment_open_nothing_of_the_other_not_even_a_name(tmp_path: Path) -> None:
    place = school(tmp_path / "school")
    place.night(FILES)
    place.night(FILES | {"later.csv": SAME})
    history = place.history()
    identities: dict[str, list[HybridIdentity]] = {}
    for key in history.keys.values():
        sealed = place.vault.public[r.key_name(key.id, key.sha256)]
        identity = series_identity(sealed, key, place.vault.vault, custody(place.vault))
        identities.setdefault(key.compartment, []).append(identity)
    found = {name: opened(place, keys) for name, keys in identities.items()}
    assert not found["records"].keys() & found["safeguarding"].keys()
    everything = {info.key for info in place.store.list("series/") if info.key.endswith(".age")}
    assert found["records"].keys() | found["safeguarding"].keys() == everything
    lists = {name: b"".join(data for key, data in one.items() if "/packs/" in key) for name, one in found.items()}
    assert b"pupils.csv" in lists["records"]
    for secret in (b"ann-ap-gwilym", b"notes/"):
        assert secret in lists["safeguarding"]
        assert secret not in lists["records"]
    assert SAME in lists["records"]
    assert SAME in lists["safeguarding"]
