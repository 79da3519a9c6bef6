"""Makes words unreadable, and takes away what a file says beside its pages: text layers, metadata, attachments.

A PDF becomes pictures of its pages, painted over where the words stood. What cannot be made so is refused.
"""

import ctypes
import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from escrow.errors import FormatError

BLACK = "[redacted]"
_SCALE = 150 / 72
_QUALITY = 80
_LARGEST = 60_000_000
"""Pixels of a page or a picture."""
_PAGES = 2_000
_PICTURES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".gif": "PNG",
    ".bmp": "PNG",
    ".tif": "PNG",
    ".tiff": "PNG",
}
_TEXTS = (".txt", ".md", ".log")
_HINT = "withhold it, or make a PDF of it and redact that by hand"


def redact_text(text: str, words: Sequence[str]) -> str:
    """The text with `[redacted]` for each of the words, whatever their case and the blanks in them."""
    for word in sorted(words, key=len, reverse=True):
        pattern = r"\s+".join(map(re.escape, word.split()))
        text = re.sub(pattern, BLACK, text, flags=re.IGNORECASE)
    return text


def redact_document(path: str, data: bytes, words: Sequence[str]) -> tuple[str, bytes]:
    """A document without these words and without all that is not seen: its path (a new ending, maybe) and bytes.

    FormatError `redact-kind` (this kind cannot be), `redact-damaged` (it cannot be read), `redact-absent` (one of the
    words stands nowhere in its text, so perhaps in a picture).
    """
    kind = PurePosixPath(path).suffix.lower()
    if kind == ".pdf":
        return path, _pdf(data, words)
    if kind in _PICTURES:
        if words:
            raise FormatError("redact-kind", "words in a picture cannot be found", hint=_HINT)
        return str(PurePosixPath(path).with_suffix("." + _PICTURES[kind].lower())), _picture(data, _PICTURES[kind])
    if kind in _TEXTS:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
        _demand_found(word for word in words if redact_text(text, [word]) == text)
        return path, redact_text(text, words).encode()
    raise FormatError("redact-kind", f"a file {kind or 'without an ending'} cannot be redacted safely", hint=_HINT)


def text_of(path: str, data: bytes) -> str | None:
    """The text of a document that can be redacted; empty for a scan, None where it has or gives none."""
    kind = PurePosixPath(path).suffix.lower()
    if kind in _TEXTS:
        return data.decode("utf-8-sig", "replace")
    if kind != ".pdf":
        return None
    try:
        document = pdfium.PdfDocument(data)
        try:
            texts = [document[number].get_textpage().get_text_range() for number in range(min(len(document), _PAGES))]
            return "\n".join(texts).strip()
        finally:
            document.close()
    except pdfium.PdfiumError:
        return None


def _demand_found(absent: Iterable[str]) -> None:
    if count := sum(1 for _ in absent):
        found = f"{count} of the words to black out stand nowhere in its text: they may be in a picture of it"
        raise FormatError("redact-absent", found, hint=_HINT)


def _picture(data: bytes, form: str) -> bytes:
    """The pixels alone, turned as their metadata said."""
    try:
        with Image.open(io.BytesIO(data)) as found:
            _demand_size(found.width * found.height)
            shown = ImageOps.exif_transpose(found)
            bare = Image.new("RGB", shown.size, "white")
            bare.paste(shown.convert("RGBA"), mask=shown.convert("RGBA").getchannel("A"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FormatError(
            "redact-damaged", f"the picture cannot be read ({type(error).__name__})", hint=_HINT
        ) from None
    out = io.BytesIO()
    bare.save(out, form, quality=90) if form == "JPEG" else bare.save(out, form)
    return out.getvalue()


def _demand_size(pixels: float) -> None:
    if pixels > _LARGEST:
        raise FormatError("redact-kind", f"a page or picture of {pixels:,.0f} pixels is too large", hint=_HINT)


def _pdf(data: bytes, words: Sequence[str]) -> bytes:
    try:
        document = pdfium.PdfDocument(data)
        try:
            if len(document) > _PAGES:
                raise FormatError("redact-kind", f"over {_PAGES} pages", hint=_HINT)
            return _pictures(document, words)
        finally:
            document.close()
    except pdfium.PdfiumError as error:
        raise FormatError("redact-damaged", f"the PDF cannot be read ({type(error).__name__})", hint=_HINT) from None


def _pictures(document: pdfium.PdfDocument, words: Sequence[str]) -> bytes:
    made = pdfium.PdfDocument.new()
    absent = set(words)
    try:
        for number in range(len(document)):
            page = document[number]
            width, height = page.get_size()
            _demand_size(width * height * _SCALE**2)
            picture = page.render(scale=_SCALE).to_pil().convert("RGB")
            absent -= _black_out(page, picture, words)
            jpeg = io.BytesIO()
            picture.save(jpeg, "JPEG", quality=_QUALITY)
            image = pdfium.PdfImage.new(made)
            image.load_jpeg(jpeg, inline=True)
            image.set_matrix(pdfium.PdfMatrix().scale(width, height))
            target = made.new_page(width, height)
            target.insert_obj(image)
            target.gen_content()
            target.close()
            page.close()
        _demand_found(absent)
        out = io.BytesIO()
        made.save(out)
        return out.getvalue()
    finally:
        made.close()


def _black_out(page: pdfium.PdfPage, picture: Image.Image, words: Sequence[str]) -> set[str]:
    """Paint over each sign of the words, and give those that were there. A page without any text is painted over whole,
    since words may stand on it."""
    if not words:
        return set()
    found = set()
    draw = ImageDraw.Draw(picture)
    text = page.get_textpage()
    try:
        signs = [(at, text.get_text_range(at, 1).casefold()) for at in range(text.count_chars())]
        signs = [(at, sign) for at, sign in signs if sign.strip() and sign not in "\ufffe\u00ad"]
        if not signs:
            draw.rectangle((0, 0, *picture.size), fill="black")
            return set()
        line = "".join(sign[0] for _, sign in signs)
        device = _device(page, picture.size)
        for word in words:
            wanted = "".join(sign[0] for sign in ("".join(word.split())).casefold())
            at = line.find(wanted) if wanted else -1
            while at >= 0:
                found.add(word)
                for place, _ in signs[at : at + len(wanted)]:
                    left, bottom, right, top = text.get_charbox(place, loose=True)
                    draw.rectangle(_box(device(left, bottom), device(right, top)), fill="black")
                at = line.find(wanted, at + 1)
        return found
    finally:
        text.close()


def _box(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int, int, int]:
    (a, b), (c, d) = one, other
    return min(a, c) - 1, min(b, d) - 1, max(a, c) + 1, max(b, d) + 1


def _device(page: pdfium.PdfPage, size: tuple[int, int]) -> Callable[[float, float], tuple[int, int]]:
    """Where a point of a page is in its picture, whatever its rotation and crop."""

    def place(x: float, y: float) -> tuple[int, int]:
        across, down = ctypes.c_int(), ctypes.c_int()
        pdfium_c.FPDF_PageToDevice(page.raw, 0, 0, *size, 0, x, y, across, down)
        return across.value, down.value

    return place
