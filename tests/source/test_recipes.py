"""Recipes: recognised on real files, with datasets that outlive a date in a name."""

import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from escrow.errors import UsageError
from escrow.source.recipes import HEAD, Suggestion, classify, find_recipe, recipes, suggest, undated

SAMPLES = {
    "isams-batch": [Suggestion("isams-batch", 3, 1)],
    "microsoft-sds-uk": [Suggestion("microsoft-sds", 2, 0)],
    "sif-au": [Suggestion("sif", 3, 0)],
    "dfe-collect": [Suggestion("census", 1, 0)],
    "dfe-mtc": [Suggestion("csv-exports", 1, 0)],
    "gibbon": [Suggestion("sql-dump", 1, 0)],
    "gias": [],
}


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "propertyName,value\nmanifest.version,1.0\n")
    return buffer.getvalue()


MADE: list[tuple[str, bytes, str]] = [
    (
        "out/pupils.xml",
        b'<?xml version="1.0"?>\n<SuperStarReport>\n<Record><Legal_x0020_Surname>',
        "sims-commandreporter",
    ),
    ("out/pupils.xml", "<SuperStarReport><Record>".encode("utf-16"), "sims-commandreporter"),
    ("820LLLL_CTF_8201234_001.xml", b"<CTfile>\r\n <Header>", "ctf"),
    ("census.xml", b"<?xml version='1.0'?><Message>\n<Header>\n<CollectionDetails>", "census"),
    ("oneroster.zip", zipped("manifest.csv", "users.csv"), "oneroster"),
    ("manifest.csv", b'"propertyName","value"\r\n', "oneroster"),
    ("Student.csv", b"\xef\xbb\xbfSIS ID,School SIS ID,Username,Grade\n", "microsoft-sds"),
    ("SIMS_2026-11-24.bak", b"TAPE\0\0\x03\0", "sql-server-backup"),
    ("db.sql", b"-- MySQL dump 10.13\n", "sql-dump"),
    ("db.dump", b"PGDMP\x01", "sql-dump"),
    ("db.sql.gz", b"\x1f\x8b\x08", "sql-dump"),
    ("old.accdb", b"\0\1\0\0Standard ACE DB", "opaque"),
    ("filedir/ab/cd/abcd0123", b"anything", "moodle"),
    ("ledger.csv", b"Transaction No,Nominal Code,Amount\n", "finance"),
    ("staff.csv", b"Payroll No,Forename\n", "hr"),
    ("photos/1234.JPG", b"\xff\xd8\xff\xe0", "photos"),
    ("pupils.csv", b"UPN,Forename,Surname\n", "csv-exports"),
    ("students.jsonl", b'{"id":"A1"}\n', "json-lines"),
]


def heads(folder: Path) -> list[tuple[str, bytes]]:
    return [
        (path.relative_to(folder).as_posix(), path.read_bytes()[:HEAD])
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


@pytest.mark.parametrize("folder", SAMPLES)
def test_real_files_are_recognised(folder: str, samples: Path) -> None:
    looked = heads(samples / folder)
    assert looked
    assert suggest(looked) == SAMPLES[folder]


def test_every_folder_of_the_samples_is_looked_at(samples: Path) -> None:
    assert {path.name for path in samples.iterdir() if path.is_dir()} == set(SAMPLES)


@pytest.mark.parametrize(
    ("file", "recipe"),
    [
        ("isams-batch/GetCurrentPupils.xml", "isams-batch"),
        ("isams-batch/GetCurrentStaff.xml", "isams-batch"),
        ("sif-au/StudentPersonal_0.xml", "sif"),
        ("sif-au/StudentContactPersonal_0.xml", "sif"),
        ("sif-au/StudentAttendanceTimeList_1.xml", "sif"),
        ("dfe-collect/cin-2022.xml", "census"),
    ],
)
def test_rows_and_ids_are_where_the_recipe_says(file: str, recipe: str, samples: Path) -> None:
    root = ElementTree.parse(samples / file).getroot()
    rule = find_recipe(recipe).rule_of(file)
    assert rule is not None
    rows = next(filter(None, (_rows(root, path) for path in rule.rows)))
    ids = [_id(rows[0], name) for name in rule.ids]
    assert next(filter(None, ids)).strip()


def _rows(root: ElementTree.Element, path: str) -> list[ElementTree.Element]:
    first, _, below = path.partition("/")
    return ([root] if not below else root.findall(below)) if first in (root.tag, "*") else []


def _id(row: ElementTree.Element, name: str) -> str | None:
    return row.get(name[1:]) if name.startswith("@") else row.findtext(name)


@pytest.mark.parametrize(
    ("file", "recipe", "column"),
    [
        ("microsoft-sds-uk/Student.csv", "microsoft-sds", "ID"),
        ("microsoft-sds-uk/StudentEnrollment.csv", "microsoft-sds", "ID"),
        ("dfe-mtc/Pupil-Census-Data.csv", "csv-exports", "UPN"),
    ],
)
def test_columns_are_those_of_the_recipe(file: str, recipe: str, column: str, samples: Path) -> None:
    header = (samples / file).read_text("utf-8").splitlines()[0].split(",")
    rule = find_recipe(recipe).rule_of(file)
    assert rule is not None
    assert next(name for name in rule.ids if name in header) == column
    assert set(find_recipe(recipe).secrets) <= {*header, "Password"}


@pytest.mark.parametrize(("path", "head", "recipe"), MADE)
def test_made_files_are_recognised(path: str, head: bytes, recipe: str) -> None:
    assert [one.recipe for one in suggest([(path, head)])] == [recipe]


def test_every_recipe_can_be_recognised_but_the_one_of_mixed_things() -> None:
    assert {recipe for _, _, recipe in MADE} | {"isams-batch", "sif"} == set(recipes()) - {"vendor-dump"}


@pytest.mark.parametrize("head", [b"", b"\0" * HEAD, b"<", b"\xff\xfe", b"<html>", b"PK\x03\x04"])
def test_nothing_is_suggested_for_nothing(head: bytes) -> None:
    assert suggest([("x.xml", head), ("x.csv", head), ("x.zip", head)]) == []


def test_a_recipe_is_whole() -> None:
    for one in recipes().values():
        assert one.title
        assert one.silent
        assert one.rules
        for sentence in one.silent:
            assert sentence.endswith(".")
    assert find_recipe("sims-commandreporter").rules[0].rows == ("SuperStarReport/Record",)
    with pytest.raises(UsageError, match="expected one of sims-commandreporter, isams-batch"):
        find_recipe("sims")


@pytest.mark.parametrize(
    ("path", "recipe", "dataset", "kind"),
    [
        ("mis/db/SIMS_20261124_0200.bak", "sql-server-backup", "mis/db/SIMS_DATE.bak", "table"),
        ("mis/db/SIMS.2026-11-24T02-00-00.BAK", "sql-server-backup", "mis/db/SIMS.DATE.BAK", "table"),
        ("mis/moodle-24.11.2026.sql", "sql-dump", "mis/moodle-DATE.sql", "table"),
        ("mis/moodle.sql.gz", "sql-dump", "mis/moodle.sql.gz", "document"),
        ("mis/in/820LLLL_CTF_8201234_001.xml", "ctf", "mis/ctf", "table"),
        ("mis/filedir/ab/cd/abcd", "moodle", "mis/filedir", "document"),
        ("mis/photos/A1/1234.jpg", "photos", "mis/photos", "document"),
        ("mis/letters/1234.pdf", "photos", "mis/letters", "document"),
        ("mis/pupils.csv", "photos", "mis/pupils.csv", "table"),
    ],
)
def test_datasets(path: str, recipe: str, dataset: str, kind: str) -> None:
    assert classify([find_recipe(recipe)], path.encode()) == (dataset, kind)


def test_the_first_recipe_that_knows_a_file_counts() -> None:
    both = [find_recipe("csv-exports"), find_recipe("photos")]
    assert classify(both, b"mis/p_2026-11-24.csv") == ("mis/p_DATE.csv", "table")
    assert classify(both, b"mis/photos/1.png") == ("mis/photos", "document")
    assert classify(both, b"mis/\xff\xfe.doc") == ("mis", "document")


@pytest.mark.parametrize("path", ["mis/pupils.csv", "mis/12345678.csv", "mis/820LLLL_8201234.xml", "mis/99991399.csv"])
def test_numbers_that_are_no_dates_stay(path: str) -> None:
    assert undated(path.encode()) == path.encode()
