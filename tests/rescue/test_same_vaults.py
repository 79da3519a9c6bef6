"""Over vaults that the library wrote, whole and spoilt, both readers find the same files, lists and faults."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from escrow import record as r
from escrow.pack.frames import wrap_manifest
from tests.custody import deal
from tests.engine import forge
from tests.engine.kit import NIGHTS, School, school

from .reader import rescue
from .vaults import objects_of, same_files, same_history, write


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> School:
    made = school(tmp_path_factory.mktemp("same"))
    made.nights(3)
    return made


def test_every_night_of_a_whole_vault(place: School, tmp_path: Path) -> None:
    folder = write(tmp_path / "vault", objects_of(place))
    same_history(place, folder)
    for snapshot in place.history().snapshots:
        count = same_files(place, folder, snapshot, tmp_path / str(snapshot.seq))
        assert count == len(NIGHTS[snapshot.seq])


def test_every_object_altered_cut_or_gone(place: School, tmp_path: Path) -> None:
    objects = objects_of(place)
    folder = write(tmp_path / "vault", objects)
    for name, data in objects.items():
        middle = len(data) // 2
        for spoilt in (data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :], data[:-1], b""):
            (folder / name).write_bytes(spoilt)
            same_history(place, folder)
        (folder / name).unlink()
        same_history(place, folder)
        (folder / name).write_bytes(data)
    same_history(place, folder)


@pytest.mark.parametrize("kind", ["packs", "manifests", "stock"])
def test_files_of_a_night_that_lost_an_object(place: School, tmp_path: Path, kind: str) -> None:
    objects = objects_of(place)
    latest = place.history().snapshots[-1]
    for number, name in enumerate(name for name in objects if f"{kind}/" in name and name.endswith(".age")):
        folder = write(tmp_path / str(number), {**objects, name: objects[name][:-1]})
        same_files(place, folder, latest, tmp_path / f"{number}-out")


def test_junk_and_old_versions(place: School, tmp_path: Path) -> None:
    """What a copy with versions holds under names of its own is found by its content."""
    objects = objects_of(place)
    folder = write(tmp_path / "vault", objects)
    write(folder, {"notices/readme.json": b"{}", "stray": b"x", "README.txt": b"hello", "notices/.tmp-1": b"x"})
    same_history(place, folder)
    for number, name in enumerate(sorted(objects)):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(b"a newer version that is none of ours")
        write(folder, {f"old/{number}": data})
    history = rescue.History(rescue.Vault(str(folder)).records())
    assert {code for code, _, _, warning in history.findings if not warning} == set()
    assert "name-hash" in {code for code, _, _, _ in history.findings}
    assert len(history.nights()) == 3
    found: list[object] = []
    rescue.check_objects(rescue.Vault(str(folder)), history, lambda *finding: found.append(finding))
    assert [one for one in found if "object-unnamed" not in str(one)] == []
    identity = rescue.read_key_file(place.vault.key_file.text(), lambda: "")
    opened, problems = rescue.open_night(rescue.Vault(str(folder)), history, history.main[-1], identity)
    assert problems == []
    assert [rescue.check_files(one, lambda *finding: found.append(finding)) for one in opened] == [2, 1]


def test_a_vault_opened_by_sheets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, public = deal.vault()
    made = school(tmp_path)
    place = School(tmp_path / "dealt", made.store.__class__(clock=made.clock.now), made.clock, public_parts(public))
    place.night(NIGHTS[1])
    folder = write(tmp_path / "vault", objects_of(place))
    same_history(place, folder)
    history = rescue.History(rescue.Vault(str(folder)).records())
    charters = [charter.record for charter in history.charters]
    sheets = [" ".join(word[:4].upper() for word in sheet.share.words()).split() for sheet in draft.sheets]
    shares = [rescue.read_share(words) for words in sheets]
    assert [rescue.check_sheet(share, charters) for share in shares] == [sheet.holder.role for sheet in draft.sheets]
    identity = rescue.open_by_sheets(shares[:2], charters)
    opened, problems = rescue.open_night(rescue.Vault(str(folder)), history, history.main[0], [identity])
    assert problems == []
    assert sum(rescue.check_files(one, pytest.fail) for one in opened) == len(NIGHTS[1])
    papers = [tmp_path / f"sheet-{number}.txt" for number in range(2)]
    for paper, words in zip(papers, sheets, strict=False):
        paper.write_text(f"# copied from paper\n{' '.join(words[:11])}\n{' '.join(words[11:])}\n")
    assert rescue.main(["check", str(folder), "--sheets", *map(str, papers)]) == 0
    assert rescue.main(["key", str(folder), "--sheets", *map(str, papers)]) == 0
    secret = f"{draft.identity.encode().reveal().decode()}\n"
    assert secret in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{' '.join(words)}\n" for words in [*sheets[:2], []])))
    assert rescue.main(["key", str(folder), "--sheets"]) == 0
    assert capsys.readouterr().out == secret, "the README puts it into a file for age"
    assert rescue.main(["check", str(folder), "--sheets", str(papers[0])]) == 3
    for given, code in ((shares[:1], "share-too-few"), ([shares[0]] * 2, "share-duplicate")):
        with pytest.raises(rescue.Problem) as refused:
            rescue.open_by_sheets(given, charters)
        assert refused.value.code == code


def public_parts(public: dict[str, bytes]) -> SimpleNamespace:
    history = deal.history(public)
    return SimpleNamespace(vault=history.vault, fingerprint=history.fingerprint, public=public)


def line(path: bytes, *extents: tuple[int, int, int], data: bytes | None = forge.CONTENT) -> bytes:
    return forge.file(path, extents, data)


SIZE = len(forge.CONTENT)
FORGED: dict[str, tuple[Callable[[int], list[bytes]], dict[str, object]]] = {
    "good": (lambda n: [line(b"s/a", (n, 0, SIZE)), line(b"s/b", (n, 0, SIZE))], {}),
    "extent-range": (lambda n: [line(b"s/a", (n, 0, 2000)), line(b"s/b", (n, 0, SIZE))], {}),
    "extent-range-pack": (lambda n: [line(b"s/a", (n + 7, 0, 5)), line(b"s/b", (n, 0, SIZE))], {}),
    "file-hash": (lambda n: [line(b"s/a", (n, 0, SIZE), data=None), line(b"s/b", (n, 0, SIZE))], {}),
    "list-order": (lambda n: [line(b"s/b", (n, 0, SIZE)), line(b"s/a", (n, 0, SIZE))], {}),
    "list-totals": (
        lambda n: [line(b"s/a", (n, 0, SIZE))],
        {"totals": r.Totals(files=2, bytes=SIZE, dirs=0, links=0, unread=0)},
    ),
    "path-collision": (lambda n: [line(b"s", (n, 0, SIZE)), line(b"s/a", (n, 0, SIZE))], {}),
    "links": (lambda n: [line(b"s/a", (n, 0, SIZE)), forge.link(b"s/l", b"/etc/passwd")], {}),
    "path-grammar": (lambda n: [line(b"s/a", (n, 0, SIZE)).replace(b'"s/a"', b'"s/../a"')], {}),
    "pack-table": (lambda n: [line(b"s/a", (n, 0, SIZE))], {"plaintext": lambda plain: plain[:-9] + bytes(9)}),
    "segment-damaged": (
        lambda n: [line(b"s/a", (n, 0, SIZE))],
        {"plaintext": lambda plain: plain[:12] + bytes([plain[12] ^ 255]) + plain[13:]},
    ),
    "manifest-place": (
        lambda n: [line(b"s/a", (n, 0, SIZE))],
        {"manifest": lambda data: wrap_manifest(data.replace(b'"packs":', b'"packs":1'))},
    ),
    "json-canonical": (
        lambda n: [line(b"s/a", (n, 0, SIZE))],
        {"manifest": lambda data: wrap_manifest(data + b"\n")},
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_nights(case: str, tmp_path: Path) -> None:
    """Nights of an agent that means harm: what can be restored is, and the rest is refused for the same reason."""
    place = school(tmp_path)
    place.night(NIGHTS[1])
    lines, options = FORGED[case]
    seq = forge.forge(place, lines, **options)  # type: ignore[arg-type]
    folder = write(tmp_path / "vault", objects_of(place))
    same_history(place, folder)
    snapshot = next(one for one in place.history().snapshots if one.seq == seq)
    count = same_files(place, folder, snapshot, tmp_path / "out")
    assert count == {"good": 2, "extent-range": 1, "extent-range-pack": 1, "file-hash": 1, "path-collision": 1}.get(
        case, 1 if case in ("links",) else count
    )


def test_fingerprints_are_those_of_the_first_charter(place: School) -> None:
    history = rescue.History(list(objects_of(place).items()))
    assert history.fingerprint == place.vault.fingerprint
    assert hashlib.sha256(b"").hexdigest() == rescue.sha256(b"")
