"""Names as people write them, and why one fits."""

import pytest

from escrow.subject.names import match_name, tokens

NAMES = [("surname", "O'Brien-Żak"), ("forename", "Catherine"), ("preferred name", "Cath")]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("O'BRIEN", "surname O'Brien-Żak"),
        ("obrien", "surname O'Brien-Żak"),
        ("O Brien", "surname O'Brien-Żak"),
        ("Zak", "surname O'Brien-Żak"),
        ("obrien zak", "surname O'Brien-Żak"),
        ("Cath", "preferred name Cath"),
        ("Brien-Zak", "surname O'Brien-Żak is spelt like brien; surname O'Brien-Żak"),
        ("Cat", "forename Catherine begins so"),
        ("Kathryn", "forename Catherine sounds like kathryn"),
        ("C OBrien", "forename Catherine by its initial; surname O'Brien-Żak"),
        ("Catherines", "forename Catherine is spelt like catherines"),
        ("OBrien, Cath", "surname O'Brien-Żak; preferred name Cath"),
        ("Cath Smith", None),
        ("Ca", None),
        ("", None),
    ],
)
def test_a_name_fits_for_a_reason(asked: str, why: str | None) -> None:
    match = match_name(asked, NAMES)
    assert (match and match.why) == why


def test_what_is_nearer_ranks_first() -> None:
    ranks = [match_name(asked, NAMES) for asked in ("Catherine", "Cat", "Katherine", "Catherines")]
    assert [one.rank for one in ranks if one] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("name", "parts"),
    [("Łukasz Ørsted", ("lukasz", "orsted")), ("Siân Zoë", ("sian", "zoe")), ("D\u2019Arcy_Smith", ("darcy", "smith"))],
)
def test_letters_are_compared_without_their_marks(name: str, parts: tuple[str, ...]) -> None:
    assert tokens(name) == parts
