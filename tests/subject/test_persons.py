"""Who is the same person, in tables that people and programs wrote."""

from pathlib import Path

import pytest

from escrow.errors import UsageError
from escrow.export.originals import folder_files
from escrow.export.tables import find_tables
from escrow.subject.people import aliases_of, as_date, people_of
from escrow.subject.persons import Person, persons_of, search, the_one

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


def persons(folder: Path) -> list[Person]:
    tables, _ = find_tables(folder_files(folder))
    return persons_of((one for table in tables for one in people_of(table)), aliases_of(tables))


def school(folder: Path, **files: str) -> list[Person]:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return persons(folder)


def test_tables_that_share_a_upn_tell_of_one_pupil(tmp_path: Path) -> None:
    found = school(
        tmp_path,
        pupils="UPN,Legal Surname,Legal Forename,Date of Birth\nA1,Bell,Samantha,2012-02-03\n",
        pupil_addresses="UPN,Surname,Forename,Postcode\nA1,BELL,Sam,ZZ99 1AA\n",
    )
    (one,) = found
    assert (one.handle, one.kind, one.born) == ("A1", "pupil", ("2012-02-03",))
    assert {name for _, name in one.names} == {"Bell", "BELL", "Samantha", "Sam"}


def test_a_parent_is_not_the_child_whose_upn_stands_beside(tmp_path: Path) -> None:
    found = school(
        tmp_path,
        pupils="UPN,Surname,Forename\nA1,Bell,Sam\nA2,Bell,Ali\n",
        contacts="UPN,Surname,Forename,Relationship,Email\nA1,Bell,Jo,MOT,jo@x.org\nA2,Bell,Jo,MOT,JO@x.org\n",
    )
    assert sorted(one.kind for one in found) == ["contact", "pupil", "pupil"]
    (parent,) = [one for one in found if one.kind == "contact"]
    assert parent.links == {("upn", "A1"), ("upn", "A2")}
    assert parent.handle.startswith("contact-")


def test_a_history_of_upns_joins_two_schools(tmp_path: Path) -> None:
    found = school(
        tmp_path,
        pupils="UPN,Surname,Forename\nB2,Bell,Sam\n",
        leavers_students="UPN,Surname,Forename\nA1,Bell,Sam\n",
        upn_history="UPN,Former UPN,Changed\nB2,A1,2024-09-01\n",
    )
    assert len(found) == 1
    assert [hit.person for hit in search(found, "a1")] == found


def test_one_upn_of_two_pupils_keeps_them_two_and_says_so(tmp_path: Path) -> None:
    text = "UPN,Surname,Forename,DOB\nA1,Bell,Sam,2012-02-03\nA1,Khan,Zara,2013-04-05\n"
    found = school(tmp_path, pupils=text)
    assert len(found) == 2
    assert {one.doubt for one in found} == {"an identifier is another person's too"}
    with pytest.raises(UsageError) as caught:
        the_one(search(found, "A1"))
    assert caught.value.code == "subject-several"
    assert the_one(search(found, found[1].handle)) is found[1]


def test_numbers_of_rows_mean_nothing_in_another_folder(tmp_path: Path) -> None:
    for folder, name in (("sims", "Bell"), ("library", "Khan")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pupils.csv").write_text(f"ID,Surname,Forename\n1,{name},Sam\n")
    assert len(persons(tmp_path)) == 2


def test_nobody_is_an_error_that_says_what_to_try() -> None:
    with pytest.raises(UsageError, match="another spelling") as caught:
        the_one([])
    assert caught.value.code == "subject-nobody"


def test_a_birth_date_narrows_and_may_have_its_day_and_month_swapped(tmp_path: Path) -> None:
    text = "UPN,Surname,Forename,DOB\nA1,Bell,Sam,03/04/2012\nA2,Bell,Sam,13/04/2012\nA3,Bell,Sam,\n"
    found = school(tmp_path, pupils=text)
    assert [hit.person.handle for hit in search(found, "bell", "2012-04-13")] == ["A2", "A3"]
    (hit, _) = search(found, "bell", "2012-03-04")
    assert (hit.person.handle, hit.why) == ("A1", "surname Bell; born 2012-04-03 (day and month swapped)")


def test_a_birth_date_alone_and_an_address_find_people(tmp_path: Path) -> None:
    found = school(
        tmp_path,
        pupils="UPN,Surname,Forename,DOB\nA1,Bell,Sam,2012-04-03\nA2,Khan,Zara,\nA3,Hill,Al,2012-05-03\n",
        contacts="UPN,Surname,Forename,Relationship,Email,Mobile\nA1,Bell,Jo,MOT,jo@x.org,07700 900123\n",
    )
    assert [(hit.person.handle, hit.why) for hit in search(found, "", "2012-04-03")] == [("A1", "born 2012-04-03")]
    for asked in ("JO@x.org", "07700900123"):
        (hit,) = search(found, asked)
        assert (hit.person.name, hit.why) == ("Jo Bell", "email address or telephone number")


@pytest.mark.parametrize(
    ("cell", "day"),
    [("2012-02-03T00:00:00", "2012-02-03"), ("3/2/2012", "2012-02-03"), ("2/13/2012", "2012-02-13"), ("soon", "")],
)
def test_dates_of_three_styles(cell: str, day: str) -> None:
    assert as_date(cell) == day


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples lie beside the project")
@pytest.mark.parametrize(
    ("asked", "name", "kind"),
    [
        ("benson, george", "George Benson", "pupil"),  # iSAMS
        ("Sam Rowinski", "Fred Smith", "pupil"),  # SIF, by a preferred name
        ("P1234567", "Fred Smith", "contact"),
        ("X98765432123B", "(no name)", "pupil"),  # children in need, by a former UPN
        ("Ora Klein", "Ora Klein", "pupil"),  # Microsoft School Data Sync
        ("JXB28529081319808003", "test", "staff"),
    ],
)
def test_people_in_real_samples(asked: str, name: str, kind: str) -> None:
    found = search(persons(SAMPLES), asked)
    assert (name, kind) in [(hit.person.name, hit.person.kind) for hit in found]
