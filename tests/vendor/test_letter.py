"""Letters: what they cite, what is left out when it is not known, and their HTML and PDF."""

import re
from html.parser import HTMLParser

import pypdfium2
import pytest

from escrow.errors import UsageError
from escrow.paper.page import Facts, Points, Words
from escrow.paper.pdf import pdf
from escrow.record import JsonValue
from escrow.vendor.letter import LETTERS, Letter, Value, letter_text, letters_html, parse_template

VALUES: dict[str, Value] = {
    "school": "Fernhill <School>",
    "controller": "Fernhill's governors",
    "registration": "",
    "processor": "Acme MIS",
    "reason": "the vendor gave notice",
    "began": "20 November 2026",
    "today": "24 November 2026",
    "contract_end": "31 December 2026",
    "return_by": "31 December 2026",
    "version": "3",
    "charter_date": "1 September 2026",
    "fingerprint": "ab12cd34",
    "export": "a full copy",
    "deletion": None,
    "clauses": Facts((("Acme MIS", "export: a full copy"),)),
    "parties": Points(("Acme MIS", "Acme Hosting")),
    "forbidden": None,
    "recover": Points(("code tables",)),
    "last_night": None,
    "outstanding": Points(("the data",)),
    "chronology": Words("nothing"),
    "enclosures": None,
    "name": "Sam Bell",
    "pupils": "Ann and Bo Bell",
    "ref": "P0007",
}


def letter(which: str, /, **values: Value) -> Letter:
    template = parse_template(which, letter_text(which))
    return template.fill(
        {**VALUES, **values}, sender=["Fernhill"], to=["Acme MIS"], date="24 November 2026", sign=["A. Head"]
    )


def text_of(one: Letter) -> str:
    page = pypdfium2.PdfDocument(pdf("letter", {"title": one.subject, "letters": [one.values()]}))
    return " ".join(" ".join(each.get_textpage().get_text_range().split()) for each in page)


@pytest.mark.parametrize("name", LETTERS)
def test_every_letter_is_set_as_html_and_pdf(name: str) -> None:
    one = letter(name)
    told = text_of(one)
    assert one.greeting in told
    assert "A. Head" in told
    assert "Fernhill <School>" in told or name == "complaint"
    page = letters_html([one], one.subject)
    assert "<School>" not in page
    assert page.count("<h1") == 1


def test_the_letter_cites_charter_and_clause_and_leaves_out_what_is_not_known() -> None:
    told = text_of(letter("ownership"))
    assert "version 3" in told
    assert "ab12cd34" in told
    assert "no clause of its own" not in told
    assert "no clause of its own" in text_of(letter("ownership", export=None))
    back = text_of(letter("return"))
    assert "“a full copy”" in back
    assert back.count("says of this") == 1
    assert "Our contract with you ends on 31 December 2026" in back
    assert "contract" not in text_of(letter("return", contract_end=None)).split("Art 28(3)(g) it")[0]


class _Reader(HTMLParser):
    """Headings in order, ids and what refers to them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.ids: list[str] = []
        self.referred: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name == "aria-labelledby" and value:
                self.referred.add(value)


def test_many_letters_are_one_accessible_file_each_on_its_page() -> None:
    page = letters_html([letter("parents"), letter("parents", name="Alex & Co")], "Letters")
    read = _Reader(page)
    assert read.levels[0] == 1
    assert all(after - before <= 1 for before, after in zip(read.levels, read.levels[1:], strict=False))
    assert len(set(read.ids)) == len(read.ids)
    assert read.referred <= set(read.ids)
    assert "Alex &amp; Co" in page
    assert '<html lang="en-GB">' in page
    assert "<script" not in page
    values: list[JsonValue] = [letter("parents").values(), letter("parents").values()]
    assert len(pypdfium2.PdfDocument(pdf("letter", {"title": "Letters", "letters": values}))) == 2


@pytest.mark.parametrize(
    "text",
    [
        'subject = "a"',
        'subject = "a"\ngreeting = "b"\n[[part]]\ntext = ""',
        'subject = "a"\ngreeting = "b"\n[[part]]\nwords = "x"',
        'subject = "a"\ngreeting = "b"\npart = "x"',
        "subject",
    ],
)
def test_a_template_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_template("return", text)
    assert caught.value.code == "vendor-letter"


def test_an_unknown_name_is_refused_and_the_known_ones_are_told() -> None:
    template = parse_template("return", 'subject = "a"\ngreeting = "b"\n[[part]]\ntext = "{price} {school.__class__}"')
    with pytest.raises(UsageError, match=r"school.*found \{price\}") as caught:
        template.fill(VALUES, sender=[], to=[], date="", sign=[])
    assert caught.value.code == "vendor-letter"
