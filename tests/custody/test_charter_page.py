"""The charter as a page: everything it says is there, for readers of screens and of paper too."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pypdfium2
import pytest
from hypothesis import given, settings

from escrow import record as r
from escrow.custody.article30 import article_30
from escrow.custody.charter_page import charter_page
from escrow.paper import pdf as paper
from escrow.paper.html import STYLE, to_html
from escrow.paper.page import Page
from tests.custody.test_charter_toml import charters
from tests.record.samples import FULL_CHARTER
from tests.trust import world as w

LA = r.Custodian(name="Gwynedd <Council>", kind="la", key=w.signer(31).public().encode(), recipient="age1pq1" + "q" * 9)
FULL = replace(
    FULL_CHARTER,
    custodian=LA,
    contacts=(r.Contact(role="DPO", text='<script>alert("x")</script>'),),
    review=datetime(2027, 9, 1, tzinfo=UTC),
)
PAGES = {
    "full": charter_page(FULL, "0123456789abcdef" * 4, ("head", "chair of governors")),
    "bare": charter_page(w.CHARTER, "00" * 32),
    "article-30": article_30(FULL),
    "article-30 of little": article_30(w.CHARTER),
}
by_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


TAGS = {
    *("html", "head", "meta", "title", "style", "body", "a", "main", "h1", "h2", "p", "section", "ul", "li"),
    *("dl", "dt", "dd", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "footer"),
}


class Outline(HTMLParser):
    """Tags with their attributes, in order; text outside styles; and whether every element is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words += data

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


def outline(page: Page) -> Outline:
    return Outline(to_html(page, "Made for a test."))


@by_page
def test_a_page_is_one_file_without_scripts(page: Page) -> None:
    found = outline(page)
    assert found.all("script", "link", "img", "iframe", "object", "form") == []
    assert not any(name.startswith("on") or name in ("src", "style") for _, at in found.tags for name in at)
    assert [at["href"] for at in found.all("a")] == ["#main"]
    assert "url(" not in STYLE
    assert "@import" not in STYLE


@by_page
def test_a_page_has_the_landmarks_and_headings_of_wcag(page: Page) -> None:
    found = outline(page)
    assert found.all("html") == [{"lang": "en-GB"}]
    assert len(found.all("title")) == len(found.all("main")) == len(found.all("h1")) == 1
    levels = [tag for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
    assert levels == ["h1"] + ["h2"] * len(page.sections)
    ids = [at["id"] for _, at in found.tags if "id" in at]
    assert len(set(ids)) == len(ids)
    assert {at["aria-labelledby"] for at in found.all("section")} <= set(ids)
    assert all(at.get("scope") in ("row", "col") for at in found.all("th"))
    assert len(found.all("caption")) == len(found.all("table")) == len(found.all("thead"))
    regions = [at for at in found.all("div") if at.get("class") == "wide"]
    assert all(at["tabindex"] == "0" and at["aria-label"] for at in regions)
    assert len(regions) == len(found.all("table"))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_colour_of_text_stands_out_from_the_ground() -> None:
    (ground,) = re.findall(r"background: (#[0-9a-f]{6})", STYLE)
    inks = re.findall(r"(?<![-\w])color: (#[0-9a-f]{6})", STYLE)
    lines = re.findall(r"(?:solid) (#[0-9a-f]{6})", STYLE)
    assert inks
    assert lines
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", STYLE)) == {ground, *inks, *lines}
    for colours, least in ((inks, 7.0), (lines, 3.0)):
        for colour in colours:
            assert (luminance(ground) + 0.05) / (luminance(colour) + 0.05) >= least, colour


def texts_of(charter: r.Charter) -> list[str]:
    """What people wrote into a charter, word by word."""
    assert charter.controller is not None
    found = [charter.school.name, charter.controller.name, charter.controller.ico, charter.controller.lawful_basis]
    found += [text for one in charter.processors or () for text in (one.name, one.purpose, one.export, one.deletion)]
    found += [*(charter.forbidden or ()), *(one.text for one in charter.purposes or ())]
    found += [text for one in charter.contacts or () for text in (one.role, one.text)]
    found += [one.schedule for one in charter.retention or ()] + [one.role for one in charter.holders]
    found += [one.about for one in charter.compartments] + [one.name for one in charter.agents]
    return [text for text in found if text]


def test_everything_that_people_wrote_is_on_the_page_and_is_only_text() -> None:
    words = re.sub(r"\s+", " ", outline(PAGES["full"]).words)
    for text in texts_of(FULL):
        assert text in words, text
    for text in ("Gwynedd <Council>", "1 September 2027", "13 months, rolling", "No night has arrived for 30 days."):
        assert text in words
    assert "head, chair of governors" in words
    assert "01234567 89abcdef" in words


def test_what_is_not_written_is_said_to_be_missing() -> None:
    bare = outline(PAGES["bare"]).words
    assert "No custodian has joined yet" in bare
    assert bare.count("Nothing is written about this yet") == 5
    record = outline(PAGES["article-30 of little"]).words
    assert record.count("ot written in the charter yet.") == 5
    assert [one.heading[:3] for one in PAGES["article-30"].sections] == [f"({letter})" for letter in "abcdefg"]


@by_page
def test_the_pdf_says_the_same_and_is_tagged(page: Page) -> None:
    document = pypdfium2.PdfDocument(paper.pdf("page", page.values()))
    assert document.is_tagged()
    assert document.get_metadata_value("Title") == page.title
    squeezed = re.sub(r"\s", "", "".join(one.get_textpage().get_text_range() for one in document))
    for section in page.sections:
        assert re.sub(r"\s", "", section.heading) in squeezed
    assert len(document) <= 4


@settings(max_examples=40, deadline=None)
@given(charters())
def test_every_charter_becomes_pages_and_nothing_of_it_becomes_a_tag(charter: r.Charter) -> None:
    for page in (charter_page(charter, "00" * 32), article_30(charter)):
        found = outline(page)
        assert {tag for tag, _ in found.tags} <= TAGS
        assert len(found.all("h2")) == len(page.sections)


ODD = ("#let x = 1; #panic()", "= a *b* _c_ $d$ @e <f> \\ [g] //h", "Ŵ ł Ω Ж ־ \u200b", "a" * 1000)


@pytest.mark.parametrize("text", ODD)
def test_no_text_is_taken_for_typesetting(text: str) -> None:
    charter = replace(
        w.CHARTER,
        school=r.School(name=text),
        forbidden=(text,),
        contacts=(r.Contact(role=text, text=text),),
        processors=(r.Processor(name=text, role="processor", purpose=text),),
    )
    document = pypdfium2.PdfDocument(paper.pdf("page", charter_page(charter, "00" * 32).values()))
    if text.isascii() and len(text) < 100:
        squeezed = re.sub(r"\s", "", "".join(one.get_textpage().get_text_range() for one in document))
        assert squeezed.count(re.sub(r"\s", "", text)) >= 3


NAMES = {
    "Ysgol Dyffryn \u0174yl a T\u0177": "Ysgol Dyffryn \u0174yl a T\u0177",
    "Szko\u0142a \u015awi\u0119tej \u0141ucji": "Szko\u0142a \u015awi\u0119tej \u0141ucji",
    "\u0645\u062f\u0631\u0633\u0629": "",
    "School \U0001f3eb": "School [U+1F3EB]",
    "\U0001f469\u200d\U0001f393\ufe0f Academy": "[U+1F469]",
    "\u65e5\u672c\u4eba\u5b66\u6821": "[U+65E5][U+672C][U+4EBA][U+5B66][U+6821]",
    "Ba\u0378d": "Ba[U+0378]d",
}


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_a_school_keeps_a_page_from_being_printed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no font has a sign, the page shows its number; here the system's fonts are left out."""
    compiled = paper._compiled
    monkeypatch.setattr(paper, "_compiled", lambda source, text, system=False: compiled(source, text))
    charter = replace(w.CHARTER, school=r.School(name=name))
    document = pypdfium2.PdfDocument(paper.pdf("page", charter_page(charter, "00" * 32).values()))
    shown = " ".join(document[0].get_textpage().get_text_range().split())
    assert NAMES[name] in shown, shown
    assert "Charter of" in shown


def test_a_long_text_in_a_script_without_a_font_is_set_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    compiled = paper._compiled

    def counted(source: bytes, text: str, *, system: bool = False) -> bytes:
        calls.append(text)
        return compiled(source, text)

    monkeypatch.setattr(paper, "_compiled", counted)
    text = "".join(chr(0x4E00 + number) for number in range(300))
    charter = replace(w.CHARTER, school=r.School(name="School"), forbidden=(text,))
    assert paper.pdf("page", charter_page(charter, "00" * 32).values()).startswith(b"%PDF")
    assert len(calls) == 3
