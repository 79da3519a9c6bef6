"""What changed between two nights, by rows and cells, by whatever key there is."""

import csv
from pathlib import Path

import pytest

from escrow.errors import FormatError
from escrow.export import dictionary, since
from escrow.export.originals import folder_files
from escrow.export.since import Difference, FileChange, compare, file_changes, write_file_changes, write_whole
from escrow.export.table import Table
from escrow.export.tables import find_tables
from tests.export.test_tables import write


def tables(folder: Path, was: str, now: str) -> tuple[Table, Table]:
    write(folder, "was/a.csv", was.encode())
    write(folder, "now/a.csv", now.encode())
    return find_tables(folder_files(folder / "was"))[0][0], find_tables(folder_files(folder / "now"))[0][0]


def differs(
    folder: Path, was: str, now: str, declared: tuple[str, ...] = ()
) -> tuple[Difference, dict[str, list[list[str]]]]:
    out = folder / "since"
    out.mkdir(exist_ok=True)
    found = compare(*tables(folder, was, now), declared, out)
    written = {}
    for path in sorted(out.iterdir()):
        with path.open(newline="", encoding="utf-8") as file:
            written[path.name.removeprefix("a.").removesuffix(".csv")] = list(csv.reader(file))
    return found, written


WAS = "UPN,Name,Reg\nA1,Ann,7A\nA2,Bob,\nA3,Cy,7B\n"
NOW = 'UPN,Name,Reg\nA3,Cy,7B\nA2,Rob,""\nA4,Di,007\n'


def test_rows_are_told_apart_by_a_column_like_an_identifier(tmp_path: Path) -> None:
    found, written = differs(tmp_path, WAS, NOW)
    assert found == Difference("a", "a.csv", 1, 1, 1, ("UPN",), guessed=True)
    assert written == {
        "added": [["UPN", "Name", "Reg"], ["A4", "Di", "007"]],
        "removed": [["UPN", "Name", "Reg"], ["A1", "Ann", "7A"]],
        "changed": [["UPN", "column", "before", "after"], ["A2", "Name", "Bob", "Rob"], ["A2", "Reg", "", ""]],
    }
    assert (tmp_path / "since/a.changed.csv").read_bytes().endswith(b'"A2","Reg",,""\n')
    assert differs(tmp_path, WAS, NOW) == (found, written)


def test_a_declared_key_of_two_columns(tmp_path: Path) -> None:
    was = "day,period,column\n1,1,x\n1,2,q\n2,1,z\n"
    found, written = differs(tmp_path, was, was.replace("q", "w"), ("period", "day"))
    assert (found.key, found.guessed, found.changed) == (("period", "day"), False, 1)
    assert written == {"changed": [["period", "day", "column", "before", "after"], ["2", "1", "column", "q", "w"]]}


def test_a_declared_key_that_stands_twice_is_told_and_not_used(tmp_path: Path) -> None:
    found, written = differs(tmp_path, "id,n\n1,a\n1,b\n", "id,n\n1,a\n1,c\n", ("id",))
    assert found == Difference("a", "a.csv", 1, 1, doubled=True)
    assert written == {"added": [["id", "n"], ["1", "c"]], "removed": [["id", "n"], ["1", "b"]]}


def test_rows_without_a_key_are_counted_as_wholes(tmp_path: Path) -> None:
    found, written = differs(tmp_path, "mark\n/\n/\n/\nL\n", "mark\n/\nL\nL\nN\nN\n")
    assert found == Difference("a", "a.csv", 3, 2)
    assert written == {"added": [["mark"], ["L"], ["N"], ["N"]], "removed": [["mark"], ["/"], ["/"]]}


def test_columns_that_came_and_went_do_not_change_rows(tmp_path: Path) -> None:
    found, written = differs(tmp_path, "UPN,Old,Name\nA1,x,Ann\nA2,y,Bob\n", "Name,UPN,New\nAnn,A1,n\nRob,A2,n\n")
    assert (found.came, found.went) == (("New",), ("Old",))
    assert (found.added, found.removed, found.changed) == (0, 0, 1)
    assert written == {"changed": [["UPN", "column", "before", "after"], ["A2", "Name", "Bob", "Rob"]]}


def test_tables_with_nothing_in_common_are_written_whole(tmp_path: Path) -> None:
    found, written = differs(tmp_path, "a\n1\n", "b\n2\n3\n")
    assert (found.added, found.removed, found.came, found.went) == (2, 1, ("b",), ("a",))
    assert written == {"added": [["b"], ["2"], ["3"]], "removed": [["a"], ["1"]]}


def test_a_key_with_one_null_and_a_wide_table(tmp_path: Path) -> None:
    header = "upn," + ",".join(f"c{n}" for n in range(2000))
    row = ",".join(["0"] * 2000)
    was = f"{header}\n,{row}\nA1,{row}\n"
    found, written = differs(tmp_path, was, was.replace(f"\n,{row}", f"\n,{row[:-1]}1"))
    assert (found.key, found.added, found.removed, found.changed) == (("upn",), 0, 0, 1)
    assert written == {"changed": [["upn", "column", "before", "after"], ["", "c1999", "0", "1"]]}


def test_nothing_changed_writes_nothing(tmp_path: Path) -> None:
    found, written = differs(tmp_path, WAS, WAS.replace("\n", "\r\n"))
    assert (found.added, found.removed, found.changed, written) == (0, 0, 0, {})


def test_a_table_of_one_night(tmp_path: Path) -> None:
    (tmp_path / "since").mkdir()
    was, _ = tables(tmp_path, WAS, NOW)
    assert write_whole(was, "removed", "gone", tmp_path / "since").removed == 3
    assert (tmp_path / "since/gone.removed.csv").read_text().count("\n") == 4


def test_what_does_not_fit_in_memory_is_spilt_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spilt: list[bool] = []
    write_cells = since._Both.write_cells

    def spy(both: since._Both, folder: Path) -> int:
        spilt.append((folder / ".spill").exists())
        return write_cells(both, folder)

    monkeypatch.setattr(dictionary, "_MEMORY", "64MB")
    monkeypatch.setattr(since._Both, "write_cells", spy)
    was = "id,text\n" + "".join(f"{n},{n:0200}\n" for n in range(100_000))
    found, written = differs(tmp_path, was, was.replace(",0", ",1"))
    assert (found.changed, len(written["changed"])) == (100_000, 100_001)
    assert spilt == [True]
    assert not (tmp_path / "since/.spill").exists()
    monkeypatch.setattr(dictionary, "_MEMORY", "10MB")
    with pytest.raises(FormatError) as told:
        differs(tmp_path, was, was.replace(",0", ",1"))
    assert told.value.code == "table-large"
    assert not (tmp_path / "since/.spill").exists()


def test_files_that_came_went_and_differ(tmp_path: Path) -> None:
    was = {"a": (1, "x"), "b": (2, "y"), "c\udcff": (3, "z")}
    changes = list(file_changes(was, {"a": (1, "x"), "b": (2, "w"), "d": (4, "v")}))
    assert changes == [
        FileChange("b", "changed", 2, 2),
        FileChange("c\udcff", "removed", 3, None),
        FileChange("d", "added", None, 4),
    ]
    write_file_changes(changes, tmp_path / "files.csv")
    assert (tmp_path / "files.csv").read_bytes().splitlines()[1:] == [
        b"b,changed,2,2",
        b"c\xff,removed,3,",
        b"d,added,,4",
    ]
