"""Whole nights with their sealed objects: packs without padding, so that they weigh little."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from escrow import record as r
from escrow.errors import FormatError
from escrow.pack.frames import compress
from escrow.seal import head_of, seal
from tests.engine import forge
from tests.trust import world as w

from .packs import pack
from .sink import Sink

CUSTODY, IDENTITY = w.identity(9), w.identity(20)
KEY = w.STOCK.keys[0]
CONTENT = [b"upn,name\r\nA1,Ann\r\n" * 20, b"Annwyl riant,\n" * 30]
BYTES = b"".join(CONTENT)
KEY_TEXT = r.SeriesKeyFile(w.VAULT, KEY.id, "records", IDENTITY.encode().reveal()).text()

Change = Callable[[bytes], bytes]


def same(data: bytes) -> bytes:
    return data


def flip(data: bytes, at: int) -> bytes:
    """The bytes with one bit of one of them altered."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def spoil(data: bytes) -> bytes:
    return flip(data, len(data) // 2)


def with_(**changes: Any) -> Callable[[r.Manifest], r.Manifest]:
    return lambda manifest: replace(manifest, **changes)


def _other_list(manifest: r.Manifest) -> r.Manifest:
    return replace(manifest, list=replace(manifest.list, sha256="00" * 32))


def _other_head(one: r.ObjectRef) -> r.ObjectRef:
    return replace(one, head_sha256="00" * 32)


def _too_large(one: r.ObjectRef) -> r.ObjectRef:
    return replace(one, size=(32 << 20) + 1)


@dataclass
class Night:
    """One night of `records` with one pack: what may be altered before it is sealed, named, or put."""

    lines: Sequence[bytes]
    key_text: bytes = KEY_TEXT
    plain: Change = same
    sealed: Change = same
    record: Callable[[r.Manifest], r.Manifest] = lambda one: one
    manifest: Change = same
    frame: Change = same
    ref: Callable[[r.ObjectRef], r.ObjectRef] = lambda one: one
    put: Callable[[str, bytes], bytes | None] = lambda _name, data: data
    objects: dict[str, bytes] = field(default_factory=dict)

    def make(self) -> dict[str, bytes]:
        """The vault's objects."""
        to = [IDENTITY.recipient()]
        key = seal(self.key_text, [CUSTODY.recipient()])
        stock_key = replace(KEY, sha256=hashlib.sha256(key).hexdigest(), size=len(key))
        stock = replace(w.STOCK, keys=(stock_key,))
        self._put(r.key_name(KEY.id, stock_key.sha256), key)
        text = b"".join(self.lines)
        first = self._ref(
            self.sealed(seal(self.plain(pack([*CONTENT, text])), to)), lambda one: r.pack_name(SERIES, one)
        )
        manifest = r.Manifest(
            vault=w.VAULT,
            series=SERIES,
            compartment="records",
            seq=1,
            created=w.T0,
            packs=1,
            list=r.ListRef(
                size=len(text),
                sha256=hashlib.sha256(text).hexdigest(),
                extents=((0, len(BYTES), len(text)),) if text else (),
            ),
            totals=_totals(self.lines),
        )
        frame = self.frame(compress(self.manifest(r.to_payload(self.record(manifest))), 3))
        root = self._ref(seal(frame, to), lambda one: r.manifest_name(SERIES, 1, one))
        notice = w.notice(1, None)
        part = replace(notice.series[0], packs=(self.ref(first),), manifest=root)
        for record in (w.CHARTER, stock, w.SERIES, replace(notice, series=(part,))):
            self._put(*w.named(record))
        return self.objects

    def _ref(self, data: bytes, name: Callable[[str], str]) -> r.ObjectRef:
        digest = hashlib.sha256(data).hexdigest()
        self._put(name(digest), data)
        return r.ObjectRef(sha256=digest, size=len(data), head_sha256=hashlib.sha256(_head(data)).hexdigest())

    def _put(self, name: str, data: bytes) -> None:
        kept = self.put(name, data)
        if kept is not None:
            self.objects[name] = kept


def _head(sealed: bytes) -> bytes:
    """Header and nonce; of what is no age file, nothing."""
    with suppress(FormatError):
        return head_of(sealed) or b""
    return b""


def _totals(lines: Sequence[bytes]) -> r.Totals:
    entries = []
    for line in lines:
        with suppress(FormatError):
            entries.append(r.decode_line(line))
    kinds = [type(one) for one in entries]
    return r.Totals(
        files=kinds.count(r.FileEntry),
        bytes=sum(one.size for one in entries if isinstance(one, r.FileEntry)),
        dirs=kinds.count(r.DirEntry),
        links=kinds.count(r.LinkEntry),
        unread=kinds.count(r.UnreadEntry),
    )


SERIES = w.SERIES.series
A, B = len(CONTENT[0]), len(CONTENT[1])
ONE = forge.file(b"s/a.csv", [(0, 0, A)], CONTENT[0])
TWO = forge.file(b"s/b.txt", [(0, A, B)], CONTENT[1])
GOOD = [ONE, TWO]
PUZZLE = forge.file(
    b"s/c", [(0, A, 7), (0, 0, A + 7), (0, A - 3, 9)], BYTES[A : A + 7] + BYTES[: A + 7] + BYTES[A - 3 : A + 6]
)
OTHERS = [
    r.encode_line(r.DirEntry(b"s/empty", 0, 493)),
    forge.file(b"s/nothing", [], b""),
    forge.link(b"s/out", b"../../etc/passwd"),
    r.encode_line(r.UnreadEntry(b"s/unread.mdb", "locked")),
]
PACKS, MANIFESTS, STOCK = "/packs/", "/manifests/", "stock/"


def only(part: str, change: Callable[[bytes], bytes | None]) -> Callable[[str, bytes], bytes | None]:
    """Alters, or takes away, the sealed objects whose name has this part."""
    return lambda name, data: change(data) if part in name and name.endswith(".age") else data


def _cases() -> list[tuple[str | None, str, Night]]:
    reaches = forge.file(b"s/c", [(0, len(BYTES), 99_999)], b"")
    elsewhere = forge.file(b"s/c", [(7, 0, 5)], b"")
    lies = forge.file(b"s/c", [(0, 0, 5)], None)
    hostile = ONE.replace(b"s/a.csv", b"s/../../a")
    gone: Callable[[bytes], None] = lambda _: None  # noqa: E731
    checksum = _end(0)
    other = r.SeriesKeyFile(w.VAULT, KEY.id, "records", w.identity(21).encode().reveal()).text()
    return [
        (None, "two files", Night(GOOD)),
        (None, "extents that repeat, overlap and cross segments", Night([*GOOD, PUZZLE])),
        (None, "an empty folder, an empty file, a link and a file that could not be read", Night([*GOOD, *OTHERS])),
        (None, "no files", Night([])),
        (None, "a pack of another size than its notice says", Night(GOOD, ref=lambda one: replace(one, size=1000))),
        (None, "a pack of another head than its notice says", Night(GOOD, ref=_other_head)),
        ("extent-range", "a file that reaches past its pack's end", Night([*GOOD, reaches])),
        ("extent-range", "a file in a pack that no notice names", Night([*GOOD, elsewhere])),
        ("file-hash", "a file of other bytes", Night([*GOOD, lies])),
        ("list-order", "a list that is not sorted", Night([TWO, ONE])),
        ("path-grammar", "a path that leads out", Night([hostile])),
        ("list-totals", "more files than the manifest says", Night(GOOD, record=with_(totals=_totals([ONE])))),
        ("list-hash", "another list than the manifest means", Night(GOOD, record=_other_list)),
        ("manifest-place", "a manifest of another night", Night(GOOD, record=with_(seq=2))),
        ("manifest-place", "a manifest of another vault", Night(GOOD, record=with_(vault="11" * 16))),
        ("manifest-place", "a manifest that knows of more packs", Night(GOOD, record=with_(packs=2))),
        ("json-canonical", "a manifest with a line end", Night(GOOD, manifest=lambda data: data + b"\n")),
        ("manifest-damaged", "a manifest's frame with a bit altered", Night(GOOD, frame=lambda data: flip(data, -1))),
        ("manifest-damaged", "a manifest that is no frame", Night(GOOD, frame=lambda data: b"x" + data)),
        ("pack-table", "a pack without a table", Night(GOOD, plain=lambda data: data[:-9])),
        ("segment-damaged", "a segment's checksum", Night(GOOD, plain=lambda data: flip(data, checksum))),
        ("pack-size", "a pack of over 32 MiB, says its notice", Night(GOOD, ref=_too_large)),
        ("age-payload", "a pack that was damaged before it was named", Night(GOOD, sealed=lambda data: data[:-1])),
        ("object-missing", "no pack", Night(GOOD, put=only(PACKS, gone))),
        ("object-missing", "no manifest", Night(GOOD, put=only(MANIFESTS, gone))),
        ("object-missing", "no sealed key", Night(GOOD, put=only(STOCK, gone))),
        ("object-hash", "a pack with a bit altered", Night(GOOD, put=only(PACKS, spoil))),
        ("object-hash", "a manifest with a bit altered", Night(GOOD, put=only(MANIFESTS, spoil))),
        ("object-hash", "a sealed key with a bit altered", Night(GOOD, put=only(STOCK, spoil))),
        ("key-file", "a sealed key that is another text", Night(GOOD, key_text=b"# a key\n" + KEY_TEXT)),
        ("key-mismatch", "a sealed key that is another key", Night(GOOD, key_text=other)),
    ]  # fmt: skip


def _end(segment: int) -> int:
    """The last byte of a segment's frame."""
    return sum(len(compress(one, 3)) for one in CONTENT[: segment + 1]) - 1


def make(sink: Sink) -> None:
    """nights/."""
    identity = CUSTODY.encode().reveal().decode()
    for code, what, night in _cases():
        objects = night.make().items()
        sink.vault("nights", code, what, objects, seq=1, identity=identity)
