"""Files of the demo's school that programs must open: a PDF letter, a PNG photo. Written by hand from their formats."""

import struct
import zlib
from random import Random

_WIDTH, _HEIGHT = 72, 96
_SCAN = 200
_SKINS = ((92, 62, 46), (138, 96, 70), (178, 134, 102), (214, 170, 140), (222, 184, 160))


def pdf(rng: Random, title: str, lines: list[str]) -> bytes:
    """One page A4 (PDF 1.4) with a title, lines of Latin-1 text, and a grey picture like a scanned signature."""
    shown = [f"({_escape(line)}) Tj T*" for line in lines]
    head = ["BT /F1 18 Tf 60 770 Td", f"({_escape(title)}) Tj", "/F1 11 Tf 15 TL 0 -36 Td"]
    text = "\n".join([*head, *shown, "ET", "q 160 0 0 80 60 90 cm /Im1 Do Q"])
    noise = bytes(230 + value % 24 for value in range(256))
    scan = zlib.compress(rng.randbytes(_SCAN * _SCAN // 2).translate(noise))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> /XObject << /Im1 6 0 R >> >> >>",
        _stream(b"", zlib.compress(text.encode("latin-1", "replace"))),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        _stream(
            b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 "
            % (_SCAN, _SCAN // 2),
            scan,
        ),
    ]
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)


def png(rng: Random) -> bytes:
    """A portrait of nobody, 72 by 96 pixels, in 32 colours (PNG, colour type 3)."""
    colours = [tuple(rng.randrange(40, 215) for _ in range(3)) for _ in range(4)]
    colours[2] = rng.choice(_SKINS)
    palette = bytes(max(0, min(255, part + 4 * shade)) for c in colours for shade in range(8) for part in c)
    back, hair, skin, coat = (bytes(8 * area + value % 8 for value in range(256)) for area in range(4))
    rows = []
    for y in range(_HEIGHT):
        noise = rng.randbytes(_WIDTH)
        half = int(18 * max(0.0, 1 - ((y - 42) / 30) ** 2) ** 0.5) if y < 68 else min(_WIDTH // 2, y - 50)
        inside = coat if y >= 68 else hair if y < 28 else skin
        left, right = _WIDTH // 2 - half, _WIDTH // 2 + half
        row = noise[:left].translate(back) + noise[left:right].translate(inside) + noise[right:].translate(back)
        rows.append(b"\0" + row)
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _stream(entries: bytes, data: bytes) -> bytes:
    return b"<< %s/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
