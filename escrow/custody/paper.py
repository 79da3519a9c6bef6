"""Pages for people, as PDF: templates of this package, values as data, compiled in memory by Typst.

Loaded only by commands that print. `typst` and `segno` are imported here alone (docs/decisions/0071-typst.md).
"""

import io
import json
from collections.abc import Mapping
from importlib import resources

import segno
import typst

from escrow.errors import FormatError
from escrow.record import JsonValue


def pdf(template: str, values: Mapping[str, JsonValue]) -> bytes:
    """A tagged PDF (PDF/UA-1) of `templates/<template>.typ`, in which `values` are `data`. FormatError `paper`."""
    folder = resources.files("escrow.custody") / "templates"
    source = b"".join((folder / f"{name}.typ").read_bytes() for name in ("house", template))
    try:
        return typst.compile(
            source,
            format="pdf",
            ignore_system_fonts=True,
            sys_inputs={"values": json.dumps(dict(values))},
            pdf_standards="ua-1",
        )
    except typst.TypstError as error:
        raise FormatError("paper", f"the page {template} cannot be set: {error.message}") from None


def qr(text: str) -> str:
    """A QR code as SVG text, error correction M, for a template's `code(..)`. Letters of words best in upper case."""
    svg = io.BytesIO()
    segno.make_qr(text, error="m").save(svg, kind="svg", border=4, light="#fff")
    return svg.getvalue().decode()


def in_groups(digits: str, size: int = 4) -> str:
    """A fingerprint as people read it aloud: groups with blanks between."""
    return " ".join(digits[at : at + size] for at in range(0, len(digits), size))
