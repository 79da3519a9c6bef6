"""Whom parents' letters go to, and the register of their answers."""

from collections.abc import Iterator, Mapping

import pytest

from escrow.errors import UsageError
from escrow.export.continuity import Row
from escrow.export.mapping import Part, Plan
from escrow.vendor.families import Family, answered, families, read_register, register_csv

PUPILS: list[Row] = [
    {"id": "A1", "forename": "Ann", "surname": "Bell"},
    {"id": "A2", "forename": "Robert", "preferred": "Bo", "surname": "Bell"},
]
FIELDS = ("pupil", "surname", "forename", "responsibility", "address", "email")
PLAN = Plan({"pupils": Part("pupils", {"id": "UPN"}), "contacts": Part("contacts", dict.fromkeys(FIELDS, "x"))})


def made(*contacts: str, plan: Plan = PLAN) -> list[Family]:
    def rows(_table: str, columns: Mapping[str, str]) -> Iterator[Row]:
        for line in contacts:
            cells = dict(zip(FIELDS, (cell.strip() for cell in line.split("|")), strict=True))
            yield {field: cells.get(field, "") for field in columns}

    return families(plan, rows, PUPILS)


def test_one_letter_for_a_person_with_all_their_children() -> None:
    (one,) = made("A2|Bell|Sam|T|1 High St|s@x.example", "A1|Bell|Sam|yes|1 High St|s@x.example")
    assert (one.ref, one.name, one.pupils, one.how) == ("P0001", "Sam Bell", "Ann Bell and Bo Bell", "post")


def test_parents_apart_get_a_letter_each() -> None:
    found = made("A1|Bell|Sam|T|1 High St|", "A1|Bell|Jo|T|2 Low Rd|", "A1|Bell|Sam|T|9 Mill Ln|")
    assert [(one.name, one.address) for one in found] == [
        ("Jo Bell", "2 Low Rd"),
        ("Sam Bell", "1 High St"),
        ("Sam Bell", "9 Mill Ln"),
    ]


def test_who_has_no_responsibility_gets_none_and_who_is_unclear_is_listed() -> None:
    found = made("A1|Bell|Gran|F|1 High St|", "A1|Bell|Sam|Default|1 High St|", "A1|Bell|Jo||2 Low Rd|")
    assert {one.name: one.how for one in found} == {"Sam Bell": "check", "Jo Bell": "check"}


def test_who_is_unclear_for_one_child_is_to_be_checked() -> None:
    (one,) = made("A1|Bell|Sam|T|1 High St|", "A2|Bell|Sam|?|1 High St|")
    assert one.how == "check"


def test_leavers_contacts_are_left_out_and_the_way_is_what_is_known() -> None:
    found = made("X9|Cox|Al|T|1 High St|", "A1|Bell|Sam|T||s@x.example", "A1|Bell|Jo|T||")
    assert {one.name: one.how for one in found} == {"Sam Bell": "e-mail", "Jo Bell": "by hand"}


def test_where_no_responsibility_is_mapped_a_person_decides() -> None:
    bare = Plan({**PLAN.parts, "contacts": Part("contacts", {"pupil": "UPN", "surname": "Surname"})})
    assert [one.how for one in made("A1|Bell|Sam|T||", plan=bare)] == ["check"]


def test_contacts_that_are_not_mapped_are_asked_for() -> None:
    for plan in (Plan({}), Plan({"pupils": PLAN.parts["pupils"]}), Plan({"contacts": PLAN.parts["contacts"]})):
        with pytest.raises(UsageError) as caught:
            made("A1|Bell|Sam|T||", plan=plan)
        assert caught.value.code == "vendor-contacts"


def test_the_register_comes_back_as_it_was_and_holds_no_formula() -> None:
    register = made('A1|=HYPERLINK("x")|Sam|T|-1 High St|+44', "A2|Žak, Jr.|Zoë|T||")
    data = register_csv(register)
    assert data.startswith(b"\xef\xbb\xbf")
    assert b",'-1 High St" in data
    assert b",=" not in data
    assert b",'+44" in data
    assert read_register(data) == register


def test_an_answer_is_put_beside_its_reference() -> None:
    register = made("A1|Bell|Sam|T||")
    (one,) = answered(register, "P0001", said="moved", on="2026-11-24")
    assert (one.said, one.replied) == ("moved", "2026-11-24")
    with pytest.raises(UsageError) as caught:
        answered(register, "P9999", said="x", on="2026-11-24")
    assert caught.value.code == "vendor-register"


@pytest.mark.parametrize("data", [b"", b"ref,name\r\nP1,x\r\n", b"\xff\xfe\x00", b'ref\r\n"x'])
def test_a_register_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        read_register(data)
    assert caught.value.code == "vendor-register"
