"""The nightly machine's whole state and credential, with everything in the store, decrypt and tell nothing."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from escrow.engine.memory import write_report
from escrow.errors import EscrowError
from escrow.seal import HybridIdentity, Identity, Secret, X25519Identity, open_sealed, parse_identities
from tests.engine.kit import AGENT, NIGHTS, School, custody, school


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> School:
    made = school(tmp_path_factory.mktemp("secrecy"))
    made.nights(3)
    return made


def everything_on_the_machine(place: School) -> list[bytes]:
    return [path.read_bytes() for path in place.folder.rglob("*") if path.is_file() and "exports" not in path.parts]


def identities_from(data: bytes) -> list[Identity]:
    try:
        return list(parse_identities(data))
    except EscrowError:
        return []


def test_the_machine_opens_nothing(place: School) -> None:
    held = everything_on_the_machine(place)
    assert len(held) >= 3
    seeds = [AGENT.seed().reveal()[at : at + 32] for at in (0, 32)]
    state = b"".join(held)
    for name in ("secret", "envelope"):
        at = state.find(name.encode())
        seeds += [state[at + step : at + step + 32] for step in range(0, 256, 8)]
    tried: list[Identity] = [identity for data in held for identity in identities_from(data)]
    assert tried == []
    for seed in {seed for seed in seeds if len(seed) == 32}:
        tried += [HybridIdentity.from_seed(Secret(seed)), X25519Identity.from_seed(Secret(seed))]
    sealed = [info.key for info in place.store.list() if info.key.endswith(".age")]
    assert len(sealed) > 6
    for name in sealed:
        with pytest.raises(EscrowError):
            open_sealed(place.store.get(name), tried)
    key = next(name for name in sealed if name.startswith("stock/"))
    assert open_sealed(place.store.get(key), [custody(place.vault)]), "the holder's key does open it"


def test_no_secret_of_the_holder_is_on_the_machine(place: School) -> None:
    secret = place.vault.key_file
    state = b"".join(everything_on_the_machine(place))
    for value in (secret.secret, secret.secret.hex().encode(), secret.identity, b"AGE-SECRET-KEY"):
        assert value not in state


def test_public_objects_and_reports_tell_no_names(place: School, tmp_path: Path) -> None:
    report = place.night(NIGHTS[3])
    write_report(tmp_path, report, place.clock.now())
    told = [json.dumps(asdict(report), default=str).encode(), (tmp_path / "last-night.json").read_bytes()]
    for info in place.store.list():
        told.append(info.key.encode())
        told.append(place.store.get(info.key))
    for words in (b"pupils", b"ann.txt", b"bob.txt", b"marks.csv", b"seen on Monday", b"A1,Ann", b"A2,Bob"):
        assert not [text[:80] for text in told if words in text]
