"""What is made unreadable cannot be read again: not by text, not by metadata, not by looking."""

import io
from pathlib import Path
from random import Random

import pypdf
import pypdf.annotations
import pypdfium2
import pytest
from escrow_cli.demo_files import pdf as letter
from PIL import Image

from escrow.errors import FormatError
from escrow.subject.redact import BLACK, redact_document, redact_text


def marked(rotation: int = 0) -> bytes:
    """A letter with a name in its text, its metadata, an attachment, an annotation and an outline."""
    lines = ["Re: Sam Bell, 7A", "sam", "bell met Zara Khan", "at the gate."]
    writer = pypdf.PdfWriter(io.BytesIO(letter(Random(1), "Note on Zara Khan", lines)))
    writer.pages[0].rotate(rotation)
    writer.add_metadata({"/Author": "Zara Khan", "/Keywords": "Khan"})
    writer.add_attachment(filename="zara-khan.txt", data=b"Zara Khan")
    writer.add_outline_item(title="Zara Khan", page_number=0)
    note = pypdf.annotations.Text(rect=(50, 500, 90, 540), text="ask Zara Khan")
    writer.add_annotation(page_number=0, annotation=note)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def everything_in(data: bytes) -> str:
    """All that two readers and a look at every stream get out of a PDF."""
    reader = pypdf.PdfReader(io.BytesIO(data))
    found = [repr(reader.metadata), repr(reader.attachments), repr(reader.outline), repr(reader.xmp_metadata)]
    found += [page.extract_text() for page in reader.pages]
    found += [repr(page.get("/Annots")) for page in reader.pages]
    for number in range(1, int(reader.trailer["/Size"])):
        thing = reader.get_object(number)
        found.append(repr(thing))
        if isinstance(thing, pypdf.generic.StreamObject) and thing.get("/Filter") != "/DCTDecode":
            found.append(thing.get_data().decode("latin-1"))
    document = pypdfium2.PdfDocument(data)
    found += [repr(document.get_metadata_dict()), *(page.get_textpage().get_text_range() for page in document)]
    return "\n".join([*found, data.decode("latin-1")])


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_pdf_says_nothing_of_what_was_blacked_out(rotation: int) -> None:
    before = marked(rotation)
    assert "Zara Khan" in everything_in(before)
    path, after = redact_document("a/letter.pdf", before, ["Zara Khan", "SAM BELL"])
    assert path == "a/letter.pdf"
    found = everything_in(after)
    assert not [word for word in ("Zara", "Khan", "zara", "Bell", "Sam", "gate", "ask") if word in found]
    assert len(pypdfium2.PdfDocument(after)) == 1


def test_where_the_words_stood_it_is_black_and_elsewhere_it_is_not() -> None:
    before = pypdfium2.PdfDocument(marked())
    text = before[0].get_textpage()
    line = text.get_text_range()
    _, after = redact_document("letter.pdf", marked(), ["Zara Khan"])
    page = pypdfium2.PdfDocument(after)[0]
    picture = page.render(scale=2).to_pil().convert("L")

    def dark(at: int) -> float:
        left, bottom, right, top = text.get_charbox(at)
        height = page.get_height()
        box = picture.crop((int(left * 2), int((height - top) * 2), int(right * 2) + 1, int((height - bottom) * 2) + 1))
        return 1 - sum(box.tobytes()) / (255 * box.width * box.height)

    name, gate = line.index("Zara Khan, ") if "Zara Khan, " in line else line.index("Zara"), line.index("gate")
    assert min(dark(name + at) for at in (0, 1, 2, 3, 5, 6)) > 0.95
    assert max(dark(gate + at) for at in range(4)) < 0.8


def test_words_that_a_line_parts_are_found() -> None:
    _, after = redact_document("letter.pdf", marked(), ["Sam Bell"])  # also stands as "sam", new line, "bell"
    first, second = (pypdfium2.PdfDocument(one)[0].render(scale=1).to_pil().convert("L") for one in (marked(), after))
    assert sum(second.tobytes()) < sum(first.tobytes())


def test_words_that_stand_nowhere_are_an_error_since_a_picture_may_hold_them() -> None:
    with pytest.raises(FormatError) as caught:
        redact_document("letter.pdf", marked(), ["Zara Khan", "Somebody Else"])
    assert caught.value.code == "redact-absent"
    assert "Somebody" not in str(caught.value)


def test_a_page_without_text_is_blacked_out_whole() -> None:
    out = io.BytesIO()
    Image.new("RGB", (200, 300), "white").save(out, "PDF")
    writer = pypdf.PdfWriter(io.BytesIO(letter(Random(1), "Zara Khan", ["text"])))
    writer.append(io.BytesIO(out.getvalue()))
    both = io.BytesIO()
    writer.write(both)
    _, after = redact_document("scan.pdf", both.getvalue(), ["Zara Khan"])
    assert max(pypdfium2.PdfDocument(after)[1].render(scale=1).to_pil().convert("L").tobytes()) < 20


@pytest.mark.parametrize(("name", "form"), [("me.jpg", "JPEG"), ("me.png", "PNG"), ("me.tiff", "TIFF")])
def test_a_picture_keeps_its_pixels_alone(name: str, form: str) -> None:
    exif = Image.Exif()
    exif[0x013B] = "Zara Khan"
    exif[0x0112] = 6
    out = io.BytesIO()
    more = {"exif": exif} | ({"comment": "Zara Khan"} if form == "JPEG" else {})
    Image.new("RGB", (60, 40), "red").save(out, form, **more)
    assert b"Zara Khan" in out.getvalue()
    path, after = redact_document(name, out.getvalue(), [])
    bare = Image.open(io.BytesIO(after))
    assert b"Zara" not in after
    assert not bare.getexif()
    assert bare.size == (40, 60)  # turned as the metadata said
    assert Path(path).suffix in {".jpeg", ".png"}


@pytest.mark.parametrize(
    ("name", "data", "words", "code"),
    [
        ("plan.docx", b"PK\x03\x04", ["x"], "redact-kind"),
        ("plan", b"text", ["x"], "redact-kind"),
        ("me.png", b"no picture", [], "redact-damaged"),
        ("me.png", b"any", ["Zara"], "redact-kind"),
        ("a.pdf", b"%PDF-1.4 nothing", ["x"], "redact-damaged"),
        ("a.txt", b"nothing of it", ["Zara"], "redact-absent"),
    ],
)
def test_what_cannot_be_redacted_safely_is_refused(name: str, data: bytes, words: list[str], code: str) -> None:
    with pytest.raises(FormatError) as caught:
        redact_document(name, data, words)
    assert caught.value.code == code


def test_text_of_any_encoding_and_case() -> None:
    text = "Zara\n khan hit Sam. ZARA KHAN, Zara Khanna"
    assert redact_text(text, ["Zara Khan"]) == f"{BLACK} hit Sam. {BLACK}, {BLACK}na"
    path, data = redact_document("note.txt", "Zoë Bell".encode("cp1252"), ["Bell"])
    assert (path, data.decode()) == ("note.txt", f"Zoë {BLACK}")
