"""The ASCII armor of age files: strict PEM (RFC 7468, figure 3; C2SP age.md, "ASCII armor")."""

from escrow.errors import FormatError
from escrow.seal import base64x
from escrow.seal.header import COLUMNS

BEGIN = "-----BEGIN AGE ENCRYPTED FILE-----"
END = "-----END AGE ENCRYPTED FILE-----"


def armor(data: bytes) -> str:
    """`data` as an armored age file, with LF line ends and one after the last line."""
    text = base64x.encode(data)
    lines = [text[i : i + COLUMNS] for i in range(0, len(text), COLUMNS)]
    return "\n".join((BEGIN, *lines, END, ""))


def dearmor(text: str) -> bytes:
    """The bytes of an armored file; LF or CRLF, RFC 7468's white space only around it. FormatError (`armor-...`)."""
    lines = text.strip(" \t\r\n\v\f").replace("\r\n", "\n").split("\n")
    if len(lines) < 2 or lines[0] != BEGIN or lines[-1] != END:
        raise FormatError("armor-marks", f"expected lines '{BEGIN}' and '{END}' around the text")
    body = lines[1:-1]
    if any(len(line) != COLUMNS for line in body[:-1]) or (body and not 0 < len(body[-1]) <= COLUMNS):
        raise FormatError("armor-line", f"expected lines of {COLUMNS} columns and a shorter last one")
    return base64x.decode("".join(body), "armor-base64")
