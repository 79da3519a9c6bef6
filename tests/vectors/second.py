"""What the second reader (escrow/recovery/kit) answers to the same vectors."""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from escrow.seal import HybridIdentity, Secret, seal
from tests.rescue.reader import rescue

from . import files
from .first import Answer, Given

KEY = HybridIdentity.from_seed(Secret(bytes(32)))


class Second:
    """Answers of the second reader; `aside` is an empty folder for vaults, `root` where the vectors' objects lie."""

    def __init__(self, aside: Path, root: Path = files.ROOT) -> None:
        self.aside, self.root = aside, root

    def ask(self, kind: str, given: Given) -> Answer:
        """Codes of what is wrong (none: good), and what the reader gives."""
        return getattr(self, kind)(given)  # type: ignore[no-any-return]

    def json(self, given: Given) -> Answer:
        data = bytes.fromhex(given["hex"])
        codes, _ = answered(lambda: {"value": rescue.read_canonical(data)})
        whole = codes in ([], ["json-canonical"])
        return codes, {"canonical": rescue.canonical_json(rescue.parse_json(data)).decode()} if whole else {}

    def names(self, given: Given) -> Answer:
        kind, _, digest = rescue.kind_of(given["name"])
        return ([], {"kind": kind, "digest": digest}) if kind else (["name-grammar"], {})

    def records(self, given: Given) -> Answer:
        payload = given["payload"].encode()

        def read() -> dict[str, Any]:
            rescue.read_record(payload, given["type"])
            return {"sha256": hashlib.sha256(payload).hexdigest()}

        return answered(read)

    def envelopes(self, given: Given) -> Answer:
        def read() -> dict[str, Any]:
            opened = rescue.open_envelope(given["envelope"].encode(), given["type"])
            signed = rescue.signers(opened, given["keys"])
            if not signed:
                raise rescue.Problem("signature", "nobody")
            return {"sha256": opened.sha256, "signers": sorted(given["keys"].index(one) for one in signed)}

        return answered(read)

    def vaults(self, given: Given) -> Answer:
        head = given.get("remembered")
        remembered = (head["seq"], head["sha256"]) if head else None
        objects = files.objects(given, self.root)
        history = rescue.History(objects, given.get("vault"), given.get("fingerprint"), remembered)
        found = sorted({(code, subject, warning) for code, subject, _, warning in history.findings})
        gives: dict[str, Any] = {"findings": [list(one) for one in found]}
        if history.charters:
            state = history.handover
            gone = {"expired": state.expired, "shredded": state.shredded, "holds": state.holds}
            gives |= {name: sorted(said) for name, said in gone.items() if said}
            gives |= {
                "fingerprint": history.fingerprint,
                "charter": history.charters[-1].sha256,
                "keys": sorted(history.keys),
                "main": [link.sha256 for link in history.main],
                "phase": history.handover.phase,
            }
        return [code for code, _, _ in found], gives

    deeds = vaults

    def keys(self, given: Given) -> Answer:
        text = given["text"].encode("latin-1")
        return answered(lambda: {"recipient": rescue.open_series_key(text, given["key"], given["vault"]).recipient})

    def sheets(self, given: Given) -> Answer:
        charters = [rescue.read_record(text.encode(), "charter") for text in given["charters"]]

        def read() -> dict[str, Any]:
            shares = [rescue.read_share(words.split()) for words in given["sheets"]]
            return {"recipient": rescue.open_by_sheets(shares, charters).recipient}

        return answered(read)

    def age(self, given: Given) -> Answer:
        data = (self.root / "objects" / given["file"]).read_bytes()
        openers = [rescue.identity_of(line) for line in given["identities"]]
        openers += [rescue.Passphrase(text) for text in given["passphrases"]]

        def read() -> dict[str, Any]:
            plain = rescue.age_open(rescue.dearmor(data), openers)
            return {"sha256": hashlib.sha256(plain).hexdigest(), "size": len(plain)}

        return answered(read)

    def packs(self, given: Given) -> Answer:
        plain = base64.b64decode(given["plaintext"])

        def read() -> dict[str, Any]:
            pack = rescue.open_pack(plain)
            raw = b"".join(pack.segment(at) for at in range(len(pack.segments)))
            return {"sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)}

        return answered(read)

    def lines(self, given: Given) -> Answer:
        return answered(lambda: {"path_hex": rescue.read_line(given["line"].encode())["path"].hex()})

    def lists(self, given: Given) -> Answer:
        """The list as the reader takes it from its packs, without totals to hold it against."""
        listed: Any = object.__new__(rescue.Compartment)
        ref = {"extents": [], "sha256": given["sha256"], "size": given["size"]}
        listed.manifest, listed.stream = {"list": ref, "totals": {}}, lambda _: iter([given["text"].encode()])
        found: list[str] = []

        def read() -> dict[str, Any]:
            try:
                for entry in listed.entries():
                    found.append(entry["path"].decode())
            except rescue.Problem as problem:
                if problem.code != "list-totals":
                    raise
            return {"paths": found}

        return answered(read)

    def erasures(self, given: Given) -> Answer:
        """The paths that the entries of an erasure are about, sealed here for a key that the reader opens."""
        sealed = base64.b64encode(seal(given["text"].encode(), [KEY.recipient()])).decode()
        opened = SimpleNamespace(identity=rescue.identity_of(KEY.encode().reveal().decode()), rows={}, whole={})
        history = SimpleNamespace(erasures=[(1, {"key"}, {"sealed": sealed})])

        def read() -> dict[str, Any]:
            rescue.apply_erasures(opened, history, {"key": "key"}, 1)
            return {"paths": sorted({path.hex() for path in (*opened.rows, *opened.whole)})}

        return answered(read)

    def rows(self, given: Given) -> Answer:
        """A table without its erased rows, and how many went by which erasure."""
        counts: Counter[tuple[str, int]] = Counter()
        rules = [tuple(rule) for rule in given["rules"]]

        def read() -> dict[str, Any]:
            kept = rescue.without_rows(bytes.fromhex(given["hex"]), rules, counts)
            return {"hex": kept.hex(), "left_out": sorted([n, count] for (_, n), count in counts.items())}

        return answered(read)

    def nights(self, given: Given) -> Answer:
        """Every file of a night that can be read, by compartment what cannot."""
        folder = self.aside / hashlib.sha256(repr(sorted(given["objects"].items())).encode()).hexdigest()
        for name, data in files.objects(given, self.root):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        vault = rescue.Vault(str(folder))
        history = rescue.History(vault.records())
        link = next(one for one in history.nights() if one.record["seq"] == given["seq"])
        opened, problems = rescue.open_night(vault, history, link, [rescue.identity_of(given["identity"])])
        found: dict[str, str] = {}
        wrong = {name: code for code, name, _ in problems}
        for one in opened:
            for entry in one.entries():
                if entry["type"] == "file" and one.erased(entry["path"]) is None:
                    path = entry["path"].decode()
                    try:
                        found[path] = hashlib.sha256(b"".join(one.content(entry))).hexdigest()
                    except rescue.Problem as problem:
                        wrong[path] = problem.code
        return sorted(set(wrong.values())), {"files": found, "wrong": wrong}


def answered(read: Callable[[], dict[str, Any]]) -> Answer:
    """What the reader gives, or why it refuses."""
    try:
        return [], read()
    except rescue.Problem as problem:
        return [problem.code], {}
