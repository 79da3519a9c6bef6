"""The nightly machine's whole state and credential, with everything in the store, decrypt and tell nothing."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path

import pytest

from escrow.engine.memory import remember_head, write_report
from escrow.engine.night import NightReport
from escrow.errors import EscrowError
from escrow.seal import (
    HybridIdentity,
    Identity,
    Secret,
    X25519Identity,
    open_sealed,
    parse_identities,
    seal,
    unverified_payload,
)
from escrow.source import FolderSource, UnreadableError
from tests.engine.kit import AGENT, NIGHTS, School, custody, school
from tests.store.faulty import Crash, Fault, FaultyStore


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> School:
    """A machine that was killed in its third night, after its packs were put."""
    made = school(tmp_path_factory.mktemp("secrecy"))
    for n in (1, 2):
        write_report(made.state, made.night(NIGHTS[n]), made.clock.now())
    head = made.history().head
    assert head
    remember_head(made.state, made.vault.vault, head)

    def plan(_index: int, method: str, key: str) -> Fault | None:
        return Fault.AFTER if method == "put" and key.startswith("notices/") else None

    with pytest.raises(Crash):
        made.night(NIGHTS[3], store=FaultyStore(made.store, plan, error=Crash))
    return made


def files_on_the_machine(place: School) -> list[Path]:
    """Everything but the source and, had the vault been on disk, the vault."""
    return [path for path in place.state.rglob("*") if path.is_file()]


def values_held(place: School) -> Iterator[bytes]:
    """Every value in every table of the state, and the credential."""
    yield AGENT.seed().reveal()
    with closing(sqlite3.connect(place.state / "state.db")) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f"SELECT * FROM {table}"):
                for value in row:
                    if isinstance(value, str | bytes):
                        yield value.encode() if isinstance(value, str) else value


def seeds(values: list[bytes]) -> set[bytes]:
    """Every run of 32 bytes in what is short, also when it is written in hex; the beginning of what is long."""
    found: set[bytes] = set()
    for value in values:
        forms = [value]
        with suppress(ValueError):
            forms.append(bytes.fromhex(value.decode("ascii")))
        for form in forms:
            found |= {form[at : at + 32] for at in range(len(form) - 31 if len(form) <= 64 else 1)}
    return {seed for seed in found if len(seed) == 32}


def test_the_machine_opens_nothing(place: School) -> None:
    held = files_on_the_machine(place)
    assert {"state.db", "last-night.json"} < {path.name for path in held}
    for path in held:
        with pytest.raises(EscrowError):
            assert not parse_identities(path.read_bytes())
    values = list(values_held(place))
    assert [len(value) for value in values].count(40) == 2, "the two series' chunk secrets are among them"
    tried: list[Identity] = []
    for seed in sorted(seeds(values)):
        tried += [HybridIdentity.from_seed(Secret(seed)), X25519Identity.from_seed(Secret(seed))]
    assert len(tried) > 100
    sealed = {info.key: place.store.get(info.key) for info in place.store.list() if info.key.endswith(".age")}
    assert {name.split("/")[-2] for name in sealed} == {"stock", "packs", "manifests"}
    for data in sealed.values():
        with pytest.raises(EscrowError):
            open_sealed(data, tried)


def test_the_search_would_find_a_key(place: School) -> None:
    """What the test above tries does open what is sealed to it, and the holder's key opens the vault."""
    secret = next(value for value in values_held(place) if len(value) == 40)
    for seed in (secret[8:], AGENT.seed().reveal()[:32], AGENT.seed().reveal()[32:]):
        assert seed in seeds([secret, AGENT.seed().reveal()])
        assert seed in seeds([seed.hex().encode()])
        planted = HybridIdentity.from_seed(Secret(seed))
        assert open_sealed(seal(b"data", [planted.recipient()]), [planted]) == b"data"
    key = next(info.key for info in place.store.list("stock/") if info.key.endswith(".age"))
    assert open_sealed(place.store.get(key), [custody(place.vault)])


def test_no_secret_of_the_holder_is_on_the_machine(place: School) -> None:
    secret = place.vault.key_file
    for path in files_on_the_machine(place):
        state = path.read_bytes()
        for value in (secret.secret, secret.secret.hex().encode(), secret.identity, b"AGE-SECRET-KEY"):
            assert value not in state, path.name


def told_to_the_store(place: School) -> Iterator[bytes]:
    """Names and bytes of every object, records also without their base64."""
    for info in place.store.list():
        data = place.store.get(info.key)
        yield info.key.encode()
        yield data
        if info.key.endswith(".json"):
            yield unverified_payload(data)


def told_to_the_operator(folder: Path, report: NightReport, place: School) -> Iterator[bytes]:
    write_report(folder, report, place.clock.now())
    yield (folder / "last-night.json").read_bytes()
    yield json.dumps(asdict(report), default=str).encode()
    yield repr(report).encode()


def test_names_and_contents_are_told_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = school(tmp_path / "s")
    told: list[bytes] = []
    for files in NIGHTS.values():
        told += told_to_the_operator(tmp_path, place.night(files), place)

    def refuse(_source: FolderSource, _item: object) -> object:
        raise UnreadableError("permission", "locked by the MIS: Ann Unreadable")

    monkeypatch.setattr(FolderSource, "open", refuse)
    (place.source / "secret-unreadable.csv").write_bytes(b"x")
    report = place.night()
    assert report.verdict
    assert report.verdict.codes == ("unread",)
    told += [*told_to_the_operator(tmp_path, report, place), *told_to_the_store(place)]
    assert any(b'"kind":"snapshot"' in text for text in told), "records are looked into"
    forbidden = {b"seen on Monday", b"A1,Ann", b"A2,Bob", b"unreadable", b"Unreadable"}
    for files in NIGHTS.values():
        forbidden |= {part.encode() for name in files for part in name.split("/") if part != "notes"}
        forbidden |= {hashlib.sha256(data).hexdigest().encode() for data in files.values()}
    for words in forbidden:
        assert not [text[:80] for text in told if words in text], words
