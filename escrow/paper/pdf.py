"""Pages for people, as PDF: templates of this package, values as data, compiled in memory by Typst.

Loaded only by commands that print. `typst` and `segno` are imported here alone (docs/decisions/0071-typst.md).
"""

import io
import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from importlib import resources
from itertools import chain, repeat

import segno
import typst

from escrow.errors import FormatError
from escrow.record import JsonValue

_NO_FONT = re.compile(r'the text `"(.*?)"` could not be displayed', re.DOTALL)
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
_JOINED = re.compile("\\][\u200c\u200d\ufe00-\ufe0f]+")
_SCRIPTS = 0x0900


def pdf(template: str, values: Mapping[str, JsonValue]) -> bytes:
    """A tagged PDF (PDF/UA-1) of `templates/<template>.typ`, in which `values` are `data`. FormatError `paper`.

    A sign that no font here has, not even the system's, stands as its number, such as [U+1F393]: a school's name never
    keeps a page from being printed.
    """
    folder = resources.files("escrow.paper") / "templates"
    source = b"".join((folder / f"{name}.typ").read_bytes() for name in ("house", template))
    text = json.dumps(dict(values), ensure_ascii=False)
    for system in chain((False,), repeat(True)):
        try:
            return _compiled(source, text, system=system)
        except typst.TypstError as error:
            found = _NO_FONT.search(error.message)
            if not found or (system and text.isascii()):
                raise FormatError("paper", f"the page {template} cannot be set: {error.message}") from None
            text = _numbered(text, found[1]) if system else text
    raise AssertionError(text)


def _compiled(source: bytes, values: str, *, system: bool = False) -> bytes:
    """The page; with the system's fonts only where those of the wheel lack a sign, so that pages look alike."""
    return typst.compile(
        source,
        format="pdf",
        ignore_system_fonts=not system,
        sys_inputs={"values": values},
        pdf_standards="ua-1",
    )


def _numbered(text: str, said: str) -> str:
    """The text with numbers for the signs that Typst said it has no font for; for all but ASCII if that names none."""
    said = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), said)
    missing = {sign for sign in said if not sign.isascii()} & set(text)
    wanted = [not sign.isascii() if not missing else _like(sign, missing) for sign in text]
    shown = "".join(f"[U+{ord(sign):04X}]" if number else sign for sign, number in zip(text, wanted, strict=True))
    return _JOINED.sub("]", shown)


def _like(sign: str, missing: Collection[str]) -> bool:
    """Whether a sign is missing, or of the same script as one: a page in Chinese is not set a thousand times."""
    return sign in missing or (ord(sign) >= _SCRIPTS and _script(sign) in {_script(one) for one in missing} - {"LATIN"})


def _script(sign: str) -> str:
    return unicodedata.name(sign, sign).partition(" ")[0]


def qr(text: str) -> str:
    """A QR code as SVG text, error correction M, for a template's `code(..)`. Letters of words best in upper case."""
    svg = io.BytesIO()
    segno.make_qr(text, error="m").save(svg, kind="svg", border=4, light="#fff")
    return svg.getvalue().decode()


def in_groups(digits: str, size: int = 4) -> str:
    """A fingerprint as people read it aloud: groups with blanks between."""
    return " ".join(digits[at : at + size] for at in range(0, len(digits), size))
