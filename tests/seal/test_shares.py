"""Shares against SLIP-39's published vectors, and every subset of small policies."""

import copy
import json
import pickle
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.errors import FormatError, UsageError, WrongKeyError
from escrow.seal import Secret, shares
from escrow.seal.shares import combine, complete, parse_share, split

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/slip39/vectors.json").read_text("utf-8"))
SECRET = Secret(bytes(range(32)))
POLICIES = [
    (1, [(2, 3)]),
    (1, [(3, 5)]),
    (2, [(2, 3), (1, 1), (1, 1)]),
    (2, [(2, 3), (2, 2), (1, 1)]),
    (2, [(1, 1), (2, 3)]),
]


def test_the_vectors_are_there() -> None:
    assert len(VECTORS) == 45
    assert sum(bool(secret) for _, _, secret, _ in VECTORS) == 15


@pytest.mark.parametrize(("texts", "secret"), [vector[1:3] for vector in VECTORS], ids=[v[0] for v in VECTORS])
def test_a_published_vector(texts: list[str], secret: str) -> None:
    if secret:
        assert combine(map(parse_share, texts), b"TREZOR") == Secret(bytes.fromhex(secret))
        assert [" ".join(parse_share(text).words()) for text in texts] == texts
    else:
        with pytest.raises((FormatError, WrongKeyError)):
            combine(map(parse_share, texts), b"TREZOR")


@pytest.mark.parametrize(("groups_needed", "groups"), POLICIES)
def test_each_subset_opens_or_gives_nothing(groups_needed: int, groups: list[tuple[int, int]]) -> None:
    sheets = [share for group in split(SECRET, 7, groups_needed, groups) for share in group]
    opened = 0
    for size in range(len(sheets) + 1):
        for subset in combinations(sheets, size):
            counts = [sum(share.group == index for share in subset) for index in range(len(groups))]
            whole = [count for count, (needed, _) in zip(counts, groups, strict=True) if count == needed]
            minimal = len(whole) == groups_needed and sum(whole) == size
            if minimal:
                assert combine(subset) == SECRET
                opened += 1
            else:
                with pytest.raises(WrongKeyError):
                    combine(subset)
    assert opened


def test_a_share_has_33_words_and_says_its_place() -> None:
    share = split(SECRET, 32_767, 1, [(2, 3)])[0][2]
    assert len(share.words()) == shares.WORDS
    assert (share.set, share.group, share.member, share.needed, share.groups) == (32_767, 0, 2, 2, 1)
    short = " ".join(word[:4].upper() for word in share.words())
    assert parse_share(short) == parse_share("\n ".join(share.words())) == share
    assert len(share.value().reveal()) == 32


def test_a_share_does_not_leak() -> None:
    share = split(SECRET, 9, 1, [(2, 2)])[0][0]
    for word in set(share.words()) - {"share", "set", "group", "member"}:
        assert word not in repr(share).split()
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, hash):
        with pytest.raises((UsageError, TypeError)):
            leak(share)


def code_of(text: str) -> str:
    with pytest.raises(FormatError) as raised:
        parse_share(text)
    return raised.value.code


def test_what_is_wrong_is_named_by_its_place() -> None:
    words = list(split(SECRET, 3, 1, [(2, 3)])[0][0].words())
    with pytest.raises(FormatError, match="word 5 ") as raised:
        parse_share(" ".join([*words[:4], "zzzz", *words[5:]]))
    assert "zzzz" not in str(raised.value)
    assert code_of(" ".join([*words[:4], words[4][:3], *words[5:]])) == "share-word"
    assert code_of(" ".join([*words[:4], words[4] + "x", *words[5:]])) == "share-word"
    assert code_of(" ".join(words[:-1])) == "share-length"
    assert code_of(" ".join([*words, words[0]])) == "share-length"
    assert code_of("") == "share-length"
    assert code_of(" ".join([words[1], words[0], *words[2:]])) == "share-checksum"


@given(st.integers(0, 32), st.integers(0, 1023))
def test_one_wrong_word_is_always_noticed(place: int, index: int) -> None:
    words = list(split(SECRET, 3, 1, [(2, 3)])[0][0].words())
    other = shares.WORDLIST[index]
    if other != words[place]:
        assert code_of(" ".join([*words[:place], other, *words[place + 1 :]])) == "share-checksum"


@given(st.one_of(st.text(), st.lists(st.sampled_from(shares.WORDLIST), max_size=40).map(" ".join)))
def test_any_text_is_a_share_or_refused(text: str) -> None:
    try:
        share = parse_share(text)
    except FormatError as error:
        assert error.code in {"share-word", "share-length", "share-checksum"}
    else:
        assert parse_share(" ".join(share.words())) == share


def test_every_word_is_completed_from_four_letters() -> None:
    for word in shares.WORDLIST:
        assert complete(word) == complete(f" {word[:4].upper()}") == word
    assert complete("aca") is complete("") is complete("zzzz") is complete("academia") is None


@pytest.mark.parametrize(("needed", "groups"), [(2, [(1, 1)]), (1, [(1, 2)]), (1, [(3, 2)]), (1, [(2, 17)])])
def test_a_policy_that_slip39_does_not_have_is_refused(needed: int, groups: list[tuple[int, int]]) -> None:
    with pytest.raises(UsageError, match="no such way"):
        split(SECRET, 1, needed, groups)


def test_a_set_identifier_has_15_bits() -> None:
    with pytest.raises(UsageError, match="15 bits"):
        split(SECRET, 1 << 15, 1, [(2, 3)])
