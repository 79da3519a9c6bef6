"""The dictionary says what columns hold and shows nobody's data; keys are guessed, and held against each other."""

import json
from pathlib import Path

import pytest

from escrow.export.dictionary import Described, describe, masked
from escrow.export.integrity import Key, check_identifiers, check_keys, guess_keys
from escrow.export.keys import declared_keys
from escrow.export.originals import folder_files
from escrow.export.tables import find_tables
from tests.export.test_tables import write


def described(folder: Path) -> list[Described]:
    return [describe(table) for table in find_tables(folder_files(folder))[0]]


def test_columns_are_counted_and_typed(tmp_path: Path) -> None:
    text = "upn,n,when,mark,none\nA1,01,2026-11-24,4.5,\nA2,2,24/11/2026, ,\nA2,,01/02/2026,5,\n"
    write(tmp_path, "a.csv", text.encode())
    one = described(tmp_path)[0]
    assert one.rows == 3
    assert [(c.name, c.type, c.nulls, c.blanks, c.distinct) for c in one.columns] == [
        ("upn", "text", 0, 0, 2),
        ("n", "integer", 1, 0, 2),
        ("when", "date", 0, 0, 3),
        ("mark", "decimal", 0, 1, 2),
        ("none", "empty", 3, 0, 0),
    ]


def test_columns_are_read_a_hundred_at_a_time(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", (",".join(f"c{n}" for n in range(250)) + "\n" + ",".join("7" * 250) + "\n").encode())
    one = described(tmp_path)[0]
    assert (one.rows, len(one.columns), {c.type for c in one.columns}) == (1, 250, {"integer"})


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("B801200005001", "A999999999999"),
        ("Zoë O'Brien-7", "Aaa A'Aaaaa-9"),
        ("x" * 50, "a" * 40 + "…"),
        ("a→b", "a?a"),
    ],
)
def test_examples_show_the_form_alone(text: str, form: str) -> None:
    assert masked(text) == form


def test_keys_that_stand_twice_and_references_that_point_nowhere(tmp_path: Path) -> None:
    pupils = "".join(f"A{n},x\n" for n in range(100))
    write(tmp_path, "pupils.csv", f"UPN,Name\n{pupils}A7,y\n".encode())
    write(tmp_path, "medical.csv", b"UPN,Condition\nA1,x\nA2,x\n")
    write(tmp_path, "marks.csv", b"upn,mark\n" + b"A1,/\n" * 90 + b"B9,/\nB9,L\n,N\n")
    tables = described(tmp_path)
    keys = guess_keys(tables)
    assert [(key.table, key.column, sorted(key.refers)) for key in keys] == [
        ("pupils", "UPN", [("marks", "upn"), ("medical", "UPN")])
    ]
    doubts = [(one.code, one.table, one.of, one.values, one.rows) for one in check_keys(keys, tables)]
    assert sorted(doubts) == [
        ("key-twice", "pupils", "pupils", 1, 2),
        ("reference-nowhere", "marks", "pupils", 1, 2),
    ]


def test_keys_that_a_database_declares_come_before_guesses(tmp_path: Path) -> None:
    write(tmp_path, "mis/pupil.csv", b"upn,n\nA1,1\nA2,2\n")
    write(tmp_path, "mis/mark.csv", b"n,of\n1,1\n2,9\n")
    said = {
        "tables": [
            {"schema": "public", "table": "pupil", "file": "pupil.csv", "primary_key": ["n"]},
            {"schema": "public", "table": "mark", "file": "mark.csv", "primary_key": ["n", "of"]},
        ]
    }
    link = {"schema": "public", "table": "pupil", "columns": ["of"], "to": ["n"]}
    for table, links in zip(said["tables"], ([], [link, {**link, "table": "elsewhere"}]), strict=True):
        table["foreign_keys"] = links  # type: ignore[assignment]
    write(tmp_path, "mis/schema.json", json.dumps(said).encode())
    write(tmp_path, "hr/schema.json", b'{"tables": 3}')
    keys = declared_keys(folder_files(tmp_path), find_tables(folder_files(tmp_path))[0])
    assert keys == [Key("pupil", "n", (("mark", "of"),), guessed=False)]
    doubts = [(one.code, one.table, one.column, one.values) for one in check_keys(keys, described(tmp_path))]
    assert doubts == [("reference-nowhere", "mark", "of", 1)]


def test_identifiers_that_fail_their_check(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", b"UPN,Name\nB801200005001,x\nB801200005002,y\n,z\nB801200005002,y\n")
    write(tmp_path, "b.csv", b"UPN\n\n")
    found = [one for one in check_identifiers(described(tmp_path)) if one.code == "identifier-invalid"]
    assert [(one.table, one.column, one.of, one.values, one.rows) for one in found] == [("a", "UPN", "UPN", 1, 2)]
