"""Reshare and rekey, stopped at every write: there is always a quorum that opens the vault, and a way on."""

from pathlib import Path

import pytest
from escrow_cli import holding, public_folder
from escrow_cli.ceremony import Room
from escrow_cli.holders import new_sheets
from escrow_cli.holding import hold_rekey, hold_reshare
from escrow_cli.public_folder import load_public, write_whole

from escrow.custody import series_identity
from escrow.custody.newvault import series_key
from escrow.custody.quorum import Draft, last_stock, next_stock, signed_stock
from escrow.custody.sheets import open_sheets
from escrow.errors import IntegrityError
from escrow.record import key_name
from escrow.seal.shares import parse_share
from escrow.trust import History, accept
from tests.cli.people import People
from tests.cli.test_ceremony import SIMPLE, held, no_words, opened
from tests.custody import deal


class CrashError(Exception):
    pass


class Disk:
    """Writes whole files, until the write that crashes: before it, or after half of it."""

    def __init__(self, at: int | None = None, *, half: bool = False) -> None:
        self.count, self.at, self.half = 0, at, half

    def write(self, path: Path, data: bytes) -> None:
        if path.exists() and path.read_bytes() == data:
            return
        if self.count == self.at:
            if self.half:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.with_name(f"{path.name}.partial").write_bytes(data[: len(data) // 2])
            raise CrashError
        self.count += 1
        write_whole(path, data)


def on_disk(patch: pytest.MonkeyPatch, disk: Disk) -> None:
    patch.setattr(holding, "write_whole", disk.write)
    patch.setattr(public_folder, "write_whole", disk.write)


def resume(out: Path, public: tuple[dict[str, bytes], History], people: People, old: Draft) -> Draft:
    """What `escrow keys rekey` does when it finds an interrupted one."""
    charter = holding.resumed(out, public[1])
    assert charter is not None
    draft = new_sheets(people, public[1], charter)
    holding.finish_rekey(people, public, draft, old.secret, Room(out), deal.LATER)
    return draft


def works(public: dict[str, bytes], papers: list[tuple[str, ...]]) -> None:
    """A quorum of these papers opens every series key of the vault."""
    history = deal.history(public)
    custody = open_sheets([parse_share(" ".join(words)) for words in papers], history.charters)
    for key in history.keys.values():
        series_identity(public[key_name(key.id, key.sha256)], key, history.vault, custody)


def test_a_reshare_that_crashes_at_any_write_leaves_a_quorum(tmp_path: Path) -> None:
    old_people, old = held(tmp_path / "first")
    old_papers = list(old_people.papers.values())[:2]
    public = load_public(tmp_path / "first" / "public")
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk()
        on_disk(patch, disk)
        hold_reshare(People(), public, opened(old), SIMPLE, Room(tmp_path / "whole"))
    reached = set()
    for at in range(disk.count):
        people, out = People(), tmp_path / f"at-{at}"
        with pytest.MonkeyPatch.context() as patch, pytest.raises(CrashError):
            on_disk(patch, Disk(at, half=at % 2 == 0))
            hold_reshare(people, public, opened(old), SIMPLE, Room(out))
        no_words(out, people.papers)
        published = public[0] | written(out / "public")
        new = any(name.startswith("charter/00000002") for name in published)
        works(published, list(people.papers.values())[1:] if new else old_papers)
        reached.add(new)
    assert reached == {False, True}


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=[pytest.mark.slow, pytest.mark.ci])])
def test_a_rekey_that_crashes_at_any_write_is_resumed(every: bool, tmp_path: Path) -> None:
    old_people, old = held(tmp_path / "first")
    old_papers = list(old_people.papers.values())[:2]
    public = load_public(tmp_path / "first" / "public")
    with pytest.MonkeyPatch.context() as patch:
        disk = Disk()
        on_disk(patch, disk)
        hold_rekey(People(), public, opened(old), SIMPLE, Room(tmp_path / "whole"))
    assert disk.count > 20
    points = range(disk.count)
    for at in points if every else (*points[:2], points[9], *points[-4:]):
        out = tmp_path / f"at-{at}"
        people = People()
        with pytest.MonkeyPatch.context() as patch, pytest.raises(CrashError):
            on_disk(patch, Disk(at, half=at % 2 == 0))
            hold_rekey(people, public, opened(old), SIMPLE, Room(out))
        no_words(out, people.papers)
        papers = list(people.papers.values())[1:]
        published = public[0] | written(out / "public")
        if (out / holding.PENDING).exists():
            if any(name.startswith("charter/00000002") for name in published):
                works(published, papers)
            else:
                old_opens(published, old_papers)
            resume(out, public, People(typing=papers), old)
            assert not (out / holding.PENDING).exists()
            works(load_public(out / "public")[0], papers)
        else:
            assert at <= 1
            works(published, old_papers)


def written(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".partial"
    }


def old_opens(published: dict[str, bytes], papers: list[tuple[str, ...]]) -> None:
    """As long as the new charter is not there, the old sheets open the vault, whatever else was put."""
    history = accept(published.items())
    custody = open_sheets([parse_share(" ".join(words)) for words in papers], history.charters)
    for key in history.keys.values():
        series_identity(published[key_name(key.id, key.sha256)], key, history.vault, custody)


def test_a_finished_rekey_is_not_done_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, old = held(tmp_path / "first")
    public = load_public(tmp_path / "first" / "public")
    people = People()
    monkeypatch.setattr(holding, "_minutes", lambda *_: (_ for _ in ()).throw(CrashError))
    with pytest.raises(CrashError):
        hold_rekey(people, public, opened(old), SIMPLE, Room(tmp_path / "out"))
    monkeypatch.undo()
    before = written(tmp_path / "out" / "public")
    resume(tmp_path / "out", public, People(typing=list(people.papers.values())[:2]), old)
    assert written(tmp_path / "out" / "public") == before


def test_a_rekey_is_not_resumed_over_another_vaults_parts(tmp_path: Path) -> None:
    _, old = held(tmp_path / "first")
    _, other = held(tmp_path / "other")
    public = load_public(tmp_path / "first" / "public")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(CrashError):
        on_disk(patch, Disk(3))
        hold_rekey(People(), public, opened(old), SIMPLE, Room(tmp_path / "out"))
    with pytest.raises(IntegrityError) as raised:
        holding.resumed(tmp_path / "out", load_public(tmp_path / "other" / "public")[1])
    assert raised.value.code == "rekey-other"
    assert other.charter.vault != old.charter.vault


def test_every_key_of_every_stock_is_sealed_again(tmp_path: Path) -> None:
    _, old = held(tmp_path / "first")
    objects, history = load_public(tmp_path / "first" / "public")
    key, sealed = series_key(history.vault, "records", old.identity)
    first, _ = last_stock(objects)
    more = signed_stock(next_stock(first, {key.id: key}, deal.LATER), old.keys)
    objects |= more | {key_name(key.id, key.sha256): sealed}
    people = People()
    hold_rekey(people, (objects, deal.history(objects)), opened(old), SIMPLE, Room(tmp_path / "out"))
    after = load_public(tmp_path / "out" / "public")
    assert set(after[1].keys) == {*history.keys, key.id}
    works(after[0], list(people.papers.values())[:2])


def test_a_sealed_key_that_is_not_there_stops_a_rekey_before_it_begins(tmp_path: Path) -> None:
    _, old = held(tmp_path / "first")
    objects, history = load_public(tmp_path / "first" / "public")
    name = next(name for name in objects if name.endswith(".age"))
    lacking = ({one: data for one, data in objects.items() if one != name}, history)
    with pytest.raises(IntegrityError) as raised:
        hold_rekey(People(), lacking, opened(old), SIMPLE, Room(tmp_path / "out"))
    assert raised.value.code == "object-missing"
    assert not (tmp_path / "out").exists()
