"""Charters as TOML: every charter comes back as it was, templates are charters, and what people get wrong is named."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow import record as r
from escrow.custody.charter_text import new_text, to_toml
from escrow.custody.charter_toml import amend, following
from escrow.errors import EscrowError, FormatError, UsageError
from escrow.record.charter import SCHOOL_TYPES, TRIGGER_KINDS
from tests.record.samples import FULL_CHARTER
from tests.trust import world as w

REVIEW = datetime(2027, 9, 1, tzinfo=UTC)
LA = {
    "name": "Council",
    "kind": "la",
    "key": w.signer(31).public().encode(),
    "recipient": str(w.identity(8).recipient()),
}

WHOLE = to_toml(w.CHARTER, REVIEW)

texts = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), min_size=1, max_size=40)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(
    lambda when: when.replace(microsecond=0)
)
names = st.from_regex("[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)


def some(items: st.SearchStrategy[object], by: Callable[[object], object] = lambda item: item) -> st.SearchStrategy:  # type: ignore[type-arg]
    return st.none() | st.lists(items, min_size=1, max_size=3, unique_by=by).map(tuple)  # type: ignore[arg-type]


@st.composite
def charters(draw: st.DrawFn) -> r.Charter:
    """Charters with any of the members that people write."""
    triggers = draw(
        some(st.sampled_from([k for k in TRIGGER_KINDS if k != "silence"]).map(lambda kind: r.Trigger(kind=kind)))
    )
    if draw(st.booleans()):
        triggers = (*(triggers or ()), r.Trigger(kind="silence", days=draw(st.integers(1, 36_500))))
    cooling = draw(st.none() | st.integers(0, 366))
    excepted = tuple(one.kind for one in triggers or ())[:1] if cooling is not None else ()
    compartment = r.Compartment(name="records", nights=31, keep_days=draw(st.integers(0, 36_500)), about=draw(texts))
    return replace(
        w.CHARTER,
        school=r.School(name=draw(texts), type=draw(st.none() | st.sampled_from(SCHOOL_TYPES))),
        compartments=(compartment, *w.CHARTER.compartments[1:]),
        agents=draw(st.sampled_from([(), w.CHARTER.agents])),
        controller=draw(st.none() | st.builds(r.Controller, name=texts, ico=st.none() | texts)),
        processors=draw(
            some(
                st.builds(
                    r.Processor,
                    name=texts,
                    role=st.just("processor"),
                    purpose=texts,
                    contract_end=st.none() | times,
                    export=st.none() | texts,
                )
            )
        ),
        forbidden=draw(some(texts)),
        custodian=draw(st.sampled_from([None, r.Custodian(**LA)])),
        purposes=draw(some(st.builds(r.Purpose, id=names, text=texts), lambda one: one.id)),  # type: ignore[attr-defined]
        triggers=triggers,
        cooling_off_days=cooling,
        cooling_off_except=excepted or None,
        retention=draw(
            some(
                st.builds(r.Retention, id=names, compartment=st.just("records"), schedule=texts),
                lambda one: one.id,  # type: ignore[attr-defined]
            )
        ),
        contacts=draw(some(st.builds(r.Contact, role=texts, text=texts))),
        review=draw(st.none() | times),
        ext={"a": [1, None, {"b": "c"}]},
    )


def no_card(name: str) -> dict[str, str]:
    raise AssertionError(name)


@settings(max_examples=60, deadline=None)
@given(charters())
def test_every_charter_comes_back_from_its_text(charter: r.Charter) -> None:
    assert amend(to_toml(charter, REVIEW), charter, no_card) == charter


def test_the_fullest_charter_comes_back_from_its_text() -> None:
    full = replace(FULL_CHARTER, recipients=w.CHARTER.recipients, custodian=r.Custodian(**LA))
    text = to_toml(full, REVIEW)
    assert amend(text, full, no_card) == full
    assert "escrow-sig-1:" not in text
    assert "age1pq1" not in text


@pytest.mark.parametrize("kind", SCHOOL_TYPES)
def test_each_template_is_a_charter_once_cards_are_there(kind: str) -> None:
    text = new_text(kind, 'The "New" School', REVIEW)
    alone = replace(w.CHARTER, holders=w.CHARTER.holders[:1], threshold=1)
    assert amend(text, alone, no_card).threshold == 1
    plain = amend(text, w.CHARTER, no_card)
    assert (plain.school.name, plain.school.type, plain.review) == ('The "New" School', kind, REVIEW)
    assert (plain.holders, plain.recipients, plain.agents) == (
        w.CHARTER.holders,
        w.CHARTER.recipients,
        w.CHARTER.agents,
    )
    assert plain.custodian is None
    cards = text.replace("#[custodian]\n#card", "[custodian]\ncard").replace("#[[agents]]\n#card", "[[agents]]\ncard")
    asked: list[str] = []

    def load(name: str) -> dict[str, str]:
        asked.append(name)
        return {"name": "server", "key": w.STRANGER.public().encode()} if name == "server.card" else LA

    whole = amend(cards, w.CHARTER, load)
    assert whole.custodian == r.Custodian(**LA)
    assert whole.agents == (r.Agent(name="server", key=w.STRANGER.public().encode()),)
    assert len(asked) == 2


def test_examples_of_what_is_not_said_yet_are_comments_that_hold() -> None:
    text = to_toml(w.CHARTER, REVIEW)
    uncommented = "\n".join(
        line[1:] if re.match("#(?! [^ ])", line) and "card" not in line else line
        for line in text.split("\n")
        if line not in ("#[custodian]", "#[[agents]]")
    )
    uncommented = uncommented.replace('"documents"', '"records"').replace('"safeguarding"', '"records"')
    amended = amend(uncommented, w.CHARTER, no_card)
    for name in ("controller", "processors", "forbidden", "purposes", "triggers", "retention", "contacts", "review"):
        assert getattr(amended, name) is not None, name


def test_the_next_version_cites_the_one_before() -> None:
    later = datetime(2026, 12, 1, tzinfo=UTC)
    second = following(replace(w.CHARTER, cap_days=400), w.CHARTER, later)
    assert (second.n, second.prev, second.created) == (2, w.payload_sha256(w.CHARTER), later)
    assert second.cap_days == 400


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("threshold = 2", "threshold = ", "charter-syntax", "line 4"),
        ("threshold = 2", "threshold = 2.5", "field-type", "charter.threshold: expected a text, a whole number"),
        ("threshold = 2", "threshold = true", "field-type", "charter.threshold: expected an integer"),
        ("threshold = 2", "vault = 'ab'", "field-unknown", "charter.vault: expected no such member"),
        ("threshold = 2", "colour = 'red'", "field-unknown", "charter.colour"),
        ("threshold = 2", "review = 2027-09-01T10:00:00", "field-type", "charter.review: expected a date, or a time"),
        ("threshold = 2", "review = '1 Sept'", "field-type", "charter.review: expected a time"),
        ("nights = 31", "nights = 401", "field-type", "charter.compartments[0].nights: expected an integer from 1 to"),
        ('name = "server"', 'naem = "server"', "field-unknown", "charter.agents[0].naem"),
        ('name = "server"', 'card = "new.card"', "charter-card", "expected new.card or a key, found both"),
        (w.AGENT.public().id, "0" * 16, "charter-key", "no key 0000000000000000 is in the charter in force"),
    ],
)
def test_what_people_get_wrong_is_named(old: str, new: str, code: str, words: str) -> None:
    text = to_toml(w.CHARTER, REVIEW)
    assert old in text
    with pytest.raises(EscrowError) as caught:
        amend(text.replace(old, new, 1), w.CHARTER, no_card)
    assert isinstance(caught.value, FormatError | UsageError)
    assert caught.value.code == code
    assert words in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 6000), st.integers(0, 40), st.text(max_size=12) | st.sampled_from(["[[", "]]", "= 1", '"', "{}"]))
def test_a_damaged_text_raises_only_our_errors(at: int, length: int, put: str) -> None:
    text = WHOLE[:at] + put + WHOLE[at + length :]
    try:
        amend(text, w.CHARTER, lambda name: {})
    except EscrowError:
        return


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "[" * 40 + "]" * 40, "threshold = 99999999999999999999999"]
)
def test_absurd_texts_are_refused(text: str) -> None:
    with pytest.raises(EscrowError):
        amend(text, w.CHARTER, no_card)


def test_an_editor_of_windows_changes_nothing() -> None:
    assert amend(WHOLE.replace("\n", "\r\n"), w.CHARTER, no_card) == w.CHARTER
