"""The holder's sheet as a page: its QR, its text, its one page, black and white."""

from dataclasses import dataclass, replace

import numpy
import pypdfium2
import pytest
import zxingcpp

from escrow import record as r
from escrow.custody.policies import POLICIES
from escrow.custody.quorum import Draft, draft_vault
from escrow.custody.sheetpage import policy_text, sheet_page
from escrow.custody.sheets import Sheet
from escrow.errors import FormatError
from escrow.paper.pdf import in_groups, pdf, qr
from escrow.seal.shares import parse_share
from tests.custody import deal
from tests.engine.kit import T0

RESCUE = "cd34" * 16
LONG = "Ysgol Gynradd Gymunedol Llanfairpwllgwyngyll and St Bartholomew's Church of England Federation of Schools"


@dataclass
class Page:
    draft: Draft
    sheet: Sheet
    document: pypdfium2.PdfDocument

    @property
    def text(self) -> str:
        return " ".join(self.document[0].get_textpage().get_text_range().split())

    def pixels(self) -> numpy.ndarray:
        return numpy.ascontiguousarray(self.document[0].render(scale=3).to_numpy()[:, :, :3])


@pytest.fixture(scope="module", params=["simple", "community"])
def page(request: pytest.FixtureRequest) -> Page:
    plan = replace(deal.PLAN, school=r.School(name=LONG))
    draft = draft_vault(plan, POLICIES[request.param], T0, RESCUE)
    call = ["Network manager, 01632 960001", "Data protection officer, dpo@bro-tegid.example"]
    return Page(draft, draft.sheets[1], pypdfium2.PdfDocument(sheet_page(draft, draft.sheets[1], call)))


def test_one_page_has_every_word_with_its_number(page: Page) -> None:
    assert len(page.document) == 1
    for number, word in enumerate(page.sheet.share.words(), 1):
        assert f" {number} {word} " in page.text


def test_the_qr_holds_the_words(page: Page) -> None:
    (code,) = zxingcpp.read_barcodes(page.pixels(), zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    assert parse_share(code.text) == page.sheet.share


def test_it_says_whose_it_is_and_what_to_compare(page: Page) -> None:
    custody = page.draft.charter.custody
    assert custody
    for wanted in (
        LONG,
        page.sheet.holder.role,
        in_groups(page.draft.fingerprint, 8),
        in_groups(RESCUE, 8),
        "Compare before you type a word",
        "1 September 2026",
        f"Set {custody.set}, epoch 1",
        policy_text(custody),
        "01632 960001",
        "Never",
    ):
        assert wanted in page.text, wanted


def test_it_is_black_and_white(page: Page) -> None:
    pixels = page.pixels().astype(int)
    assert (pixels.max(axis=2) - pixels.min(axis=2)).max() == 0
    assert pixels.min() == 0


def test_nothing_is_left_where_there_is_no_kit_and_nobody_to_call() -> None:
    draft, _ = deal.vault()
    text = pypdfium2.PdfDocument(sheet_page(draft, draft.sheets[0], []))[0].get_textpage().get_text_range()
    assert "Rescue kit" not in text
    assert "Whom to call" in text


def test_a_broken_template_tells_no_secret() -> None:
    with pytest.raises(FormatError) as raised:
        pdf("sheet", {"title": "Key sheet", "words": ["academic"]})
    assert raised.value.code == "paper"
    assert "academic" not in str(raised.value)


def test_a_qr_of_capitals_is_small() -> None:
    assert qr("A" * 240).count("<path") == 2
    assert in_groups("abcdef", 4) == "abcd ef"
