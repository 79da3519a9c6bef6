"""What the first reader (escrow/) answers to a vector: codes of what is wrong, and what is right."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from escrow import record as r
from escrow.custody.sheets import open_sheets
from escrow.engine.reading import CompartmentView, open_snapshot
from escrow.engine.rows import RowFilter, RowRule
from escrow.errors import EscrowError, IntegrityError
from escrow.pack.frames import decompress, read_table, table_size
from escrow.record.canonical import parse
from escrow.seal import Identity, ScryptIdentity, Secret, VerifyKey, dearmor, open_sealed, parse_identities
from escrow.seal.shares import parse_share
from escrow.store import MemoryStore
from escrow.trust import Finding, Head, History, accept, open_record, open_series_key

from . import files

TYPES: dict[str, type[r.Record]] = {
    kind.TYPE: kind
    for kind in (r.Charter, r.Stock, r.Series, r.Notice, r.Manifest, r.Event, r.Release, r.Receipt, r.Erasure)
}
AGE = {"no-identity-matched": "age-key", "hmac": "age-header", "header": "age-header", "payload": "age-payload"}
AGE |= {"armor": "age-armor"}
ABSENT = {"store-missing": "object-missing", "store-absent": "object-missing"}

Given = Mapping[str, Any]
Answer = tuple[list[str], dict[str, Any]]


class First:
    """Answers of one reader; `root` is where the vectors' objects lie."""

    def __init__(self, root: Path = files.ROOT) -> None:
        self.root = root

    def ask(self, kind: str, given: Given) -> Answer:
        """Codes of what is wrong (none: good), and what the reader gives."""
        return getattr(self, kind)(given)  # type: ignore[no-any-return]

    def json(self, given: Given) -> Answer:
        data = bytes.fromhex(given["hex"])
        codes = refusal(lambda: r.decode(data))
        whole = codes in ([], ["json-canonical"])
        return codes, {"canonical": r.encode(parse(data, limit=1 << 22)).decode()} if whole else {}

    def names(self, given: Given) -> Answer:
        name = r.parse_name(given["name"])
        return (["name-grammar"], {}) if name is None else ([], {"kind": name.kind, "digest": name.digest})

    def records(self, given: Given) -> Answer:
        payload = given["payload"].encode()
        codes = refusal(lambda: r.from_payload(payload, TYPES[given["type"]]))
        return codes, {} if codes else {"sha256": hashlib.sha256(payload).hexdigest()}

    def envelopes(self, given: Given) -> Answer:
        trusted = [VerifyKey.parse(key) for key in given["keys"]]

        def read() -> dict[str, Any]:
            opened = open_record(given["envelope"].encode(), TYPES[given["type"]], trusted)
            return {"sha256": opened.sha256, "signers": sorted(trusted.index(one) for one in opened.signers)}

        return answered(read)

    def vaults(self, given: Given) -> Answer:
        head = given.get("remembered")
        history = accept(
            files.objects(given, self.root),
            vault=given.get("vault"),
            fingerprint=given.get("fingerprint"),
            remembered=Head(head["seq"], head["sha256"]) if head else None,
        )
        return [one.code for one in history.findings], {"findings": told(history.findings), **said(history)}

    deeds = vaults

    def keys(self, given: Given) -> Answer:
        key = r.StockKey(**given["key"], sha256="00" * 32, size=0)
        text = given["text"].encode("latin-1")
        return answered(lambda: {"recipient": str(open_series_key(text, key, given["vault"]).recipient())})

    def sheets(self, given: Given) -> Answer:
        charters = [r.from_payload(text.encode(), r.Charter) for text in given["charters"]]

        def read() -> dict[str, Any]:
            shares = [parse_share(words) for words in given["sheets"]]
            return {"recipient": str(open_sheets(shares, charters).recipient())}

        return answered(read)

    def age(self, given: Given) -> Answer:
        data = (self.root / "objects" / given["file"]).read_bytes()
        identities = [one for line in given["identities"] for one in parse_identities(line.encode())]
        identities += [ScryptIdentity(Secret(text.encode())) for text in given["passphrases"]]

        def read() -> dict[str, Any]:
            armored = data.lstrip().startswith(b"-----BEGIN AGE")
            plain = open_sealed(dearmor(data.decode("latin-1")) if armored else data, identities)
            return {"sha256": hashlib.sha256(plain).hexdigest(), "size": len(plain)}

        codes, gives = answered(read)
        return [AGE.get(code, AGE.get(code.partition("-")[0], code)) for code in codes], gives

    def packs(self, given: Given) -> Answer:
        plain = base64.b64decode(given["plaintext"])

        def read() -> dict[str, Any]:
            tail = plain[max(0, len(plain) - table_size(plain)) :]
            frames = read_table(tail, len(plain))
            raw = b"".join(decompress(plain[one.at : one.at + one.size], one.raw) for one in frames)
            return {"sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)}

        return answered(read)

    def lines(self, given: Given) -> Answer:
        return answered(lambda: {"path_hex": r.decode_line(given["line"].encode()).path.hex()})

    def lists(self, given: Given) -> Answer:
        ref = r.ListRef(size=given["size"], sha256=given["sha256"], extents=())

        def read() -> dict[str, Any]:
            reader = r.FileListReader([given["text"].encode()], ref)
            return {"paths": [one.path.decode() for one in reader]}

        return answered(read)

    def erasures(self, given: Given) -> Answer:
        """The paths that the entries of an erasure are about."""
        text = given["text"].encode()
        return answered(lambda: {"paths": sorted({one.path.hex() for one in r.parse_erasure(text)})})

    def rows(self, given: Given) -> Answer:
        """A table without its erased rows, and how many went by which erasure."""
        table = RowFilter(
            [bytes.fromhex(given["hex"])], [RowRule(column, value, n) for n, column, value in given["rules"]]
        )

        def read() -> dict[str, Any]:
            kept = b"".join(table)
            return {"hex": kept.hex(), "left_out": sorted(map(list, table.left_out.items()))}

        return answered(read)

    def nights(self, given: Given) -> Answer:
        """Every file of a night that can be read, by compartment what cannot; of a list that is not proven, nothing."""
        store = MemoryStore()
        for name, data in files.objects(given, self.root):
            store.put(name, data)
        history = accept(files.objects(given, self.root))
        found: dict[str, str] = {}
        wrong: dict[str, str] = {}
        (custody,) = parse_identities(given["identity"].encode())

        def opener(sealed: bytes, key: r.StockKey) -> Identity:
            return open_series_key(open_sealed(sealed, [custody]), key, history.vault)

        snapshot = next(one for one in history.snapshots if one.seq == given["seq"])
        for part in snapshot.parts:
            try:
                (view,) = open_snapshot(store, history, snapshot, opener, [part.compartment])
                view.left_out.check()
                for entry in list(view.entries()):
                    if isinstance(entry, r.FileEntry) and view.left_out.whole(entry.path) is None:
                        path = entry.path.decode()
                        try:
                            found[path] = hashlib.sha256(given_out(view, entry)).hexdigest()
                        except EscrowError as error:
                            wrong[path] = aligned(error)
            except EscrowError as error:
                wrong[part.compartment] = aligned(error)
        return sorted(set(wrong.values())), {"files": found, "wrong": wrong}


def given_out(view: CompartmentView, entry: r.FileEntry) -> bytes:
    """The bytes of a file, proven, without the rows that are erased."""
    data = b"".join(view.packs.stream(entry.extents))
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise IntegrityError("file-hash", "its bytes are not those that were deposited")
    rules = view.left_out.rows.get(entry.path, ())
    return b"".join(RowFilter([data], rules)) if rules else data


def aligned(error: EscrowError) -> str:
    """In the words of the format what the library calls by the store's or the sealing room's own."""
    return ABSENT.get(error.code, AGE.get(error.code, AGE.get(error.code.partition("-")[0], error.code)))


def refusal(call: Callable[[], object]) -> list[str]:
    """The code with which the reader refuses, if it does."""
    try:
        call()
    except EscrowError as error:
        return [error.code]
    return []


def answered(read: Callable[[], dict[str, Any]]) -> Answer:
    """What the reader gives, or why it refuses."""
    try:
        return [], read()
    except EscrowError as error:
        return [error.code], {}


def told(findings: Iterable[Finding]) -> list[list[Any]]:
    """Findings without their sentences: code, subject, whether it is but a warning."""
    return [list(one) for one in sorted({(one.code, one.subject, one.severity == "warning") for one in findings})]


def said(history: History) -> dict[str, Any]:
    """What is accepted of a vault."""
    if history.charter is None:
        return {}
    ending = history.ending
    gone = {
        "expired": sorted(ending.expired),
        "shredded": sorted(ending.shredded),
        "holds": sorted(one.sha256 for one in ending.holds),
    }
    return {name: said for name, said in gone.items() if said} | {
        "fingerprint": history.fingerprint,
        "charter": history.charter_sha256,
        "keys": sorted(history.keys),
        "main": [link.sha256 for link in history.main],
        "phase": history.handover.phase,
    }


def as_json(value: Any) -> Any:
    """A value as it comes back from a file."""
    return json.loads(json.dumps(value))
