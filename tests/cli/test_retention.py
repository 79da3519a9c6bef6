"""The erasure register, from a file of wishes to what no restore gives any more."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from escrow_cli.exits import Exit

from escrow.errors import DeniedError
from tests.cli.conftest import Result, World, change
from tests.cli.test_handover_quorum import Closed

WISH = """\
clause = "9.2"
[[entry]]
kind = "rows"
path = "mis/marks.csv"
column = "upn"
value = "A2"
[[entry]]
kind = "file"
path = "mis/letters"
"""


def wish(world: World, text: str = WISH) -> Path:
    path = world.root / "leaver.toml"
    path.write_text(text, "utf-8")
    return path


def erase(world: World, *more: str | Path, text: str = WISH) -> Result:
    return world.run("retention", "erase", wish(world, text), "--key", world.key, *more)


def restored(world: World, folder: str, *more: str) -> tuple[Result, dict[str, str]]:
    result = world.run("restore", "latest", "--to", world.root / folder, "--key", world.key, "--json", *more)
    out = world.root / folder / "mis"
    return result, {p.relative_to(out).as_posix(): p.read_text() for p in out.rglob("*") if p.is_file()}


def test_without_yes_it_shows_what_would_go_and_signs_nothing(world: World) -> None:
    shown = erase(world, "--json")
    assert shown.code == 0, shown.err
    assert shown.lines[-1] | {"result": "ok"} == {
        "result": "ok",
        "exit": 0,
        "entries": 2,
        "rows": 1,
        "signed": 0,
    }
    assert "nothing is removed" in shown.err
    assert world.run("retention", "erased", "--json").lines[-1]["erasures"] == 0
    assert restored(world, "out")[1]["marks.csv"].count("A2") == 1


def test_what_is_erased_comes_back_no_more_and_that_is_said(world: World) -> None:
    done = erase(world, "--yes", "--json")
    assert done.code == 0, done.err
    assert done.lines[-1]["signed"] == 2
    result, files = restored(world, "out")
    assert result.code == 0, result.err
    assert files == {"marks.csv": "upn,mark\nA1,/\nA3,N\n"}
    last = result.lines[-1]
    assert (last["omitted_files"], last["omitted_rows"], last["without_erasures"]) == (2, 1, False)
    rows = [row for row in result.lines if "left_out" in row]
    assert {(row["left_out"], row["rows"]) for row in rows} == {
        ("mis/marks.csv", 1),
        ("mis/letters/first.txt", None),
        ("mis/letters/second.txt", None),
    }
    again, _ = restored(world, "out")
    assert (again.lines[-1]["already"], again.lines[-1]["files"]) == (1, 0)
    text = world.run("show", "latest", "--key", world.key).out
    assert "2 entries are left out by erasure 1" in text
    assert "in part: rows of tables" in text
    assert "by erasure 1" in world.run("diff", "1", "2", "--key", world.key).out


def test_without_the_register_everything_comes_and_that_is_said_loudly(world: World) -> None:
    erase(world, "--yes")
    result, files = restored(world, "out", "--without-erasures")
    assert "WITHOUT THE ERASURE REGISTER" in result.err
    assert result.lines[-1]["without_erasures"] is True
    assert "A2" in files["marks.csv"]
    assert len(files) == 3


def test_later_nights_are_not_touched_and_nothing_is_signed_twice(world: World) -> None:
    erase(world, "--yes")
    assert erase(world, "--yes", "--json").lines[-1]["signed"] == 0
    (world.exports / "letters" / "third.txt").write_text("Dear parent,\n")
    assert world.run("snapshot").code == 0
    assert restored(world, "out")[1]["marks.csv"].count("A2") == 1
    assert erase(world, "--yes", "--json").lines[-1]["signed"] == 2
    assert restored(world, "out2")[1]["marks.csv"].count("A2") == 0


def test_the_register_lists_its_entries_to_who_has_keys(world: World) -> None:
    erase(world, "--yes")
    plain = world.run("retention", "erased", "--json").lines
    assert plain[0]["until"] == 2
    assert plain[0]["clause"] == "9.2"
    assert not any("path" in row for row in plain)
    opened = world.run("retention", "erased", "--key", world.key).out
    assert "mis/marks.csv  rows where upn is A2" in opened
    assert "mis/letters" in opened
    assert "Fernhill" not in json.dumps(plain)


def test_a_tar_leaves_out_the_same(world: World) -> None:
    import tarfile

    erase(world, "--yes")
    result = world.run("restore", "latest", "--tar", world.root / "out.tar", "--key", world.key)
    assert result.code == 0, result.err
    with tarfile.open(world.root / "out.tar") as tar:
        assert tar.getnames() == ["mis/marks.csv"]
        member = tar.extractfile("mis/marks.csv")
        assert member
        assert member.read() == b"upn,mark\nA1,/\nA3,N\n"


def test_an_erasure_that_is_gone_stops_the_restore(world: World) -> None:
    erase(world, "--yes")
    (record,) = (world.vault / "erasures").iterdir()
    record.chmod(0o644)
    record.unlink()
    result, files = restored(world, "out")
    assert result.code == Exit.INTEGRITY
    assert "erasure-missing" in result.err
    assert files == {}
    assert world.run("retention", "erased").code == Exit.INTEGRITY
    assert restored(world, "out", "--without-erasures")[0].code == 0


def test_a_crash_between_the_erasure_and_its_event_is_made_good_by_a_second_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from escrow_cli import handover_parts

    put = handover_parts.put_deeds

    def cut(store, history, objects, keep_until=None):  # type: ignore[no-untyped-def]
        put(store, history, objects[:1])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(handover_parts, "put_deeds", cut)
        assert erase(world, "--yes").code != 0
    verified = world.run("verify", "--json")
    assert verified.code == 0, verified.err
    assert "erasure-unnamed" in verified.out
    assert erase(world, "--yes", "--json").lines[-1]["signed"] == 2
    assert restored(world, "out")[1] == {"marks.csv": "upn,mark\nA1,/\nA3,N\n"}


def test_copies_take_the_register_along(world: World) -> None:
    erase(world, "--yes")
    text = (
        world.config.read_text()
        + f'[[copy]]\nname = "second"\nurl = "{(world.root / "second").as_posix()}"\npayer = "LA"\n'
    )
    world.config.write_text(text)
    (world.root / "second").mkdir()
    copied = world.run("store", "copy", "second")
    assert copied.code == 0, copied.err
    assert len(list((world.root / "second" / "erasures").iterdir())) == 1


@pytest.mark.parametrize(
    "text",
    [
        "entry = 1",
        "[[entry]]\nkind = 'row'\npath = 'a'",
        "[[entry]]\nkind = 'file'",
        "[[entry]]\nkind = 'file'\npath = '../a'",
        "[[entry]]\nkind = 'file'\npath = 'a'\ncolumn = 'b'",
        "[[entry]]\nkind = 'rows'\npath = 'a'\ncolumn = 'b'\nvalue = 5",
        "colour = 'red'\n" + WISH,
        "clause = 5\n[[entry]]\nkind = 'file'\npath = 'a'",
        "not toml",
        "",
    ],
)
def test_a_wish_that_is_not_understood_erases_nothing(world: World, text: str) -> None:
    result = erase(world, "--yes", text=text)
    assert result.code == Exit.USAGE
    assert "erasure-file" in result.err


def test_unknown_compartments_and_missing_files_are_told(world: World) -> None:
    result = erase(world, "--yes", text='compartments = ["sixth-form"]\n' + WISH)
    assert (result.code, "compartment-unknown" in result.err) == (Exit.USAGE, True)
    result = world.run("retention", "erase", world.root / "none.toml", "--key", world.key)
    assert (result.code, "erasure-file" in result.err) == (Exit.USAGE, True)
    assert world.run("retention", "erase", wish(world)).code == Exit.USAGE


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Closed]:
    monkeypatch.chdir(tmp_path)
    yield Closed(tmp_path)


def test_nobody_alone_erases(closed: Closed, tmp_path: Path) -> None:
    (tmp_path / "wish.toml").write_text('[[entry]]\nkind = "file"\npath = "school/pupils.csv"\n')
    alone = closed.run("retention", "erase", tmp_path / "wish.toml", "--yes", *closed.shares("head"))
    assert alone.code != 0
    assert not list((tmp_path / "vault").glob("erasures/*"))
    two = closed.run(
        "retention", "erase", tmp_path / "wish.toml", "--yes", *closed.shares("head", "chair of governors")
    )
    assert two.code == 0, two.err
    assert not [row for row in closed.run("verify", "--json").lines if "erasure" in str(row)]


def test_what_may_not_be_put_from_here_is_posted(
    closed: Closed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from escrow_cli import handover_parts

    def refuse(*_: object) -> None:
        raise DeniedError("store-denied", "this credential may not write")

    (tmp_path / "wish.toml").write_text('[[entry]]\nkind = "file"\npath = "school/pupils.csv"\n')
    with monkeypatch.context() as patch:
        patch.setattr(handover_parts, "put_deeds", refuse)
        kept = closed.run(
            *("retention", "erase", tmp_path / "wish.toml", "--yes"), *closed.shares("head", "chair of governors")
        )
        assert kept.code == 0, kept.err
    assert closed.run("handover", "post", "erasure-deeds").code == 0
    register = closed.run("retention", "erased", "--json").lines
    assert register[-1]["erasures"] == 1
    assert register[0]["missing"] is False


def test_a_custodian_erases_what_was_released_to_it_and_nothing_else(closed: Closed, tmp_path: Path) -> None:
    closed.start()
    assert closed.release("records", "--clause", "7.2").code in (0, Exit.REFUSED)
    (tmp_path / "wish.toml").write_text('[[entry]]\nkind = "file"\npath = "school/pupils.csv"\n')
    by_la = closed.run(
        "retention", "erase", tmp_path / "wish.toml", "--yes", "--custodian", tmp_path / "la.key", "--json"
    )
    assert by_la.code == 0, by_la.err
    (told,) = [row for row in closed.run("retention", "erased", "--json").lines if "n" in row]
    assert told["by"] == ["Cyngor Gwynedd"]
    use = ("retention", "erased", "--custodian", tmp_path / "la.key")
    refused = closed.run(*use)
    assert (refused.code, "school/pupils.csv" in refused.out) == (Exit.REFUSED, False)
    assert "school/pupils.csv" in closed.run(*use, "--purpose", "restore").out


def test_a_damaged_erasure_is_no_erasure(world: World) -> None:
    erase(world, "--yes")
    (record,) = (world.vault / "erasures").iterdir()
    change(record, record.read_bytes().replace(b"erasure", b"erasura"))
    assert "erasure-missing" in restored(world, "out")[0].err
